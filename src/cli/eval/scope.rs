//! What an evaluation covers: which gates run on which cases, and what they are compared with.

use super::resume::Resumed;
use super::since;
use crate::cli::args::EvalArgs;
use crate::cli::clock;
use crate::cli::lock;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::{Opened, Workspace};
use crate::domain::{Diagnostic, Error, Kind, Result};
use crate::manifest::PROMPT_WITHOUT_SUITE;
use crate::plan::{Plan, Selection, plan};
use crate::repo::Base;
use std::collections::BTreeSet;

/// What the flags ask for.
pub enum Scope {
    /// Something runs.
    Covers(Box<Covered>),
    /// The change since the base touches nothing that could run.
    Unaffected {
        /// The base.
        base: Base,
        /// What the change did all the same.
        notes: Vec<Diagnostic>,
    },
    /// No case is in the shard.
    EmptyShard {
        /// The repository.
        workspace: Box<Workspace>,
        /// What the other shards are compared with.
        base: Option<Base>,
        /// The plan of all shards together.
        whole: Plan,
    },
}

/// Everything that is known before anything is called.
pub struct Covered {
    /// The repository, of which every manifest is valid.
    pub workspace: Workspace,
    /// What runs; at least one case.
    pub plan: Plan,
    /// The run that is continued.
    pub resumed: Option<Resumed>,
    /// The commit that the run is compared with.
    pub base: Option<Base>,
    /// The repository as of that commit, where it was read already.
    pub then: Option<Workspace>,
    /// Findings of the manifests.
    pub warnings: Vec<Diagnostic>,
    /// What `--changed` said on the terminal.
    pub notes: Vec<Diagnostic>,
}

/// Finds the base, reads the manifests, and plans what is left of the selection.
///
/// # Errors
/// Wrong manifests, a selection that matches nothing, a base that is not here, a suite that is not the locked one.
pub fn resolve(
    opened: Opened,
    terminal: &Terminal,
    args: &EvalArgs,
    resumed: Option<Resumed>,
) -> Result<Scope> {
    let base = since::base(&opened, terminal, args)?;
    let changed = base.as_ref().filter(|_| args.changed.is_some());
    // A name that matches nothing is a fault whatever changed, and only the manifests know the names.
    if let Some(base) = changed
        && !names_something(args)
        && resumed.is_none()
        && since::untouched(&opened, base)?
    {
        return Ok(Scope::Unaffected { base: base.clone(), notes: since::at_head(base, terminal)? });
    }
    let workspace = opened.read(&clock::today());
    let mut selection = resumed.as_ref().map_or_else(|| selection(args), |resumed| resumed.selection.clone());
    let mut warnings = workspace.valid()?;
    let then = base.as_ref().map(|base| workspace.at_base(base)).transpose()?;
    if changed.is_some() || names_something(args) {
        // Whoever asks for some prompts is not told what the others lack.
        warnings.retain(|found| found.code != PROMPT_WITHOUT_SUITE);
    }
    if let (Some(_), Some(then)) = (changed, &then) {
        warnings.extend(since::untested(&workspace, then));
    }
    let mut notes = Vec::new();
    if let (Some(base), Some(then), None) = (changed, &then, &resumed) {
        matches_something(&workspace, args, &selection)?;
        notes = since::touched(&workspace, then, terminal, &mut selection)?;
        let none = selection.gates.as_ref().is_none_or(BTreeSet::is_empty);
        if none || (names_something(args) && whole(&workspace, &selection)?.is_none()) {
            let untested = warnings.into_iter().filter(|found| found.code == PROMPT_WITHOUT_SUITE);
            let untested: Vec<Diagnostic> = untested.collect();
            if !terminal.quiet && !untested.is_empty() {
                terminal.draw(&untested, &|path| workspace.source(path));
            }
            notes.extend(untested);
            notes.extend(since::at_head(base, terminal)?);
            return Ok(Scope::Unaffected { base: base.clone(), notes });
        }
    }
    let plan = match plan(&workspace.sources(), &selection) {
        Err(error) if error.kind() == Kind::NoMatch && args.shard.is_some() && !args.plan => {
            return empty_shard(workspace, base, terminal, args, selection);
        }
        planned => planned?,
    };
    if plan.planned() == 0 {
        return Err(Error::input("no case is planned").hint("name cases in the suite"));
    }
    lock::holds(&workspace, plan.gates.iter().map(|gate| (&*gate.suite, gate.digests.suite)))?;
    Ok(Scope::Covers(Box::new(Covered { workspace, plan, resumed, base, then, warnings, notes })))
}

fn names_something(args: &EvalArgs) -> bool {
    !args.prompts.is_empty() || args.suite.is_some() || args.case.is_some() || !args.tags.is_empty()
}

/// Holds that what is named is there, before a change narrows it: nothing affected is not nothing found.
fn matches_something(workspace: &Workspace, args: &EvalArgs, selection: &Selection) -> Result<()> {
    if names_something(args) || workspace.manifests.suites.is_empty() {
        plan(&workspace.sources(), &Selection { shard: None, ..selection.clone() })?;
    }
    Ok(())
}

/// What all shards together plan; `None` where that is nothing.
fn whole(workspace: &Workspace, selection: &Selection) -> Result<Option<Plan>> {
    match plan(&workspace.sources(), &Selection { shard: None, ..selection.clone() }) {
        Err(error) if error.kind() == Kind::NoMatch => Ok(None),
        planned => planned.map(Some),
    }
}

/// Nothing matched in one shard: where the others have cases, that is no fault.
fn empty_shard(
    workspace: Workspace,
    base: Option<Base>,
    terminal: &Terminal,
    args: &EvalArgs,
    selection: Selection,
) -> Result<Scope> {
    let whole = plan(&workspace.sources(), &Selection { shard: None, ..selection })?;
    let base = match base {
        None => since::implied(&workspace, terminal, args, &whole)?,
        found => found,
    };
    Ok(Scope::EmptyShard { workspace: Box::new(workspace), base, whole })
}

impl Covered {
    /// Finds and reads what the run is compared with where no flag named it and a gate asks for it.
    ///
    /// # Errors
    /// When a base should be there and is not.
    pub fn compared(mut self, terminal: &Terminal, args: &EvalArgs) -> Result<Self> {
        if self.base.is_none() {
            self.base = since::implied(&self.workspace, terminal, args, &self.plan)?;
        }
        if let (Some(base), None) = (&self.base, &self.then) {
            self.then = Some(self.workspace.at_base(base)?);
        }
        Ok(self)
    }
}

/// What the flags select.
pub fn selection(args: &EvalArgs) -> Selection {
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
