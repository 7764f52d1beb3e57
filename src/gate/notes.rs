//! What does not change the verdict and should be known beside it.

use super::evidence::Comparison;
use super::sentence::unscored;
use super::{Terms, codes, critical, show};
use crate::aggregate::Estimate;
use crate::aggregate::tally::Tally;
use crate::domain::{Code, Unscored, Verdict};

/// Below so many cases a gate decides on very little.
pub const FEW: usize = 15;

/// A warning beside the verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// The stable code.
    pub code: Code,
    /// One plain sentence: a lower-case fragment.
    pub message: String,
}

/// Every warning, in a fixed order.
pub(super) fn notes(terms: &Terms, tally: &Tally, score: Option<&Estimate>, verdict: &Verdict) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |code, message: String| notes.push(Note { code, message });
    let planned = tally.planned().cases;
    if planned > 0 && planned < FEW {
        let cases = show::count(u64::try_from(planned).unwrap_or(u64::MAX), "case");
        let show = if planned == 1 { "shows" } else { "show" };
        note(codes::FEW_CASES, format!("{cases} {show} little: below {FEW} a single case moves the result"));
    }
    if let Some(score) = score {
        match (score.interval, terms.required) {
            (None, _) => {
                let message = "no interval can be given, because fewer than two cases have a score";
                note(codes::NO_INTERVAL, message.to_owned());
            }
            (Some(interval), Some(required)) if interval.low < required && required < interval.high => {
                let message = format!(
                    "the required {} lies within the interval {} to {}: other cases could have decided otherwise",
                    show::threshold(required),
                    show::against(interval.low, required),
                    show::against(interval.high, required),
                );
                note(codes::THRESHOLD_IN_INTERVAL, message);
            }
            _ => {}
        }
    }
    // Without a verdict the sentence says it already.
    if tally.trials_unscored() > 0 && !matches!(verdict, Verdict::Inconclusive { .. }) {
        note(codes::UNSCORED_ALLOWED, unscored(tally));
    }
    if tally.unscored.contains_key(&Unscored::NotRecorded) {
        let message = "what is asked here was not recorded: a maintainer with the keys runs `llmops eval --record` on \
                       this branch and commits the recordings, or runs the gate with the keys, in the merge queue \
                       for example";
        note(codes::NOT_RECORDED, message.to_owned());
    }
    if critical::without_effect(terms, tally) {
        let message =
            "critical cases cannot fail here: there are no asserts, and the gate sets no `case_floor`";
        note(codes::CRITICAL_WITHOUT_EFFECT, message.to_owned());
    }
    if tally.lenient > 0 {
        let replies = show::count(tally.lenient, "judgement");
        note(
            codes::LENIENT_JUDGE,
            format!("{replies} had to be read leniently: the judge wrapped them in other text"),
        );
    }
    if terms.gate.max_regression.is_some() && terms.comparison == Some(&Comparison::NewPrompt) {
        note(
            codes::NEW_PROMPT,
            "the baseline does not have this prompt, so that nothing was compared".to_owned(),
        );
    }
    notes
}
