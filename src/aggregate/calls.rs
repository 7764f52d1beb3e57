//! What a run's calls took: tokens, money, time.

use crate::domain::exchange::Source;
use crate::domain::grade::{CallRecord, CallRole};
use crate::domain::{TrialRecord, Usd};

/// A sum that knows whether something in it is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tokens {
    known: u64,
    unknown: u64,
}

impl Tokens {
    fn add(&mut self, count: Option<u64>) {
        match count {
            Some(count) => self.known = self.known.saturating_add(count),
            None => self.unknown += 1,
        }
    }

    fn merge(&mut self, other: Self) {
        self.known = self.known.saturating_add(other.known);
        self.unknown += other.unknown;
    }

    /// The sum; `None` when any call did not report its part.
    pub fn sum(self) -> Option<u64> {
        (self.unknown == 0).then_some(self.known)
    }
}

/// The nearest-rank percentile: the smallest value that at least `percent` % of `sorted` do not exceed. `None`
/// for an empty list.
pub fn nearest_rank(sorted: &[u64], percent: u64) -> Option<u64> {
    let rank = (u128::from(percent) * sorted.len() as u128).div_ceil(100).max(1);
    sorted.get(usize::try_from(rank).ok()? - 1).copied()
}

/// Latencies of the replies of the model under test, in milliseconds by nearest rank. A reply from the store has the
/// latency of its call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: u64,
    /// 95 % of them took no longer.
    pub p95: u64,
    /// The slowest.
    pub max: u64,
    /// How many of them came in this run.
    pub n_live: usize,
}

/// All calls of a gate, judge's and embedder's included unless said otherwise.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Calls {
    /// Replies of this run.
    pub live: u64,
    /// Replies from the store.
    pub cached: u64,
    /// Replies from recordings.
    pub recorded: u64,
    /// Attempts after the first, also those of calls that never succeeded.
    pub retries: u64,
    /// Input tokens.
    pub input: Tokens,
    /// Output tokens; embeddings have none.
    pub output: Tokens,
    /// Input tokens read from a provider's cache; embeddings have none.
    pub cached_input: Tokens,
    /// Output tokens spent on reasoning; embeddings have none.
    pub reasoning: Tokens,
    /// Replies that have no price: their model has none, or their usage is not known.
    pub unpriced: u64,
    /// Of these, replies for which the provider reported no usage that a price could be put to.
    pub unreported: u64,
    /// Milliseconds that the replies of the model under test took, stored ones when they were called, in the order of
    /// arrival.
    pub answers_ms: Vec<u64>,
    /// How many of them came in this run.
    pub live_answers: usize,
    /// The most input tokens of any one request to the model under test.
    pub max_answer_input: Option<u64>,
    /// Requests to the model under test of which the input tokens are not known.
    pub unknown_answer_input: u64,
    priced: u64,
    cost: Usd,
    spent: Usd,
}

impl Calls {
    /// Adds the calls of one trial.
    pub fn add(&mut self, record: &TrialRecord) {
        // A trial ends with the first call that fails for good, and its first attempt was no retry.
        self.retries += u64::from(record.failed_attempts.saturating_sub(1));
        for call in &record.calls {
            self.add_call(call);
        }
    }

    fn add_call(&mut self, call: &CallRecord) {
        let live = call.source == Source::Live;
        match call.source {
            Source::Live => self.live += 1,
            Source::Cached => self.cached += 1,
            Source::Recorded => self.recorded += 1,
        }
        self.retries += u64::from(call.retries);
        self.input.add(call.usage.input);
        if call.role != CallRole::Embedding {
            self.output.add(call.usage.output);
            self.cached_input.add(call.usage.cached);
            self.reasoning.add(call.usage.reasoning);
        }
        match call.cost {
            Some(cost) => {
                self.priced += 1;
                self.cost += cost;
                if live {
                    self.spent += cost;
                }
            }
            None => {
                self.unpriced += 1;
                self.unreported += u64::from(!call.reports_usage());
            }
        }
        if call.role == CallRole::Answer {
            self.answers_ms.push(call.latency_ms);
            self.live_answers += usize::from(live);
            match call.usage.input {
                Some(tokens) => self.max_answer_input = self.max_answer_input.max(Some(tokens)),
                None => self.unknown_answer_input += 1,
            }
        }
    }

    /// Adds the calls of another part of the same run.
    pub fn merge(&mut self, other: Self) {
        self.live += other.live;
        self.cached += other.cached;
        self.recorded += other.recorded;
        self.retries += other.retries;
        self.input.merge(other.input);
        self.output.merge(other.output);
        self.cached_input.merge(other.cached_input);
        self.reasoning.merge(other.reasoning);
        self.unpriced += other.unpriced;
        self.unreported += other.unreported;
        self.answers_ms.extend(other.answers_ms);
        self.live_answers += other.live_answers;
        self.max_answer_input = self.max_answer_input.max(other.max_answer_input);
        self.unknown_answer_input += other.unknown_answer_input;
        self.priced += other.priced;
        self.cost += other.cost;
        self.spent += other.spent;
    }

