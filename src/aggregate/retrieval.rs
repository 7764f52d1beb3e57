//! How well what was shown to the model fits what the cases name as `relevant`, and how old it is.

use super::ranking::{Ranking, sources};
use crate::domain::{Grade, TrialRecord, date};
use jiff::civil::Date;

/// Means over trials of cases that name `relevant` sources. Every case has the same number of trials, so that this
/// is the mean over cases, each counted once; weights of cases are weights of the judge's score, not of this.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Retrieval {
    sums: Ranking,
    /// Trials that were measured.
    pub measured: u64,
    /// Trials of such cases of which it is not known what was found.
    pub open: u64,
    /// Chunks that were shown, over all trials.
    pub shown: u64,
    /// Of them, those last updated before the limit.
    pub stale: u64,
    /// Of them, those whose age is not known.
    pub undated: u64,
    /// Trials of which it is not known what was shown.
    pub unseen: u64,
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn share(part: f64, of: u64) -> Option<f64> {
    (of > 0).then(|| part / of as f64)
}

impl Retrieval {
    /// Adds a trial; true when its ranking was measured. `top_k` is the k of the measures; where it is not known, k
    /// is the number of sources shown. A trial whose retrieval may not have taken place is open, not a 0. A case that
    /// pins its context says nothing of the retriever, which never ran.
    pub(super) fn add(
        &mut self,
        record: &TrialRecord,
        top_k: Option<usize>,
        stale_before: Option<Date>,
    ) -> bool {
        if record.pinned {
            return false;
        }
        let known = matches!(record.grade, Grade::Scored { .. })
            || record.output.is_some()
            || !record.context.is_empty();
        if !known {
            self.unseen += 1;
            self.open += u64::from(!record.relevant.is_empty());
            return false;
        }
        for chunk in &record.context {
            self.shown += 1;
            let updated = chunk.last_updated.as_deref().and_then(date);
            match (updated, stale_before) {
                (Some(updated), Some(limit)) => self.stale += u64::from(updated < limit),
                _ => self.undated += 1,
            }
        }
        let ranking = sources(record.context.iter().map(|chunk| chunk.source.as_deref()));
        let gains: Vec<(&str, f64)> = sources(record.relevant.iter().map(|source| Some(&**source)))
            .into_iter()
            .map(|s| (s, 1.0))
            .collect();
        let k = top_k.unwrap_or(ranking.len()).max(1);
        let Some(found) = Ranking::measure(&ranking, &gains, k) else { return false };
        self.measured += 1;
        self.sums = plus(self.sums, found);
        true
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.sums = plus(self.sums, other.sums);
        self.measured += other.measured;
        self.open += other.open;
        self.shown += other.shown;
        self.stale += other.stale;
        self.undated += other.undated;
        self.unseen += other.unseen;
    }

    /// The means; `None` when nothing was measured.
    pub fn means(&self) -> Option<Ranking> {
        let mean = |sum| share(sum, self.measured);
        Some(Ranking {
            recall_at_k: mean(self.sums.recall_at_k)?,
            precision_at_k: mean(self.sums.precision_at_k)?,
            mrr: mean(self.sums.mrr)?,
            ndcg: mean(self.sums.ndcg)?,
            map: mean(self.sums.map)?,
        })
    }

    /// The share of the shown chunks that is stale; `None` when nothing was shown, or the age of any is not known.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn stale_fraction(&self) -> Option<f64> {
        if self.undated > 0 { None } else { share(self.stale as f64, self.shown) }
    }
}

fn plus(a: Ranking, b: Ranking) -> Ranking {
    Ranking {
        recall_at_k: a.recall_at_k + b.recall_at_k,
        precision_at_k: a.precision_at_k + b.precision_at_k,
        mrr: a.mrr + b.mrr,
        ndcg: a.ndcg + b.ndcg,
        map: a.map + b.map,
    }
}
