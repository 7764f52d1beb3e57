//! Records of runs: read back, torn, resumed, pruned.

use super::until;
use crate::domain::{Grade, Kind, RunId, TrialRecord, Unscored};
use crate::ledger::{Home, RunReader, RunWriter, last_unfinished, list_runs, prune_runs, run_id};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use tempfile::{TempDir, tempdir};

fn id(second: i64) -> RunId {
    run_id(jiff::Timestamp::from_second(1_795_231_200 + second).expect("a time"), 0xab12_3456)
}

fn record(case: usize) -> TrialRecord {
    TrialRecord {
        gate: 0,
        case,
        id: format!("case-{case}").into(),
        trial: 0,
        critical: false,
        weight: 1.0,
        tags: [("topic".to_owned(), "refunds".to_owned())].into(),
        grade: Grade::Unscored { reason: Unscored::Timeout, detail: "no answer in 120 s".to_owned() },
        output: Some("two\nlines".to_owned()),
        finish: None,
        refused: None,
        reported: None,
        context: Vec::new(),
        relevant: Vec::new(),
        pinned: false,
        calls: Vec::new(),
        failed_attempts: 7,
    }
}

fn begin(home: &Home, second: i64, records: usize) -> RunWriter {
    let mut writer = RunWriter::create(home, &id(second), &json!({"plan": second})).expect("a run");
    for case in 0..records {
        writer.append(&record(case)).expect("written");
    }
    writer
}

fn read(home: &Home, which: &str) -> Vec<TrialRecord> {
    let reader = RunReader::open(home, which).expect("a run");
    reader.records().expect("records").collect::<Result<_, _>>().expect("whole records")
}

fn tear(root: &TempDir, second: i64, bytes: &[u8]) {
    let path = root.path().join(format!(".llmops/runs/{}/trials.jsonl", id(second)));
    OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(bytes)).expect("appended");
}

#[test]
fn an_id_tells_the_start_and_sorts_by_it() {
    assert_eq!(id(0).as_str(), "20261121T032000Z-003456");
    assert!(id(1) > id(0));
    let at = |ms: i64| {
        run_id(jiff::Timestamp::from_millisecond(1_795_231_200_000 + ms).expect("a time"), 0xffff_ffff)
    };
    assert_eq!(at(999).as_str(), "20261121T032000Z-f9ffff");
    assert!((0..1_000).all(|ms| at(ms) < at(ms + 1)), "within a second too");
}

#[test]
fn a_run_reads_back_as_written() {
    let root = tempdir().expect("a folder");
    let home = Home::at(root.path());
    begin(&home, 0, 2).finish(&json!({"verdict": "passed"})).expect("finished");
    let reader = RunReader::open(&home, "last").expect("a run");
    assert_eq!(reader.plan().expect("a plan"), json!({"plan": 0}));
    assert_eq!(reader.report().expect("readable"), Some(json!({"verdict": "passed"})));
    assert_eq!(read(&home, "last"), [record(0), record(1)]);
    assert_eq!(fs::read_to_string(root.path().join(".llmops/.gitignore")).expect("a file"), "*\n");
}

#[test]
fn a_torn_last_line_is_left_out_and_a_run_goes_on_after_it() {
    let root = tempdir().expect("a folder");
    let home = Home::at(root.path());
    drop(begin(&home, 0, 2));
    tear(&root, 0, b"{\"gate\":0,\"ca");
    assert_eq!(read(&home, "last"), [record(0), record(1)]);
    until("nobody writes it", || last_unfinished(&home).expect("runs") == Some(id(0)));
    let mut resumed = None;
    until("it is continued", || {
        resumed = RunWriter::resume(&home, &id(0)).ok();
        resumed.is_some()
    });
    let (mut writer, there) = resumed.expect("a run");
    assert_eq!(there, 2);
    writer.append(&record(2)).expect("written");
    writer.finish(&json!({})).expect("finished");
    assert_eq!(read(&home, "last"), [record(0), record(1), record(2)]);
    assert_eq!(last_unfinished(&home).expect("runs"), None);
    assert!(RunWriter::resume(&home, &id(0)).is_err(), "a finished run is not continued");
}

