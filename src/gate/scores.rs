//! What is demanded of the judge's scores: the threshold, the dimensions, the floor.

use super::bounds::{Bounds, Span, Spans};
use super::check::{Check, State, at_least};
use super::{Terms, codes, lower, show};
use crate::aggregate::moments::Moments;
use crate::aggregate::tally::Tally;
use crate::aggregate::{Estimate, Interval};
use crate::domain::Scale;
use crate::manifest::prompt::Dimension;
use crate::manifest::suite::DecideOn;

/// The spans of the judge's scores. A case to which no dimension may apply can rightly have none.
pub(super) fn score_spans(terms: &Terms, tally: &Tally, scale: Scale) -> Spans {
    let may_not_apply = terms.dimensions.iter().all(|dimension| !dimension.needs.is_empty());
    Spans::of(tally, scale, may_not_apply, |case| case.score)
}

/// `eval_score_required`.
pub(super) fn score(terms: &Terms, tally: &Tally) -> Option<Check> {
    let required = terms.required?;
    let lower = terms.gate.decide_on == DecideOn::LowerBound;
    let name = if lower { "score (lower bound)" } else { "score" };
    let demanded = format!("≥ {}", show::threshold(required));
    let absent = |why: &str| {
        let sentence = format!("a score of {} is required, and {why}", show::threshold(required));
        Some(Check::absent(name, demanded.clone(), codes::SCORE_ABSENT, sentence))
    };
    let (Some(scale), true) = (terms.scale, terms.has_judge) else { return absent("there is no judge") };
    let spans = score_spans(terms, tally, scale);
    if spans.scored == 0 {
        return absent(match tally.trials_unscored() {
            0 => "no dimension applies to any case, so that the judge had nothing to score",
            _ => "the judge has scored no case",
        });
    }
    let bounds = if lower { lower::bounds(&spans, scale, terms.gate.confidence) } else { spans.mean() }?;
    let subject = if lower {
        format!("the {} lower bound of the score", show::share_limit(terms.gate.confidence))
    } else {
        "score".to_owned()
    };
    let estimate = tally.score(terms.gate.confidence, scale)?;
    let about = standing(&estimate, required, terms.gate.confidence);
    let state = at_least(bounds, required);
    let codes = [codes::SCORE_BELOW, codes::SCORE_OPEN];
    Some(number(name, &subject, demanded, required, bounds, state, codes, &about))
}

/// The lower bound over the cases that have a score, whatever is open; `None` where the mean decides.
pub(super) fn lower_bound(terms: &Terms, tally: &Tally, scale: Scale) -> Option<f64> {
    let by_bound = terms.gate.decide_on == DecideOn::LowerBound && terms.required.is_some();
    let points = tally.cases().iter().filter_map(|case| Some((case.weight, case.mean()?)));
    by_bound.then(|| Moments::of(&points.collect::<Vec<_>>()))?.lower_bound(terms.gate.confidence, scale.min)
}

/// "(95 % interval 3.50 to 3.92, 24 cases)".
fn standing(estimate: &Estimate, required: f64, confidence: f64) -> String {
    let cases = show::count(u64::try_from(estimate.n).unwrap_or(u64::MAX), "case");
    match estimate.interval {
        Some(Interval { low, high }) => format!(
            " ({} interval {} to {}, {cases})",
            show::share_limit(confidence),
            show::against(low, required),
            show::against(high, required),
        ),
        None => format!(" ({cases}, too few for an interval)"),
    }
}

/// A number on the judge's scale against what is required of it.
#[expect(clippy::too_many_arguments, reason = "the parts of one sentence, named where it is called")]
fn number(
    name: &str,
    subject: &str,
    demanded: String,
    required: f64,
    bounds: Bounds,
    state: State,
    [below, open]: [crate::domain::Code; 2],
    about: &str,
) -> Check {
    let (low, high) = (show::against(bounds.low, required), show::against(bounds.high, required));
    let limit = show::threshold(required);
    let settled = bounds.low == bounds.high;
    let sentence = match state {
        State::Holds if settled => format!("{subject} {low} reaches the required {limit}{about}"),
        State::Holds => {
            format!("{subject} is at least {low} whatever is open, and {limit} is required{about}")
        }
        State::Fails if settled => format!("{subject} {high} is below the required {limit}{about}"),
        State::Fails => {
            format!("{subject} is at most {high} whatever is open, below the required {limit}{about}")
        }
        State::Undecided => {
            let the = if subject == "score" { "the " } else { "" };
            format!("{the}{subject} could still land between {low} and {high} ({limit} required)")
        }
    };
    let found = if settled { low } else { format!("{low} to {high}") };
    let code = if state == State::Undecided { open } else { below };
    Check { name: name.to_owned(), demanded, found, state, code, sentence }
}

