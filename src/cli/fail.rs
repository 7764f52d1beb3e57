//! How a verb that ended with an error says so: to people on stderr, to machines on stdout.

use super::args::{Cli, Command, EvalArgs};
use super::clock;
use super::target::{self, Beside};
use super::terminal::Terminal;
use super::workspace::{Opened, Workspace};
use crate::domain::{Code, Diagnostic, Error, Exit, RelPath};
use crate::report::document::{CaseStream, Cases, Document};
use crate::report::v1;
use clap::CommandFactory as _;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{ErrorKind, Write};

/// The command line itself is wrong.
pub const USAGE: Code = Code("usage");
/// Anything else that ended a verb.
pub const FAILED: Code = Code("failed");

/// Prints clap's own message; `--json` gets its machine form as well.
pub fn usage(error: &clap::Error) -> Exit {
    let wrong = error.use_stderr();
    let printed = error.print();
    if !wrong {
        return match printed {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => lost(&error),
            _ => Exit::Done,
        };
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let finding = Diagnostic::error(USAGE, first).help("see `llmops --help`");
        let verb = typed_verb(std::env::args_os().skip(1));
        let findings = vec![v1::Diagnostic::from(&finding)];
        let document = match verb.as_deref() {
            Some("eval" | "report" | "merge") => unevaluated_form(Exit::Input, &findings),
            verb => {
                let schema = verb.map(|verb| format!("llmops/{verb}/v1"));
                json!({"schema": schema, "exit_code": Exit::Input.code(), "diagnostics": findings})
            }
        };
        drop(writeln!(std::io::stdout(), "{document}"));
    }
    Exit::Input
}

/// The machine form of an evaluation that did not come about.
fn unevaluated_form(exit: Exit, diagnostics: &[v1::Diagnostic]) -> Value {
    json!({"schema": v1::SCHEMA, "verdict": null, "exit_code": exit.code(),
           "diagnostics": diagnostics, "run": null, "gates": []})
}

/// What a verb ends with: nothing is done that was to be printed and did not arrive. A verb that ended with anything
/// else than 0 keeps its code.
pub fn unwritten(terminal: &Terminal, exit: Exit) -> Exit {
    match terminal.unwritten() {
        Some(error) if exit == Exit::Done => lost(error),
        Some(error) => {
            lost(error);
            exit
        }
        None => exit,
    }
}

fn lost(error: &std::io::Error) -> Exit {
    Terminal::aside(&format!("error: the output could not be written: {error}"));
    Exit::NoVerdict
}

/// The verb of a command line that could not be read. What an option before it takes is none.
fn typed_verb(mut arguments: impl Iterator<Item = OsString>) -> Option<String> {
    let verbs = Cli::command();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("-C" | "--root" | "--color") => drop(arguments.next()),
            Some(option) if option.starts_with('-') => {}
            Some(verb) => return verbs.find_subcommand(verb).map(|_| verb.to_owned()),
            None => return None,
        }
    }
    None
}

/// The verb as it is typed.
fn verb(command: &Command) -> &'static str {
    match command {
        Command::Init(_) => "init",
        Command::Check(_) => "check",
        Command::Render(_) => "render",
        Command::Eval(_) => "eval",
        Command::Run(_) => "run",
        Command::Lock(_) => "lock",
        Command::Diff(_) => "diff",
        Command::Log(_) => "log",
        Command::Status(_) => "status",
        Command::Promote(_) => "promote",
        Command::Rollback(_) => "rollback",
        Command::Retrieve(_) => "retrieve",
        Command::Report(_) => "report",
        Command::Calibrate(_) => "calibrate",
        Command::Import(_) => "import",
        Command::Merge(_) => "merge",
        Command::Schema(_) => "schema",
        Command::Completions(_) | Command::Complete(_) => "completions",
        Command::Doctor(_) => "doctor",
    }
}

