
# Names of the repository that the line is about. They are data: a `-W` list would be expanded, and run what stands in
# a name. What is offered is quoted.
_llmops_offer() {
    local kind="$1" cur="$2" name quoted index word
    local -a root=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word="${COMP_WORDS[index]}"
        case "$word" in
            -C | --root)
                word="${COMP_WORDS[index + 1]}"
                # Readline takes `--root=DIR` apart at the sign.
                [[ "$word" == "=" ]] && word="${COMP_WORDS[index + 2]}" ;;
            --root=*) word="${word#--root=}" ;;
            -C?*) word="${word#-C}" ;;
            *) continue ;;
        esac
        word="${word//[\\\"\']/}"
        [[ "$word" == "~" || "$word" == "~/"* ]] && word="$HOME${word#\~}"
        root=(-C "$word")
    done
    COMPREPLY=()
    while IFS= read -r name; do
        printf -v quoted '%q' "$name"
        case "$cur" in
            # Behind a quote that is open, readline inserts what it gets as it is.
            [\"\']*) [[ "$name" == "$quoted" && "$name" == "${cur:1}"* ]] && COMPREPLY+=("$name") ;;
            *) [[ "$name" == "$cur"* || "$quoted" == "$cur"* ]] && COMPREPLY+=("$quoted") ;;
        esac
    done < <(llmops "${root[@]}" __complete "$kind" 2>/dev/null)
}

_llmops_names() {
    local verb="" word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$word" in eval|render|run|diff|log|promote|rollback|calibrate|retrieve) verb="$word"; break ;; esac
    done
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
    if [[ "$prev" == --suite || "$verb" == calibrate && "$cur" != -* ]]; then
        _llmops_offer suites "$cur"
    elif [[ "$verb" == retrieve && "$cur" != -* && "$prev" == retrieve ]]; then
        _llmops_offer retrievals "$cur"
    elif [[ -n "$verb" && "$verb" != retrieve && "$cur" != -* && ("$prev" != -* || "$prev" == --*=*) ]]; then
        _llmops_offer prompts "$cur"
    else
        _llmops "$@"
    fi
}
complete -F _llmops_names -o bashdefault -o default llmops
