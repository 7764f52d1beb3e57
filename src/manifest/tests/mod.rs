//! Whole repositories in a temporary folder, and what is said of them.

mod asserts;
mod cases;
mod judges;
mod projects;
mod prompts;
mod retrievals;
mod schema_defaults;
mod schemas;
mod suites;
mod withstand;

use super::Manifests;
use super::link::PROMPT_WITHOUT_SUITE;
use crate::domain::{Diagnostic, Severity};
use crate::repo::Snapshot;
use std::fs;
use tempfile::TempDir;

/// The eight-key manifest, whole and valid.
const EIGHT_KEYS: &str = r#"version: "3.1.0"
model_target: "claude-sonnet-4-20250514"
created: "2026-04-15"
author: "platform-team"
changelog: "Tightened refusal on out-of-scope queries; added explicit citation instruction"
eval_score_required: 4.2          # minimum judge score to promote
system: |
  You are a customer support assistant for Acme Corp.
parameters:
  temperature: 0.2
  max_tokens: 800
"#;

/// A prompt without a threshold.
const PROMPT: &str = "version: 1.0.0\nmodel_target: builtin/extractive\nsystem: Answer.\n";

/// A suite of `prompts/p.yaml`, up to what a test adds.
const SUITE: &str = "version: 1.0.0\nprompt: p\ncases: [{input: hello, tags: {topic: a}}]\n";

type Files<'a> = &'a [(&'a str, &'a str)];

fn repository(files: Files<'_>) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        write(&folder, path, text.as_bytes());
    }
    folder
}

fn write(folder: &TempDir, path: &str, bytes: &[u8]) {
    let path = folder.path().join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    fs::write(path, bytes).expect("a file");
}

fn load_at(folder: &TempDir) -> Manifests {
    let mut manifests = load_whole(folder);
    // Most of these repositories have one file, and nothing that would test a prompt.
    manifests.diagnostics.retain(|found| found.code != PROMPT_WITHOUT_SUITE);
    manifests
}

fn load_whole(folder: &TempDir) -> Manifests {
    let snapshot = Snapshot::working_tree(folder.path()).expect("a snapshot");
    Manifests::load(&snapshot, Some("2026-04-20"))
}

fn load(files: Files<'_>) -> Manifests {
    load_at(&repository(files))
}

/// `code path:line:column`, behind `warning ` for a warning.
fn line(found: &Diagnostic) -> String {
    let mark = if found.severity == Severity::Error { "" } else { "warning " };
    let place = found.place.as_ref().map_or_else(String::new, |place| match place.span {
        Some(span) => format!(" {}:{}:{}", place.path, span.line, span.column),
        None => format!(" {}", place.path),
    });
    format!("{mark}{}{place}", found.code)
}

fn lines(manifests: &Manifests) -> Vec<String> {
    manifests.diagnostics.iter().map(line).collect()
}

/// The hint of the only finding with this code.
fn hint(manifests: &Manifests, code: &str) -> String {
    let mut found = manifests.diagnostics.iter().filter(|found| found.code.0 == code);
    let only = found.next().unwrap_or_else(|| panic!("no {code}: {:?}", manifests.diagnostics));
    assert!(found.next().is_none(), "more than one {code}");
    only.help.clone().expect("a hint")
}

/// A repository in which exactly these findings are made, and every one has a hint.
#[track_caller]
fn expect(files: Files<'_>, expected: &[&str]) -> Manifests {
    let manifests = load(files);
    assert_eq!(lines(&manifests), expected, "{:#?}", manifests.diagnostics);
    for found in &manifests.diagnostics {
        assert!(found.help.is_some(), "no hint: {found:?}");
        assert!(!found.message.ends_with('.'), "a fragment: {}", found.message);
    }
    manifests
}

/// One prompt with these lines behind the necessary ones (which are three), and what is said of it.
#[track_caller]
fn prompt(more: &str, expected: &[&str]) -> Manifests {
    expect(&[("prompts/p.yaml", &format!("{PROMPT}{more}"))], expected)
}

/// One suite with these lines behind the necessary ones (which are three), and what is said of it.
#[track_caller]
fn suite(more: &str, expected: &[&str]) -> Manifests {
    expect(&[("prompts/p.yaml", PROMPT), ("evals/s.yaml", &format!("{SUITE}{more}"))], expected)
}
