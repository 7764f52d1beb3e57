//! Critical cases: one that fails blocks the gate, whatever the others do.

use super::bounds::Span;
use super::check::{Check, State};
use super::scores::some;
use super::{Terms, codes, show};
use crate::aggregate::case::CaseTally;
use crate::aggregate::tally::Tally;
use crate::domain::score::{TOLERANCE, reaches};

/// Whether a case fails: an assert of any of its trials failed, or its score is below `case_floor`.
fn state(terms: &Terms, case: &CaseTally) -> State {
    let span = terms.scale.and_then(|scale| {
        let may_not_apply = terms.dimensions.iter().all(|dimension| !dimension.needs.is_empty());
        Span::of(case, case.score, scale, may_not_apply)
    });
    let floor = terms.gate.case_floor.filter(|_| terms.has_judge).zip(span);
    let below = floor.is_some_and(|(floor, span)| span.high < floor - TOLERANCE);
    let could = floor.is_some_and(|(floor, span)| !reaches(span.low, floor));
    if case.asserts.failed > 0 || below {
        State::Fails
    } else if case.asserts.open || could {
        State::Undecided
    } else {
        State::Holds
    }
}

/// The critical cases; not among the checks where there are none.
pub(super) fn critical(terms: &Terms, tally: &Tally) -> Option<Check> {
    let cases: Vec<&CaseTally> = tally.cases().iter().filter(|case| case.critical).collect();
    if cases.is_empty() {
        return None;
    }
    let ids = |wanted: State| -> Vec<String> {
        cases
            .iter()
            .filter(|case| state(terms, case) == wanted)
            .map(|case| format!("`{}`", case.id))
            .collect()
    };
    let (failed, open) = (ids(State::Fails), ids(State::Undecided));
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let (state, code, sentence) = if !failed.is_empty() {
        (State::Fails, codes::CRITICAL_FAILED, format!("critical and failed: {}", some(&failed, "case")))
    } else if !open.is_empty() {
        let sentence = format!("critical and without all grades: {}", some(&open, "case"));
        (State::Undecided, codes::CRITICAL_OPEN, sentence)
    } else {
        let all = show::count(count(cases.len()), "critical case");
        (State::Holds, codes::CRITICAL_FAILED, format!("{all} without a failure"))
    };
    let found = format!("{} of {} failed", failed.len(), cases.len());
    Some(Check {
        name: "critical cases".to_owned(),
        demanded: "none fails".to_owned(),
        found,
        state,
        code,
        sentence,
    })
}

/// Whether critical cases exist that nothing can fail: no asserts anywhere, and no floor.
pub(super) fn without_effect(terms: &Terms, tally: &Tally) -> bool {
    let asserts = &tally.asserts;
    let none = asserts.passed + asserts.failed == 0 && asserts.open_weight <= 0.0 && asserts.open_trials == 0;
    none && terms.gate.case_floor.is_none() && tally.cases().iter().any(|case| case.critical)
}
