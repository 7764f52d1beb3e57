//! The exchange store: shared, torn, full and tampered with.

use super::{exchange, until};
use crate::domain::Exchange;
use crate::ledger::{DEFAULT_STORE_BYTES, ExchangeStore, Home};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::{TempDir, tempdir};

fn store(root: &TempDir, label: &str) -> ExchangeStore {
    ExchangeStore::new(&Home::at(root.path()), label, DEFAULT_STORE_BYTES)
}

fn folder(root: &TempDir) -> PathBuf {
    root.path().join(".llmops/exchanges")
}

fn found(store: &ExchangeStore, exchange: &Exchange) -> Option<Exchange> {
    store.get(&exchange.key).expect("a store that can be read")
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(bytes)).expect("appended");
}

#[test]
fn what_was_put_is_found_at_once_and_by_the_next_process() {
    let root = tempdir().expect("a folder");
    let (a, b) = (exchange("a"), exchange("b"));
    let first = store(&root, "20261121T031500Z-aaaaaa");
    assert_eq!(found(&first, &a), None);
    assert!(!root.path().join(".llmops").exists(), "a question alone makes nothing");
    first.put(&a).expect("stored");
    assert_eq!(found(&first, &a), Some(a.clone()));
    // The process is not closed in any way: what another one sees is what a kill would leave.
    let second = store(&root, "20261121T031501Z-bbbbbb");
    assert_eq!((found(&second, &a), found(&second, &b)), (Some(a.clone()), None));
    second.put(&b).expect("stored");
    assert_eq!(found(&store(&root, "x"), &b), Some(b));
    assert_eq!(fs::read_dir(folder(&root)).expect("a folder").count(), 2);
    assert_eq!(fs::read_to_string(root.path().join(".llmops/.gitignore")).expect("a file"), "*\n");
    assert_eq!(second.take_warnings(), Vec::<String>::new());
}

#[test]
fn a_store_afresh_reads_nothing_of_before_and_keeps_what_it_stores() {
    let root = tempdir().expect("a folder");
    let (a, b) = (exchange("a"), exchange("b"));
    store(&root, "one").put(&a).expect("stored");
    let afresh = ExchangeStore::afresh(&Home::at(root.path()), "two", DEFAULT_STORE_BYTES);
    assert_eq!(found(&afresh, &a), None);
    assert!(!afresh.has_earlier().expect("a store that can be read"));
    afresh.put(&b).expect("stored");
    assert_eq!(found(&afresh, &b), Some(b.clone()));
    let next = store(&root, "three");
    assert_eq!((found(&next, &a), found(&next, &b)), (Some(a), Some(b)));
}

#[test]
fn what_completed_before_a_moment_is_not_found_since_it() {
    let root = tempdir().expect("a folder");
    let writing = store(&root, "one");
    let a = Exchange { at: "2026-03-01T10:00:00.000Z".to_owned(), ..exchange("a") };
    writing.put(&a).expect("stored");
    // The process that wrote it goes by the date in the line; another one first by the file's.
    for reading in [&writing, &store(&root, "two")] {
        let since = |moment| reading.get_since(&a.key, Some(moment)).expect("a store that can be read");
        assert_eq!(since("2026-03-01T10:00:00.000Z"), Some(a.clone()));
        assert_eq!(since("2026-03-01T10:00:00.001Z"), None);
        assert_eq!(since("2999-01-01T00:00:00.000Z"), None);
    }
}

#[test]
fn a_later_exchange_of_the_same_request_holds() {
    let root = tempdir().expect("a folder");
    let store = store(&root, "one");
    let old = exchange("a");
    let new = Exchange { latency_ms: 7, ..old.clone() };
    store.put(&old).expect("stored");
    store.put(&new).expect("stored");
    assert_eq!(found(&store, &old), Some(new.clone()));
    assert_eq!(found(&self::store(&root, "two"), &old), Some(new));
}