/// Every dimension with a `required`.
pub(super) fn dimensions(terms: &Terms, tally: &Tally) -> Vec<Check> {
    terms.dimensions.iter().filter_map(|dimension| one_dimension(terms, tally, dimension)).collect()
}

fn one_dimension(terms: &Terms, tally: &Tally, dimension: &Dimension) -> Option<Check> {
    let required = dimension.required?;
    let name = dimension.name.as_str();
    let demanded = format!("≥ {}", show::threshold(required));
    let absent = |why: &str| {
        let limit = show::threshold(required);
        let sentence = format!("`{name}` has to reach {limit}, and {why}");
        Some(Check::absent(name, demanded.clone(), codes::DIMENSION_ABSENT, sentence))
    };
    let (Some(scale), true) = (terms.scale, terms.has_judge) else { return absent("there is no judge") };
    let Some(at) = tally.dimension_number(&dimension.name) else {
        return absent("no case could be scored on it");
    };
    let spans = Spans::of(tally, scale, !dimension.needs.is_empty(), |case| case.dimension(at));
    if spans.scored == 0 {
        return absent("no case could be scored on it");
    }
    let bounds = spans.mean()?;
    let estimate = tally.dimension(&dimension.name, terms.gate.confidence, scale)?;
    let about = standing(&estimate, required, terms.gate.confidence);
    let state = at_least(bounds, required);
    let codes = [codes::DIMENSION_BELOW, codes::DIMENSION_OPEN];
    Some(number(name, &format!("`{name}`"), demanded, required, bounds, state, codes, &about))
}

/// `case_floor`: no case with a score below it. A case whose open trials could take it below is undecided.
pub(super) fn floor(terms: &Terms, tally: &Tally) -> Option<Check> {
    let floor = terms.gate.case_floor?;
    let (name, limit) = ("case_floor", show::threshold(floor));
    let demanded = format!("≥ {limit}");
    let (Some(scale), true) = (terms.scale, terms.has_judge) else {
        let sentence = format!("no case may score below {limit}, and there is no judge");
        return Some(Check::absent(name, demanded, codes::FLOOR_OPEN, sentence));
    };
    let may_not_apply = terms.dimensions.iter().all(|dimension| !dimension.needs.is_empty());
    let (mut below, mut open, mut lowest) = (Vec::new(), 0_u64, f64::INFINITY);
    for case in tally.cases() {
        let Some(span) = Span::of(case, case.score, scale, may_not_apply) else { continue };
        lowest = lowest.min(case.mean().unwrap_or(f64::INFINITY));
        match at_least(Bounds { low: span.low, high: span.high }, floor) {
            State::Fails => below.push(format!("`{}` ({})", case.id, show::against(span.high, floor))),
            State::Undecided => open += 1,
            State::Holds => {}
        }
    }
    if lowest.is_infinite() && below.is_empty() {
        let sentence = format!("no case may score below {limit}, and the judge has scored none");
        return Some(Check::absent(name, demanded, codes::FLOOR_OPEN, sentence));
    }
    let (state, code, sentence) = if !below.is_empty() {
        let cases = some(&below, "case");
        (State::Fails, codes::FLOOR_BELOW, format!("below the floor of {limit}: {cases}"))
    } else if open > 0 {
        let cases = show::count(open, "case");
        let sentence = format!("{cases} without all grades could still fall below the floor of {limit}");
        (State::Undecided, codes::FLOOR_OPEN, sentence)
    } else {
        (State::Holds, codes::FLOOR_BELOW, format!("no case is below the floor of {limit}"))
    };
    let found = if lowest.is_finite() { show::against(lowest, floor) } else { "not measured".to_owned() };
    Some(Check { name: name.to_owned(), demanded, found, state, code, sentence })
}

/// The first few of `items`, and how many more.
pub(super) fn some(items: &[String], noun: &str) -> String {
    let shown = items.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    match u64::try_from(items.len().saturating_sub(3)).unwrap_or(u64::MAX) {
        0 => shown,
        more => format!("{shown} and {} more", show::count(more, noun)),
    }
}
