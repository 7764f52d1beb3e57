//! Whether a record that was read back, of a run that is continued or of a shard, is one of the plan.

use crate::domain::grade::Judgement;
use crate::domain::score::TOLERANCE;
use crate::domain::{Grade, TrialRecord};
use crate::manifest::suite::Judge;
use crate::plan::GatePlan;

/// Why a record cannot be that of a case of the plan: it is of another one, its case is not as the suite has it, or its
/// score is not that of its dimensions.
pub fn foreign(gate: &GatePlan, case: usize, record: &TrialRecord) -> Option<String> {
    let planned = gate.suite.cases.get(gate.cases[case]).case;
    if planned.id != record.id {
        return Some(format!("the case there is `{}`, and not `{}`", planned.id, record.id));
    }
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
fn is_mean(judgement: &Judgement, judge: &Judge) -> bool {
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
