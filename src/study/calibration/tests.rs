use super::record::{Provenance, Record, satisfies, shortfalls};
use super::*;
use crate::domain::{Digest, ModelId, RelPath, SuiteName};
use crate::manifest::suite::CalibrationTerms;

fn question() -> Question {
    let dimension = |name: &str, weight| Calibrated { name: name.into(), weight, required: None };
    Question {
        dimensions: vec![dimension("tone", 1.0), dimension("relevance", 3.0)],
        scale: Scale::default(),
        threshold: Some(4.0),
        confidence: 0.95,
    }
}

fn judged(scores: &[(f64, Option<f64>)]) -> Vec<JudgedCase> {
    let case = |(index, (tone, relevance)): (usize, &(f64, Option<f64>))| JudgedCase {
        id: CaseId::new(format!("c{index}")),
        dimensions: [("tone".into(), Some(*tone)), ("relevance".into(), *relevance)].into(),
        output_chars: 40 + 17 * index * index,
    };
    scores.iter().enumerate().map(case).collect()
}

fn label(case: usize, dimension: &str, score: f64, rater: &str) -> Label {
    Label {
        case: CaseId::new(format!("c{case}")),
        dimension: dimension.into(),
        score,
        rater: Some(rater.to_owned()),
        output: None,
        line: 2,
    }
}

/// Twelve judged cases; ana labels ten in both dimensions, bo the first five in tone. The judge adds a point to
/// the tone of every other case.
fn example() -> (Labels, Vec<JudgedCase>) {
    let human = [1.0, 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 1.0, 4.0, 3.0];
    let mut scores: Vec<(f64, Option<f64>)> = human
        .iter()
        .enumerate()
        .map(|(index, score)| (score + if index % 2 == 0 { 1.0 } else { 0.0 }, Some(*score)))
        .collect();
    scores.extend([(5.0, Some(4.0)), (2.0, None)]);
    let mut labels = Vec::new();
    for (index, score) in human.iter().enumerate() {
        labels.extend(["tone", "relevance"].map(|dimension| label(index, dimension, *score, "ana")));
    }
    labels.extend((0..5).map(|index| label(index, "tone", human[index], "bo")));
    (Labels { labels, blank: 0 }, judged(&scores))
}

fn about(judge: &str) -> Provenance {
    Provenance {
        suite: SuiteName::from("support/main"),
        judge_digest: Digest::of_text(judge),
        rubric: "builtin/rag 1.0.0".to_owned(),
        model: ModelId::from("claude-opus-4-7-20260416"),
        labels_digest: Digest::of_text("labels"),
        date: "2026-11-21".to_owned(),
    }
}

fn record() -> Record {
    let (labels, judged) = example();
    Record::new(&calibrate(&labels, &judged, &question()).expect("a calibration"), about("judge"))
}

#[test]
fn labels_join_with_scores_by_case_and_dimension() {
    let (labels, judged) = example();
    let found = calibrate(&labels, &judged, &question()).expect("a calibration");
    let [(tone, tone_means), (relevance, _)] = &found.dimensions[..] else { panic!("two dimensions") };
    assert_eq!((found.labels, found.raters, tone.n, relevance.n, found.pooled.n), (25, 2, 10, 10, 20));
    assert_eq!(tone.residuals.as_ref().map(|r| (r.bias.value, r.exact)), Ok((0.5, 0.5)));
    assert_eq!(relevance.kappa.map(|kappa| kappa.value), Ok(1.0));
    assert!(tone.kappa.is_ok_and(|kappa| kappa.value < 0.95));
    assert_eq!(tone.alpha_raters, Ok(1.0));
    assert_eq!(relevance.alpha_raters, Err(Undefined::TooFew), "one rater agrees with nobody");
    let passing = tone.passing.as_ref().and_then(|line| line.as_ref().ok()).expect("a threshold");
    assert_eq!((passing.true_passes, passing.false_passes, passing.false_fails), (3, 1, 0));
    let rate = tone.pass_rate.expect("a threshold").expect("a rate").rate;
    // Of the two unlabelled answers the judge passes one; it passes 3 of 3 good and 1 of 7 bad ones.
    assert!((rate - (0.5 + 6.0 / 7.0 - 1.0) / (6.0 / 7.0)).abs() < 1e-12, "{rate}");
    let corrected = tone_means.corrected.as_ref().expect("a mean").mean.value;
    assert!(
        corrected < *tone_means.judge.as_ref().expect("a mean"),
        "a lenient judge is corrected downwards"
    );
}

