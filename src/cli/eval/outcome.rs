//! What came of a run: decided, and kept.

use super::against::{Against, compare};
use super::decided::{self, Head};
use super::follow::{Follower, Gathered};
use super::session::whole;
use super::told;
use crate::call::Stop;
use crate::cli::args::EvalArgs;
use crate::cli::clock;
use crate::cli::interrupts;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Diagnostic, Error, Exchange, Exit, Result};
use crate::gate::Comparison;
use crate::ledger::{DEFAULT_KEPT_RUNS, Home, RunReader, export_recordings, prune_runs};
use crate::manifest::suite::Suite;
use crate::repo::Base;
use crate::report::numbers::many;
use crate::report::stored::{Stored, StoredRun};
use crate::report::{assemble, v1};
use crate::run::{Ending, Shared};
use crate::study::calibration::shown::Shown;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// A run that ended, complete or interrupted.
pub struct Finished {
    /// What all trials shared.
    pub shared: Arc<Shared>,
    /// Where runs are kept.
    pub home: Home,
    /// What was gathered.
    pub follower: Follower,
    /// When it began.
    pub started: jiff::Timestamp,
    /// How it ended.
    pub ending: Ending,
    /// Whether it went on where an earlier part had been interrupted.
    pub resumed: bool,
    /// What the judge of each gate has shown.
    pub shown: Vec<Option<Shown>>,
    /// Asks what follows to stop.
    pub stop: Stop,
}

impl Finished {
    /// Runs what the run is compared with: the pinned model beside a candidate, or the prompts of the base. A run that
    /// was interrupted is compared with nothing.
    ///
    /// # Errors
    /// As of a run.
    pub fn against(
        &self,
        workspace: &Workspace,
        then: Option<&Workspace>,
        base: Option<&Base>,
        terminal: &Terminal,
        args: &EvalArgs,
    ) -> Result<Against> {
        let commit = base.map(|base| base.commit.to_string());
        let mut found = match (then, &base) {
            _ if self.ending == Ending::Interrupted => Against::default(),
            _ if args.model.is_some() => {
                compare(workspace, workspace, terminal, args, self, "the pinned model")?
            }
            (Some(then), Some(base)) => compare(workspace, then, terminal, args, self, base.commit.short())?,
            _ => Against::default(),
        };
        found.base = commit;
        Ok(found)
    }

    /// Decides every gate and keeps the run.
    ///
    /// # Errors
    /// When the run or its recordings cannot be written.
    pub fn decide(
        mut self,
        workspace: &Workspace,
        terminal: &Terminal,
        args: &EvalArgs,
        warnings: &[Diagnostic],
        against: &Against,
    ) -> Result<(StoredRun, Vec<Diagnostic>)> {
        if against.interrupted {
            self.ending = Ending::Interrupted;
        }
        let plan = &self.shared.plan;
        let decisions = decided::decisions(plan, &mut self.follower.gates, &self.shown, against);
        let interrupted = self.ending == Ending::Interrupted;
        let exit = if interrupted { Exit::Interrupted } else { decided::exit(&decisions) };
        let mut diagnostics: Vec<Diagnostic> = warnings.to_vec();
        for found in self.shared.retrievers.iter().flatten().flat_map(|retriever| &retriever.warnings) {
            if !diagnostics.contains(found) {
                diagnostics.push(found.clone());
            }
        }
        diagnostics.extend(told::other_models(plan, &self.follower.gates));
        diagnostics.extend(told::of_run(&self.shared, args));
        // People read of what was retrieved in the notes of its gate.
        let retrieved: Vec<Diagnostic> = self.follower.gates.iter().flat_map(Gathered::retrieved).collect();
        let head = Head {
            exit,
            diagnostics: diagnostics.iter().chain(&retrieved).map(v1::Diagnostic::from).collect(),
            run: self.run(workspace, args, against)?,
            interrupted,
        };
        let stored = decided::stored(plan, &self.follower.gates, &decisions, against, head);
        if args.record {
            self.export(workspace, terminal, args, against)?;
        }
        self.keep(&stored)?;
        interrupts::kept();
        let reader = RunReader::open(&self.home, self.follower.id.as_str())?;
        Ok((StoredRun::new(stored, reader)?, diagnostics))
    }

