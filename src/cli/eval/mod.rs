//! `llmops eval`: the gate.

mod against;
mod changed_line;
mod decided;
mod empty;
mod follow;
mod foreign;
mod keys;
mod merge;
mod outcome;
mod page;
mod planned;
mod priced;
mod publish;
mod resume;
mod scope;
mod session;
mod shown;
mod since;
mod told;

use super::args::{EvalArgs, Global};
use super::clock;
use super::here;
use super::lock;
use super::target::{self, Beside};
use super::terminal::Terminal;
use super::workspace::{Opened, Workspace};
use crate::domain::{Error, Exit, Kind, ModelId, Result};
use crate::ledger::Home;
use crate::manifest::prompt::Prompt;
use crate::plan::plan;
use crate::repo::Repository;
use crate::report::formats::Target;
use crate::report::plan::PlannedGate;
use crate::report::stored::StoredRun;
use clap::{Args, FromArgMatches};
pub use merge::merge;
pub use page::remember;
use publish::publish;
pub use publish::{show, write_stored};
use scope::{Covered, Scope, selection};
use session::Session;
pub use session::prices;
pub use since::find as find_base;

/// Resolve, read, plan, run, aggregate, decide, report.
///
/// # Errors
/// Everything that keeps a verdict from being reached, but for failures of providers and judges, which the verdict
/// itself tells.
pub fn eval(global: &Global, terminal: &Terminal, args: &EvalArgs) -> Result<Exit> {
    let started = clock::now();
    if terminal.json && args.reports.iter().any(Target::is_stdout) {
        return Err(Error::input("--json and a report on standard output would be mixed there")
            .hint("write the report to a file: --report FORMAT=PATH"));
    }
    if args.plan && !args.reports.is_empty() {
        return Err(Error::input("--plan runs nothing, so that there is nothing to report")
            .hint("leave --report out; `llmops eval --plan --json` is the machine form of a plan"));
    }
    target::ready(&args.reports)?;
    let terminal = &terminal.beside(&args.reports);
    let opened = Opened::at(global.root.as_deref())?;
    Beside::from(&opened).spares_all(&args.reports)?;
    let resumed = resume::resolve(&opened.root, terminal, args)?;
    let mut args = resumed.as_ref().map_or_else(|| Ok(args.clone()), |resumed| resumed.flags(args))?;
    args.prompts.iter_mut().for_each(|name| *name = here::from_root(&opened.root, name));
    let args = &args;
    let git = opened.git.clone();
    let scope =
        scope::resolve(opened, terminal, args, resumed).map_err(|error| revision(error, args, git.as_ref()));
    let covered = match scope? {
        Scope::Covers(covered) => *covered,
        Scope::Unaffected { base, notes } => {
            return empty::unaffected(&base, terminal, args, &notes, started);
        }
        Scope::EmptyShard { workspace, base, whole } => {
            return empty::shard(&workspace, base.as_ref(), terminal, args, &whole, started);
        }
    };
    if args.plan {
        return planned::planned(&covered.workspace, terminal, args, covered.plan);
    }
    let Covered { workspace, plan, resumed, base, then, mut warnings, notes } =
        covered.compared(terminal, args)?;
    let session = Session::prepare(&workspace, terminal, args, plan, base.as_ref(), resumed)?;
    let finished = session.conduct()?;
    let against = finished.against(&workspace, then.as_ref(), base.as_ref(), terminal, args)?;
    let (from, told) = (warnings.len(), notes.len());
    warnings.extend(notes);
    let (mut run, mut found) = finished.decide(&workspace, terminal, args, &warnings, &against)?;
    // What --changed told is on the screen already.
    found.drain(from..from + told);
    publish(&workspace, terminal, &run, &found)?;
    page::remember(&mut run, &workspace, &args.reports);
    write_stored(&run, &args.reports, terminal)?;
    if let Some(shard) = &args.shard {
        terminal.say(&format!(
            "shard {shard}: this is no verdict over the suite; `llmops merge` decides over all shards"
        ));
    }
    Ok(run.exit())
}

/// `--changed main` is `--changed`, and a prompt named `main`: where there is none and a revision is, that was meant.
fn revision(error: Error, args: &EvalArgs, git: Option<&Repository>) -> Error {
    let bare = error.kind() == Kind::NoMatch && args.changed == Some(None);
    let is_revision = |name: &&String| git.is_some_and(|git| git.resolve(name).is_ok());
    match args.prompts.first().filter(is_revision).filter(|_| bare) {
        Some(name) => error.hint(format!("to compare with the revision, write --changed={name}")),
        None => error,
    }
}

/// Gates a prompt again without calling anybody: what `eval PROMPT --offline` would decide, on the pinned model or on
/// `model`.
///
/// # Errors
/// As [`eval`].
pub fn offline(
    workspace: &Workspace,
    terminal: &Terminal,
    prompt: &Prompt,
    model: Option<&ModelId>,
) -> Result<StoredRun> {
    let mut args = with_defaults(&[prompt.path.as_str(), "--offline"])?;
    args.model = model.cloned();
    let warnings = workspace.valid()?;
    let plan = plan(&workspace.sources(), &selection(&args))?;
    lock::holds(workspace, plan.gates.iter().map(|gate| (&*gate.suite, gate.digests.suite)))?;
    let base = since::implied(workspace, terminal, &args, &plan)?;
    let then = base.as_ref().map(|base| workspace.at_base(base)).transpose()?;
    let session = Session::prepare(workspace, terminal, &args, plan, base.as_ref(), None)?;
    let finished = session.conduct()?;
    let against = finished.against(workspace, then.as_ref(), base.as_ref(), terminal, &args)?;
    Ok(finished.decide(workspace, terminal, &args, &warnings, &against)?.0)
}

/// What a bare `eval` would do here, gate by gate, with the answers and grades that `home` holds beside the recordings.
///
/// # Errors
/// When nothing can be planned, or stores, prices or calibration records cannot be read.
pub fn ahead(workspace: &Workspace, terminal: &Terminal, home: &Home) -> Result<Vec<PlannedGate>> {
    let args = with_defaults(&[])?;
    let plan = plan(&workspace.sources(), &selection(&args))?;
    planned::gates(workspace, terminal, &args, plan, home)
}

/// The flags at their defaults, from the one place that states them, but for `given`.
fn with_defaults(given: &[&str]) -> Result<EvalArgs> {
    EvalArgs::augment_args(clap::Command::new("eval"))
        .try_get_matches_from(["eval"].iter().chain(given))
        .and_then(|matches| EvalArgs::from_arg_matches(&matches))
        .map_err(|error| Error::input("the gate cannot be set up").because(error))
}
