//! What people read: sentences, tables, notes.

use super::fixture::{Fixture, good, outage};
use super::{codes, sentence};
use crate::domain::{Grade, Unscored};
use crate::manifest::suite::{Allowance, DecideOn};
use std::collections::BTreeSet;

fn says(fixture: &Fixture) -> String {
    sentence(&fixture.decide(), &fixture.tally())
}

#[test]
fn a_pass_says_what_was_reached() {
    let found = says(&Fixture::new());
    assert_eq!(
        found,
        "passed: score 4.50 reaches the required 4.20 (95 % interval 4.26 to 4.74, 20 cases), and 1 other check holds"
    );
}

#[test]
fn a_failure_says_what_was_missed_and_never_rounds_it_away() {
    let mut fixture = Fixture::new();
    fixture.required = Some(4.501);
    let found = says(&fixture);
    assert_eq!(
        found,
        "failed: score 4.50 is below the required 4.501 (95 % interval 4.26 to 4.74, 20 cases)"
    );
    fixture.required = Some(4.8);
    fixture.records[7] = good(7, 4.999);
    assert!(
        says(&fixture).starts_with("failed: score 4.50 is below the required 4.80"),
        "{}",
        says(&fixture)
    );
    fixture.required = Some(4.5);
    assert!(
        says(&fixture).starts_with("failed: score 4.49995 is below the required 4.50"),
        "{}",
        says(&fixture)
    );
}

#[test]
fn no_verdict_says_what_is_missing_and_where_the_score_could_land() {
    let mut fixture = Fixture::new();
    fixture.required = Some(4.4);
    fixture.gate.asserts_required = 0.0;
    for case in 0..3 {
        fixture.records[case] = outage(case);
    }
    assert_eq!(
        says(&fixture),
        "no verdict: 3 of 20 trials have no grade (provider_error: 401 unauthorized), and the score could still land \
         between 4.00 and 4.60 (4.40 required)"
    );
    fixture.required = Some(3.0);
    assert_eq!(says(&fixture), "no verdict: 3 of 20 trials have no grade (provider_error: 401 unauthorized)");
}

#[test]
fn where_nothing_has_a_grade_that_is_all_there_is_to_say() {
    let mut fixture = Fixture::new();
    (0..20).for_each(|case| fixture.records[case] = outage(case));
    let decision = fixture.decide();
    assert!(decision.verdict.reasons().len() > 2, "each demand is a reason of its own");
    assert!(decision.notes.iter().all(|note| note.code != codes::UNSCORED_ALLOWED), "it is said already");
    assert_eq!(
        says(&fixture),
        "no verdict: 20 of 20 trials have no grade (provider_error: 401 unauthorized)"
    );
}

#[test]
fn what_is_not_recorded_says_who_can_mend_it() {
    let mut fixture = Fixture::new();
    let detail = "offline, and the reply is neither stored nor recorded".to_owned();
    fixture.records[0].grade = Grade::Unscored { reason: Unscored::NotRecorded, detail };
    let notes = fixture.decide().notes;
    let note = notes.iter().find(|note| note.code == codes::NOT_RECORDED).expect("the note");
    assert!(note.message.contains("`llmops eval --record`") && note.message.contains("merge queue"));
    assert!(Fixture::new().decide().notes.iter().all(|note| note.code != codes::NOT_RECORDED));
}

#[test]
fn the_lower_bound_is_told_where_it_decides_and_only_there() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.decide().lower_bound, None);
    fixture.gate.decide_on = DecideOn::LowerBound;
    let bound = fixture.decide().lower_bound.expect("a bound");
    // m − t·s/√n: 4.5 − 1.729 · 0.513/√20.
    assert!((bound - 4.3017).abs() < 1e-3, "{bound}");
    fixture.required = Some(bound + 0.01);
    let decision = fixture.decide();
    assert!(decision.verdict.reasons().iter().any(|reason| reason.code == codes::SCORE_BELOW));
    assert!(decision.lower_bound.is_some_and(|found| (found - bound).abs() < 1e-9));
}

#[test]
fn a_table_has_every_demand_with_what_was_found() {
    let mut fixture = Fixture::new();
    fixture.gate.case_floor = Some(2.0);
    fixture.budget.max_cost_usd_per_case = Some("0.0099".parse().unwrap());
    let checks = fixture.decide().checks;
    let rows: Vec<(&str, &str, &str, Option<bool>)> =
        checks.iter().map(|check| (&*check.name, &*check.demanded, &*check.found, check.holds())).collect();
    assert_eq!(
        rows,
        [
            ("score", "≥ 4.20", "4.50", Some(true)),
            ("asserts", "≥ 100 %", "100 %", Some(true)),
            ("case_floor", "≥ 2.00", "4.00", Some(true)),
            ("cost per case", "≤ $0.0099", "$0.01", Some(false)),
        ]
    );
}

#[test]
fn notes_say_what_to_doubt() {
    let codes_of = |fixture: &Fixture| -> Vec<&'static str> {
        fixture.decide().notes.iter().map(|note| note.code.0).collect()
    };
    let mut fixture = Fixture::new();
    assert_eq!(codes_of(&fixture), [""; 0]);
    fixture.required = Some(4.4);
    assert_eq!(codes_of(&fixture), ["threshold-in-interval"]);
    fixture.required = Some(4.2);
    (fixture.gate.max_unscored, fixture.gate.asserts_required) = (Allowance::Count(1), 0.0);
    fixture.records[0] = outage(0);
    assert_eq!(codes_of(&fixture), ["unscored-allowed"]);
    fixture.records = vec![good(0, 5.0)];
    fixture.planned.cases = 1;
    assert_eq!(codes_of(&fixture), ["few-cases", "no-interval"]);
    if let crate::domain::Grade::Scored { asserts, judgement: Some(judgement) } =
        &mut fixture.records[0].grade
    {
        asserts.clear();
        judgement.lenient = true;
    }
    fixture.records[0].critical = true;
    let expected = ["few-cases", "no-interval", "critical-without-effect", "judge-read-leniently"];
    assert_eq!(codes_of(&fixture), expected);
}

#[test]
fn rerun_disagreement_needs_two_trials() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.decide().rerun_disagreement, None);
    fixture.planned.trials = 2;
    let again: Vec<_> = fixture
        .records
        .iter()
        .cloned()
        .map(|record| {
            let score = if record.case == 0 { 5.0 } else { 4.0 };
            crate::domain::TrialRecord { trial: 1, grade: good(record.case, score).grade, ..record }
        })
        .collect();
    fixture.records.extend(again);
    let far = fixture.decide().rerun_disagreement.unwrap();
    fixture.required = Some(fixture.decide().score.unwrap().mean);
    let near = fixture.decide().rerun_disagreement.unwrap();
    assert!(far < 0.5 && (near - 0.5).abs() < 1e-9, "{far} {near}");
}

#[test]
fn codes_are_unique_and_kebab_case() {
    let all: BTreeSet<&str> = codes::CODES.iter().map(|code| code.0).collect();
    assert_eq!(all.len(), codes::CODES.len());
    assert!(all.iter().all(|code| code.chars().all(|c| c == '-' || c.is_ascii_lowercase())));
}
