//! `--sample N`: a blinded labelling sheet, as CSV and as a form.

use super::judged::Judged;
use crate::cli::args::CalibrateArgs;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Error, Exit, Grade, Kind, Result, TrialRecord};
use crate::grade::judge::asked;
use crate::manifest::suite::Judge;
use crate::plan::GatePlan;
use crate::render::question;
use crate::study::sheet::{Answer, Rubric, csv, html, pick};
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Chooses answers, and writes both forms of the sheet. A file that is there is never overwritten: it may hold labels.
///
/// # Errors
/// When the run has no answers, a file is there already, or cannot be written.
pub fn write(
    terminal: &Terminal,
    workspace: &Workspace,
    gate: &GatePlan,
    judge: &Judge,
    judged: &Judged,
    args: &CalibrateArgs,
) -> Result<Exit> {
    let answers = answers(gate, judge, judged);
    if answers.is_empty() {
        return Err(Error::new(
            Kind::NoMatch,
            format!("run {} has no answer to a case of the suite", judged.run),
        )
        .hint("run `llmops eval` again"));
    }
    let size = args.sample.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
    let seed = gate.suite.sample.as_ref().map_or(0, |sample| sample.seed);
    let chosen: Vec<&Answer> =
        pick(&answers, judge.scale, size, seed).into_iter().map(|at| &answers[at]).collect();
    let rubric = Rubric {
        title: gate.suite.name.to_string(),
        scale: judge.scale,
        dimensions: judge.dimensions.iter().map(|d| (d.name.clone(), d.description.clone())).collect(),
    };
    let sheet = args.out.clone().unwrap_or_else(|| default_path(workspace, gate));
    let form = sheet.with_extension("html");
    if form == sheet {
        return Err(Error::input("the form would overwrite the sheet").hint("name a path that ends in .csv"));
    }
    new_file(&sheet, &csv(chosen.iter().copied())?)?;
    new_file(&form, &html(&rubric, chosen.iter().copied()))?;
    let shown = |path: &Path| path.strip_prefix(&workspace.root).unwrap_or(path).display().to_string();
    let (sheet, form) = (shown(&sheet), shown(&form));
    if terminal.json {
        let document = json!({
            "schema": "llmops/calibrate/v1", "exit_code": Exit::Done.code(), "suite": gate.suite.name,
            "run": judged.run, "sheet": sheet, "form": form, "answers": chosen.len(), "of": answers.len(),
        });
        terminal.stdout(&format!("{document}\n"));
        return Ok(Exit::Done);
    }
    if !terminal.quiet {
        let run = &judged.run;
        terminal.people(&format!(
            "wrote {} of {} answers of run {run}, in shuffled order and without the judge's scores:\n  {sheet}\n  {form}\n\
             Fill in the scores, in a spreadsheet or in the form in a browser; then\n  llmops calibrate {} --labels FILE --run {run}\n",
            chosen.len(),
            answers.len(),
            gate.suite.name
        ));
    }
    Ok(Exit::Done)
}

/// The answers of the run to cases that the suite has.
fn answers(gate: &GatePlan, judge: &Judge, judged: &Judged) -> Vec<Answer> {
    let at: HashMap<_, _> =
        (0..gate.suite.cases.len()).map(|index| (gate.suite.cases.id(index).clone(), index)).collect();
    let tag = gate.suite.sample.as_ref().and_then(|sample| sample.stratify_by.as_deref());
    let answer = |record: &TrialRecord| {
        let row = gate.suite.cases.get(*at.get(&record.id)?);
        let expected = row.case.expected.as_ref();
        let applicable = asked(judge, !record.context.is_empty(), expected.is_some());
        let judged = match &record.grade {
            Grade::Scored { judgement, .. } => judgement.as_ref().and_then(|judgement| judgement.score),
            Grade::Unscored { .. } => None,
        };
        Some(Answer {
            id: record.id.clone(),
            judged,
            tag: tag.and_then(|tag| record.tags.get(tag).cloned()),
            input: question(&row.case.vars),
            context: record.context.clone(),
            expected: expected.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            output: record.output.clone()?,
            dimensions: applicable.into_iter().map(|dimension| dimension.name).collect(),
        })
    };
    judged.records.iter().filter_map(answer).filter(|answer| !answer.dimensions.is_empty()).collect()
}

/// `labels/SUITE.csv` under the folder of suites.
fn default_path(workspace: &Workspace, gate: &GatePlan) -> PathBuf {
    let folder = workspace.manifests.project.folders.evals.on_disk(&workspace.root);
    folder.join("labels").join(format!("{}.csv", gate.suite.name))
}

fn new_file(path: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return Error::input(format!("{} is there already, and may hold labels", path.display()))
                .hint("move it away, or name another file with --out");
        }
        Error::input(format!("cannot write {}", path.display())).because(error)
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}
