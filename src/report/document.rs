//! What every renderer is given: the report, its cases as streams, and what only people read.

use super::told::Told;
use super::v1;
use crate::domain::score::reaches;
use crate::domain::{Chunk, Code, Result};
use crate::gate::codes;

/// The stream of one gate's cases.
pub type CaseStream<'a> = Box<dyn Iterator<Item = Result<v1::Case>> + 'a>;

/// The cases of each gate, in plan order. A renderer may ask for the same gate again.
#[derive(Clone, Copy)]
pub struct Cases<'a>(pub &'a dyn Fn(usize) -> CaseStream<'a>);

impl<'a> Cases<'a> {
    /// The cases of the gate at this place, from the first.
    pub fn of(&self, gate: usize) -> CaseStream<'a> {
        (self.0)(gate)
    }
}

/// What people read of one gate beside its numbers.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct View {
    /// One plain sentence: why it passed, failed or has no verdict.
    pub sentence: String,
    /// What else to know, one sentence each: few cases, a model that reports another name, no baseline.
    pub notes: Vec<String>,
    /// The cases worth showing, worst first.
    pub worst: Vec<v1::Case>,
    /// The 1-based line to point at in a review: the changed one, where one changed.
    pub line: Option<u32>,
    /// The file of that line; `None` for the prompt's manifest.
    pub path: Option<String>,
}

/// What a case was made of, for pages that open a case. None of it is part of the machine form.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Detail {
    /// The context as the model saw it, best first.
    pub context: Vec<Chunk>,
    /// Sources that should have been found.
    pub relevant: Vec<String>,
    /// Whether this case alone blocks.
    pub critical: bool,
    /// Whether the case itself gave the context.
    pub pinned: bool,
    /// The texts that asserts did not find in the answer: of each group, one would have done.
    pub lacking: Vec<Vec<String>>,
}

/// The details of a trial, by gate, case and trial; `None` where nothing is known beyond the report.
#[derive(Clone, Copy)]
pub struct Details<'a>(pub &'a dyn Fn(usize, &v1::Case) -> Result<Option<Detail>>);

/// What was said in a trial, by gate and case.
#[derive(Clone, Copy)]
pub struct Tells<'a>(pub &'a dyn Fn(usize, &v1::Case) -> Told);

/// Everything that a renderer may read.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    /// The report.
    pub report: &'a v1::Report,
    /// Its cases.
    pub cases: Cases<'a>,
    /// One view per gate; where one is missing, its sentence is made of the breaches.
    pub views: &'a [View],
    /// What a case was made of, where that is kept.
    pub details: Option<Details<'a>>,
    /// What was said in a case, where that is kept.
    pub tells: Option<Tells<'a>>,
}

impl<'a> Document<'a> {
    /// A document with nothing but the report and its cases.
    pub fn new(report: &'a v1::Report, cases: Cases<'a>) -> Self {
        Self { report, cases, views: &[], details: None, tells: None }
    }

    /// The same, with what people read.
    #[must_use]
    pub fn views(self, views: &'a [View]) -> Self {
        Self { views, ..self }
    }

    /// The same, with what its cases were made of.
    #[must_use]
    pub fn details(self, details: Details<'a>) -> Self {
        Self { details: Some(details), ..self }
    }

    /// The same, with what was said in its cases.
    #[must_use]
    pub fn tells(self, tells: Tells<'a>) -> Self {
        Self { tells: Some(tells), ..self }
    }

    /// The sentence of a gate.
    pub fn sentence(&self, gate: usize) -> String {
        if let Some(view) = self.views.get(gate).filter(|view| !view.sentence.is_empty()) {
            return view.sentence.clone();
        }
        self.report.gates.get(gate).map(sentence_of).unwrap_or_default()
    }

