//! Every rule of the gate, shown blocking: the same run passes without the one thing that is wrong.

use super::fixture::{Fixture, asserts_of, dimension, good, judgement_of, with};
use crate::aggregate::tally_tests::assert;
use crate::domain::TrialRecord;
use crate::domain::exchange::Source;
use crate::manifest::suite::DecideOn;

#[test]
fn the_good_run_passes() {
    Fixture::new().is("passed", &[]);
}

#[test]
fn a_score_below_the_threshold_blocks() {
    with(|f| f.required = Some(4.5)).is("passed", &[]);
    with(|f| f.required = Some(4.501)).is("failed", &["score-below-threshold"]);
}

#[test]
fn the_lower_bound_blocks_where_the_mean_does_not() {
    let lower = |required| {
        with(|f| {
            f.required = Some(required);
            f.gate.decide_on = DecideOn::LowerBound;
        })
    };
    lower(4.2).is("passed", &[]);
    lower(4.4).is("failed", &["score-below-threshold"]);
    with(|f| f.required = Some(4.4)).is("passed", &[]);
}

#[test]
fn equal_grades_of_few_cases_do_not_pass_a_lower_bound() {
    let flat = |n: usize| {
        with(|f| {
            f.gate.decide_on = DecideOn::LowerBound;
            f.planned.cases = n;
            f.records = (0..n).map(|case| good(case, 5.0)).collect();
        })
    };
    flat(3).is("failed", &["score-below-threshold"]);
    flat(20).is("passed", &[]);
}

#[test]
fn a_required_dimension_blocks() {
    let required =
        |name: &'static str, least| with(move |f| f.dimensions = vec![dimension(name, Some(least), &[])]);
    required("faithfulness", 4.0).is("passed", &[]);
    required("faithfulness", 4.1).is("failed", &["dimension-below-required"]);
    required("completeness", 1.0).is("inconclusive", &["dimension-not-measured"]);
}

#[test]
fn a_required_dimension_that_applies_to_no_case_is_inconclusive() {
    let fixture = with(|f| {
        f.dimensions[1].required = Some(1.0);
        f.records.iter_mut().for_each(|r| {
            judgement_of(r).dimensions.insert("faithfulness".into(), None);
        });
    });
    fixture.is("inconclusive", &["dimension-not-measured"]);
}

#[test]
fn a_judge_that_left_out_a_dimension_has_not_scored_it() {
    let fixture = with(|f| {
        f.dimensions[0].required = Some(4.0);
        judgement_of(&mut f.records[3]).dimensions.insert("tone".into(), None);
    });
    fixture.is("passed", &[]);
    let tight = with(|f| {
        f.dimensions[0].required = Some(4.4);
        judgement_of(&mut f.records[3]).dimensions.insert("tone".into(), None);
    });
    tight.is("inconclusive", &["dimension-undecided"]);
}

#[test]
fn cases_without_any_score_do_not_pass_a_threshold() {
    let unjudged = |f: &mut Fixture, n: usize| {
        f.records[..n].iter_mut().for_each(|r| judgement_of(r).score = None);
    };
    with(|f| unjudged(f, 20)).is("inconclusive", &["score-not-measured"]);
    // A dimension without needs applies to every case, so that its absence is a gap and not a fact.
    with(|f| unjudged(f, 10)).is("inconclusive", &["score-undecided"]);
    let optional = with(|f| {
        unjudged(f, 10);
        f.dimensions.remove(0);
    });
    optional.is("passed", &[]);
}

#[test]
fn a_threshold_without_a_judge_is_inconclusive() {
    with(|f| f.has_judge = false).is("inconclusive", &["score-not-measured"]);
    let floor = with(|f| {
        (f.has_judge, f.required, f.gate.case_floor) = (false, None, Some(2.0));
    });
    floor.is("inconclusive", &["case-floor-undecided"]);
}

#[test]
fn one_failed_assert_blocks_and_a_share_allows_it() {
    let failed = |share| {
        with(|f| {
            f.gate.asserts_required = share;
            *asserts_of(&mut f.records[0]) = vec![assert(false, 1.0, None)];
        })
    };
    failed(1.0).is("failed", &["asserts-failed"]);
    failed(0.95).is("passed", &[]);
    failed(0.96).is("failed", &["asserts-failed"]);
}

#[test]
fn a_metric_below_its_minimum_blocks() {
    let metric = |name: &str, least: f64| {
        let name = name.to_owned();
        with(move |f| {
            f.gate.asserts_required = 0.5;
            f.gate.metrics.insert(name, least);
            *asserts_of(&mut f.records[0]) = vec![assert(false, 1.0, Some("cites"))];
        })
    };
    metric("cites", 0.95).is("passed", &[]);
    metric("cites", 0.951).is("failed", &["metric-out-of-limit"]);
    metric("unheard", 0.1).is("inconclusive", &["metric-not-measured"]);
}

#[test]
fn too_many_refusals_block() {
    let refusing = |most| {
        with(|f| {
            f.gate.metrics.insert("refusal_rate".to_owned(), most);
            f.records[0].refused = Some(true);
        })
    };
    refusing(0.05).is("passed", &[]);
    refusing(0.04).is("failed", &["metric-out-of-limit"]);
    let unknown = with(|f| {
        f.gate.metrics.insert("refusal_rate".to_owned(), 0.5);
        f.records.iter_mut().for_each(|r| r.refused = None);
    });
    unknown.is("inconclusive", &["metric-not-measured"]);
}

