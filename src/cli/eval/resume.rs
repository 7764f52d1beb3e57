//! `--resume`: which run to continue, with its own selection.

use crate::cli::args::EvalArgs;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Error, Result, RunId};
use crate::ledger::{Home, RunReader, last_unfinished};
use crate::plan::{Plan, Selection};
use serde_json::Value;

/// An unfinished run.
pub struct Resumed {
    /// Its id.
    pub id: RunId,
    /// What it was narrowed to.
    pub selection: Selection,
    /// Its records.
    pub reader: RunReader,
    /// When it began, if it was to read no cache.
    pub fresh_since: Option<String>,
    digest: Value,
}

impl Resumed {
    /// Whether the manifests still plan what the run began with. What changed is said.
    pub fn fits(&self, plan: &Plan, terminal: &Terminal) -> bool {
        let fits = self.digest == plan.digest.to_string();
        if !fits {
            terminal.say(&format!(
                "note: the manifests changed since run {}: starting afresh; stored exchanges are used",
                self.id
            ));
        }
        fits
    }
}

/// The run that `--resume` names, or the last unfinished one; `None` where there is nothing to resume.
///
/// # Errors
/// When a named run is not there, is finished, or cannot be read.
pub fn resolve(workspace: &Workspace, terminal: &Terminal, args: &EvalArgs) -> Result<Option<Resumed>> {
    let Some(named) = &args.resume else { return Ok(None) };
    let home = Home::at(&workspace.root);
    let id = match named {
        Some(id) => Some(id.clone()),
        None => last_unfinished(&home)?,
    };
    let Some(id) = id else {
        terminal.say("note: there is nothing to resume: starting afresh");
        return Ok(None);
    };
    let reader = RunReader::open(&home, id.as_str())?;
    if reader.finished() {
        terminal.say(&format!(
            "note: run {} is finished, there is nothing to resume: starting afresh",
            reader.id()
        ));
        return Ok(None);
    }
    let plan = reader.plan()?;
    let selection = serde_json::from_value(plan["selection"].clone())
        .map_err(|error| Error::storage(format!("the plan of run {id} cannot be read"), error))?;
    let fresh_since = plan["fresh_since"].as_str().map(str::to_owned);
    Ok(Some(Resumed {
        id: reader.id().clone(),
        selection,
        fresh_since,
        digest: plan["digest"].clone(),
        reader,
    }))
}