#[test]
fn a_broken_line_in_the_middle_is_an_error_and_not_a_smaller_run() {
    let root = tempdir().expect("a folder");
    let home = Home::at(root.path());
    let mut writer = begin(&home, 0, 1);
    tear(&root, 0, b"{\"gate\":0}\n");
    writer.append(&record(1)).expect("written");
    let reader = RunReader::open(&home, "last").expect("a run");
    let records: Vec<_> = reader.records().expect("records").collect();
    assert!(records[0].is_ok() && records[2].is_ok());
    let error = records[1].as_ref().expect_err("a broken line");
    assert_eq!(error.kind(), Kind::Storage);
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn a_finished_run_that_lost_its_end_is_an_error() {
    let root = tempdir().expect("a folder");
    let home = Home::at(root.path());
    begin(&home, 0, 1).finish(&json!({})).expect("finished");
    tear(&root, 0, b"{\"gate\":0,\"ca");
    let reader = RunReader::open(&home, "last").expect("a run");
    assert!(reader.records().expect("records").any(|record| record.is_err()));
}

#[cfg(unix)]
#[test]
fn a_run_that_is_going_on_is_neither_resumed_nor_removed() {
    let root = tempdir().expect("a folder");
    let home = Home::at(root.path());
    let writer = begin(&home, 0, 1);
    assert_eq!(last_unfinished(&home).expect("runs"), None);
    assert!(RunWriter::resume(&home, &id(0)).is_err());
    prune_runs(&home, 0).expect("pruned");
    assert_eq!(list_runs(&home).expect("runs").len(), 1);
    drop(writer);
    // A program that another test starts at this very moment holds on to open files until it is itself.
    until("a run that has ended is removed", || {
        prune_runs(&home, 0).expect("pruned");
        list_runs(&home).expect("runs").is_empty()
    });
}

#[test]
fn a_run_is_found_by_the_beginning_of_its_id() {
    let root = tempdir().expect("a folder");
    let home = Home::at(root.path());
    assert_eq!(RunReader::open(&home, "last").map(|_| ()).map_err(|e| e.kind()), Err(Kind::NoMatch));
    drop(begin(&home, 0, 1));
    drop(begin(&home, 60, 2));
    assert_eq!(read(&home, "20261121T0320").len(), 1);
    assert_eq!(read(&home, "last").len(), 2);
    let kind = |which: &str| RunReader::open(&home, which).map(|_| ()).map_err(|error| error.kind());
    assert_eq!(kind("2026"), Err(Kind::Input));
    assert_eq!(kind("../../etc"), Err(Kind::NoMatch));
    assert_eq!(kind("20261121T032000Z-999999"), Err(Kind::NoMatch));
}

#[test]
fn the_oldest_finished_runs_are_removed() {
    let root = tempdir().expect("a folder");
    let home = Home::at(root.path());
    for second in 0..6 {
        let writer = begin(&home, second, 1);
        if second % 3 != 1 {
            writer.finish(&json!({})).expect("finished");
        }
    }
    fs::create_dir(root.path().join(".llmops/runs/mine")).expect("a folder");
    until("three are left", || {
        prune_runs(&home, 2).expect("pruned");
        list_runs(&home).expect("runs").len() <= 3
    });
    let left: Vec<RunId> = list_runs(&home).expect("runs").into_iter().map(|run| run.id).collect();
    assert_eq!(left, [id(5), id(4), id(3)]);
    assert!(root.path().join(".llmops/runs/mine").is_dir(), "what is no run is left alone");
}

#[test]
fn a_run_is_there_with_its_plan_or_not_at_all() {
    let root = tempdir().expect("a folder");
    let home = Home::at(root.path());
    let runs = root.path().join(".llmops/runs");
    // What a killed run leaves: of this version, and of one that began in place.
    let begun = runs.join(format!(".{}", id(5)));
    fs::create_dir_all(&begun).expect("a folder");
    fs::write(begun.join("plan.json"), "{}").expect("a plan");
    fs::write(begun.join("trials.jsonl"), "").expect("no trials yet");
    fs::create_dir_all(runs.join(id(6).as_str())).expect("a folder");
    assert_eq!(list_runs(&home).expect("runs"), []);
    assert_eq!(last_unfinished(&home).expect("runs"), None);
    assert!(RunReader::open(&home, "last").is_err());
    for second in [7, 8] {
        begin(&home, second, 1).finish(&json!({})).expect("finished");
    }
    assert_eq!(list_runs(&home).expect("runs").len(), 2);
    prune_runs(&home, 2).expect("pruned");
    let mut left: Vec<_> =
        fs::read_dir(&runs).expect("runs").map(|entry| entry.expect("one").file_name()).collect();
    left.sort();
    assert_eq!(left, [id(7).as_str(), id(8).as_str()], "they go with the runs that are as old");
    let again = RunWriter::create(&home, &id(8), &json!({}));
    assert!(again.is_err(), "the run is there already");
}
