//! What is not there never passes: outages, missing records, comparisons that were not made.

use super::fixture::{Fixture, good, outage, with};
use super::{Calibration, Comparison};
use crate::aggregate::Interval;
use crate::domain::{Breach, Code, TrialRecord};
use crate::manifest::suite::{Allowance, CalibrationTerms};

#[test]
fn an_open_critical_case_is_no_pass() {
    let fixture = |critical| {
        with(|f| {
            (f.gate.asserts_required, f.gate.max_unscored) = (0.5, Allowance::Count(1));
            f.records[0] = TrialRecord { critical, ..outage(0) };
        })
    };
    fixture(false).is("passed", &[]);
    fixture(true).is("inconclusive", &["critical-case-undecided"]);
}

#[test]
fn a_regression_blocks_and_no_comparison_never_passes() {
    let compared = |delta: f64, half: f64| {
        with(|f| {
            f.gate.max_regression = Some(0.1);
            let interval = Some(Interval { low: delta - half, high: delta + half });
            f.comparison = Some(Comparison::Paired { delta, interval, n: 20, sign_p: 1.0 });
        })
    };
    compared(-0.2, 0.1).is("failed", &["regression"]);
    compared(-0.2, 0.3).is("passed", &[]);
    compared(-0.1, 0.05).is("passed", &[]);
    with(|f| f.gate.max_regression = Some(0.1)).is("inconclusive", &["regression-not-measured"]);
    let new = with(|f| (f.gate.max_regression, f.comparison) = (Some(0.1), Some(Comparison::NewPrompt)));
    new.is("passed", &[]);
    assert!(new.decide().notes.iter().any(|note| note.code.0 == "no-baseline"));
}

#[test]
fn a_judge_that_is_not_calibrated_gives_no_verdict() {
    let demand = CalibrationTerms { min_kappa: Some(0.6), max_bias: Some(0.2), min_labels: Some(50) };
    let fixture = |calibration| {
        with(|f| {
            (f.gate.require_calibration, f.calibration) = (Some(demand.clone()), calibration);
        })
    };
    fixture(Some(Calibration::default())).is("passed", &[]);
    fixture(None).is("inconclusive", &["judge-not-calibrated"]);
    let lack = |code| Breach { code: Code(code), message: "why".to_owned() };
    let lacks = vec![lack("calibration-low-kappa"), lack("calibration-biased")];
    fixture(Some(Calibration { lacks: lacks.clone() }))
        .is("inconclusive", &["calibration-low-kappa", "calibration-biased"]);
    // What is not demanded does not hold anything up.
    with(|f| f.calibration = Some(Calibration { lacks })).is("passed", &[]);
}

#[test]
fn a_suite_below_min_cases_fails() {
    with(|f| f.gate.min_cases = 20).is("passed", &[]);
    with(|f| f.gate.min_cases = 21).is("failed", &["too-few-cases"]);
}

#[test]
fn no_cases_never_pass() {
    let none = with(|f| (f.planned.cases, f.records) = (0, Vec::new()));
    assert_eq!(none.verdict().0, "inconclusive");
    assert_eq!(none.verdict().1[0], "nothing-planned");
}

#[test]
fn nothing_demanded_is_nothing_shown() {
    let fixture = with(|f| (f.required, f.gate.asserts_required) = (None, 0.0));
    fixture.is("inconclusive", &["nothing-demanded"]);
    with(|f| f.required = None).is("passed", &[]);
}

#[test]
fn unscored_trials_beyond_the_allowance_are_no_pass_although_every_completion_would() {
    let out = |allowed| {
        with(|f| {
            (f.required, f.gate.asserts_required) = (Some(4.0), 0.0);
            f.gate.max_unscored = allowed;
            f.records[0] = outage(0);
            f.records[1] = outage(1);
        })
    };
    out(Allowance::Count(2)).is("passed", &[]);
    out(Allowance::Count(1)).is("inconclusive", &["too-many-unscored"]);
    out(Allowance::Share(0.1)).is("passed", &[]);
    out(Allowance::Share(0.09)).is("inconclusive", &["too-many-unscored"]);
}