    /// Keeps the report. An interrupted run keeps it too, under a name that leaves the run open for `--resume`.
    fn keep(&mut self, stored: &Stored) -> Result<()> {
        let value = serde_json::to_value(stored)
            .map_err(|error| Error::storage("the report cannot be written", error))?;
        if let Some(writer) = self.follower.writer.take() {
            match self.ending {
                Ending::Complete => writer.finish(&value)?,
                Ending::Interrupted => writer.interrupt(&value)?,
            }
        }
        prune_runs(&self.home, DEFAULT_KEPT_RUNS)
    }

    fn run(&self, workspace: &Workspace, args: &EvalArgs, against: &Against) -> Result<v1::Run> {
        let git = match &workspace.git {
            Some(git) => Some(v1::Git {
                commit: git.head()?.map(|commit| commit.as_str().to_owned()),
                dirty: git.is_dirty()?,
                base: against.base.clone(),
            }),
            None => None,
        };
        let took = clock::now().duration_since(self.started);
        let plan = &self.shared.plan;
        let outputs = args.outputs.as_ref().map(|path| path.display().to_string());
        Ok(v1::Run {
            id: self.follower.id.to_string(),
            started_at: format!("{:.3}", self.started),
            duration_ms: u64::try_from(took.as_millis()).ok(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            selection: assemble::selection(&plan.selection, outputs),
            shard: plan.selection.shard.as_ref().map(ToString::to_string),
            plan_digest: whole(workspace, plan)?.map_or(plan.digest, |whole| whole.digest).to_string(),
            git,
        })
    }

    /// Writes the exchanges of this run as recordings, per prompt.
    /// Those of the other side of a comparison are in them, for without them it could not be made again.
    fn export(
        &self,
        workspace: &Workspace,
        terminal: &Terminal,
        args: &EvalArgs,
        against: &Against,
    ) -> Result<()> {
        let mut by_prompt: BTreeMap<_, Vec<Exchange>> = BTreeMap::new();
        for shared in std::iter::once(&self.shared).chain(&against.sides) {
            let Some(recorded) = &shared.desk.recorded else { continue };
            let recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
            for (prompt, exchange) in recorded.iter() {
                by_prompt.entry(prompt.clone()).or_default().push(exchange.clone());
            }
        }
        // What a part of the cases, or one of several suites, did not need is needed by the others.
        let complete = !self.shared.plan.selection.narrows()
            && self.ending == Ending::Complete
            && !self.resumed
            && args.baseline.is_none()
            && args.changed.is_none();
        // Nor does an answer that did not come make the one unneeded that came before.
        let ran = |suite: &Arc<Suite>| {
            let gates = self.shared.plan.gates.iter().zip(&self.follower.gates).enumerate();
            let mut of_suite = gates.filter(|(_, (gate, _))| gate.suite.name == suite.name).peekable();
            of_suite.peek().is_some()
                && of_suite.all(|(at, (_, gathered))| {
                    let open = matches!(against.comparison(at), Some(Comparison::Open { .. }));
                    gathered.tally.trials_unscored() == 0 && !open
                })
        };
        let suites = &workspace.manifests.suites;
        for (prompt, exchanges) in by_prompt {
            let whole = complete && suites.values().filter(|suite| suite.prompt == prompt).all(&ran);
            let evals = &workspace.manifests.project.folders.evals;
            let done = export_recordings(&workspace.root, evals, &prompt, exchanges, whole)?;
            let what = if done.changed { "to be committed" } else { "as before" };
            terminal.say(&format!("{} recorded in {}, {what}", many(done.exchanges, "exchange"), done.path));
        }
        Ok(())
    }
}
