//! A calibration as people and machines read it.

mod json;
mod measures;

pub use json::json;

use super::numbers::{counted, delta, interval, score, to_f64};
use super::table::Options;
use super::text::{one_line, wrap};
use super::{grid, numbers};
use crate::domain::{Breach, Exit, RelPath, RunId};
use crate::study::agreement::{Estimate, Measured};
use crate::study::calibration::record::Record;
use crate::study::calibration::{Agreement, Calibration, Means};
use measures::measures;

/// Dimensions beside each other; more make a second table.
const BESIDE: usize = 4;

/// Below so many labels the numbers say little.
const FEW_LABELS: usize = 30;

/// Everything that came of holding a judge against labels.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run whose scores were taken.
    pub run: RunId,
    /// Where the record was written.
    pub record: RelPath,
    /// What was written.
    pub about: Record,
    /// The numbers.
    pub calibration: Calibration,
    /// Rows of the file without a score.
    pub blank: usize,
    /// The family that judge and model share, if they are known to.
    pub family: Option<&'static str>,
    /// Where it falls short of `require_calibration`; `None` where nothing is demanded.
    pub shortfalls: Option<Vec<Breach>>,
}

impl Outcome {
    /// 1 where it falls short of what is demanded, else 0.
    pub fn exit(&self) -> Exit {
        if self.shortfalls.as_ref().is_some_and(|found| !found.is_empty()) {
            Exit::Failed
        } else {
            Exit::Done
        }
    }
}

/// The table, what it means, and where the record stands.
pub fn text(outcome: &Outcome, options: Options) -> String {
    let Outcome { calibration, about, .. } = outcome;
    let mut text = format!(
        "Judge {} ({}) on `{}`: {} of {}, held against run {}\n\n",
        one_line(about.model.as_str()),
        one_line(&about.rubric),
        one_line(about.suite.as_str()),
        counted(wide(calibration.labels), "label"),
        counted(wide(calibration.raters), "rater"),
        outcome.run,
    );
    let mut columns: Vec<(String, &Agreement, Option<&Means>)> = calibration
        .dimensions
        .iter()
        .map(|(agreement, means)| {
            (
                agreement.dimension.as_ref().map_or_else(String::new, ToString::to_string),
                agreement,
                Some(means),
            )
        })
        .collect();
    if columns.len() > 1 {
        columns.push(("all".to_owned(), &calibration.pooled, None));
    }
    for columns in columns.chunks(BESIDE) {
        text.push_str(&grid::draw(&header(columns), &measures(columns, calibration.confidence), options));
        text.push('\n');
    }
    let mut say = |line: String| {
        for line in wrap(&line, options.width.clamp(60, 120) - 2, 6) {
            text.push_str(&format!("  {line}\n"));
        }
    };
    say(case_score(calibration));
    notes(outcome).into_iter().for_each(|note| say(format!("Note: {note}")));
    match &outcome.shortfalls {
        None => say("The suite's gate demands no calibration.".to_owned()),
        Some(found) if found.is_empty() => {
            say("It meets what `gate.require_calibration` demands.".to_owned());
        }
        Some(found) => {
            say("It does not meet what `gate.require_calibration` demands:".to_owned());
            found.iter().for_each(|breach| say(format!("- {}", breach.message)));
        }
    }
    say(format!(
        "Record: {}. Commit it: reports refer to it, and `gate.require_calibration` reads it.",
        outcome.record
    ));
    text
}

fn header(columns: &[(String, &Agreement, Option<&Means>)]) -> Vec<String> {
    std::iter::once(String::new()).chain(columns.iter().map(|(name, ..)| one_line(name))).collect()
}

/// The mean that the gate sees, and what it would be by people.
fn case_score(calibration: &Calibration) -> String {
    let judge = calibration.score.judge.ok();
    match &calibration.score.corrected {
        Ok(powered) => format!(
            "Mean score of the cases: {} by the judge, {} corrected by the labels (interval {}).",
            score(judge),
            score(Some(powered.mean.value)),
            ends(&powered.mean),
        ),
        Err(why) => {
            format!("Mean score of the cases: {} by the judge; it cannot be corrected: {why}.", score(judge))
        }
    }
}

fn ends(estimate: &Estimate) -> String {
    interval(estimate.interval.map(|(low, _)| low), estimate.interval.map(|(_, high)| high), None)
}

fn signed(estimate: &Estimate) -> String {
    estimate.interval.map_or_else(
        || numbers::UNKNOWN.to_owned(),
        |(low, high)| format!("{} to {}", delta(Some(low)), delta(Some(high))),
    )
}

/// What to know beside the numbers.
fn notes(outcome: &Outcome) -> Vec<String> {
    let Outcome { calibration, .. } = outcome;
    let mut notes = Vec::new();
    if calibration.pooled.n < FEW_LABELS * calibration.dimensions.len().max(1) {
        notes.push(format!(
            "{} of {} say little; fifty for each dimension is a start.",
            counted(wide(calibration.pooled.n), "labelled score"),
            counted(wide(calibration.dimensions.len()), "dimension"),
        ));
    }
    for (agreement, _) in &calibration.dimensions {
        let name = agreement.dimension.as_ref().map_or_else(String::new, |name| one_line(name.as_str()));
        let undefined: Vec<String> =
            [("kappa", agreement.kappa.err()), ("Spearman", agreement.spearman.err())]
                .into_iter()
                .filter_map(|(what, why)| Some(format!("{what}: {}", why?)))
                .collect();
        if !undefined.is_empty() {
            notes.push(format!("{name}: {}.", undefined.join("; ")));
        }
        if let Ok(found) = &agreement.verbosity
            && let Some(p) = found.p_value.filter(|p| *p < 1.0 - calibration.confidence)
        {
            let word = if found.slope.value > 0.0 { "longer" } else { "shorter" };
            notes.push(format!(
                "{name}: the judge favours {word} answers: {} points per doubling of the length at the same human score ({}).",
                delta(Some(found.points_per_doubling)),
                if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") },
            ));
        }
        if agreement.rounded > 0 {
            notes.push(format!(
                "{name}: {} between two levels counted as the nearer one in kappa and AC2.",
                counted(wide(agreement.rounded), "mean")
            ));
        }
    }
    if let Some(family) = outcome.family {
        notes.push(format!(
            "the judge and the model under test are of one family ({family}): judges tend to favour answers of their own."
        ));
    }
    if !calibration.unjudged.is_empty() {
        let (case, dimension) = &calibration.unjudged[0];
        let labels = counted(wide(calibration.unjudged.len()), "labelled score");
        notes.push(format!(
            "{labels} without a judge's score were left out, the first: {dimension} of case `{}`.",
            one_line(case.as_str())
        ));
    }
    if outcome.blank > 0 {
        notes.push(format!("{} of the file without a score.", counted(wide(outcome.blank), "row")));
    }
    notes
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A share as a count among so many.
fn share(hits: u64, of: u64) -> String {
    format!("{} ({hits}/{of})", numbers::percent((of > 0).then(|| to_f64(hits) / to_f64(of))))
}

fn shown(value: Measured) -> String {
    score(value.ok())
}