    /// The price of every priced reply as if it were live. `None` when there were replies and none has a price;
    /// beside a number, [`Calls::unpriced`] says how many are missing from it.
    pub fn cost(&self) -> Option<Usd> {
        (self.priced > 0 || self.unpriced == 0).then_some(self.cost)
    }

    /// The price of the live replies alone, as [`Calls::cost`].
    pub fn spent(&self) -> Option<Usd> {
        (self.priced > 0 || self.unpriced == 0).then_some(self.spent)
    }

    /// Latencies of the replies of the model under test; `None` when there was none.
    pub fn latency(&self) -> Option<Latency> {
        let mut sorted = self.answers_ms.clone();
        sorted.sort_unstable();
        Some(Latency {
            p50: nearest_rank(&sorted, 50)?,
            p95: nearest_rank(&sorted, 95)?,
            max: *sorted.last()?,
            n_live: self.live_answers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::vectors::{self, number};
    use crate::domain::{Digest, Usage};

    fn whole(value: &serde_json::Value) -> u64 {
        value.as_u64().or_else(|| value.as_f64().map(|number| format!("{number}").parse().unwrap())).unwrap()
    }

    #[test]
    fn percentiles_are_those_of_the_reference() {
        let file = vectors::read("metrics_latency");
        let mut seen = 0;
        for case in vectors::cases(&file) {
            let Some(values) = case["inputs"]["latency_ms"].as_array() else { continue };
            let mut sorted: Vec<u64> = values.iter().map(whole).collect();
            sorted.sort_unstable();
            for percent in [50, 90, 95, 99] {
                let expected = &case["expected"][format!("p{percent}_nearest_rank")];
                let found = nearest_rank(&sorted, percent).unwrap();
                assert_eq!(found, whole(expected), "{} p{percent}", case["id"]);
                seen += 1;
            }
        }
        assert!(seen >= 32, "{seen}");
        for case in vectors::cases(&vectors::read("17_special")) {
            let inputs = &case["inputs"];
            if inputs["fn"] != "percentile" {
                continue;
            }
            // In thousandths, because some of the data are not whole.
            let thousandths = |value: f64| whole(&serde_json::json!((value * 1000.0).round()));
            let mut sorted: Vec<u64> =
                vectors::numbers(&inputs["data"]).into_iter().map(thousandths).collect();
            sorted.sort_unstable();
            let expected = thousandths(number(&case["expected"]["nearest_rank"]));
            assert_eq!(nearest_rank(&sorted, whole(&inputs["p"])), Some(expected), "{}", case["id"]);
        }
        assert_eq!(nearest_rank(&[], 50), None);
    }

    fn call(role: CallRole, source: Source, ms: u64, input: Option<u64>, cost: Option<&str>) -> CallRecord {
        CallRecord {
            role,
            source,
            key: Digest::of_json(&serde_json::json!(ms)),
            retries: 1,
            latency_ms: ms,
            usage: Usage { input, ..Usage::default() },
            cost: cost.map(|cost| cost.parse().unwrap()),
        }
    }

    #[test]
    fn answers_have_the_latency_of_their_call_and_only_live_calls_are_spent() {
        let mut calls = Calls::default();
        calls.add_call(&call(CallRole::Answer, Source::Live, 100, Some(10), Some("0.5")));
        calls.add_call(&call(CallRole::Answer, Source::Cached, 9_000, Some(40), Some("0.25")));
        calls.add_call(&call(CallRole::Judge, Source::Live, 7_000, Some(900), Some("0.125")));
        let latency = calls.latency().unwrap();
        assert_eq!((latency.p50, latency.p95, latency.max, latency.n_live), (100, 9_000, 9_000, 1));
        assert_eq!(calls.cost(), Some("0.875".parse().unwrap()));
        assert_eq!(calls.spent(), Some("0.625".parse().unwrap()));
        assert_eq!((calls.input.sum(), calls.output.sum()), (Some(950), None));
        assert_eq!((calls.max_answer_input, calls.live, calls.cached, calls.retries), (Some(40), 2, 1, 3));
    }

    #[test]
    fn the_first_attempt_of_a_call_that_fails_is_no_retry() {
        let mut calls = Calls::default();
        let failed = |failed_attempts| TrialRecord {
            failed_attempts,
            ..crate::aggregate::tally_tests::record(0, 0, crate::aggregate::tally_tests::unscored())
        };
        // None was made, one that was final, and three.
        [0, 1, 3].into_iter().for_each(|attempts| calls.add(&failed(attempts)));
        assert_eq!(calls.retries, 2);
    }

    #[test]
    fn what_is_unknown_is_not_zero() {
        let mut calls = Calls::default();
        assert_eq!((calls.cost(), calls.latency()), (Some(Usd::ZERO), None));
        calls.add_call(&call(CallRole::Answer, Source::Cached, 1, None, None));
        assert_eq!((calls.cost(), calls.spent(), calls.unpriced, calls.input.sum()), (None, None, 1, None));
        assert_eq!(calls.unreported, 1, "nothing was reported");
        assert_eq!((calls.max_answer_input, calls.unknown_answer_input), (None, 1));
        assert_eq!(calls.latency().map(|latency| (latency.p50, latency.n_live)), Some((1, 0)));
    }
}
