//! `llmops completions`: scripts for shells, and the names that they ask for while you type.

use super::args::{Cli, CompleteArgs, CompletionsArgs, Global};
use super::clock;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Exit, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

/// Completes names after the verbs that take them, and leaves the rest to the generated function.
const BASH: &str = r#"
_llmops_names() {
    local verb="" word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$word" in eval|render|run|diff|log|promote|rollback|calibrate|retrieve) verb="$word"; break ;; esac
    done
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
    if [[ "$prev" == --suite || "$verb" == calibrate && "$cur" != -* ]]; then
        COMPREPLY=($(compgen -W "$(llmops __complete suites 2>/dev/null)" -- "$cur"))
    elif [[ "$verb" == retrieve && "$cur" != -* && "$prev" == retrieve ]]; then
        COMPREPLY=($(compgen -W "$(llmops __complete retrievals 2>/dev/null)" -- "$cur"))
    elif [[ -n "$verb" && "$verb" != retrieve && "$cur" != -* && "$prev" != -* ]]; then
        COMPREPLY=($(compgen -W "$(llmops __complete prompts 2>/dev/null)" -- "$cur"))
    else
        _llmops "$@"
    fi
}
complete -F _llmops_names -o bashdefault -o default llmops
"#;

const FISH: &str = r#"
complete -c llmops -n "__fish_seen_subcommand_from eval render run diff log promote rollback" -f -a "(llmops __complete prompts 2>/dev/null)"
complete -c llmops -n "__fish_seen_subcommand_from eval" -l suite -x -a "(llmops __complete suites 2>/dev/null)"
complete -c llmops -n "__fish_seen_subcommand_from retrieve" -f -a "(llmops __complete retrievals 2>/dev/null)"
complete -c llmops -n "__fish_seen_subcommand_from calibrate" -f -a "(llmops __complete suites 2>/dev/null)"
"#;

const ZSH: &str = r#"
_llmops_names() {
    local verb="${words[2]}"
    if [[ "${words[CURRENT-1]}" == --suite ]]; then
        compadd -- $(llmops __complete suites 2>/dev/null)
    elif [[ "$verb" == (eval|render|run|diff|log|promote|rollback) && "${words[CURRENT]}" != -* ]]; then
        compadd -- $(llmops __complete prompts 2>/dev/null)
    elif [[ "$verb" == calibrate && "${words[CURRENT]}" != -* ]]; then
        compadd -- $(llmops __complete suites 2>/dev/null)
    elif [[ "$verb" == retrieve && "${words[CURRENT-1]}" == retrieve ]]; then
        compadd -- $(llmops __complete retrievals 2>/dev/null)
    else
        _llmops "$@"
    fi
}
compdef _llmops_names llmops
"#;

/// Stands inside the generated block: a second registration would replace the first.
const POWERSHELL: &str = r#"
    $verb = "$($commandAst.CommandElements | Select-Object -Skip 1 -First 1)"
    $kind = switch ($verb) {
        { $_ -in 'eval', 'render', 'run', 'diff', 'log', 'promote', 'rollback' } { 'prompts' }
        'calibrate' { 'suites' }
        'retrieve' { 'retrievals' }
    }
    if ($kind -and -not $wordToComplete.StartsWith('-')) {
        llmops __complete $kind 2>$null | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
            [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
        }
    }
"#;

/// The line of PowerShell's generated script behind which names are completed.
const PARAMETERS: &str = "param($wordToComplete, $commandAst, $cursorPosition)";

/// Prints the script of a shell.
///
/// # Errors
/// None.
pub fn completions(terminal: &Terminal, args: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "llmops", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    match args.shell {
        Shell::Bash => script.push_str(BASH),
        Shell::Zsh => script.push_str(ZSH),
        Shell::Fish => script.push_str(FISH),
        Shell::PowerShell => script = script.replacen(PARAMETERS, &format!("{PARAMETERS}{POWERSHELL}"), 1),
        _ => {}
    }
    if terminal.json {
        let document = json!({"schema": "llmops/completions/v1", "exit_code": 0, "shell": args.shell.to_string(), "script": script});
        terminal.stdout(&format!("{document}\n"));
    } else {
        terminal.stdout(&script);
    }
    Ok(Exit::Done)
}

/// Prints names, one a line, for the scripts above.
///
/// # Errors
/// When the root cannot be opened.
pub fn complete(global: &Global, terminal: &Terminal, args: &CompleteArgs) -> Result<Exit> {
    let manifests = Workspace::open(global.root.as_deref(), &clock::today())?.manifests;
    let names: Vec<String> = match args.what.as_str() {
        "suites" => manifests.suites.keys().map(ToString::to_string).collect(),
        "retrievals" => manifests.retrievals.keys().map(ToString::to_string).collect(),
        _ => manifests.prompts.keys().map(ToString::to_string).collect(),
    };
    terminal.stdout(&names.iter().map(|name| format!("{name}\n")).collect::<String>());
    Ok(Exit::Done)
}
