//! `llmops eval`: the gate.

mod against;
mod changed_line;
mod empty;
mod follow;
mod keys;
mod merge;
mod outcome;
mod page;
mod planned;
mod resume;
mod session;
mod shown;
mod since;
mod told;

use super::args::{EvalArgs, Global};
use super::clock;
use super::lock;
use super::terminal::Terminal;
use super::workspace::{Opened, Workspace};
use crate::domain::{Error, Exit, Kind, ModelId, Result};
use crate::ledger::Home;
use crate::manifest::prompt::Prompt;
use crate::plan::{Selection, plan};
use crate::report::formats::Target;
use crate::report::plan::PlannedGate;
use crate::report::stored::StoredRun;
use clap::{Args, FromArgMatches};
pub use merge::merge;
use outcome::publish;
pub use outcome::{show, write_stored};
pub use page::remember;
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
    let opened = Opened::at(global.root.as_deref())?;
    let base = since::base(&opened, terminal, args)?;
    let changed = base.as_ref().filter(|_| args.changed.is_some());
    if let Some(base) = changed
        && args.prompts.is_empty()
        && args.suite.is_none()
        && since::untouched(&opened, base)?
    {
        return empty::unaffected(base, terminal, args, &[], started);
    }
    let workspace = opened.read(&clock::today());
    let resumed = resume::resolve(&workspace, terminal, args)?;
    let mut selection = resumed.as_ref().map_or_else(|| selection(args), |resumed| resumed.selection.clone());
    let mut warnings = workspace.valid()?;
    let mut then = base.as_ref().map(|base| workspace.at_base(base)).transpose()?;
    let mut notes = Vec::new();
    if let (Some(base), Some(then), None) = (changed, &then, &resumed) {
        let touched = since::touched(&workspace, then, terminal, selection)?;
        if touched.nothing {
            return empty::unaffected(base, terminal, args, &touched.notes, started);
        }
        (selection, notes) = (touched.selection, touched.notes);
    }
    let plan = match plan(&workspace.sources(), &selection) {
        Err(error) if error.kind() == Kind::NoMatch && args.shard.is_some() && !args.plan => {
            let all = Selection { shard: None, ..selection };
            let whole = plan(&workspace.sources(), &all)?;
            let base = base
                .map_or_else(|| since::implied(&workspace, terminal, args, &whole), |base| Ok(Some(base)))?;
            return empty::shard(&workspace, base.as_ref(), terminal, args, &whole, started);
        }
        planned => planned?,
    };
    if plan.planned() == 0 {
        return Err(Error::input("no case is planned").hint("name cases in the suite"));
    }
    lock::holds(&workspace, plan.gates.iter().map(|gate| (&*gate.suite, gate.digests.suite)))?;
    if args.plan {
        return planned::planned(&workspace, terminal, args, plan);
    }
    let base = match base {
        None => since::implied(&workspace, terminal, args, &plan)?,
        found => found,
    };
    if let (Some(base), None) = (&base, &then) {
        then = Some(workspace.at_base(base)?);
    }
    let session = Session::prepare(&workspace, terminal, args, plan, resumed)?;
    let finished = session.conduct(terminal)?;
    let against = finished.against(&workspace, then.as_ref(), base.as_ref(), terminal, args)?;
    let told = notes.len();
    warnings.extend(notes);
    let (mut run, mut found) = finished.decide(&workspace, args, &warnings, &against)?;
    // What --changed told is on the screen already.
    found.drain(warnings.len() - told..warnings.len());
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
    let base = since::implied(workspace, terminal, &args, &plan)?;
    let then = base.as_ref().map(|base| workspace.at_base(base)).transpose()?;
    let finished = Session::prepare(workspace, terminal, &args, plan, None)?.conduct(terminal)?;
    let against = finished.against(workspace, then.as_ref(), base.as_ref(), terminal, &args)?;
    Ok(finished.decide(workspace, &args, &warnings, &against)?.0)
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

fn selection(args: &EvalArgs) -> Selection {
    Selection {
        prompts: args.prompts.clone(),
        suite: args.suite.clone(),
        case: args.case.clone(),
        tags: args.tags.clone(),
        sample: args.sample,
        trials: args.trials,
        shard: args.shard,
        model: args.model.clone(),
        outputs: args.outputs.is_some(),
        gates: None,
    }
}
