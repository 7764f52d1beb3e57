//! `llmops eval`: the gate.

mod follow;
mod keys;
mod outcome;
mod planned;
mod resume;
mod session;

use super::args::{EvalArgs, Global};
use super::clock;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Error, Exit, Result};
use crate::plan::{Selection, plan};
use outcome::publish;
pub use outcome::{show, write_stored};
use session::Session;
pub use session::prices;

/// Resolve, read, plan, run, aggregate, decide, report.
///
/// # Errors
/// Everything that keeps a verdict from being reached, but for failures of providers and judges, which the verdict
/// itself tells.
pub fn eval(global: &Global, terminal: &Terminal, args: &EvalArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    let resumed = resume::resolve(&workspace, terminal, args)?;
    let selection = resumed.as_ref().map_or_else(|| selection(args), |resumed| resumed.selection.clone());
    let warnings = workspace.valid()?;
    let plan = plan(&workspace.sources(), &selection)?;
    if plan.planned() == 0 {
        return Err(Error::input("no case is planned").hint("name cases in the suite"));
    }
    if args.plan {
        return planned::planned(&workspace, terminal, args, plan);
    }
    let session = Session::prepare(&workspace, terminal, args, plan, resumed)?;
    let finished = session.conduct(terminal)?;
    let (run, found) = finished.decide(&workspace, args, &warnings)?;
    publish(&workspace, terminal, &run, &found)?;
    write_stored(&run, &args.reports, terminal)?;
    Ok(run.exit())
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
    }
}
