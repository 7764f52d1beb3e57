//! `llmops completions`: scripts for shells, and the names that they ask for while you type.

use super::args::{Cli, CompleteArgs, CompletionsArgs, Global};
use super::clock;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Exit, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

// Each completes names after the verbs that take them, and leaves the rest to the generated function.
const BASH: &str = include_str!("completions/names.bash");
const FISH: &str = include_str!("completions/names.fish");
const ZSH: &str = include_str!("completions/names.zsh");
/// Stands inside the generated block: a second registration would replace the first.
const POWERSHELL: &str = include_str!("completions/names.ps1");

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
