//! The fold, held against plain sums.

use super::vectors::{self, number};
use super::{AssertPlan, Planned, Tally};
use crate::domain::grade::Judgement;
use crate::domain::{AssertOutcome, Chunk, Grade, Scale, TrialRecord, Unscored};
use std::collections::BTreeMap;

const SCALE: Scale = Scale { min: 1.0, max: 5.0, step: 1.0 };

pub fn record(case: usize, trial: u32, grade: Grade) -> TrialRecord {
    TrialRecord {
        gate: 0,
        case,
        id: format!("c{case}").into(),
        trial,
        critical: false,
        weight: 1.0,
        tags: BTreeMap::new(),
        grade,
        output: None,
        finish: None,
        refused: None,
        reported: None,
        context: Vec::new(),
        relevant: Vec::new(),
        pinned: false,
        calls: Vec::new(),
        failed_attempts: 0,
    }
}

pub fn judged(score: Option<f64>, dimensions: &[(&str, Option<f64>)], asserts: Vec<AssertOutcome>) -> Grade {
    let dimensions = dimensions.iter().map(|(name, score)| ((*name).into(), *score)).collect();
    let judgement = Judgement { dimensions, score, reason: "because".to_owned(), ..Judgement::default() };
    Grade::Scored { asserts, judgement: Some(judgement) }
}

pub fn assert(passed: bool, weight: f64, metric: Option<&str>) -> AssertOutcome {
    AssertOutcome {
        kind: "contains".to_owned(),
        passed,
        score: None,
        threshold: None,
        metric: metric.map(str::to_owned),
        weight,
        reason: "not found".to_owned(),
        lacking: Vec::new(),
    }
}

pub fn unscored() -> Grade {
    Grade::Unscored { reason: Unscored::ProviderError, detail: "401 unauthorized".to_owned() }
}

#[test]
fn means_are_those_of_the_reference() {
    let file = vectors::read("01_means");
    let tolerance = vectors::tolerance(&file);
    for case in vectors::cases(&file) {
        let (id, expected) = (&case["id"], &case["expected"]);
        let weights = case["inputs"]["weights"].as_object().unwrap();
        let rows = case["inputs"]["rows"].as_array().unwrap();
        let mut tally = Tally::new(Planned::new(rows.len(), 1));
        for (at, row) in rows.iter().enumerate() {
            let scores = row["scores"].as_object().unwrap();
            let dimensions: Vec<(&str, Option<f64>)> =
                scores.iter().map(|(name, score)| (&**name, score.as_f64())).collect();
            let (mut sum, mut weight) = (0.0, 0.0);
            for (name, score) in &dimensions {
                if let Some(score) = score {
                    sum += number(&weights[*name]) * score;
                    weight += number(&weights[*name]);
                }
            }
            let score = (weight > 0.0).then(|| sum / weight);
            tally.add(&record(at, 0, judged(score, &dimensions, Vec::new())), None);
        }
        let overall = tally.score(0.95, SCALE).unwrap();
        vectors::near(overall.mean, number(&expected["overall_mean"]), tolerance, id);
        assert_eq!(u64::try_from(overall.n).unwrap(), expected["overall_n"].as_u64().unwrap());
        for (name, mean) in expected["per_dimension_mean"].as_object().unwrap() {
            let found = tally.dimension(&(&**name).into(), 0.95, SCALE).unwrap();
            vectors::near(found.mean, number(mean), tolerance, id);
            let n = expected["per_dimension_n"][name].as_u64().unwrap();
            assert_eq!(u64::try_from(found.n).unwrap(), n, "{id} {name}");
        }
    }
}

#[test]
fn a_case_counts_once_however_many_trials_it_has() {
    let mut tally = Tally::new(Planned::new(2, 3));
    for (case, scores) in [[5.0, 5.0, 2.0], [1.0, 1.0, 1.0]].into_iter().enumerate() {
        for (trial, score) in (0..).zip(scores) {
            tally.add(&record(case, trial, judged(Some(score), &[], Vec::new())), None);
        }
    }
    let score = tally.score(0.95, SCALE).unwrap();
    assert_eq!((score.mean, score.n), (2.5, 2));
    assert_eq!((tally.cases_scored(), tally.faults()), (2, Default::default()));
}

#[test]
fn an_unscored_trial_is_counted_and_is_no_score() {
    let mut tally = Tally::new(Planned::new(2, 1));
    tally.add(&record(0, 0, judged(Some(4.0), &[], Vec::new())), None);
    tally.add(&record(1, 0, unscored()), None);
    let score = tally.score(0.95, SCALE).unwrap();
    assert_eq!((score.mean, score.n, score.interval), (4.0, 1, None));
    assert_eq!((tally.trials_unscored(), tally.cases_scored()), (1, 1));
    let reason = &tally.unscored[&Unscored::ProviderError];
    assert_eq!((reason.count, &*reason.detail), (1, "401 unauthorized"));
}

