//! Committed recordings: what is read back, and what moves when they are exported again.

use super::exchange;
use crate::domain::{Exchange, PromptName, RelPath};
use crate::ledger::{Exported, Recordings, export_recordings};
use crate::repo::Snapshot;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

fn evals() -> RelPath {
    RelPath::new("evals").expect("inside")
}

fn name() -> PromptName {
    "support/refund".into()
}

fn export(root: &Path, exchanges: &[Exchange]) -> Exported {
    export_recordings(root, &evals(), &name(), exchanges.iter().cloned(), true).expect("exported")
}

fn load(root: &Path) -> Recordings {
    let snapshot = Snapshot::working_tree(root).expect("a folder");
    Recordings::load(&snapshot, &evals(), &name()).expect("readable")
}

fn file(root: &Path) -> PathBuf {
    root.join("evals/recordings/support/refund.jsonl")
}

#[test]
fn what_was_exported_is_found_and_nothing_else() {
    let root = tempdir().expect("a folder");
    let root = root.path();
    assert!(load(root).is_empty(), "no file, no recordings");
    let all = [exchange("a"), exchange("b"), exchange("c")];
    let done = export(root, &all[..2]);
    assert_eq!((done.exchanges, done.changed, done.left_out), (2, true, 0));
    assert_eq!(done.path.as_str(), "evals/recordings/support/refund.jsonl");
    let recordings = load(root);
    assert_eq!(recordings.len(), 2);
    let found: Vec<_> = all.iter().map(|exchange| recordings.get(&exchange.key)).collect();
    assert_eq!(found, [Some(all[0].clone()), Some(all[1].clone()), None]);
    let text = fs::read_to_string(file(root)).expect("a file");
    let keys: Vec<&str> = text.lines().map(|line| &line[..90]).collect();
    assert!(keys.is_sorted() && text.ends_with('\n'));
}

#[test]
fn an_export_of_the_same_answers_moves_no_byte() {
    let root = tempdir().expect("a folder");
    let root = root.path();
    let all = [exchange("a"), exchange("b")];
    export(root, &all);
    let before = fs::read(file(root)).expect("a file");
    let later: Vec<Exchange> = all
        .iter()
        .rev()
        .map(|old| Exchange { latency_ms: 1, at: "2027-01-01T00:00:00Z".to_owned(), ..old.clone() })
        .collect();
    assert!(!export(root, &later).changed);
    assert_eq!(fs::read(file(root)).expect("a file"), before);
    let mut other = later;
    other[0].reply.text = "another answer".to_owned();
    assert!(export(root, &other).changed);
    let recordings = load(root);
    assert_eq!(recordings.get(&other[0].key).as_ref(), Some(&other[0]));
    assert_eq!(recordings.get(&all[0].key).as_ref(), Some(&all[0]), "the other line stays as it was");
}

#[test]
fn what_no_request_needs_is_pruned() {
    let root = tempdir().expect("a folder");
    let root = root.path();
    export(root, &[exchange("a"), exchange("b")]);
    export(root, &[exchange("b")]);
    assert_eq!(load(root).get(&exchange("a").key), None);
    assert!(export(root, &[]).changed);
    assert!(!file(root).exists());
    assert!(!export(root, &[]).changed);
}

#[test]
fn what_may_not_be_reused_is_left_out() {
    let root = tempdir().expect("a folder");
    let mut exchange = exchange("a");
    exchange.request.cacheable = false;
    let done = export(root.path(), &[exchange]);
    assert_eq!((done.exchanges, done.left_out), (0, 1));
    assert!(load(root.path()).is_empty());
}

#[test]
fn a_checkout_with_other_line_ends_is_the_same() {
    let root = tempdir().expect("a folder");
    let root = root.path();
    export(root, &[exchange("a"), exchange("b")]);
    let text = fs::read_to_string(file(root)).expect("a file");
    fs::write(file(root), text.replace('\n', "\r\n")).expect("a file");
    let recordings = load(root);
    assert_eq!(recordings.get(&exchange("b").key), Some(exchange("b")));
    assert_eq!(recordings.take_warnings(), Vec::<String>::new());
    export(root, &[exchange("a"), exchange("b")]);
    assert_eq!(fs::read_to_string(file(root)).expect("a file"), text);
}

