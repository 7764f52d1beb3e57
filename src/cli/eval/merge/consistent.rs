//! Whether the report of a shard holds together: what it says of each case is what its records say. (That what it says
//! of each gate is what they sum up to is in `summed`.) A report that was edited by hand, or cut and glued, is found; one
//! that was forged throughout is not, for it carries no replies.

use crate::domain::grade::Judgement;
use crate::domain::score::TOLERANCE;
use crate::domain::{Error, Grade, TrialRecord};
use crate::plan::GatePlan;
use crate::report::v1;

/// The error of a report that does not hold together.
pub fn broken(path: &str, why: &str) -> Error {
    Error::input(format!("{path} does not hold together: {why}"))
        .hint("it was changed after it was written: run the shard again")
}

/// Why a row is not what its record says. Whether a case is below the floor is decided anew, so that it is not compared.
pub fn row(row: &v1::Case, record: &TrialRecord) -> Option<String> {
    let said = v1::Case { status: row.status, ..v1::Case::of_trial(record, None) };
    (said != *row).then(|| format!("the row of the case `{}` says something else than its record", row.id))
}

/// Why a record cannot be one of the plan: its case has another weight, or its score is not that of its dimensions.
pub fn record(gate: &GatePlan, case: usize, record: &TrialRecord) -> Option<String> {
    let planned = gate.suite.cases.get(gate.cases[case]).case;
    if planned.critical != record.critical || (planned.weight - record.weight).abs() > TOLERANCE {
        return Some(format!("the case `{}` has another weight than the suite gives it", record.id));
    }
    if planned.tags != record.tags || planned.relevant != record.relevant {
        return Some(format!(
            "the case `{}` has other tags or relevant texts than the suite gives it",
            record.id
        ));
    }
    let Grade::Scored { judgement, .. } = &record.grade else { return None };
    match (&gate.suite.judge, judgement) {
        (None, None) => None,
        (Some(judge), Some(judgement)) => {
            let on_scale =
                judgement.dimensions.values().flatten().chain(&judgement.score).all(|score| {
                    *score >= judge.scale.min - TOLERANCE && *score <= judge.scale.max + TOLERANCE
                });
            (!on_scale || !is_mean(judgement, judge))
                .then(|| format!("the score of the case `{}` is not that of its dimensions", record.id))
        }
        _ => Some(format!("the case `{}` is judged in one of suite and shard alone", record.id)),
    }
}

/// Whether a score is the mean of its dimensions by weight.
fn is_mean(judgement: &Judgement, judge: &crate::manifest::suite::Judge) -> bool {
    let (mut sum, mut weights) = (0.0, 0.0);
    for dimension in &judge.dimensions {
        if let Some(Some(score)) = judgement.dimensions.get(&dimension.name) {
            sum += dimension.weight * score;
            weights += dimension.weight;
        }
    }
    match judgement.score {
        Some(score) => weights > 0.0 && (score - sum / weights).abs() <= TOLERANCE * score.abs().max(1.0),
        None => weights <= 0.0,
    }
}
