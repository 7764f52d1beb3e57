//! `llmops calibrate`: does the judge agree with people? And the sheet on which people say so.

mod judged;
mod sheet;

use super::args::{CalibrateArgs, Global};
use super::clock;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::family::same_family;
use crate::domain::{CaseId, Digest, DimensionName, Error, Exit, RelPath, Result};
use crate::manifest::suite::Judge;
use crate::plan::{GatePlan, Selection, plan};
use crate::report::calibration::{self as outcome, Outcome};
use crate::study::calibration::record::{Provenance, Record, shortfalls};
use crate::study::calibration::{Calibrated, Question, calibrate as compare, shown};
use crate::study::labels::{self, Expected, Labels};
use judged::Judged;
use std::collections::BTreeSet;
use std::path::Path;

/// Resolves the suite, reads its last run, and makes a sheet of it or holds labels against it.
///
/// # Errors
/// When there is no such suite, no run of it by this judge, or the labels do not fit.
pub fn calibrate(global: &Global, terminal: &Terminal, args: &CalibrateArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    workspace.valid()?;
    let gate = gate(&workspace, &args.suite)?;
    let judge = gate.suite.judge.clone().ok_or_else(|| {
        Error::input(format!("the suite `{}` has no judge to calibrate", gate.suite.name))
            .hint("add `judge:` to it")
    })?;
    let judged = Judged::read(&workspace, &gate, args.run.as_deref())?;
    if judged.suite != gate.digests.suite.to_string() {
        terminal.say(&format!(
            "note: the suite changed since run {}: its cases are taken as they are now",
            judged.run
        ));
    }
    let Some(file) = &args.labels else {
        return sheet::write(terminal, &workspace, &gate, &judge, &judged, args);
    };
    let (labels, digest) = read_labels(&workspace, &gate, &judge, &judged, file)?;
    let calibration = compare(&labels, &judged.cases, &question(&gate, &judge))?;
    let about = Provenance {
        suite: gate.suite.name.clone(),
        judge_digest: judged.judge,
        rubric: format!("{} {}", judge.rubric.name, judge.rubric.version),
        model: judge.model.clone(),
        labels_digest: digest,
        date: clock::today(),
    };
    let record = Record::new(&calibration, about);
    let path = keep(&workspace, &gate, &record)?;
    let terms = gate.suite.gate.require_calibration.as_ref();
    let outcome = Outcome {
        family: same_family(judge.model.as_str(), judged.model.as_str()),
        run: judged.run,
        record: path,
        blank: labels.blank,
        shortfalls: terms.map(|terms| shortfalls(&record, terms)),
        about: record,
        calibration,
    };
    if terminal.json {
        terminal.stdout(&format!("{}\n", outcome::json(&outcome)));
    } else if !terminal.quiet || outcome.exit() != Exit::Done {
        terminal.people(&outcome::text(&outcome, terminal.table()));
    }
    Ok(outcome.exit())
}

/// The one gate of a suite, by its name or its path.
fn gate(workspace: &Workspace, named: &str) -> Result<GatePlan> {
    let path = named.strip_prefix("./").unwrap_or(named);
    let suites = workspace.manifests.suites.values();
    let found = suites.clone().find(|suite| suite.name.as_str() == named || suite.path.as_str() == path);
    let suite = found.map_or_else(|| named.into(), |suite| suite.name.clone());
    let selection = Selection { suite: Some(suite), ..Selection::default() };
    let gates = plan(&workspace.sources(), &selection)?.gates;
    gates.into_iter().next().ok_or_else(|| Error::input(format!("the suite `{named}` has no cases")))
}

fn question(gate: &GatePlan, judge: &Judge) -> Question {
    let calibrated = |dimension: &crate::manifest::prompt::Dimension| Calibrated {
        name: dimension.name.clone(),
        weight: dimension.weight,
        required: dimension.required,
    };
    Question {
        dimensions: judge.dimensions.iter().map(calibrated).collect(),
        scale: judge.scale,
        threshold: gate.prompt.required,
        confidence: gate.suite.gate.confidence,
    }
}

/// The labels of a file, held against the suite and against the answers of the run.
fn read_labels(
    workspace: &Workspace,
    gate: &GatePlan,
    judge: &Judge,
    judged: &Judged,
    file: &Path,
) -> Result<(Labels, Digest)> {
    // A path of the command line is relative to where the command was typed, not to the repository.
    let content = std::fs::read(file).map_err(|error| {
        Error::input(format!("cannot read {}", file.display()))
            .because(error)
            .hint("`llmops calibrate SUITE --sample N` makes a sheet to fill in")
    })?;
    let shown = file.strip_prefix(&workspace.root).unwrap_or(file).to_string_lossy().into_owned();
    let path = RelPath::new(&shown)
        .or_else(|| RelPath::new(&file.file_name()?.to_string_lossy()))
        .unwrap_or_else(RelPath::root);
    let of_suite = (0..gate.suite.cases.len()).map(|index| gate.suite.cases.id(index).clone());
    let cases: BTreeSet<CaseId> = of_suite.chain(judged.answers.keys().cloned()).collect();
    let dimensions: Vec<DimensionName> =
        judge.dimensions.iter().map(|dimension| dimension.name.clone()).collect();
    let expected = Expected { cases: &cases, dimensions: &dimensions, scale: judge.scale };
    let labels = labels::read(&path, &content, expected).map_err(Error::invalid)?;
    let others = labels::of_other_answers(&path, &labels, &judged.answers);
    if others.is_empty() { Ok((labels, Digest::of_bytes(&content))) } else { Err(Error::invalid(others)) }
}

/// Writes the record beside the suites.
fn keep(workspace: &Workspace, gate: &GatePlan, record: &Record) -> Result<RelPath> {
    let path = shown::path(&workspace.manifests.project.folders.evals, &gate.suite.name)?;
    let file = path.on_disk(&workspace.root);
    let text = record.to_json().map_err(|error| Error::storage("the record cannot be written", error))?;
    let failed = |error| Error::storage(format!("cannot write {path}"), error);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    crate::ledger::replace(&file, |out| std::io::Write::write_all(out, text.as_bytes()))?;
    Ok(path)
}