#[test]
fn a_changed_or_broken_line_is_a_warning_and_a_miss() {
    let root = tempdir().expect("a folder");
    let root = root.path();
    export(root, &[exchange("a")]);
    let text = fs::read_to_string(file(root)).expect("a file");
    let forged = text.replace("\"temperature\":0.2", "\"temperature\":0.3");
    assert_ne!(forged, text);
    fs::write(file(root), format!("<<<<<<< HEAD\n{forged}")).expect("a file");
    let recordings = load(root);
    assert_eq!(recordings.get(&exchange("a").key), None);
    let warnings = recordings.take_warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("evals/recordings/support/refund.jsonl:1: no exchange"), "{warnings:?}");
    assert!(warnings[1].starts_with("evals/recordings/support/refund.jsonl:2:"), "{warnings:?}");
    // An export replaces it by what is true.
    assert!(export(root, &[exchange("a")]).changed);
    assert_eq!(fs::read_to_string(file(root)).expect("a file"), text);
}

#[test]
fn a_reply_that_was_edited_is_an_error() {
    let root = tempdir().expect("a folder");
    let root = root.path();
    export(root, &[exchange("a"), exchange("b")]);
    let text = fs::read_to_string(file(root)).expect("a file");
    let wrong = |text: &str| {
        fs::write(file(root), text).expect("a file");
        let snapshot = Snapshot::working_tree(root).expect("a folder");
        Recordings::load(&snapshot, &evals(), &name()).expect_err("not what was recorded").to_string()
    };
    let said = wrong(&text.replace("the answer to a", "a better answer"));
    assert!(said.contains("refund.jsonl:") && said.contains("not the one that was recorded"), "{said}");
    // Two answers to one request, whichever of them is true: without digests, since one would give the edit away.
    let bare = |line: &str| line.split(",\"reply_digest\"").next().expect("a line").to_owned() + "}\n";
    let lines: Vec<String> = text.lines().map(bare).collect();
    let said = wrong(&format!("{}{}{}", lines[0], lines[1], lines[0].replace("in two lines", "in one line")));
    assert!(said.contains("refund.jsonl:1 and evals/recordings/support/refund.jsonl:3"), "{said}");
    fs::write(file(root), format!("{}{}{}", lines[0], lines[1], lines[0])).expect("a file");
    let recordings = load(root);
    assert_eq!(recordings.len(), 2);
    let warnings = recordings.take_warnings();
    assert!(warnings[0].contains("3 lines have no `reply_digest`"), "{warnings:?}");
    // An export of the same answers writes the digests, and moves nothing else.
    assert!(export(root, &[exchange("a"), exchange("b")]).changed);
    assert_eq!(fs::read_to_string(file(root)).expect("a file"), text);
}

#[test]
fn a_pointer_of_git_lfs_is_an_error() {
    let root = tempdir().expect("a folder");
    export(root.path(), &[exchange("a")]);
    fs::write(file(root.path()), "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
        .expect("a file");
    let snapshot = Snapshot::working_tree(root.path()).expect("a folder");
    let error = Recordings::load(&snapshot, &evals(), &name()).expect_err("a pointer");
    assert_eq!(error.hint_text(), Some("run `git lfs pull`"));
}

#[test]
fn nothing_is_written_outside() {
    let root = tempdir().expect("a folder");
    for name in ["../../../x", "/etc/x", "a/../../x"] {
        let done = export_recordings(root.path(), &evals(), &name.into(), [exchange("a")], true);
        assert!(done.is_err(), "{name}: {done:?}");
    }
    #[cfg(unix)]
    {
        let outside = tempdir().expect("a folder");
        std::os::unix::fs::symlink(outside.path(), root.path().join("evals")).expect("a link");
        assert!(export_recordings(root.path(), &evals(), &name(), [exchange("a")], true).is_err());
        assert_eq!(fs::read_dir(outside.path()).expect("a folder").count(), 0);
    }
}

#[test]
fn two_that_write_at_once_lose_nothing_of_each_other() {
    let root = tempdir().expect("a folder");
    let root = root.path();
    let parts: Vec<Vec<Exchange>> = ["a", "b", "c"]
        .iter()
        .map(|part| (0..8).map(|n| exchange(&format!("{part}{n}"))).collect())
        .collect();
    for round in 0..20 {
        let _ = fs::remove_file(file(root));
        std::thread::scope(|scope| {
            for part in &parts {
                // One after another, as the prompts of a run.
                scope.spawn(move || {
                    for one in part {
                        let done = export_recordings(root, &evals(), &name(), [one.clone()], false);
                        done.expect("exported");
                    }
                });
            }
        });
        assert_eq!(load(root).len(), 24, "round {round}");
    }
}
