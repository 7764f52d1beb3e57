//! Measures of a ranking against the sources that should have been found.
//!
//! The definitions are those of `trec_eval`: binary relevance, every source that is not relevant counts as not
//! relevant, the order of the list is the ranking. All are between 0 and 1.

use std::collections::BTreeSet;

/// The sources of `chunks` in the order in which they first appear: a source that is shown in three chunks was
/// found once, at its first place. Chunks without a source take no place.
pub fn sources<'a>(chunks: impl IntoIterator<Item = Option<&'a str>>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    chunks.into_iter().flatten().filter(|source| seen.insert(*source)).collect()
}

/// Relevance by rank.
fn hits(ranking: &[&str], gains: &[(&str, f64)]) -> Vec<bool> {
    ranking
        .iter()
        .map(|source| gains.iter().any(|(relevant, gain)| relevant == source && *gain > 0.0))
        .collect()
}

fn relevant(gains: &[(&str, f64)]) -> usize {
    gains.iter().filter(|(_, gain)| *gain > 0.0).count()
}

fn count(hits: &[bool], k: usize) -> f64 {
    float(hits.iter().take(k).filter(|hit| **hit).count())
}

/// A count as a number; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "lists are far shorter than 2^53")]
fn float(count: usize) -> f64 {
    count as f64
}

/// The measures of one ranking.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Ranking {
    /// Share of the relevant sources among the first k.
    pub recall_at_k: f64,
    /// Share of relevant ones among the first k places; divides by k even when fewer were returned.
    pub precision_at_k: f64,
    /// 1 / rank of the first relevant source; 0 when none was found.
    pub mrr: f64,
    /// Discounted gain of the first k, gain / log2(rank + 1), over that of the best possible first k.
    pub ndcg: f64,
    /// Mean over all relevant sources of the precision at their rank; 0 for one that was not found.
    pub map: f64,
}

impl Ranking {
    /// Measures `ranking` at `k` against sources with a gain above 0. `mrr` and `map` look at the whole ranking,
    /// as `trec_eval` does. `None` where nothing is relevant or `k` is 0: such a question measures nothing.
    pub fn measure(ranking: &[&str], gains: &[(&str, f64)], k: usize) -> Option<Self> {
        let wanted = relevant(gains);
        if wanted == 0 || k == 0 {
            return None;
        }
        let hits = hits(ranking, gains);
        let found = count(&hits, k);
        Some(Self {
            recall_at_k: found / float(wanted),
            precision_at_k: found / float(k),
            mrr: hits.iter().position(|hit| *hit).map_or(0.0, |at| 1.0 / float(at + 1)),
            ndcg: ndcg(ranking, gains, k),
            map: average_precision(&hits, wanted),
        })
    }
}

fn average_precision(hits: &[bool], wanted: usize) -> f64 {
    let (mut found, mut sum) = (0, 0.0);
    for (at, _) in hits.iter().enumerate().filter(|(_, hit)| **hit) {
        found += 1;
        sum += float(found) / float(at + 1);
    }
    sum / float(wanted)
}

fn ndcg(ranking: &[&str], gains: &[(&str, f64)], k: usize) -> f64 {
    let discounted = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        gains.take(k).enumerate().map(|(at, gain)| gain / float(at + 2).log2()).sum()
    };
    let gain_of = |source: &&str| {
        gains.iter().find(|(relevant, _)| relevant == source).map_or(0.0, |(_, gain)| gain.max(0.0))
    };
    let mut best: Vec<f64> = gains.iter().map(|(_, gain)| gain.max(0.0)).collect();
    best.sort_by(|a, b| b.total_cmp(a));
    discounted(&mut ranking.iter().map(gain_of)) / discounted(&mut best.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::vectors::{self, number};

    #[test]
    fn the_measures_are_those_of_trec_eval() {
        let file = vectors::read("metrics_retrieval");
        let tolerance = vectors::tolerance(&file);
        let (mut measured, mut nothing_relevant) = (0, 0);
        for case in vectors::cases(&file) {
            // The last case sorts by scores and breaks ties by name; here the list's order is the ranking.
            let Some(ranking) = case["inputs"]["ranking"].as_array() else { continue };
            let ranking: Vec<&str> = ranking.iter().filter_map(|source| source.as_str()).collect();
            let qrels = case["inputs"]["qrels"].as_object().unwrap();
            let gains: Vec<(&str, f64)> =
                qrels.iter().map(|(source, gain)| (&**source, number(gain))).collect();
            let expected = &case["expected"];
            for k in [1, 3, 5, 10] {
                let Some(found) = Ranking::measure(&ranking, &gains, k) else {
                    nothing_relevant += 1;
                    continue;
                };
                for (name, value) in [
                    (format!("recall@{k}"), found.recall_at_k),
                    (format!("precision@{k}"), found.precision_at_k),
                    (format!("ndcg@{k}"), found.ndcg),
                    ("mrr".to_owned(), found.mrr),
                    ("map".to_owned(), found.map),
                ] {
                    vectors::near(value, number(&expected[&name]), tolerance, &case["id"]);
                    measured += 1;
                }
            }
        }
        assert!(measured >= 300, "{measured}");
        assert_eq!(nothing_relevant % 4, 0);
    }

    #[test]
    fn a_question_with_nothing_relevant_measures_nothing() {
        assert_eq!(Ranking::measure(&["a"], &[], 3), None);
        assert_eq!(Ranking::measure(&["a"], &[("a", 0.0)], 3), None);
        assert_eq!(Ranking::measure(&["a"], &[("a", 1.0)], 0), None);
    }

    #[test]
    fn a_source_in_two_chunks_takes_one_place() {
        let chunks = [Some("a"), Some("a"), None, Some("b"), Some("a")];
        assert_eq!(sources(chunks), ["a", "b"]);
    }
}