#[test]
fn an_outage_fails_nothing_that_could_still_pass_and_saves_nothing_that_could_not() {
    let out = |required, n: usize| {
        with(|f| {
            (f.required, f.gate.max_unscored) = (Some(required), Allowance::Count(20));
            f.gate.asserts_required = 0.0;
            f.records[..n].iter_mut().enumerate().for_each(|(case, record)| *record = outage(case));
        })
    };
    out(4.4, 2).is("inconclusive", &["score-undecided"]);
    out(4.8, 2).is("failed", &["score-below-threshold"]);
    out(1.0, 20).is("inconclusive", &["nothing-scored", "score-not-measured"]);
}

#[test]
fn open_asserts_budgets_and_floors_are_no_pass() {
    let out = |change: fn(&mut Fixture)| {
        with(|f| {
            (f.required, f.gate.asserts_required) = (Some(3.0), 0.5);
            f.gate.max_unscored = Allowance::Count(1);
            f.records[0] = outage(0);
            change(f);
        })
    };
    out(|_| ()).is("passed", &[]);
    out(|f| f.plan = None).is("inconclusive", &["asserts-undecided"]);
    out(|f| f.gate.asserts_required = 1.0).is("inconclusive", &["asserts-undecided"]);
    out(|f| f.gate.case_floor = Some(2.0)).is("inconclusive", &["case-floor-undecided"]);
    out(|f| f.dimensions[0].required = Some(4.4)).is("inconclusive", &["dimension-undecided"]);
    out(|f| f.gate.metrics = [("cites".to_owned(), 0.96)].into()).is("inconclusive", &["metric-undecided"]);
    out(|f| f.gate.metrics = [("refusal_rate".to_owned(), 0.01)].into())
        .is("inconclusive", &["metric-undecided"]);
    out(|f| f.gate.retrieval.mrr = Some(0.96)).is("inconclusive", &["retrieval-undecided"]);
    out(|f| f.gate.retrieval.stale_fraction = Some(0.5)).is("inconclusive", &["retrieval-undecided"]);
    out(|f| f.budget.max_cost_usd_per_case = Some("1".parse().unwrap()))
        .is("inconclusive", &["cost-not-known"]);
    out(|f| f.budget.max_input_tokens = Some(500)).is("inconclusive", &["input-tokens-not-known"]);
    out(|f| {
        f.gate.max_regression = Some(0.1);
        f.comparison = Some(Comparison::Paired { delta: 0.5, interval: None, n: 19, sign_p: 1.0 });
    })
    .is("inconclusive", &["regression-undecided"]);
    // One of twenty may be endless without moving the p95; two may not.
    out(|f| f.budget.p95_latency_ms = Some(300)).is("passed", &[]);
    let two = out(|f| {
        (f.gate.max_unscored, f.records[1]) = (Allowance::Count(2), outage(1));
        f.budget.p95_latency_ms = Some(300);
    });
    two.is("inconclusive", &["latency-undecided"]);
}

#[test]
fn records_that_are_not_those_of_the_plan_decide_nothing() {
    with(|f| drop(f.records.pop())).is("inconclusive", &["records-not-of-plan"]);
    with(|f| f.records.push(good(0, 5.0))).is("inconclusive", &["records-not-of-plan"]);
    with(|f| (f.required, f.planned.cases) = (Some(5.0), 21)).is("inconclusive", &["records-not-of-plan"]);
    with(|f| f.records.push(TrialRecord { weight: -1.0, ..good(20, 5.0) }))
        .is("inconclusive", &["records-not-of-plan"]);
}

#[test]
fn a_score_off_the_scale_decides_nothing() {
    with(|f| f.records[0] = good(0, 9.0)).is("inconclusive", &["score-off-scale"]);
    with(|f| f.records[0] = good(0, 0.0)).is("inconclusive", &["score-off-scale"]);
}

#[test]
fn a_drop_that_is_the_same_in_every_case_blocks_and_a_gap_gives_no_verdict() {
    let compared =
        |comparison| with(|f| (f.gate.max_regression, f.comparison) = (Some(0.1), Some(comparison)));
    let fell = |n, sign_p| Comparison::Paired { delta: -0.5, interval: None, n, sign_p };
    compared(fell(20, 0.000_002)).is("failed", &["regression"]);
    compared(fell(2, 0.5)).is("passed", &[]);
    compared(Comparison::Open { pairs: 19, planned: 20 }).is("inconclusive", &["regression-undecided"]);
}
