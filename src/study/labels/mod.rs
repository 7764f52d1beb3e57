//! Human labels: which score a person gave to which dimension of which case.

mod rows;

use crate::domain::{CaseId, Code, Diagnostic, DimensionName, Place, RelPath, Scale, Span};
use rows::Row;
use std::collections::{BTreeMap, BTreeSet};

/// The file cannot be read as CSV or JSONL at all.
pub const UNREADABLE: Code = Code("labels-unreadable");
/// A column is missing, or two columns mean the same.
pub const COLUMNS: Code = Code("labels-columns");
/// A row is broken.
pub const MALFORMED: Code = Code("label-malformed");
/// A score is no number, or not on the scale.
pub const OFF_SCALE: Code = Code("label-off-scale");
/// A case that the suite does not have.
pub const UNKNOWN_CASE: Code = Code("label-unknown-case");
/// A dimension that the judge does not score.
pub const UNKNOWN_DIMENSION: Code = Code("label-unknown-dimension");
/// One rater gave two scores to one dimension of one case.
pub const DUPLICATE: Code = Code("label-duplicate");
/// There is no label in the file.
pub const NONE: Code = Code("labels-empty");

/// A label of an answer that the judge did not score.
pub const OTHER_ANSWER: Code = Code("label-other-answer");

/// The codes of this file.
pub const CODES: [Code; 9] = [
    UNREADABLE,
    COLUMNS,
    MALFORMED,
    OFF_SCALE,
    UNKNOWN_CASE,
    UNKNOWN_DIMENSION,
    DUPLICATE,
    NONE,
    OTHER_ANSWER,
];

/// One label.
#[derive(Clone, PartialEq, Debug)]
pub struct Label {
    /// The case.
    pub case: CaseId,
    /// The dimension.
    pub dimension: DimensionName,
    /// The score, on the judge's scale.
    pub score: f64,
    /// Who gave it, where the file says.
    pub rater: Option<String>,
    /// The answer that was labelled, where the file says: a sheet does.
    pub output: Option<String>,
    /// 1-based line in the file.
    pub line: u32,
}

/// The labels of a file, checked.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Labels {
    /// In the order of the file.
    pub labels: Vec<Label>,
    /// Rows without a score: of a sheet that is not filled in yet.
    pub blank: usize,
}

impl Labels {
    /// The raters that are named, and one more if some labels name none.
    pub fn raters(&self) -> usize {
        self.labels.iter().map(|label| label.rater.as_deref()).collect::<BTreeSet<_>>().len()
    }
}

/// What labels are held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Every case of the suite.
    pub cases: &'a BTreeSet<CaseId>,
    /// The judge's dimensions.
    pub dimensions: &'a [DimensionName],
    /// The judge's scale.
    pub scale: Scale,
}

/// Reads labels from the content of a file: JSONL when it is named `.jsonl`, `.ndjson` or `.json`, else CSV with
/// commas, semicolons or tabs. Columns, in any order and case: `case` (or `case_id`, `id`), `dimension`, `score`
/// (or `human`, `human_score`), and optionally `rater` and `output`; others are ignored. A row without a score is counted as
/// blank.
///
/// # Errors
/// Every fault of the file, with its line: nothing of a faulty file is used.
pub fn read(path: &RelPath, content: &[u8], expected: Expected<'_>) -> Result<Labels, Vec<Diagnostic>> {
    let text = utf8(path, content)?;
    let json = matches!(path.extension().as_str(), "jsonl" | "ndjson" | "json");
    let (rows, mut faults) = if json { rows::jsonl(path, text) } else { rows::csv(path, text)? };
    let mut labels = Labels::default();
    let mut seen = BTreeMap::new();
    for row in rows {
        match label(path, &row, expected) {
            Err(found) => faults.extend(found),
            Ok(None) => labels.blank += 1,
            Ok(Some(label)) => {
                let key = (label.case.clone(), label.dimension.clone(), label.rater.clone());
                if let Some(first) = seen.insert(key, label.line) {
                    faults.push(duplicate(path, &label, first));
                }
                labels.labels.push(label);
            }
        }
    }
    if faults.is_empty() && labels.labels.is_empty() {
        let blank = match labels.blank {
            0 => "the file has no rows".to_owned(),
            blank => format!("none of its {blank} rows has a score"),
        };
        faults.push(
            Diagnostic::error(NONE, format!("no labels: {blank}"))
                .at(Place::file(path))
                .help("fill in the score column, or make a sheet with `llmops calibrate SUITE --sample N`"),
        );
    }
    if faults.is_empty() {
        return Ok(labels);
    }
    faults.sort_by_key(|fault| fault.place.as_ref().and_then(|place| place.span).map(|span| span.line));
    Err(faults)
}

