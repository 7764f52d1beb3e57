
# Names of the repository that the line is about. They are data: one a line, and nothing in them is expanded.
_llmops_offer() {
    local index word
    local -a root names
    for ((index = 2; index < CURRENT; index++)); do
        word="${(Q)words[index]}"
        case "$word" in
            (-C|--root) word="${(Q)words[index+1]}" ;;
            (--root=*) word="${word#--root=}" ;;
            (-C?*) word="${word#-C}" ;;
            (*) continue ;;
        esac
        [[ "$word" == "~" || "$word" == "~/"* ]] && word="$HOME${word#\~}"
        root=(-C "$word")
    done
    names=("${(@f)$(llmops "${root[@]}" __complete "$1" 2>/dev/null)}")
    names=("${(@)names:#}")
    (( $#names )) && compadd -- "${names[@]}"
}

_llmops_names() {
    local verb="" word
    for word in "${(@)words[2,CURRENT-1]}"; do
        [[ "$word" == (eval|render|run|diff|log|promote|rollback|calibrate|retrieve) ]] && verb="$word" && break
    done
    if [[ "${words[CURRENT-1]}" == --suite ]]; then
        _llmops_offer suites
    elif [[ "$verb" == (eval|render|run|diff|log|promote|rollback) && "${words[CURRENT]}" != -* && ("${words[CURRENT-1]}" != -* || "${words[CURRENT-1]}" == --*=*) ]]; then
        _llmops_offer prompts
    elif [[ "$verb" == calibrate && "${words[CURRENT]}" != -* ]]; then
        _llmops_offer suites
    elif [[ "$verb" == retrieve && "${words[CURRENT-1]}" == retrieve ]]; then
        _llmops_offer retrievals
    else
        _llmops "$@"
    fi
}
compdef _llmops_names llmops