    /// The reasons of a gate that its sentence leaves out.
    pub fn further(&self, gate: usize) -> Vec<&'a v1::Breach> {
        let Some(found) = self.report.gates.get(gate).filter(|gate| gate.breaches.len() > 1) else {
            return Vec::new();
        };
        let sentence = self.sentence(gate);
        let says = |code: Code| found.breaches.iter().any(|breach| breach.code == code.0);
        // Where nothing has a grade, all else that is not known follows from it, and the sentence says so.
        if found.verdict == v1::Verdict::Inconclusive && says(codes::NOTHING_SCORED) {
            return Vec::new();
        }
        let missing = |breach: &&v1::Breach| {
            breach.code != codes::TOO_MANY_UNSCORED.0 && !sentence.contains(&breach.message)
        };
        found.breaches.iter().filter(missing).collect()
    }

    /// The notes of a gate.
    pub fn notes(&self, gate: usize) -> &'a [String] {
        self.views.get(gate).map_or(&[], |view| &view.notes)
    }

    /// The cases of a gate worth showing: those of its view, or else the `most` worst that did not pass.
    ///
    /// # Errors
    /// When a case cannot be read.
    pub fn worst(&self, gate: usize, most: usize) -> Result<Vec<v1::Case>> {
        if let Some(view) = self.views.get(gate) {
            return Ok(view.worst.iter().take(most).cloned().collect());
        }
        let required = self.report.gates.get(gate).and_then(|gate| gate.required);
        worst(self.cases.of(gate), most, required)
    }

    /// What a case was made of; `None` where that is not kept, and for a case without a grade.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn detail(&self, gate: usize, case: &v1::Case) -> Result<Option<Detail>> {
        let graded = self.details.filter(|_| case.status != v1::Status::Unscored);
        Ok(graded.map(|details| (details.0)(gate, case)).transpose()?.flatten())
    }

    /// Whether some gate was compared with a baseline.
    pub fn has_baseline(&self) -> bool {
        self.report.gates.iter().any(|gate| gate.baseline.is_some())
    }
}

/// `path`, which starts at a root that lies `within` a repository, from the top of that.
pub(super) fn from_top(within: &str, path: &str) -> String {
    if within.is_empty() { path.to_owned() } else { format!("{within}/{path}") }
}

/// The `most` worst cases: failed before unscored, then those that passed with a score below what the gate requires;
/// low scores first, then in plan order. Holds no more than that many at a time.
///
/// # Errors
/// When a case cannot be read.
pub fn worst(cases: CaseStream<'_>, most: usize, required: Option<f64>) -> Result<Vec<v1::Case>> {
    let mut kept: Vec<v1::Case> = Vec::new();
    for case in cases {
        let case = case?;
        let low =
            matches!((case.score, required), (Some(score), Some(required)) if !reaches(score, required));
        if case.status == v1::Status::Passed && !low {
            continue;
        }
        let at = kept.partition_point(|have| badness(have) <= badness(&case));
        if at < most {
            kept.insert(at, case);
            kept.truncate(most);
        }
    }
    Ok(kept)
}

/// A key that is smaller for what is worse; a failed case without a judge score comes first.
fn badness(case: &v1::Case) -> (v1::Status, u64) {
    let score = case.score.filter(|score| score.is_finite()).unwrap_or(f64::MIN);
    let bits = score.to_bits();
    (case.status, if score < 0.0 { !bits } else { bits | (1 << 63) })
}

fn sentence_of(gate: &v1::Gate) -> String {
    let reasons: Vec<&str> = gate.breaches.iter().map(|breach| breach.message.as_str()).collect();
    match (gate.verdict, reasons.as_slice()) {
        (v1::Verdict::Passed, _) => "everything that is demanded holds".to_owned(),
        (v1::Verdict::Unaffected, _) => "nothing that changed touches it".to_owned(),
        (v1::Verdict::Failed | v1::Verdict::Inconclusive, []) => "no reason was given".to_owned(),
        (v1::Verdict::Failed | v1::Verdict::Inconclusive, reasons) => reasons.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_worst_come_first_and_passed_ones_only_below_what_is_required() {
        let case = |id: &str, status, score| v1::Case { id: id.into(), status, score, ..sample::case("x") };
        let cases = [
            case("fine", v1::Status::Passed, Some(1.0)),
            case("low", v1::Status::Passed, Some(0.0)),
            case("bad", v1::Status::Failed, Some(2.5)),
            case("outage", v1::Status::Unscored, None),
            case("worse", v1::Status::Failed, Some(-1.0)),
            case("bad-too", v1::Status::Failed, Some(2.5)),
        ];
        let ids = |most| -> Vec<String> {
            let stream = Box::new(cases.iter().cloned().map(Ok));
            worst(stream, most, Some(0.5)).expect("readable").into_iter().map(|case| case.id).collect()
        };
        assert_eq!(ids(9), ["worse", "bad", "bad-too", "outage", "low"]);
        assert_eq!(ids(2), ["worse", "bad"]);
    }
}
