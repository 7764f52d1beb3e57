//! What came of a run: decided, kept, shown.

use super::against::{Against, compare};
use super::follow::{Follower, Gathered};
use super::session::whole;
use super::told;
use crate::aggregate::Tally;
use crate::call::Stop;
use crate::cli::args::EvalArgs;
use crate::cli::clock;
use crate::cli::target;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Diagnostic, Error, Exchange, Exit, Result, Severity, Verdict};
use crate::gate::{Calibration, Comparison, Decision, Terms, decide};
use crate::ledger::{DEFAULT_KEPT_RUNS, Home, RunReader, export_recordings, prune_runs};
use crate::manifest::suite::GateTerms;
use crate::plan::GatePlan;
use crate::repo::Base;
use crate::report::assemble;
use crate::report::formats::{self, Format, Target};
use crate::report::stored::{Stored, StoredRun};
use crate::report::{table, v1};
use crate::run::{Ending, Shared};
use crate::study::calibration::shown::Shown;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// Cases shown below a gate.
const WORST: usize = 5;

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
        args: &EvalArgs,
        warnings: &[Diagnostic],
        against: &Against,
    ) -> Result<(StoredRun, Vec<Diagnostic>)> {
        if against.interrupted {
            self.ending = Ending::Interrupted;
        }
        let plan = &self.shared.plan;
        let decisions: Vec<Decision> = plan
            .gates
            .iter()
            .zip(&self.follower.gates)
            .zip(&self.shown)
            .enumerate()
            .map(|(at, ((gate, gathered), shown))| {
                let margin = against.margin(gate);
                let evidence = Evidence { shown: shown.as_ref(), comparison: against.comparison(at), margin };
                verdict(gate, &gathered.tally, &evidence)
            })
            .collect();
        for (gathered, shown) in self.follower.gates.iter_mut().zip(&self.shown) {
            gathered.reported.calibration = shown.as_ref().and_then(calibration_ref);
        }
        let exit = match self.ending {
            Ending::Interrupted => Exit::Interrupted,
            Ending::Complete => worst(&decisions).map_or(Exit::NoVerdict, Verdict::exit),
        };
        let mut diagnostics: Vec<Diagnostic> = warnings.to_vec();
        for found in self.shared.retrievers.iter().flatten().flat_map(|retriever| &retriever.warnings) {
            if !diagnostics.contains(found) {
                diagnostics.push(found.clone());
            }
        }
        diagnostics.extend(told::other_models(plan, &self.follower.gates));
        diagnostics.extend(told::of_run(&self.shared, args));
        let report = v1::Report {
            schema: v1::SCHEMA.to_owned(),
            verdict: worst(&decisions).map(v1::Verdict::from),
            exit_code: exit.code(),
            // People read of what was retrieved in the notes of its gate.
            diagnostics: diagnostics
                .iter()
                .chain(&self.follower.gates.iter().flat_map(Gathered::retrieved).collect::<Vec<_>>())
                .map(v1::Diagnostic::from)
                .collect(),
            run: Some(self.run(workspace, args, against)?),
            gates: plan
                .gates
                .iter()
                .zip(&self.follower.gates)
                .zip(&decisions)
                .enumerate()
                .map(|(at, ((gate, gathered), decision))| v1::Gate {
                    baseline: against.baseline(at),
                    ..assemble::gate(gate, &gathered.tally, decision, &gathered.reported)
                })
                .collect(),
        };
        let mut views: Vec<_> = plan
            .gates
            .iter()
            .zip(&self.follower.gates)
            .zip(&decisions)
            .map(|((gate, gathered), decision)| {
                let mut view = assemble::view(gate, &gathered.tally, decision);
                view.notes.extend(gathered.shown.notes());
                view
            })
            .collect();
        if self.ending == Ending::Interrupted {
            for ((view, gathered), gate) in views.iter_mut().zip(&self.follower.gates).zip(&plan.gates) {
                let (done, all) = (gathered.tally.trials(), gate.planned());
                view.sentence = format!(
                    "interrupted: {done} of {all} trials are done; `llmops eval --resume` continues the run"
                );
            }
        }
        let stored = Stored {
            report,
            sentences: views.iter().map(|view| view.sentence.clone()).collect(),
            notes: views
                .iter()
                .enumerate()
                .map(|(at, view)| view.notes.iter().cloned().chain(against.notes(at)).collect())
                .collect(),
            lines: views
                .iter()
                .enumerate()
                .map(|(at, view)| against.changed(at).map(|(_, line)| *line).or(view.line))
                .collect(),
            paths: (0..views.len()).map(|at| against.changed(at).map(|(path, _)| path.to_string())).collect(),
            case_floors: plan.gates.iter().map(|gate| gate.suite.gate.case_floor).collect(),
        };
        if args.record {
            self.export(workspace, against)?;
        }
        self.keep(&stored)?;
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
    fn export(&self, workspace: &Workspace, against: &Against) -> Result<()> {
        let mut by_prompt: BTreeMap<_, Vec<Exchange>> = BTreeMap::new();
        for shared in std::iter::once(&self.shared).chain(&against.sides) {
            let Some(recorded) = &shared.desk.recorded else { continue };
            let recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
            for (prompt, exchange) in recorded.iter() {
                by_prompt.entry(prompt.clone()).or_default().push(exchange.clone());
            }
        }
        // What a part of the cases did not need is needed by the others.
        let whole = !self.shared.plan.selection.narrows() && self.ending == Ending::Complete;
        for (prompt, exchanges) in by_prompt {
            export_recordings(
                &workspace.root,
                &workspace.manifests.project.folders.evals,
                &prompt,
                exchanges,
                whole,
            )?;
        }
        Ok(())
    }
}