#[test]
fn the_corrected_case_score_weighs_dimensions_as_the_gate_does() {
    let (labels, judged) = example();
    let found = calibrate(&labels, &judged, &question()).expect("a calibration").score;
    // (tone + 3·relevance)/4 is a quarter of the tone's bias above the humans', on half of the cases.
    let judge: f64 = (27.0 + 5.0 * 0.25 + 4.25 + 2.0) / 12.0;
    assert!((found.judge.expect("a mean") - judge).abs() < 1e-12);
    assert!(found.corrected.is_ok_and(|corrected| corrected.mean.value < judge));
}

#[test]
fn labels_that_the_judge_never_scored_are_named() {
    let (mut labels, judged) = example();
    labels.labels.push(label(11, "relevance", 2.0, "ana"));
    labels.labels.push(label(99, "tone", 2.0, "ana"));
    let found = calibrate(&labels, &judged, &question()).expect("a calibration");
    let unjudged: Vec<String> = found.unjudged.iter().map(|(case, name)| format!("{case}/{name}")).collect();
    assert_eq!(unjudged, ["c11/relevance", "c99/tone"]);
    let none = Labels { labels: vec![label(99, "tone", 2.0, "ana")], blank: 0 };
    assert_eq!(
        calibrate(&none, &judged, &question()).map_err(|error| error.kind()).err(),
        Some(Kind::NoVerdict)
    );
}

#[test]
fn a_record_reads_back_as_written_and_lives_beside_the_suites() {
    let record = record();
    let text = record.to_json().expect("json");
    let file = record::path(&RelPath::new("evals").expect("a path"), &record.suite).expect("a path");
    assert_eq!(file.as_str(), "evals/calibrations/support/main.json");
    assert_eq!(Record::read(&file, &text), Ok(record));
    for outside in ["../../../x", "../support"] {
        assert_eq!(record::path(&RelPath::new("evals").expect("a path"), &outside.into()), None);
    }
    for bad in ["", "{}", &text.replace("/v1", "/v9"), &text.replacen("\"n\"", "\"m\"", 1)] {
        assert_eq!(Record::read(&file, bad).map_err(|fault| fault.code), Err(record::UNREADABLE));
    }
}

#[test]
fn a_judge_without_calibration_or_changed_since_is_not_calibrated() {
    let terms = CalibrationTerms { min_kappa: None, max_bias: None, min_labels: None };
    let codes = |outcome: Result<(), Vec<crate::domain::Breach>>| {
        outcome.map_err(|breaches| breaches.into_iter().map(|breach| breach.code.0).collect::<Vec<_>>())
    };
    let record = record();
    assert_eq!(codes(satisfies(None, &terms, &Digest::of_text("judge"))), Err(vec!["judge-uncalibrated"]));
    assert_eq!(
        codes(satisfies(Some(&record), &terms, &Digest::of_text("other"))),
        Err(vec!["judge-changed"])
    );
    assert_eq!(codes(satisfies(Some(&record), &terms, &Digest::of_text("judge"))), Ok(()));
}

#[test]
fn every_dimension_has_to_meet_the_terms_by_itself() {
    let record = record();
    let of = |min_kappa, max_bias, min_labels| -> Vec<String> {
        let terms = CalibrationTerms { min_kappa, max_bias, min_labels };
        shortfalls(&record, &terms).into_iter().map(|breach| breach.message).collect()
    };
    assert!(of(Some(0.5), Some(0.5), Some(10)).is_empty());
    assert_eq!(of(None, Some(0.4), None), ["tone: bias +0.500 points, at most 0.4 allowed"]);
    assert_eq!(of(None, None, Some(11)).len(), 2);
    assert!(of(Some(0.99), None, None)[0].starts_with("tone: kappa 0."));
    let mut unlabelled = record.clone();
    for entry in unlabelled.dimensions.values_mut() {
        (entry.kappa, entry.bias) = (None, None);
    }
    let terms = CalibrationTerms { min_kappa: Some(-1.0), max_bias: Some(9.0), min_labels: None };
    assert_eq!(shortfalls(&unlabelled, &terms).len(), 4, "an unknown number meets no demand");
    unlabelled.dimensions.clear();
    assert_eq!(shortfalls(&unlabelled, &terms).len(), 1);
}
