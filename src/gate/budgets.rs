//! The prompt's budget: money, time, tokens.
//!
//! An open trial may have cost anything from nothing upwards: it never makes a budget hold, and what is known can
//! break one without it.

use super::check::{Check, State};
use super::{Terms, codes, show};
use crate::aggregate::calls::nearest_rank;
use crate::aggregate::tally::Tally;
use crate::domain::{Code, Usd};
use rust_decimal::Decimal;

fn check(name: &str, demanded: String, found: String, state: State, code: Code, sentence: String) -> Check {
    Check { name: name.to_owned(), demanded, found, state, code, sentence }
}

/// `max_cost_usd_per_case`: what the model under test and its embedder cost as if live, summed over the trials and
/// divided by their number. Every case has the same number of trials, so that this is the mean over the cases of one
/// trial's cost, and more trials do not make a case dearer. Exact decimals; the judge is not in it.
pub(super) fn cost(terms: &Terms, tally: &Tally) -> Option<Check> {
    let limit = terms.budget.max_cost_usd_per_case?;
    let tested = tally.tested;
    let trials = Decimal::from(tally.trials());
    let (name, demanded) = ("cost per case", format!("≤ ${limit}"));
    let mean = tested.sum.0.checked_div(trials).map(Usd);
    let above = limit.0.checked_mul(trials).is_none_or(|most| tested.sum.0 > most);
    let shown = mean.map_or_else(|| "not measured".to_owned(), |mean| show::usd_against(mean, limit));
    let open = tested.unpriced + tested.unanswered;
    if above {
        let sentence = format!("a case costs {shown} on average, above the budget of ${limit}");
        return Some(check(name, demanded, shown, State::Fails, codes::COST_ABOVE, sentence));
    }
    if open > 0 || mean.is_none() {
        let mut missing = Vec::new();
        let priceless = tested.unpriced.saturating_sub(tested.unreported);
        if tested.unreported > 0 {
            let calls = show::count(tested.unreported, "call");
            missing.push(format!("{calls} for which the provider reported no usage"));
        }
        if priceless > 0 {
            missing.push(format!("{} to a model without a price", show::count(priceless, "call")));
        }
        if tested.unanswered > 0 {
            missing.push(format!(
                "{} without a call to the model under test",
                show::count(tested.unanswered, "trial")
            ));
        }
        let missing = if missing.is_empty() { "no trial".to_owned() } else { missing.join(", ") };
        let sentence = format!("a case may cost ${limit} at most, and the cost is not known: {missing}");
        return Some(Check::absent(name, demanded, codes::COST_OPEN, sentence));
    }
    let sentence = format!("a case costs {shown} on average, within the budget of ${limit}");
    Some(check(name, demanded, shown, State::Holds, codes::COST_ABOVE, sentence))
}

/// `p95_latency_ms` over the live calls to the model under test, nearest rank; in a run that may not call, over the
/// stored replies as well. A trial without a reply could have been
/// instant or endless: the percentile lies between those with as many zeros and with as many endless calls.
pub(super) fn latency(terms: &Terms, tally: &Tally) -> Option<Check> {
    let limit = terms.budget.p95_latency_ms?;
    let (name, demanded) = ("p95 latency", format!("≤ {limit} ms"));
    let mut took = tally.calls.answers_ms.clone();
    if took.is_empty() {
        let sentence = format!("95 % of the calls may take {limit} ms at most, and there was no call");
        return Some(Check::absent(name, demanded, codes::LATENCY_ABSENT, sentence));
    }
    took.sort_unstable();
    let open = usize::try_from(tally.tested.unanswered).unwrap_or(usize::MAX).min(took.len() * 20);
    let p95 = nearest_rank(&took, 95)?;
    let fastest: Vec<u64> = std::iter::repeat_n(0, open).chain(took.iter().copied()).collect();
    let slowest: Vec<u64> = took.iter().copied().chain(std::iter::repeat_n(u64::MAX, open)).collect();
    let (low, high) = (nearest_rank(&fastest, 95)?, nearest_rank(&slowest, 95)?);
    let n = show::count(u64::try_from(took.len()).unwrap_or(u64::MAX), "call");
    let found = format!("{p95} ms");
    let (state, code, sentence) = if low > limit {
        let sentence = format!("the p95 latency is {p95} ms over {n}, above the budget of {limit} ms");
        (State::Fails, codes::LATENCY_ABOVE, sentence)
    } else if high <= limit {
        let sentence = format!("the p95 latency is {p95} ms over {n}, within the budget of {limit} ms");
        (State::Holds, codes::LATENCY_ABOVE, sentence)
    } else {
        let missing = show::count(tally.tested.unanswered, "trial");
        let sentence = format!(
            "the p95 latency of {p95} ms could still cross the budget of {limit} ms: {missing} without a reply"
        );
        (State::Undecided, codes::LATENCY_OPEN, sentence)
    };
    Some(check(name, demanded, found, state, code, sentence))
}

/// `max_input_tokens`: of every request to the model under test, as the provider counted.
pub(super) fn tokens(terms: &Terms, tally: &Tally) -> Option<Check> {
    let limit = terms.budget.max_input_tokens?;
    let (name, demanded) = ("input tokens", format!("≤ {limit}"));
    let most = tally.calls.max_answer_input;
    let found = most.map_or_else(|| "not measured".to_owned(), |most| most.to_string());
    if let Some(most) = most.filter(|most| *most > limit) {
        let sentence = format!("a request has {most} input tokens, above the budget of {limit}");
        return Some(check(name, demanded, found, State::Fails, codes::TOKENS_ABOVE, sentence));
    }
    let open = tally.calls.unknown_answer_input + tally.tested.unanswered;
    match most {
        Some(most) if open == 0 => {
            let sentence =
                format!("no request has more than {most} input tokens, within the budget of {limit}");
            Some(check(name, demanded, found, State::Holds, codes::TOKENS_ABOVE, sentence))
        }
        _ => {
            let requests = show::count(open, "request");
            let sentence =
                format!("a request may have {limit} input tokens, and those of {requests} are not known");
            Some(Check::absent(name, demanded, codes::TOKENS_OPEN, sentence))
        }
    }
}
