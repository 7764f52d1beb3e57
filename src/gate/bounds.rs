//! What a mean can still become while trials have no grade.
//!
//! A case with n scored trials of sum S and u open ones has, when completed, a mean between (S + u·min)/(n + u) and
//! (S + u·max)/(n + u): every completion lies in this *span*, and both ends are completions. An open trial to which no
//! dimension turns out to apply leaves the mean between the same ends, because leaving out a value at an end of the
//! scale moves a mean away from that end.

use crate::aggregate::case::{CaseTally, Running};
use crate::aggregate::tally::Tally;
use crate::domain::Scale;

/// The two ends between which a number lies.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bounds {
    /// No completion is below it.
    pub low: f64,
    /// No completion is above it.
    pub high: f64,
}

/// The mean of one case, as far as it is known.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Span {
    pub weight: f64,
    pub low: f64,
    pub high: f64,
    /// Whether a completion may leave the case without any score, because nothing applies to it.
    pub optional: bool,
}

impl Span {
    /// Whether nothing about it is open.
    pub fn settled(&self) -> bool {
        self.low == self.high && !self.optional
    }

    /// The span of `case` for the scores in `scores`; `None` where nothing was scored and nothing is open.
    ///
    /// `may_not_apply`: whether a scored trial may rightly have no score. Where it may not, a scored trial without a
    /// score is open like one without a grade: a judge that left out what it had to score has not scored it.
    pub fn of(case: &CaseTally, scores: Running, scale: Scale, may_not_apply: bool) -> Option<Self> {
        let gaps = if may_not_apply { 0 } else { case.scored.saturating_sub(scores.n()) };
        let open = case.unscored + gaps;
        let weight = case.weight;
        if open == 0 {
            let mean = scores.mean()?;
            return Some(Self { weight, low: mean, high: mean, optional: false });
        }
        let all = f64::from(scores.n() + open);
        let end = |value: f64| (scores.sum() + f64::from(open) * value) / all;
        let optional = may_not_apply && scores.n() == 0;
        Some(Self { weight, low: end(scale.min), high: end(scale.max), optional })
    }
}

/// The spans of all cases.
pub(super) struct Spans {
    pub list: Vec<Span>,
    /// How many cases have a score already.
    pub scored: usize,
}

impl Spans {
    /// The spans of what `pick` takes from each case.
    pub fn of(
        tally: &Tally,
        scale: Scale,
        may_not_apply: bool,
        pick: impl Fn(&CaseTally) -> Running,
    ) -> Self {
        let scored = tally.cases().iter().filter(|case| pick(case).n() > 0).count();
        let span = |case: &CaseTally| Span::of(case, pick(case), scale, may_not_apply);
        Self { list: tally.cases().iter().filter_map(span).collect(), scored }
    }

    /// Whether anything is open.
    pub fn open(&self) -> bool {
        self.list.iter().any(|span| !span.settled())
    }

    /// The bounds of the weighted mean over the cases: every case at its lower end, every case at its upper end.
    ///
    /// Exact: a mean with weights above 0 rises with each of its values, and both ends are completions. A case that
    /// drops out because nothing applies to it had the whole scale as its span, and leaving out a value at an end of
    /// the scale moves the mean away from that end. `None` without cases.
    pub fn mean(&self) -> Option<Bounds> {
        let weight: f64 = self.list.iter().map(|span| span.weight).sum();
        let mean = |end: fn(&Span) -> f64| self.list.iter().map(|s| s.weight * end(s)).sum::<f64>() / weight;
        (!self.list.is_empty()).then(|| Bounds { low: mean(|span| span.low), high: mean(|span| span.high) })
    }
}