/// Prints `error` and what stands behind it.
pub fn report(cli: &Cli, terminal: &Terminal, error: &Error) -> Exit {
    let exit = error.kind().exit();
    // The place of a finding is drawn from the file, which the error does not carry.
    let workspace = if error.diagnostics().is_empty() {
        None
    } else {
        Workspace::open(cli.global.root.as_deref(), &clock::today()).ok()
    };
    let source = |path: &RelPath| workspace.as_ref().and_then(|workspace| workspace.source(path));
    if error.diagnostics().is_empty() {
        terminal.say(&format!("error: {}", error.chain()));
        if let Some(hint) = error.hint_text() {
            terminal.say(&format!("  help: {hint}"));
        }
    } else {
        terminal.draw(error.diagnostics(), &source);
    }
    let evaluated = match &cli.command {
        Command::Eval(args) => Some(args),
        _ => None,
    };
    if terminal.json || evaluated.is_some_and(|args| !args.reports.is_empty()) {
        let mut findings = error.diagnostics().to_vec();
        if findings.is_empty() {
            let mut finding = Diagnostic::error(FAILED, error.chain());
            finding.help = error.hint_text().map(str::to_owned);
            findings.push(finding);
        }
        let diagnostics: Vec<v1::Diagnostic> = findings.iter().map(v1::Diagnostic::from).collect();
        let schema = format!("llmops/{}/v1", verb(&cli.command));
        let mut document = json!({"schema": schema, "exit_code": exit.code(), "diagnostics": diagnostics});
        if evaluated.is_some() {
            document = unevaluated_form(exit, &diagnostics);
        }
        if terminal.json {
            terminal.stdout(&format!("{document}\n"));
        }
        if let Some(args) = evaluated {
            let opened = Opened::at(cli.global.root.as_deref()).ok();
            unevaluated(terminal, args, opened.as_ref(), error, diagnostics);
        }
    }
    exit
}

/// Writes the reports of an evaluation that did not come about: an earlier one must not stand where it was asked for,
/// and what is wrong belongs on the pull request too.
fn unevaluated(
    terminal: &Terminal,
    args: &EvalArgs,
    opened: Option<&Opened>,
    cause: &Error,
    diagnostics: Vec<v1::Diagnostic>,
) {
    let report = v1::Report {
        schema: v1::SCHEMA.to_owned(),
        verdict: None,
        exit_code: cause.kind().exit().code(),
        diagnostics,
        run: None,
        gates: Vec::new(),
    };
    let cases = |_| Box::new(std::iter::empty()) as CaseStream<'_>;
    let document = Document::new(&report, Cases(&cases));
    // What the machine form says already is not said beside it.
    for target in args.reports.iter().filter(|target| !(terminal.json && target.is_stdout())) {
        let spared =
            opened.map_or(Ok(()), |opened| Beside::from(opened).spares_all(std::slice::from_ref(target)));
        // Where this report is what could not be written, that was said.
        if let Err(error) = spared.and_then(|()| target::document(target, &document, terminal))
            && error.chain() != cause.chain()
        {
            terminal.say(&format!("error: {}", error.chain()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_option_takes_is_no_verb() {
        let verb = |line: &[&str]| typed_verb(line.iter().map(OsString::from));
        assert_eq!(verb(&["-C", "eval", "--json"]), None);
        assert_eq!(verb(&["-C", "eval", "check", "--jsno"]).as_deref(), Some("check"));
        assert_eq!(verb(&["--json", "eval", "--nope"]).as_deref(), Some("eval"));
        assert_eq!(verb(&["evl", "check"]), None);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_text_is_no_verb_either() {
        use std::os::unix::ffi::OsStringExt as _;
        let odd = || OsString::from_vec(vec![0xff]);
        assert_eq!(typed_verb([odd()].into_iter()), None);
        assert_eq!(
            typed_verb([OsString::from("-C"), odd(), OsString::from("eval")].into_iter()).as_deref(),
            Some("eval")
        );
    }
}
