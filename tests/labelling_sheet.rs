//! From a run to a sheet, to labels, to a calibration: the files that people pass around fit each other.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test says what it expected")]

use llmops::domain::{CaseId, Chunk, DimensionName, RelPath, Scale};
use llmops::study::calibration::{Calibrated, JudgedCase, Question, calibrate};
use llmops::study::labels::{Expected, read};
use llmops::study::sheet::{Answer, Rubric, csv, html, pick};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const NAMES: [&str; 2] = ["faithfulness", "tone"];

/// What a person would score: spread over the scale, different per dimension.
fn human(case: usize, dimension: usize) -> f64 {
    [1.0, 2.0, 3.0, 4.0, 5.0, 4.0, 3.0][(case * 3 + dimension * 2) % 7]
}

/// The judge is a point too lenient on every third answer, as far as the scale allows.
fn judge(case: usize, dimension: usize) -> f64 {
    (human(case, dimension) + f64::from(u8::from(case.is_multiple_of(3)))).min(5.0)
}

fn answers(n: usize) -> Vec<Answer> {
    let answer = |case: usize| Answer {
        id: CaseId::new(format!("case-{case:03}")),
        judged: Some((judge(case, 0) + judge(case, 1)) / 2.0),
        tag: Some(["refunds", "shipping", "äöü, \"quoted\""][case % 3].to_owned()),
        input: format!("Question {case}: how long do refunds take?\nI ordered on Monday."),
        context: vec![
            Chunk {
                text: "Refunds are paid within 14 days of the return.".to_owned(),
                source: Some("kb/refunds.md".to_owned()),
                score: None,
                last_updated: None,
            },
            Chunk { text: "Shops close at six.".to_owned(), source: None, score: None, last_updated: None },
        ],
        expected: case.is_multiple_of(2).then(|| "Within 14 days.".to_owned()),
        output: match case % 4 {
            0 => "=SUM(A1:A9)".to_owned(),
            1 => "</script><script>document.title = 'owned'</script><img src=x onerror=alert(1)>".to_owned(),
            2 => "Refunds take 14 days, \"usually\"; see {{ policy }} — 退款需要14天 🎉\r\nKind regards"
                .to_owned(),
            _ => String::new(),
        },
        dimensions: NAMES[..1 + usize::from(!case.is_multiple_of(5))]
            .iter()
            .map(|name| (*name).into())
            .collect(),
    };
    (0..n).map(answer).collect()
}

fn rubric() -> Rubric {
    let levels = "5: fully. 4: with a harmless detail. 3: in part. 2: hardly. 1: not at all.";
    let dimension =
        |name: &&str| (DimensionName::from(*name), format!("Does the answer show {name}? {levels}"));
    Rubric {
        title: "support".to_owned(),
        scale: Scale::default(),
        dimensions: NAMES.iter().map(dimension).collect(),
    }
}

/// Fills the empty score and rater of every row.
fn filled(sheet: &str) -> String {
    let mut sheet = sheet.to_owned();
    for case in 0..300 {
        for (dimension, name) in NAMES.iter().enumerate() {
            let row = format!("\"case-{case:03}\",\"{name}\",");
            let score = human(case, dimension);
            sheet = sheet.replace(&format!("{row}\"\",\"\","), &format!("{row}\"{score}\",\"ana\","));
        }
    }
    sheet
}

#[test]
fn two_hundred_answers_are_sampled_labelled_and_calibrated() {
    let all = answers(300);
    let chosen = pick(&all, Scale::default(), 200, 11);
    let sheet = csv(chosen.iter().map(|index| &all[*index])).expect("a sheet");
    let cases: BTreeSet<CaseId> = all.iter().map(|answer| answer.id.clone()).collect();
    let dimensions = NAMES.map(DimensionName::from);
    let path = RelPath::new("labels.csv").expect("a path");
    let expected = Expected { cases: &cases, dimensions: &dimensions, scale: Scale::default() };
    let empty = read(&path, sheet.as_bytes(), expected).expect_err("nothing is labelled yet");
    assert_eq!(empty[0].code.0, "labels-empty");
    let labels = read(&path, filled(&sheet).as_bytes(), expected).expect("labels");
    let rows: usize = chosen.iter().map(|index| all[*index].dimensions.len()).sum();
    assert_eq!((labels.labels.len(), labels.blank, labels.raters()), (rows, 0, 1));

    let judged: Vec<JudgedCase> = all
        .iter()
        .enumerate()
        .map(|(case, answer)| JudgedCase {
            id: answer.id.clone(),
            dimensions: NAMES
                .iter()
                .enumerate()
                .map(|(at, name)| {
                    let applies = answer.dimensions.iter().any(|own| own.as_str() == *name);
                    (DimensionName::from(*name), applies.then(|| judge(case, at)))
                })
                .collect::<BTreeMap<_, _>>(),
            output_chars: answer.output.chars().count(),
        })
        .collect();
    let dimension = |name: &&str| Calibrated { name: (*name).into(), weight: 1.0, required: None };
    let question = Question {
        dimensions: NAMES.iter().map(dimension).collect(),
        scale: Scale::default(),
        threshold: Some(4.0),
        confidence: 0.95,
    };
    let found = calibrate(&labels, &judged, &question).expect("a calibration");
    assert_eq!((found.pooled.n, found.unjudged.len()), (rows, 0));
    let truth: f64 = (0..300).map(|case| human(case, 0)).sum::<f64>() / 300.0;
    let means = &found.dimensions[0].1;
    let corrected = means.corrected.as_ref().expect("a mean").mean;
    let raw = *means.judge.as_ref().expect("a mean");
    assert!((corrected.value - truth).abs() < (raw - truth).abs(), "{corrected:?}, {raw} against {truth}");
    assert!(corrected.interval.is_some_and(|(low, high)| low < truth && truth < high));
}

/// Leaves a sheet under the target folder, to be opened in a browser; and holds that both forms have the same rows.
#[test]
fn the_form_and_the_csv_hold_the_same_rows() {
    let all = answers(12);
    let chosen = pick(&all, Scale::default(), 8, 3);
    let rows = || chosen.iter().map(|index| &all[*index]);
    let (form, sheet) = (html(&rubric(), rows()), csv(rows()).expect("a sheet"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sheet");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("sheet.html"), &form).expect("written");
    fs::write(folder.join("filled.csv"), filled(&sheet)).expect("written");
    let data = form.split("id=\"data\">").nth(1).and_then(|rest| rest.split("</script>").next());
    let data: serde_json::Value = serde_json::from_str(data.expect("data")).expect("json");
    let in_form: Vec<String> = data["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .flat_map(|row| {
            let names = row["dimensions"].as_array().expect("dimensions").iter();
            names.map(|name| format!("{}/{}", row["case"].as_str().unwrap(), name.as_str().unwrap()))
        })
        .collect();
    let mut reader = csv::Reader::from_reader(sheet.trim_start_matches('\u{feff}').as_bytes());
    let in_csv: Vec<String> = reader
        .records()
        .map(|record| record.expect("a row"))
        .map(|row| format!("{}/{}", &row[0], &row[1]))
        .collect();
    assert!(in_csv.len() > 8);
    assert_eq!(in_form, in_csv);
}
