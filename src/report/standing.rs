//! How a measure stands to what is required of it, as the gate decided it: one answer for the terminal, the page and
//! the comment.
//!
//! The mean alone does not tell. A gate may decide by the lower bound, and grades that are missing can leave a measure
//! undecided on either side of its threshold.

use super::numbers::{against, threshold};
use super::paint::Tone;
use super::v1::{Dimension, Gate, Measure, Verdict};
use crate::domain::score::reaches;
use crate::gate::codes;

/// How a measure stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// Nothing is required of it.
    Free,
    /// It reaches what is required.
    Holds,
    /// It does not.
    Below,
    /// It cannot be told.
    Open,
    /// It was not measured.
    Unknown,
}

impl Standing {
    /// The tone to say it in; none where nothing is to be said.
    pub(super) fn tone(self) -> Option<Tone> {
        match self {
            Self::Free => None,
            Self::Holds => Some(Tone::Good),
            Self::Below => Some(Tone::Bad),
            Self::Open | Self::Unknown => Some(Tone::Unsure),
        }
    }

    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Free => "",
            Self::Holds => "ok",
            Self::Below => "below",
            Self::Open => "undecided",
            Self::Unknown => "not known",
        }
    }

    /// The sign for what keeps a gate from passing.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Free | Self::Holds => "",
            Self::Below => " ❌",
            Self::Open | Self::Unknown => " ⚠️",
        }
    }
}

/// The judge's score against `eval_score_required`.
pub(super) fn of_score(gate: &Gate) -> Standing {
    let Some(required) = gate.required else { return Standing::Free };
    let Some(score) = &gate.score else { return Standing::Unknown };
    let said = |code: crate::domain::Code| gate.breaches.iter().any(|breach| breach.code == code.0);
    if said(codes::SCORE_BELOW) {
        return Standing::Below;
    }
    if said(codes::SCORE_OPEN) {
        return Standing::Open;
    }
    let open = match score.lower_bound {
        None => gate.worst_case_mean.zip(gate.best_case_mean),
        // How far the open grades could move the bound is not known here.
        Some(_) => Some((f64::NEG_INFINITY, f64::INFINITY)),
    };
    settled(gate, score.lower_bound.unwrap_or(score.mean), required, open)
}

/// A dimension against what the suite requires of it.
pub(super) fn of_dimension(gate: &Gate, dimension: &Dimension) -> Standing {
    let Some(required) = dimension.required else { return Standing::Free };
    let Some(mean) = dimension.mean else { return Standing::Unknown };
    let name = format!("`{}`", dimension.name);
    let said = |code: crate::domain::Code| {
        gate.breaches.iter().any(|breach| breach.code == code.0 && breach.message.contains(&name))
    };
    if said(codes::DIMENSION_BELOW) {
        return Standing::Below;
    }
    if said(codes::DIMENSION_OPEN) {
        return Standing::Open;
    }
    settled(gate, mean, required, dimension.ci_low.zip(dimension.ci_high))
}

/// A metric of what was retrieved against what the suite requires of it.
pub(super) fn of_retrieval(gate: &Gate, measure: &Measure) -> Standing {
    let Some(required) = measure.required else { return Standing::Free };
    let Some(value) = measure.value else { return Standing::Unknown };
    if !reaches(value, required) {
        let open = gate.breaches.iter().any(|breach| breach.code == codes::RETRIEVAL_OPEN.0);
        return if open { Standing::Open } else { Standing::Below };
    }
    // Trials of which it is not known what they retrieved can still move it.
    settled(gate, value, required, Some((f64::NEG_INFINITY, f64::INFINITY)))
}

/// How `value` stands; where grades are missing, only what both ends of `open` agree on is settled.
fn settled(gate: &Gate, value: f64, required: f64, open: Option<(f64, f64)>) -> Standing {
    let holds = |value| if reaches(value, required) { Standing::Holds } else { Standing::Below };
    match (gate.verdict, open) {
        // A gate that passed holds in every way in which what is open could turn out.
        (Verdict::Passed | Verdict::Unaffected, _) => Standing::Holds,
        (_, Some((low, high))) if gate.cases_unscored > 0 && holds(low) != holds(high) => Standing::Open,
        _ => holds(value),
    }
}

/// What is required of the score: `≥ 4.2`, or of its lower bound; empty where nothing is.
pub(super) fn demand_of_score(gate: &Gate) -> String {
    let bound = gate.score.as_ref().is_some_and(|score| score.lower_bound.is_some());
    let of = if bound { "lower bound " } else { "" };
    gate.required.map_or(String::new(), |required| format!("{of}≥ {}", threshold(required)))
}

/// The lower bound beside its threshold, where the gate decides by it.
pub(super) fn bound(gate: &Gate) -> Option<String> {
    let bound = gate.score.as_ref()?.lower_bound?;
    Some(against(Some(bound), gate.required))
}

/// What is required of a dimension; empty where nothing is.
pub(super) fn demand(required: Option<f64>) -> String {
    required.map_or(String::new(), |required| format!("≥ {}", threshold(required)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::report::v1::Breach;

    /// A gate whose mean reaches 4 and whose lower bound does not.
    fn by_bound() -> Gate {
        let mut gate = Gate { required: Some(4.0), cases_unscored: 0, ..sample::gate() };
        let score = gate.score.as_mut().expect("a score");
        (score.mean, score.lower_bound) = (4.3, Some(3.87));
        gate.breaches = vec![Breach {
            code: codes::SCORE_BELOW.0.into(),
            message: "the 95 % lower bound of the score 3.87 is below the required 4.00".into(),
        }];
        gate
    }

    #[test]
    fn a_gate_that_fails_by_its_lower_bound_does_not_hold_although_its_mean_does() {
        let gate = by_bound();
        assert_eq!(of_score(&gate), Standing::Below);
        assert_eq!(
            (demand_of_score(&gate).as_str(), bound(&gate).as_deref()),
            ("lower bound ≥ 4", Some("3.87"))
        );
        // Also where it is not told by a breach, because something else made the gate fail.
        assert_eq!(of_score(&Gate { breaches: vec![], ..gate.clone() }), Standing::Below);
        let open = Gate { breaches: vec![], cases_unscored: 1, ..gate };
        assert_eq!(of_score(&open), Standing::Open);
        assert_eq!(of_score(&Gate { verdict: Verdict::Passed, ..open }), Standing::Holds);
    }

    #[test]
    fn missing_grades_leave_a_measure_undecided() {
        let mut gate = Gate { breaches: vec![], ..sample::gate() };
        (gate.worst_case_mean, gate.best_case_mean) = (Some(4.1), Some(4.3));
        assert_eq!(of_score(&gate), Standing::Open);
        gate.best_case_mean = Some(4.19);
        assert_eq!(of_score(&gate), Standing::Below);
        let dimension = |name: &str| gate.dimensions.iter().find(|one| one.name == name).expect("it").clone();
        assert_eq!(of_dimension(&gate, &dimension("relevance")), Standing::Holds);
        assert_eq!(of_dimension(&gate, &dimension("tone")), Standing::Free);
        gate.breaches = vec![Breach {
            code: codes::DIMENSION_OPEN.0.into(),
            message: "`relevance` could still land between 3.90 and 4.70 (4.00 required)".into(),
        }];
        assert_eq!(of_dimension(&gate, &dimension("relevance")), Standing::Open);
        assert_eq!(of_score(&Gate { score: None, ..gate }), Standing::Unknown);
    }
}