#[test]
fn records_that_cannot_be_are_faults_and_not_numbers() {
    let fresh = || Tally::new(Planned::new(1, 1));
    let good = record(0, 0, judged(Some(4.0), &[], Vec::new()));
    let mut tally = fresh();
    assert_eq!(tally.faults().missing, 1);
    tally.add(&good, None);
    tally.add(&TrialRecord { grade: judged(Some(1.0), &[], Vec::new()), ..good.clone() }, None);
    assert_eq!((tally.faults().surplus, tally.score(0.95, SCALE).unwrap().mean), (1, 4.0));
    tally.add(&TrialRecord { trial: 1, ..good.clone() }, None);
    assert_eq!(tally.faults().surplus, 2);
    tally.add(&TrialRecord { id: "other".into(), ..good.clone() }, None);
    assert_eq!(tally.faults().surplus, 2);
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut tally = fresh();
        tally.add(&TrialRecord { weight, ..good.clone() }, None);
        assert_eq!((tally.faults().corrupt, tally.score(0.95, SCALE)), (1, None), "{weight}");
    }
    let mut tally = fresh();
    tally.add(&record(0, 0, judged(Some(f64::NAN), &[], Vec::new())), None);
    assert_eq!(tally.faults().corrupt, 1);
}

#[test]
fn a_case_beyond_the_plan_is_surplus() {
    let mut tally = Tally::new(Planned::new(1, 1));
    tally.add(&record(0, 0, judged(Some(4.0), &[], Vec::new())), None);
    tally.add(&record(1, 0, judged(Some(4.0), &[], Vec::new())), None);
    assert_eq!(tally.faults().surplus, 1);
}

#[test]
fn asserts_count_by_weight_and_metrics_by_name() {
    let mut tally = Tally::new(Planned::new(2, 1));
    let asserts = vec![assert(true, 3.0, Some("cites")), assert(false, 1.0, None)];
    tally.add(&record(0, 0, Grade::Scored { asserts, judgement: None }), None);
    let plan = AssertPlan { weight: 4.0, metrics: BTreeMap::from([("cites".to_owned(), 1)]) };
    tally.add(&record(1, 0, unscored()), Some(&plan));
    let found = &tally.asserts;
    assert_eq!((found.passed, found.failed, found.rate()), (1, 1, Some(0.75)));
    assert_eq!((found.open_weight, found.open_trials), (4.0, 0));
    let cites = found.metrics["cites"];
    assert_eq!((cites.rate(), cites.open), (Some(1.0), 1));
}

#[test]
fn refusals_and_rankings_are_known_or_open() {
    let mut tally = Tally::new(Planned { top_k: Some(2), ..Planned::new(3, 1) });
    let chunk = |source: &str, day: &str| Chunk {
        text: "text".to_owned(),
        source: Some(source.to_owned()),
        score: None,
        last_updated: Some(day.to_owned()),
    };
    tally.planned.stale_before = Some("2026-01-01".parse().unwrap());
    let mut first = record(0, 0, judged(Some(4.0), &[], Vec::new()));
    first.refused = Some(true);
    first.relevant = vec!["b".to_owned()];
    first.context =
        vec![chunk("a", "2025-12-31"), chunk("a", "2026-01-01"), chunk("b", "2026-05-01T10:00:00Z")];
    let mut second = record(1, 0, unscored());
    second.relevant = vec!["a".to_owned()];
    let third = TrialRecord { refused: Some(false), ..record(2, 0, judged(Some(5.0), &[], Vec::new())) };
    for trial in [&first, &second, &third] {
        tally.add(trial, None);
    }
    assert_eq!((tally.refusals.rate(), tally.refusals.open), (Some(0.5), 1));
    let means = tally.retrieval.means().unwrap();
    assert_eq!((means.recall_at_k, means.precision_at_k, means.mrr), (1.0, 0.5, 0.5));
    assert_eq!((tally.retrieval.measured, tally.retrieval.open, tally.cases_ranked()), (1, 1, 1));
    assert_eq!(tally.retrieval.stale_fraction(), Some(1.0 / 3.0));
}