#[test]
fn a_torn_last_line_is_skipped_with_a_warning() {
    let root = tempdir().expect("a folder");
    let (a, b) = (exchange("a"), exchange("b"));
    store(&root, "one").put(&a).expect("stored");
    let segment = folder(&root).join("one-0.jsonl");
    let line = serde_json::to_string(&b).expect("JSON");
    for cut in [1, 40, 81, 82, 200, line.len()] {
        let whole = fs::read(&segment).expect("a file");
        append(&segment, &line.as_bytes()[..cut]);
        let torn = store(&root, "two");
        assert_eq!((found(&torn, &a), found(&torn, &b)), (Some(a.clone()), None), "cut at {cut}");
        let warnings = torn.take_warnings();
        assert!(warnings.len() == 1 && warnings[0].contains("last line is incomplete"), "{warnings:?}");
        fs::write(&segment, whole).expect("a file");
    }
}

#[test]
fn a_line_that_is_not_what_it_says_is_skipped_with_a_warning() {
    let root = tempdir().expect("a folder");
    let (a, b, c) = (exchange("a"), exchange("b"), exchange("c"));
    store(&root, "one").put(&a).expect("stored");
    let segment = folder(&root).join("one-0.jsonl");
    // The reply to another question, under the key of `b`.
    let forged = serde_json::to_string(&Exchange { key: b.key, ..c.clone() }).expect("JSON");
    let broken = format!("{{\"key\":\"{}\",\"request\":", c.key);
    append(&segment, format!("not JSON at all\n\n{forged}\n{broken}\n").as_bytes());
    let store = store(&root, "two");
    assert_eq!(found(&store, &a), Some(a));
    assert_eq!((found(&store, &b), found(&store, &c)), (None, None));
    let warnings = store.take_warnings();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings[0].contains("1 unreadable lines"), "{warnings:?}");
    assert!(warnings[1].contains("does not have the digest"), "{warnings:?}");
    assert!(warnings[2].contains("EOF"), "{warnings:?}");
}

#[test]
fn a_line_that_turned_bad_does_not_hide_an_older_good_one() {
    let root = tempdir().expect("a folder");
    let a = exchange("a");
    store(&root, "one").put(&a).expect("stored");
    let segment = folder(&root).join("one-0.jsonl");
    let line = fs::read_to_string(&segment).expect("a file");
    for bad in
        [line.replace("\"temperature\":0.2", "\"temperature\":0.3"), line.replace("\"reply\"", "reply")]
    {
        assert_ne!(bad, line);
        append(&segment, bad.as_bytes());
    }
    let store = store(&root, "two");
    assert_eq!(found(&store, &a), Some(a.clone()));
    assert_eq!(store.take_warnings().len(), 2);
    assert_eq!(found(&store, &a), Some(a.clone()));
    // What is stored again is what holds, and what was is still behind it.
    store.put(&a).expect("stored");
    assert_eq!(found(&store, &a), Some(a));
}

#[test]
fn what_may_not_be_reused_is_not_stored() {
    let root = tempdir().expect("a folder");
    let store = store(&root, "one");
    let mut uncacheable = exchange("a");
    uncacheable.request.cacheable = false;
    assert!(store.put(&uncacheable).is_err());
    let mut other = exchange("a");
    other.request.trial = 1;
    assert!(store.put(&other).is_err(), "a key that is not the digest of the request");
    assert_eq!(found(&store, &exchange("a")), None);
    assert!(!root.path().join(".llmops").exists());
}

#[test]
fn many_threads_and_two_stores_share_the_folder() {
    let root = tempdir().expect("a folder");
    let stores = [store(&root, "same"), store(&root, "same")];
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &stores[thread % 2];
            scope.spawn(move || {
                for number in 0..50 {
                    let exchange = exchange(&format!("{thread}/{number}"));
                    store.put(&exchange).expect("stored");
                    assert_eq!(found(store, &exchange), Some(exchange));
                }
            });
        }
    });
    let all = store(&root, "reader");
    for thread in 0..8 {
        for number in 0..50 {
            let exchange = exchange(&format!("{thread}/{number}"));
            assert_eq!(found(&all, &exchange), Some(exchange));
        }
    }
    assert_eq!(all.take_warnings(), Vec::<String>::new());
}

