//! What is demanded of shares: asserts, metrics, refusals, retrieval.

use super::bounds::Bounds;
use super::check::{Check, State, at_least, at_most};
use super::{Terms, codes, show};
use crate::aggregate::asserts::Metric;
use crate::aggregate::ranking::Ranking;
use crate::aggregate::tally::Tally;
use crate::domain::Code;
use crate::domain::score::TOLERANCE;

/// The metric that is a maximum and counts refusals instead of asserts.
pub const REFUSAL_RATE: &str = "refusal_rate";

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

/// A share against its limit.
struct Share<'a> {
    name: &'a str,
    what: &'a str,
    limit: f64,
    minimum: bool,
    bounds: Bounds,
    out: Code,
    open: Code,
}

impl Share<'_> {
    fn check(self) -> Check {
        let state = if self.minimum { at_least } else { at_most }(self.bounds, self.limit);
        self.with(state)
    }

    fn with(self, state: State) -> Check {
        let Self { name, what, limit, minimum, bounds, out, open } = self;
        let (low, high) = (show::share_against(bounds.low, limit), show::share_against(bounds.high, limit));
        let found = if bounds.low == bounds.high { low.clone() } else { format!("{low} to {high}") };
        let (sign, word, wrong) =
            if minimum { ('≥', "at least", "below") } else { ('≤', "at most", "above") };
        let shown = show::share_limit(limit);
        let sentence = match state {
            State::Holds => format!("{what} is {found}, and {word} {shown} is required"),
            State::Fails => format!("{what} is {found}, {wrong} the {shown} that is required"),
            State::Undecided => {
                format!("{what} could still land between {low} and {high} ({word} {shown} required)")
            }
        };
        let code = if state == State::Undecided { open } else { out };
        Check { name: name.to_owned(), demanded: format!("{sign} {shown}"), found, state, code, sentence }
    }
}

/// `asserts_required`, by the asserts' weights; not among the checks where there are no asserts.
///
/// With P passed, F failed and U open the share ends between P / (P + F + U) and (P + U) / (P + F + U): exact, each
/// open assert passes or fails. Where all have to pass, one that failed decides, whatever its weight.
pub(super) fn asserts(terms: &Terms, tally: &Tally) -> Option<Check> {
    let limit = terms.gate.asserts_required;
    let asserts = &tally.asserts;
    let unknown = asserts.open_trials > 0;
    let (passed, failed, open) = (asserts.passed_weight, asserts.failed_weight, asserts.open_weight);
    let all = passed + failed + open;
    if limit <= 0.0 || (all <= 0.0 && !unknown) {
        return None;
    }
    if passed + failed <= 0.0 {
        let sentence =
            format!("{} of the asserts have to pass, and none was evaluated", show::share_limit(limit));
        let demanded = format!("≥ {}", show::share_limit(limit));
        return Some(Check::absent("asserts", demanded, codes::ASSERTS_OPEN, sentence));
    }
    let bounds = if unknown {
        Bounds { low: 0.0, high: 1.0 }
    } else {
        Bounds { low: passed / all, high: (passed + open) / all }
    };
    let state = if limit >= 1.0 - TOLERANCE {
        match (failed > 0.0, open > 0.0 || unknown) {
            (true, _) => State::Fails,
            (false, true) => State::Undecided,
            (false, false) => State::Holds,
        }
    } else {
        at_least(bounds, limit)
    };
    let (out, open) = (codes::ASSERTS_FAILED, codes::ASSERTS_OPEN);
    let what = "the share of asserts that pass";
    let mut check = Share { name: "asserts", what, limit, minimum: true, bounds, out, open }.with(state);
    let (failed, total) = (asserts.failed, asserts.passed + asserts.failed);
    match state {
        State::Fails => {
            check.found = asserts.rate().map_or(check.found, |rate| show::share_against(rate, limit));
            let limit = show::share_limit(limit);
            let verb = if failed == 1 { "assert fails" } else { "asserts fail" };
            check.sentence = format!("{failed} of {total} {verb} ({} pass, {limit} required)", check.found);
        }
        State::Holds if failed == 0 => {
            check.sentence = format!("{} passed", show::count(total, "assert"));
        }
        State::Holds | State::Undecided => {}
    }
    Some(check)
}

/// `metrics`: a minimum pass rate per named assert, each assert counted once; and `refusal_rate`, a maximum.
pub(super) fn metrics(terms: &Terms, tally: &Tally) -> Vec<Check> {
    let one = |(name, limit): (&String, &f64)| {
        if name == REFUSAL_RATE { refusals(tally, *limit) } else { metric(tally, name, *limit) }
    };
    terms.gate.metrics.iter().map(one).collect()
}