#[test]
fn the_worst_cases_come_first_with_the_reason_of_their_worst_trial() {
    let mut tally = Tally::new(Planned { worst: 2, ..Planned::new(4, 2) });
    // The first case starts worst and turns out best; it must not have pushed another one out.
    for (case, scores) in [[1.0, 5.0], [2.0, 3.0], [2.0, 2.0], [5.0, 5.0]].into_iter().enumerate() {
        for (trial, score) in (0..).zip(scores) {
            let mut grade = judged(Some(score), &[], vec![assert(case != 3, 1.0, None)]);
            if let Grade::Scored { judgement: Some(judgement), .. } = &mut grade {
                judgement.reason = format!("{score}");
            }
            tally.add(&record(case, trial, grade), None);
        }
    }
    let rows = tally.worst.rows();
    let found: Vec<(&str, Option<f64>, u32)> =
        rows.iter().map(|row| (row.id.as_str(), row.score, row.failed)).collect();
    assert_eq!(found, [("c3", Some(5.0), 2), ("c2", Some(2.0), 0)]);
    assert_eq!(rows[1].reason.as_deref(), Some("2"));
    assert_eq!(rows[0].asserts, ["not found"]);
}

#[test]
fn what_a_case_pins_says_nothing_of_the_retriever() {
    let chunk = |source: &str, updated: &str| Chunk {
        text: "t".to_owned(),
        source: Some(source.to_owned()),
        score: None,
        last_updated: Some(updated.to_owned()),
    };
    let stale_before = Some("2026-01-01".parse().expect("a date"));
    let mut tally = Tally::new(Planned { stale_before, ..Planned::new(4, 1) });
    let shown = |case, pinned, context: Vec<Chunk>| TrialRecord {
        pinned,
        context,
        relevant: vec!["a".to_owned()],
        ..record(case, 0, judged(Some(4.0), &[], Vec::new()))
    };
    tally.add(&shown(0, true, vec![chunk("a", "2020-01-01")]), None);
    tally.add(&TrialRecord { grade: unscored(), ..shown(1, true, Vec::new()) }, None);
    assert_eq!((tally.retrieval, tally.cases_ranked()), (super::retrieval::Retrieval::default(), 0));
    tally.add(&shown(2, false, vec![chunk("b", "2026-02-01")]), None);
    tally.add(&shown(3, true, vec![chunk("a", "2020-01-01")]), None);
    let found = &tally.retrieval;
    assert_eq!((found.measured, found.open, found.shown, found.stale, found.unseen), (1, 0, 1, 0, 0));
    assert_eq!(found.means().expect("measured").recall_at_k, 0.0);
}

#[test]
fn parts_merge_to_the_whole() {
    let trials: Vec<TrialRecord> = (0..12)
        .flat_map(|case| (0..2).map(move |trial| (case, trial)))
        .map(|(case, trial)| {
            let score = f64::from(u32::try_from(case % 5).unwrap() + trial % 2).clamp(1.0, 5.0);
            let named = if case % 2 == 0 { "tone" } else { "faithfulness" };
            let grade = if case == 7 {
                unscored()
            } else {
                judged(Some(score), &[(named, Some(score))], vec![assert(case != 4, 2.0, Some("m"))])
            };
            TrialRecord {
                weight: 1.0 + f64::from(trial),
                refused: Some(case == 3),
                ..record(case, trial, grade)
            }
        })
        .map(|record| TrialRecord { weight: 1.5, ..record })
        .collect();
    let mut whole = Tally::new(Planned::new(12, 2));
    trials.iter().for_each(|trial| whole.add(trial, None));
    // Odd cases first, so that order and numbering of the dimensions have to be restored.
    let mut parts = [Tally::new(Planned::new(6, 2)), Tally::new(Planned::new(6, 2))];
    trials.iter().for_each(|trial| parts[1 - trial.case % 2].add(trial, None));
    let [odd, even] = parts;
    let merged = odd.merge(even);
    assert_eq!(merged.faults(), Default::default());
    assert_eq!(merged.planned(), whole.planned());
    let order: Vec<usize> = merged.cases().iter().map(|case| case.index).collect();
    assert_eq!(order, (0..12).collect::<Vec<_>>());
    assert_eq!(merged.score(0.95, SCALE), whole.score(0.95, SCALE));
    for name in ["tone", "faithfulness"] {
        let name = name.into();
        assert_eq!(merged.dimension(&name, 0.9, SCALE), whole.dimension(&name, 0.9, SCALE));
    }
    assert_eq!((&merged.asserts, merged.refusals), (&whole.asserts, whole.refusals));
    assert_eq!((merged.trials_unscored(), merged.worst.rows()), (2, whole.worst.rows()));
}

#[test]
fn a_trial_in_two_parts_is_surplus_and_a_case_in_two_parts_is_one() {
    let part = |trial| {
        let mut tally = Tally::new(Planned::new(1, 2));
        tally.add(&record(0, trial, judged(Some(4.0), &[], Vec::new())), None);
        tally
    };
    assert_eq!(part(0).merge(part(0)).faults().surplus, 1);
    let both = part(0).merge(part(1));
    assert_eq!((both.faults().surplus, both.cases().len(), both.cases()[0].scored), (0, 1, 2));
}