#[test]
fn retrieval_limits_block() {
    let limited = |set: fn(&mut Fixture)| {
        with(|f| {
            set(f);
            f.records[0].relevant = vec!["kb/elsewhere.md".to_owned()];
        })
    };
    limited(|f| f.gate.retrieval.recall_at_k = Some(0.95)).is("passed", &[]);
    limited(|f| f.gate.retrieval.recall_at_k = Some(0.96)).is("failed", &["retrieval-out-of-limit"]);
    limited(|f| f.gate.retrieval.precision_at_k = Some(0.5)).is("failed", &["retrieval-out-of-limit"]);
    limited(|f| f.gate.retrieval.mrr = Some(0.96)).is("failed", &["retrieval-out-of-limit"]);
    limited(|f| f.gate.retrieval.ndcg = Some(0.96)).is("failed", &["retrieval-out-of-limit"]);
    limited(|f| f.gate.retrieval.map = Some(0.96)).is("failed", &["retrieval-out-of-limit"]);
    let none = with(|f| {
        f.gate.retrieval.mrr = Some(0.1);
        f.records.iter_mut().for_each(|r| r.relevant.clear());
    });
    none.is("inconclusive", &["retrieval-not-measured"]);
}

#[test]
fn stale_chunks_block() {
    let stale = |most| {
        with(|f| {
            f.gate.retrieval.stale_fraction = Some(most);
            f.records[0].context[0].last_updated = Some("2025-06-01".to_owned());
        })
    };
    stale(0.025).is("passed", &[]);
    stale(0.02).is("failed", &["retrieval-out-of-limit"]);
    let undated = with(|f| {
        f.gate.retrieval.stale_fraction = Some(0.01);
        f.records[0].context[0].last_updated = None;
    });
    undated.is("inconclusive", &["retrieval-undecided"]);
    let no_age = with(|f| {
        f.gate.retrieval.stale_fraction = Some(0.5);
        f.planned.stale_before = None;
    });
    no_age.is("inconclusive", &["retrieval-not-measured"]);
}

#[test]
fn one_case_below_the_floor_blocks() {
    let floor = |least| {
        with(|f| {
            f.gate.case_floor = Some(least);
            f.records[0] = good(0, 2.0);
        })
    };
    floor(2.0).is("passed", &[]);
    floor(2.1).is("failed", &["case-below-floor"]);
}

#[test]
fn a_critical_case_blocks_where_the_share_of_asserts_does_not() {
    let failing = |critical| {
        with(|f| {
            f.gate.asserts_required = 0.5;
            f.records[0].critical = critical;
            *asserts_of(&mut f.records[0]) = vec![assert(false, 1.0, None)];
        })
    };
    failing(false).is("passed", &[]);
    failing(true).is("failed", &["critical-case-failed"]);
    let floor = with(|f| {
        (f.gate.case_floor, f.records[0]) = (Some(3.0), TrialRecord { critical: true, ..good(0, 2.0) });
    });
    floor.is("failed", &["case-below-floor", "critical-case-failed"]);
}

#[test]
fn a_dear_case_blocks_and_an_unknown_cost_never_passes() {
    let budget = |limit: &str| {
        let limit = limit.parse().unwrap();
        with(move |f| f.budget.max_cost_usd_per_case = Some(limit))
    };
    budget("0.01").is("passed", &[]);
    budget("0.0099999").is("failed", &["cost-above-budget"]);
    let mut unpriced = budget("0.01");
    unpriced.records[0].calls[0].cost = None;
    unpriced.is("inconclusive", &["cost-not-known"]);
    let says = |fixture: &Fixture| {
        let decision = fixture.decide();
        decision.verdict.reasons().iter().map(|reason| reason.message.clone()).collect::<String>()
    };
    assert!(
        says(&unpriced).ends_with("1 call for which the provider reported no usage"),
        "{}",
        says(&unpriced)
    );
    unpriced.records[0].calls[0].usage.output = Some(5);
    assert!(says(&unpriced).ends_with("1 call to a model without a price"), "{}", says(&unpriced));
    unpriced.budget.max_cost_usd_per_case = Some("0.005".parse().unwrap());
    unpriced.is("failed", &["cost-above-budget"]);
}

#[test]
fn slow_answers_block_and_stored_ones_measure_nothing() {
    let slow = |limit| {
        with(|f| {
            f.budget.p95_latency_ms = Some(limit);
            f.records[..2].iter_mut().for_each(|r| r.calls[0].latency_ms = 900);
        })
    };
    slow(900).is("passed", &[]);
    slow(899).is("failed", &["latency-above-budget"]);
    let mut stored = slow(899);
    // What the calls took when they were made blocks in every later run too.
    stored.records.iter_mut().for_each(|r| r.calls[0].source = Source::Cached);
    stored.is("failed", &["latency-above-budget"]);
    stored.budget.p95_latency_ms = Some(900);
    stored.is("passed", &[]);
}

#[test]
fn a_long_request_blocks() {
    let tokens = |limit| {
        with(|f| {
            f.budget.max_input_tokens = Some(limit);
            f.records[4].calls[0].usage.input = Some(150);
        })
    };
    tokens(150).is("passed", &[]);
    tokens(149).is("failed", &["input-tokens-above-budget"]);
    let mut unknown = tokens(150);
    unknown.records[0].calls[0].usage.input = None;
    unknown.is("inconclusive", &["input-tokens-not-known"]);
}