fn metric(tally: &Tally, name: &str, limit: f64) -> Check {
    let Metric { passed, n, open } = tally.asserts.metrics.get(name).copied().unwrap_or_default();
    if n == 0 {
        let sentence = format!("metric `{name}` has a minimum, and no assert of that name was evaluated");
        return Check::absent(
            name,
            format!("≥ {}", show::share_limit(limit)),
            codes::METRIC_ABSENT,
            sentence,
        );
    }
    let all = float(n + open);
    let unknown = tally.asserts.open_trials > 0;
    let bounds = if unknown {
        // Any number of them may be open; only where all have to pass does one that failed decide.
        let high = if passed < n && limit >= 1.0 - TOLERANCE { float(passed) / float(n) } else { 1.0 };
        Bounds { low: 0.0, high }
    } else {
        Bounds { low: float(passed) / all, high: float(passed + open) / all }
    };
    let what = format!("metric `{name}`");
    let (out, open) = (codes::METRIC_OUT, codes::METRIC_OPEN);
    Share { name, what: &what, limit, minimum: true, bounds, out, open }.check()
}

/// The share of answers that are refusals. A trial of which it is not known may be one or not.
fn refusals(tally: &Tally, limit: f64) -> Check {
    let found = tally.refusals;
    let all = float(found.known + found.open);
    if found.known == 0 {
        let sentence = "a maximum is set on refusals, and of no answer is it known whether it is one";
        let demanded = format!("≤ {}", show::share_limit(limit));
        return Check::absent(REFUSAL_RATE, demanded, codes::METRIC_ABSENT, sentence.to_owned());
    }
    let bounds = Bounds { low: float(found.refused) / all, high: float(found.refused + found.open) / all };
    let (out, open) = (codes::METRIC_OUT, codes::METRIC_OPEN);
    let what = "the share of refusals";
    Share { name: REFUSAL_RATE, what, limit, minimum: false, bounds, out, open }.check()
}

/// Takes one measure.
type Pick = fn(&Ranking) -> f64;

/// `retrieval`: minimums, and the maximum of `stale_fraction`.
pub(super) fn retrieval(terms: &Terms, tally: &Tally) -> Vec<Check> {
    let limits = &terms.gate.retrieval;
    let ranked: [(&str, Option<f64>, Pick); 5] = [
        ("recall_at_k", limits.recall_at_k, |found| found.recall_at_k),
        ("precision_at_k", limits.precision_at_k, |found| found.precision_at_k),
        ("mrr", limits.mrr, |found| found.mrr),
        ("ndcg", limits.ndcg, |found| found.ndcg),
        ("map", limits.map, |found| found.map),
    ];
    let mut checks: Vec<Check> = ranked
        .into_iter()
        .filter_map(|(name, limit, pick)| Some(ranking(tally, name, limit?, pick)))
        .collect();
    checks.extend(limits.stale_fraction.map(|limit| stale(tally, limit)));
    checks
}

/// The mean over n measured trials can end between n·x / (n + o) and (n·x + o) / (n + o) with o open ones, each
/// between 0 and 1: conservative, since not every value in between can occur.
fn ranking(tally: &Tally, name: &str, limit: f64, pick: Pick) -> Check {
    let Some(means) = tally.retrieval.means() else {
        let sentence =
            format!("`{name}` has a minimum, and no case that names `relevant` sources was measured");
        let demanded = format!("≥ {}", show::share_limit(limit));
        return Check::absent(name, demanded, codes::RETRIEVAL_ABSENT, sentence);
    };
    let (measured, open) = (float(tally.retrieval.measured), float(tally.retrieval.open));
    let mean = pick(&means);
    let bounds = if open > 0.0 {
        let sum = mean * measured;
        Bounds { low: sum / (measured + open), high: (sum + open) / (measured + open) }
    } else {
        Bounds { low: mean, high: mean }
    };
    let (out, open) = (codes::RETRIEVAL_OUT, codes::RETRIEVAL_OPEN);
    Share { name, what: &format!("`{name}`"), limit, minimum: true, bounds, out, open }.check()
}

/// The share of shown chunks that is stale. A chunk without a date may be stale or not; a trial of which it is not
/// known what was shown may show any number of chunks.
fn stale(tally: &Tally, limit: f64) -> Check {
    let name = "stale_fraction";
    let found = &tally.retrieval;
    let absent = |why: &str| {
        let sentence = format!("`{name}` has a maximum, and {why}");
        let demanded = format!("≤ {}", show::share_limit(limit));
        Check::absent(name, demanded, codes::RETRIEVAL_ABSENT, sentence)
    };
    if tally.planned().stale_before.is_none() {
        return absent("the retrieval manifest sets no `max_age_days`");
    }
    if found.shown == 0 {
        return absent("nothing was retrieved");
    }
    let shown = float(found.shown);
    let bounds = if found.unseen > 0 {
        Bounds { low: 0.0, high: 1.0 }
    } else {
        Bounds { low: float(found.stale) / shown, high: float(found.stale + found.undated) / shown }
    };
    let (out, open) = (codes::RETRIEVAL_OUT, codes::RETRIEVAL_OPEN);
    let what = "the share of stale chunks";
    Share { name, what, limit, minimum: false, bounds, out, open }.check()
}