fn utf8<'a>(path: &RelPath, content: &'a [u8]) -> Result<&'a str, Vec<Diagnostic>> {
    let text = std::str::from_utf8(content).map_err(|error| {
        let before = &content[..error.valid_up_to()];
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        let line = u32::try_from(lines).unwrap_or(u32::MAX - 1) + 1;
        vec![
            fault(path, UNREADABLE, line, "not UTF-8")
                .help("save the file as UTF-8; spreadsheets call it \"CSV UTF-8\""),
        ]
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A row as a label; `None` when it has no score.
fn label(path: &RelPath, row: &Row, expected: Expected<'_>) -> Result<Option<Label>, Vec<Diagnostic>> {
    let mut faults = Vec::new();
    if !expected.cases.contains(row.case.as_str()) {
        let known = expected.cases.iter().map(CaseId::as_str);
        faults.push(
            fault(path, UNKNOWN_CASE, row.line, format!("the suite has no case {:?}", row.case))
                .help(suggestion(&row.case, known, "remove the row, or check the id in the case file")),
        );
    }
    if !expected.dimensions.iter().any(|dimension| dimension.as_str() == row.dimension) {
        let known: Vec<&str> = expected.dimensions.iter().map(DimensionName::as_str).collect();
        let otherwise = format!("the judge scores {}", known.join(", "));
        let message = format!("the judge does not score {:?}", row.dimension);
        faults.push(fault(path, UNKNOWN_DIMENSION, row.line, message).help(suggestion(
            &row.dimension,
            known.iter().copied(),
            &otherwise,
        )));
    }
    let written = row.score.trim();
    let score = written.parse::<f64>().ok().filter(|score| expected.scale.holds(*score));
    if !written.is_empty() && score.is_none() {
        let Scale { min, max, step } = expected.scale;
        faults.push(
            fault(path, OFF_SCALE, row.line, format!("{written:?} is not a score on the scale"))
                .help(format!("scores run from {min} to {max} in steps of {step}")),
        );
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(score.map(|score| Label {
        case: row.case.as_str().into(),
        dimension: row.dimension.as_str().into(),
        score,
        rater: row.rater.clone(),
        output: row.output.clone(),
        line: row.line,
    }))
}

/// Labels of other answers than the judge scored: held against them, a judge would be blamed for answers that it never
/// saw. White space and the apostrophe that keeps spreadsheets from running an answer make no difference; a label that
/// says nothing of its answer is taken at its word.
pub fn of_other_answers(
    path: &RelPath,
    labels: &Labels,
    judged: &BTreeMap<CaseId, String>,
) -> Vec<Diagnostic> {
    let other = |label: &&Label| match (&label.output, judged.get(&label.case)) {
        (Some(seen), Some(judged)) => plain(seen) != plain(judged),
        _ => false,
    };
    let found = labels.labels.iter().filter(other).map(|label| {
        let message =
            format!("the label is of another answer to case {:?} than the judge scored", label.case.as_str());
        fault(path, OTHER_ANSWER, label.line, message)
            .help("name the run that the sheet was made from: `--run ID`; or label the new answers")
    });
    found.collect()
}

fn plain(answer: &str) -> String {
    let words = answer.split_whitespace().collect::<Vec<_>>().join(" ");
    words.strip_prefix('\'').map_or_else(|| words.clone(), |rest| rest.trim_start().to_owned())
}

fn suggestion<'a>(wrong: &str, known: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    // What is far longer than any name is none that was mistyped.
    let near = |known: &&str| known.len().abs_diff(wrong.len()) <= 64;
    let close = known
        .filter(near)
        .map(|known| (strsim::jaro_winkler(wrong, known), known))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    close.map_or_else(|| otherwise.to_owned(), |(_, known)| format!("did you mean {known:?}?"))
}

fn duplicate(path: &RelPath, label: &Label, first: u32) -> Diagnostic {
    let rater = label.rater.as_deref().map_or_else(String::new, |rater| format!(" by {rater:?}"));
    let message = format!(
        "a second label{rater} for {} of case {:?}; the first is on line {first}",
        label.dimension,
        label.case.as_str()
    );
    fault(path, DUPLICATE, label.line, message)
        .help("keep one of the two, or name the raters in a column `rater`")
}

fn fault(path: &RelPath, code: Code, line: u32, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code, message).at(Place::at(path, Span::new(line, 1, 1)))
}

#[cfg(test)]
mod tests;
