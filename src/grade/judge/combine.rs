//! Replies of a judge become a judgement.

use super::read::JudgeReply;
use crate::domain::grade::Judgement;
use crate::manifest::prompt::Dimension;

/// The judgement of one answer: per dimension the mean over the repeats, `None` where it was not asked for; in all the
/// mean of the scored dimensions by weight, `None` where there are none.
///
/// `dimensions` are all of the judge's, `replies` one per repeat. A dimension counts only where every repeat scored it.
pub fn combine(dimensions: &[Dimension], replies: &[JudgeReply]) -> Judgement {
    let mut judgement = Judgement {
        reason: replies.first().map(|reply| reply.reason.clone()).unwrap_or_default(),
        lenient: replies.iter().any(|reply| reply.lenient),
        ..Judgement::default()
    };
    let (mut sum, mut weights) = (0.0, 0.0);
    for dimension in dimensions {
        let scores: Option<Vec<f64>> = replies
            .iter()
            .map(|reply| {
                reply.scores.iter().find(|(name, _)| *name == dimension.name).map(|(_, score)| *score)
            })
            .collect();
        let mean = scores.and_then(|scores| mean(&scores));
        if let Some(mean) = mean {
            sum += dimension.weight * mean;
            weights += dimension.weight;
        }
        judgement.dimensions.insert(dimension.name.clone(), mean);
    }
    judgement.score = (weights > 0.0).then(|| sum / weights);
    for model in replies.iter().filter_map(|reply| reply.reported.as_ref()) {
        if !judgement.reported.contains(model) {
            judgement.reported.push(model.clone());
        }
    }
    judgement
}

fn mean(scores: &[f64]) -> Option<f64> {
    let count = u32::try_from(scores.len()).ok().filter(|count| *count > 0)?;
    Some(scores.iter().sum::<f64>() / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DimensionName, ModelId};

    fn dimension(name: &str, weight: f64) -> Dimension {
        Dimension {
            name: DimensionName::from(name),
            description: String::new(),
            weight,
            required: None,
            needs: Vec::new(),
            place: None,
        }
    }

    fn reply(scores: &[(&str, f64)], reason: &str) -> JudgeReply {
        JudgeReply {
            scores: scores.iter().map(|(name, score)| (DimensionName::from(*name), *score)).collect(),
            reason: reason.into(),
            lenient: reason.is_empty(),
            extra: Vec::new(),
            reported: Some(ModelId::from("judge-1")),
        }
    }

    #[test]
    fn it_is_the_weighted_mean_of_the_means_over_repeats() {
        let dimensions = [dimension("a", 1.0), dimension("b", 0.5), dimension("c", 2.0)];
        let replies = [reply(&[("a", 5.0), ("b", 2.0)], "first"), reply(&[("a", 4.0), ("b", 2.0)], "")];
        let judgement = combine(&dimensions, &replies);
        assert_eq!(judgement.dimensions[&DimensionName::from("a")], Some(4.5));
        assert_eq!(judgement.dimensions[&DimensionName::from("c")], None);
        assert_eq!(judgement.score, Some((4.5 + 1.0) / 1.5));
        assert_eq!((judgement.reason.as_str(), judgement.lenient), ("first", true));
        assert_eq!(judgement.reported, [ModelId::from("judge-1")]);
    }

    #[test]
    fn without_scores_there_is_no_score() {
        let judgement = combine(&[dimension("a", 1.0)], &[]);
        assert_eq!(judgement.score, None);
        assert_eq!(judgement.dimensions[&DimensionName::from("a")], None);
    }
}
