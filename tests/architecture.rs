//! The shape is law: `src/lib.rs` lists the rooms in order, and a room imports only rooms above it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test says what it expected")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms in the order of `src/lib.rs`.
fn rooms() -> Vec<String> {
    let map = fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    map.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every Rust file of the crate with its room.
fn files() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    sources(Path::new("src"), &mut found);
    found.sort();
    found
        .into_iter()
        .filter_map(|path| {
            let room = path.strip_prefix("src").ok()?.components().next()?.as_os_str().to_str()?.to_owned();
            let room = room.strip_suffix(".rs").map_or(room.clone(), str::to_owned);
            (!matches!(room.as_str(), "lib" | "main")).then_some((room, path))
        })
        .collect()
}

/// The rooms that a source text names behind `crate::`, on their own or in a `use crate::{…}` group.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut word) = (1, String::new());
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => {}
                    c if depth == 1 && (c.is_alphanumeric() || c == '_') => {
                        word.push(c);
                        continue;
                    }
                    _ => {}
                }
                if !word.is_empty() {
                    found.insert(std::mem::take(&mut word));
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn a_room_imports_only_rooms_above_it() {
    let rooms = rooms();
    let rank = |room: &str| rooms.iter().position(|have| have == room);
    let mut broken = Vec::new();
    for (room, path) in files() {
        let own = rank(&room).unwrap_or_else(|| panic!("{} is in no room of src/lib.rs", path.display()));
        let text = fs::read_to_string(&path).expect("a source file");
        for import in imports(&text) {
            // A word of a group that is no room is an item of the room before it.
            if rank(&import).is_some_and(|other| other > own) {
                broken
                    .push(format!("{}: `{room}` imports `{import}`, which stands below it", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_law_is_read_from_every_form_of_import() {
    let text = "use crate::cli;\nuse crate::{domain::{Case, Usd}, gate, run::Event};\nlet x = crate::report::json();";
    let found: Vec<String> =
        imports(text).into_iter().filter(|word| word.chars().all(char::is_lowercase)).collect();
    assert_eq!(found, ["cli", "domain", "gate", "report", "run"]);
}

#[test]
fn nothing_reaches_up_two_floors_and_a_file_is_one_idea() {
    let mut broken = Vec::new();
    for (_, path) in files() {
        let text = fs::read_to_string(&path).expect("a source file");
        if text.contains("super::super") {
            broken.push(format!("{}: super::super", path.display()));
        }
        let lines = text.lines().count();
        if lines > 410 {
            broken.push(format!("{}: {lines} lines; a file is one idea, under about 400", path.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The rooms that may wait: those that call, and those that conduct the calls.
const ASYNC: [&str; 5] = ["call", "grade", "run", "retrieve", "cli"];

#[test]
fn only_the_rooms_that_call_are_asynchronous() {
    let (mut broken, mut waiting) = (Vec::new(), BTreeSet::new());
    for (room, path) in files() {
        let text = fs::read_to_string(&path).expect("a source file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let waits =
                ["async fn", "async move", "async {", ".await"].iter().any(|word| code.contains(word));
            if waits && ASYNC.contains(&room.as_str()) {
                waiting.insert(room.clone());
            } else if waits {
                broken.push(format!(
                    "{}:{}: `{room}` waits, and it calls nobody",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(waiting.len(), ASYNC.len(), "each of them does: {waiting:?}");
}

#[test]
fn every_diagnostic_code_is_declared_once() {
    let mut seen = BTreeSet::new();
    let mut twice = Vec::new();
    for (_, path) in files() {
        let text = fs::read_to_string(&path).expect("a source file");
        for (at, _) in text.match_indices(": Code = Code(\"") {
            let code: String =
                text[at + ": Code = Code(\"".len()..].chars().take_while(|c| *c != '"').collect();
            if !seen.insert(code.clone()) {
                twice.push(code);
            }
        }
    }
    assert!(!seen.is_empty() && twice.is_empty(), "declared twice: {twice:?}");
}
