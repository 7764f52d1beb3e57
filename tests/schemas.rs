//! The schemas that editors use: every manifest of this repository fits its own, and what a schema refuses `check`
//! refuses too.

#![allow(clippy::expect_used, clippy::panic, reason = "a test says what it expected")]

use llmops::manifest::Manifests;
use llmops::manifest::json_schemas::schema_of;
use llmops::repo::Snapshot;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const MARK: &str = "# yaml-language-server: $schema=";

fn faults(kind: &str, instance: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema_of(kind).expect(kind)).expect("JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_manifest_of_this_repository_names_its_schema_and_fits_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    ["examples", "prompts", "evals"].iter().for_each(|folder| files(&root.join(folder), &mut found));
    let (mut seen, mut kinds) = (0, std::collections::BTreeSet::new());
    for path in found {
        let inside = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
        let is_manifest = ["/prompts/", "/evals/", "/retrieval/"]
            .iter()
            .any(|folder| format!("/{inside}").contains(folder))
            || inside.ends_with("llmops.yaml");
        if path.extension().is_none_or(|extension| extension != "yaml") || !is_manifest {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file");
        let named = text.lines().next().and_then(|line| line.strip_prefix(MARK));
        let named = named.unwrap_or_else(|| panic!("{inside} does not name its schema in its first line"));
        let schema = path.parent().expect("a folder").join(named);
        let schema = schema.canonicalize().unwrap_or_else(|error| panic!("{inside}: {named}: {error}"));
        assert!(schema.starts_with(root.join("src/manifest/schema")), "{inside}: {named}");
        let kind = schema.file_stem().expect("a name").to_string_lossy().into_owned();
        assert_eq!(faults(&kind, &yaml(&text)), Vec::<String>::new(), "{inside}");
        seen += 1;
        kinds.insert(kind);
    }
    assert!(seen >= 10, "only {seen} manifests");
    for kind in ["prompt", "suite", "judge", "retrieval", "project"] {
        assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
    }
}

#[test]
fn every_case_of_this_repository_fits_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    ["examples", "evals"].iter().for_each(|folder| files(&root.join(folder), &mut found));
    found.push(root.join("src/cli/scaffold/cases.jsonl"));
    let rows = found
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .filter(|path| {
            path.parent().is_some_and(|folder| folder.ends_with("cases") || folder.ends_with("scaffold"))
        })
        .flat_map(|path| {
            fs::read_to_string(path).expect("a file").lines().map(str::to_owned).collect::<Vec<_>>()
        });
    let mut seen = 0;
    for row in rows {
        assert_eq!(faults("case", &serde_json::from_str(&row).expect("JSON")), Vec::<String>::new(), "{row}");
        seen += 1;
    }
    assert!(seen > 100);
}

/// A sound repository; a test exchanges one of its files.
const SOUND: [(&str, &str, &str); 5] = [
    ("prompt", "prompts/p.yaml", "version: '1'\nmodel_target: builtin/extractive\nsystem: hello\n"),
    (
        "suite",
        "evals/p.yaml",
        "version: '1'\nprompt: p\ncases: [{input: hi}]\nassert: [{type: contains, value: hello}]\n",
    ),
    (
        "retrieval",
        "retrieval/r.yaml",
        "version: 2.10\nembedding_model: builtin/hashing-256\ncorpus: ['kb/*.md']\ntop_k: 3\n",
    ),
    ("project", "llmops.yaml", "providers:\n  app: {api: exec, command: [python3, app.py]}\n"),
    (
        "judge",
        "prompts/judges/j.yaml",
        "version: '1'\nmodel_target: builtin/lexical\nsystem: judge\ndimensions: {tone: {description: polite}}\n",
    ),
];

fn errors(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("the folder");
        fs::write(path, text).expect("the file");
    }
    let snapshot = Snapshot::working_tree(folder.path()).expect("a snapshot");
    let found = Manifests::load(&snapshot, None).diagnostics;
    found.iter().filter(|found| found.is_error()).map(|found| found.message.clone()).collect()
}

#[test]
fn a_sound_repository_is_sound_to_both() {
    let files: Vec<(&str, &str)> = SOUND.iter().map(|(_, path, text)| (*path, *text)).collect();
    assert_eq!(errors(&files), Vec::<String>::new());
    for (kind, _, text) in SOUND {
        assert_eq!(faults(kind, &yaml(text)), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn what_is_wrong_is_refused_by_the_schema_and_by_check() {
    let mut seen = 0;
    for block in include_str!("schemas/wrong.txt").split("\n---\n") {
        let (kind, text) = block.trim_start().split_once('\n').expect("a kind, then a manifest");
        let kind = kind.trim_start_matches("# ");
        let files: Vec<(&str, &str)> = SOUND
            .iter()
            .map(|(have, path, sound)| (*path, if *have == kind { text } else { *sound }))
            .collect();
        assert!(SOUND.iter().any(|(have, ..)| *have == kind), "{kind}");
        assert!(!faults(kind, &yaml(text)).is_empty(), "the schema lets this through:\n{block}");
        assert!(!errors(&files).is_empty(), "`check` lets this through:\n{block}");
        seen += 1;
    }
    assert!(seen >= 60, "{seen}");
}