/// Says when a segment was last written: so many seconds after the beginning of all clocks.
fn dated(root: &TempDir, segment: &str, second: u64) {
    let file = OpenOptions::new().append(true).open(folder(root).join(segment)).expect("a file");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second)).expect("a time");
}

#[test]
fn the_oldest_segments_go_when_the_store_is_too_large() {
    let exchanges: Vec<Exchange> = (0..4).map(|number| exchange(&number.to_string())).collect();
    for (segments, kept) in [
        (4, [true, true, true, true]),
        (2, [false, false, true, true]),
        // The newest stays even where it alone is too large.
        (0, [false, false, false, true]),
    ] {
        until("what is kept is what was written last", || {
            let root = tempdir().expect("a folder");
            for (number, exchange) in exchanges.iter().enumerate() {
                store(&root, &format!("run{number}")).put(exchange).expect("stored");
                dated(&root, &format!("run{number}-0.jsonl"), number as u64);
            }
            let size = fs::metadata(folder(&root).join("run0-0.jsonl")).expect("a file").len();
            let store = ExchangeStore::new(&Home::at(root.path()), "new", size * segments);
            let held: Vec<bool> =
                exchanges.iter().map(|exchange| found(&store, exchange).is_some()).collect();
            assert!(held.iter().filter(|held| **held).count() >= kept.iter().filter(|kept| **kept).count());
            held == kept
        });
    }
}

#[cfg(unix)]
#[test]
fn a_segment_that_another_process_writes_is_never_removed() {
    let root = tempdir().expect("a folder");
    let (a, b) = (exchange("a"), exchange("b"));
    let writing = store(&root, "one");
    writing.put(&a).expect("stored");
    store(&root, "two").put(&b).expect("stored");
    dated(&root, "one-0.jsonl", 1);
    dated(&root, "two-0.jsonl", 2);
    // There is no room at all: the newest stays, and beside it only what is in use.
    let left = |label| {
        let tight = ExchangeStore::new(&Home::at(root.path()), label, 0);
        (found(&tight, &a).is_some(), found(&tight, &b).is_some())
    };
    assert_eq!(left("three"), (true, true));
    drop(writing);
    until("the older one goes as soon as nobody writes it", || left("four") == (false, true));
}

#[cfg(unix)]
#[test]
fn a_store_that_cannot_be_used_is_an_error_and_no_miss() {
    let root = tempdir().expect("a folder");
    fs::write(root.path().join(".llmops"), "a file where the folder should be").expect("a file");
    let store = store(&root, "one");
    assert!(store.put(&exchange("a")).is_err());
    assert!(store.get(&exchange("a").key).is_err());
}

#[test]
fn a_segment_that_vanishes_is_a_miss_with_a_warning() {
    let root = tempdir().expect("a folder");
    let a = exchange("a");
    store(&root, "one").put(&a).expect("stored");
    let store = store(&root, "two");
    assert!(store.contains(&a.key).expect("a store"));
    fs::remove_file(folder(&root).join("one-0.jsonl")).expect("removed");
    assert_eq!(found(&store, &a), None);
    assert_eq!(store.take_warnings().len(), 1);
}

#[test]
fn a_long_fraction_among_the_variables_does_not_move_the_key() {
    let root = tempdir().expect("a folder");
    let mut exchange = exchange("a");
    // Read without care for the last digit, this is another number, and the digest another digest.
    exchange.request.data = serde_json::json!({"score": 0.907_303_832_202_868_9});
    exchange.key = exchange.request.key();
    store(&root, "one").put(&exchange).expect("stored");
    assert_eq!(found(&store(&root, "two"), &exchange), Some(exchange));
}
