//! The labelling sheet: answers of a run for people to score, blinded. No score of the judge stands in it, and the
//! order is shuffled, so that neither can lead a rater.

mod form;

pub use form::html;

use crate::domain::{CaseId, Chunk, DimensionName, Error, Result, Scale};
use crate::plan::sample::{sample, shuffle_key};

/// An answer that could be labelled.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// The case.
    pub id: CaseId,
    /// The judge's score, for the choice of the sample alone; `None` where it gave none.
    pub judged: Option<f64>,
    /// The value of the tag that is stratified by.
    pub tag: Option<String>,
    /// What was asked.
    pub input: String,
    /// What the model was shown.
    pub context: Vec<Chunk>,
    /// The expected answer, as text.
    pub expected: Option<String>,
    /// The answer.
    pub output: String,
    /// The dimensions that apply to it, in the suite's order.
    pub dimensions: Vec<DimensionName>,
}

/// What people score by.
#[derive(Clone, PartialEq, Debug)]
pub struct Rubric {
    /// Shown on top: the suite's name.
    pub title: String,
    /// The judge's scale.
    pub scale: Scale,
    /// Each dimension with its description, levels included, in the suite's order.
    pub dimensions: Vec<(DimensionName, String)>,
}

/// Chooses `size` answers, with shares by the judge's score level and the tag as in all of them, and shuffles them:
/// their positions in the order of the sheet. The same seed gives the same sheet on every machine.
pub fn pick(answers: &[Answer], scale: Scale, size: usize, seed: u64) -> Vec<usize> {
    let stratum = |answer: &Answer| {
        let level = answer.judged.map_or_else(|| "-".to_owned(), |score| level(score, scale).to_string());
        format!("{level} {}", answer.tag.as_deref().unwrap_or_default())
    };
    let strata: Vec<(CaseId, Option<String>)> =
        answers.iter().map(|answer| (answer.id.clone(), Some(stratum(answer)))).collect();
    let mut chosen = sample(&strata, size, seed);
    chosen.sort_by_key(|index| (shuffle_key(seed, &answers[*index].id), *index));
    chosen
}

/// A fifth of the scale, from 0 to 4: on the usual scale, the score itself.
fn level(score: f64, scale: Scale) -> u8 {
    let share = (score - scale.min) / (scale.max - scale.min);
    [0.125, 0.375, 0.625, 0.875].iter().map(|cut| u8::from(share >= *cut)).sum()
}

/// The columns of a sheet. The first three are what `calibrate --labels` reads, with `rater`.
const COLUMNS: [&str; 9] =
    ["case", "dimension", "score", "rater", "comment", "input", "context", "expected", "output"];

/// The sheet as CSV: one row per answer and dimension, with an empty score. It begins with a byte order mark, by
/// which spreadsheets know UTF-8, and a text that a spreadsheet would run as a formula gets a leading apostrophe.
///
/// # Errors
/// Only what the writer may refuse.
pub fn csv<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> Result<String> {
    let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
    let failed = |error: csv::Error| Error::storage("the labelling sheet cannot be written", error);
    writer.write_record(COLUMNS).map_err(failed)?;
    for answer in answers {
        let texts = [
            answer.input.as_str(),
            &context(&answer.context),
            answer.expected.as_deref().unwrap_or_default(),
            &answer.output,
        ]
        .map(harmless);
        for dimension in &answer.dimensions {
            let own = [answer.id.as_str(), dimension.as_str(), "", "", ""];
            writer.write_record(own.into_iter().chain(texts.iter().map(String::as_str))).map_err(failed)?;
        }
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| Error::storage("the labelling sheet cannot be written", error.into_error()))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Error::storage("the labelling sheet cannot be written", error))?;
    Ok(format!("\u{feff}{text}"))
}

/// The chunks as one text, each under its source.
fn context(chunks: &[Chunk]) -> String {
    let chunk = |chunk: &Chunk| match &chunk.source {
        Some(source) => format!("[{source}]\n{}", chunk.text),
        None => chunk.text.clone(),
    };
    chunks.iter().map(chunk).collect::<Vec<_>>().join("\n\n")
}

/// Answers are written by a model, and a cell that begins like a formula is run by spreadsheets.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    pub(crate) fn answer(index: u32) -> Answer {
        Answer {
            id: CaseId::new(format!("case-{index}")),
            judged: Some(1.25 + f64::from(index % 4)),
            tag: index.is_multiple_of(2).then(|| "refunds".to_owned()),
            input: format!("question {index}"),
            context: vec![Chunk {
                text: "Refunds take 14 days.".to_owned(),
                source: Some("kb/refunds.md".to_owned()),
                score: Some(0.123_456),
                last_updated: None,
            }],
            expected: None,
            output: format!("answer {index}, \"quoted\"\nand of two lines"),
            dimensions: ["tone", "relevance"].map(DimensionName::from).into(),
        }
    }

    #[test]
    fn a_sheet_keeps_the_shares_of_levels_and_is_shuffled_by_its_seed() {
        let answers: Vec<Answer> = (0..80).map(answer).collect();
        let chosen = pick(&answers, Scale::default(), 20, 5);
        let mut levels = BTreeMap::new();
        for index in &chosen {
            *levels.entry(level(answers[*index].judged.expect("judged"), Scale::default())).or_insert(0) += 1;
        }
        assert_eq!(levels.into_values().collect::<Vec<_>>(), [5, 5, 5, 5]);
        assert!(!chosen.is_sorted(), "{chosen:?}");
        assert_eq!(chosen, pick(&answers, Scale::default(), 20, 5));
        assert_ne!(chosen, pick(&answers, Scale::default(), 20, 6));
        let levels = [1.0, 2.0, 3.0, 4.0, 5.0].map(|score| level(score, Scale::default()));
        assert_eq!(levels, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn the_csv_is_blind() {
        let rows: Vec<Answer> = (0..4).map(answer).collect();
        let blind: Vec<Answer> = rows.iter().map(|row| Answer { judged: None, ..row.clone() }).collect();
        assert_eq!(csv(&rows).expect("csv"), csv(&blind).expect("csv"));
    }

    #[test]
    fn a_formula_in_an_answer_is_not_run() {
        let row = Answer { output: "=HYPERLINK(\"http://x\")".to_owned(), ..answer(1) };
        let text = csv([&row]).expect("csv");
        assert!(text.contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{text}");
    }
}
