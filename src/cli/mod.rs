//! Arguments and verbs: the edge that reads the environment, the clock and the arguments, and turns an exit into
//! a code.

mod args;
mod asking;
mod calibrate;
mod check;
mod clock;
mod completions;
mod diff;
mod doctor;
mod eval;
mod fail;
mod here;
mod import;
mod init;
mod interrupts;
mod known;
mod lock;
mod log;
mod promote;
mod record;
mod render;
mod report;
mod retrieve;
mod retrievers;
mod rollback;
mod run;
mod schema;
mod status;
mod target;
mod terminal;
mod workspace;

use crate::domain::{Exit, Result};
use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;
use terminal::{Surroundings, Terminal};

/// Parses the arguments, runs the verb, and ends with its code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(fail::usage(&error).code()),
    };
    #[expect(clippy::disallowed_methods, reason = "the edge that reads the environment")]
    let around = Surroundings::of(|name| std::env::var(name).ok());
    let terminal = Terminal::new(&cli.global, around);
    let exit = match dispatch(&cli, &terminal) {
        Ok(exit) => fail::unwritten(&terminal, exit),
        Err(error) => fail::report(&cli, &terminal, &error),
    };
    ExitCode::from(exit.code())
}

fn dispatch(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    if terminal.verbose
        && let Ok(opened) = workspace::Opened::at(cli.global.root.as_deref())
        && let Some(why) = opened.git.as_ref().and_then(|git| git.backend().reason())
    {
        terminal.detail(&format!("git: read by the `git` program, because {why}"));
    }
    match &cli.command {
        Command::Init(args) => init::init(&cli.global, terminal, args),
        Command::Check(args) => check::check(&cli.global, terminal, args),
        Command::Render(args) => render::render(&cli.global, terminal, args),
        Command::Eval(args) => eval::eval(&cli.global, terminal, args),
        Command::Run(args) => run::run(&cli.global, terminal, args),
        Command::Calibrate(args) => calibrate::calibrate(&cli.global, terminal, args),
        Command::Lock(args) => lock::lock(&cli.global, terminal, args),
        Command::Diff(args) => diff::diff(&cli.global, terminal, args),
        Command::Log(args) => log::log(&cli.global, terminal, args),
        Command::Status(args) => status::status(&cli.global, terminal, args),
        Command::Promote(args) => promote::promote(&cli.global, terminal, args),
        Command::Rollback(args) => rollback::rollback(&cli.global, terminal, args),
        Command::Retrieve(args) => retrieve::retrieve(&cli.global, terminal, args),
        Command::Report(args) => report::report(&cli.global, terminal, args),
        Command::Import(args) => import::import(&cli.global, terminal, args),
        Command::Merge(args) => eval::merge(&cli.global, terminal, args),
        Command::Completions(args) => completions::completions(terminal, args),
        Command::Complete(args) => completions::complete(&cli.global, terminal, args),
        Command::Doctor(args) => doctor::doctor(&cli.global, terminal, args),
        Command::Schema(args) => schema::schema(terminal, args),
    }
}