/// The record of a judge as reports refer to it.
pub(super) fn calibration_ref(shown: &Shown) -> Option<v1::CalibrationRef> {
    let (record, digest) = shown.current()?;
    Some(v1::CalibrationRef {
        path: shown.path.to_string(),
        digest: digest.to_string(),
        date: record.date.clone(),
        labels: u64::try_from(record.labels).unwrap_or(u64::MAX),
        kappa: record.pooled.kappa,
        bias: record.pooled.bias,
    })
}

/// What a gate decides on beside the run's own tally.
pub(super) struct Evidence<'a> {
    /// What the judge has shown against human labels.
    pub(super) shown: Option<&'a Shown>,
    /// The comparison with the baseline.
    pub(super) comparison: Option<&'a Comparison>,
    /// The drop that a comparison may show.
    pub(super) margin: Option<f64>,
}

/// Decides one gate.
pub(super) fn verdict(gate: &GatePlan, tally: &Tally, evidence: &Evidence<'_>) -> Decision {
    let demand = gate.suite.gate.require_calibration.as_ref();
    let calibration =
        demand.zip(evidence.shown).map(|(terms, shown)| Calibration { lacks: shown.lacks(terms) });
    let demanded = GateTerms { max_regression: evidence.margin, ..gate.suite.gate.clone() };
    let judge = gate.suite.judge.as_ref();
    let terms = Terms {
        required: gate.prompt.required,
        scale: judge.map(|judge| judge.scale),
        gate: &demanded,
        dimensions: judge.map_or(&[], |judge| &judge.dimensions),
        budget: &gate.prompt.budget,
        has_judge: judge.is_some(),
        comparison: evidence.comparison,
        calibration: calibration.as_ref(),
    };
    decide(&terms, tally)
}

/// The worst verdict.
pub fn worst(decisions: &[Decision]) -> Option<&Verdict> {
    decisions.iter().map(|decision| &decision.verdict).max_by_key(|verdict| verdict.rank())
}

/// Shows a run: findings on stderr, the table or the machine form on stdout.
///
/// # Errors
/// When a record cannot be read.
pub fn publish(
    workspace: &Workspace,
    terminal: &Terminal,
    run: &StoredRun,
    found: &[Diagnostic],
) -> Result<()> {
    let shown: Vec<Diagnostic> =
        found.iter().filter(|found| found.severity != Severity::Note || terminal.verbose).cloned().collect();
    if !shown.is_empty() && !terminal.quiet {
        terminal.draw(&shown, &|path| workspace.source(path));
    }
    show(run, terminal)
}

/// Draws the table, or writes the machine form.
///
/// # Errors
/// When a record cannot be read.
pub fn show(run: &StoredRun, terminal: &Terminal) -> Result<()> {
    let mut text = Vec::new();
    if terminal.json {
        run.with(WORST, |document| formats::write(Format::Json, document, &mut Terminal::pipe()))?;
        return Ok(());
    }
    if terminal.quiet && run.stored.report.exit_code == 0 {
        return Ok(());
    }
    run.with(WORST, |document| table::write(document, terminal.table(), &mut text))?;
    terminal.people(&String::from_utf8_lossy(&text));
    Ok(())
}

/// Writes a stored run in every format asked for.
///
/// # Errors
/// When a file cannot be written.
pub fn write_stored(run: &StoredRun, targets: &[Target], terminal: &Terminal) -> Result<()> {
    for target in targets {
        run.with(WORST, |document| target::document(target, document, terminal))?;
        if !target.is_stdout() {
            terminal.detail(&format!("wrote {}", target.path.display()));
        }
    }
    Ok(())
}
