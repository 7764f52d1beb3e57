
# Names of the repository that the line is about.
function __llmops_names
    set -l root
    set -l before (commandline -opc)
    for index in (seq 2 (count $before))
        set -l word $before[$index]
        switch $word
            case -C --root
                test $index -lt (count $before); and set root -C $before[(math $index + 1)]
            case '--root=*'
                set root -C (string replace -- --root= '' $word)
            case '-C*'
                set root -C (string replace -- -C '' $word)
        end
    end
    llmops $root __complete $argv[1] 2>/dev/null
end
complete -c llmops -n "__fish_seen_subcommand_from eval render run diff log promote rollback" -f -a "(__llmops_names prompts)"
complete -c llmops -n "__fish_seen_subcommand_from eval" -l suite -x -a "(__llmops_names suites)"
complete -c llmops -n "__fish_seen_subcommand_from retrieve" -f -a "(__llmops_names retrievals)"
complete -c llmops -n "__fish_seen_subcommand_from calibrate" -f -a "(__llmops_names suites)"
