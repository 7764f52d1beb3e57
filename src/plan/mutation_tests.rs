//! One mutation per field, in both directions: what can change an answer or a score moves its digest and those that
//! rest on it, and nothing else moves any.

use super::Sources;
use super::identities::identities;
use crate::domain::{Diagnostic, Digest};
use crate::manifest::Manifests;
use crate::render::Renderer;
use crate::repo::Snapshot;
use std::fs;

const PROMPT: &str = r#"version: "1.0.0"
model_target: claude-sonnet-4-20250514
provider: app
eval_score_required: 4
author: me
created: "2026-01-01"
changelog: first
description: text
owners: [me]
system: |
  {% include "one.j2" %}
  {{ question }} {{ context }}
user: "{{ question }}"
parameters: {temperature: 0.2, max_tokens: 100}
inputs:
  question: {type: string, required: true}
  tone: {type: string, default: kind}
few_shot: shots.jsonl
tools: [tools/find.json]
output: {format: json, schema: {type: object, properties: {a: {type: string}, b: {type: string}}}}
retrieval: {use: ../retrieval/kb.yaml, query: "{{ question }} {% include \"query.j2\" %}"}
budget: {max_input_tokens: 9000}
"#;
const SUITE: &str = r#"version: "1.0.0"
description: text
prompt: p
cases: cases.jsonl
trials: 2
sample: {size: 1, seed: 7}
assert:
  - {type: is-json}
  - {type: contains, value: "{% include \"wanted.j2\" %}"}
  - {type: exec, command: [python3, checks/a.py], inputs: [checks/*]}
judge:
  model: claude-opus-4-7-20260416
  rubric: ../prompts/judge.yaml
  dimensions:
    truth: {weight: 2, required: 3}
  repeats: 2
gate: {confidence: 0.9, case_floor: 2, max_unscored: 1, max_regression: 0.2, min_cases: 1, decide_on: mean}
"#;
const JUDGE: &str = r#"version: "1.0.0"
model_target: claude-opus-4-7-20260416
author: me
system: "{% include \"rubric.j2\" %}"
user: "{{ output }}"
parameters: {temperature: 0}
dimensions:
  truth: {description: "Is it true?"}
"#;
const KB: &str = r#"version: "1.0.0"
author: me
embedding_model: builtin/hashing-256
chunk_size: 64
chunk_overlap: 8
chunk_unit: tokens
search: hybrid
top_k: 3
min_score: 0.1
max_age_days: 90
index_last_rebuilt: "2026-01-01"
corpus: ["kb/*.md"]
"#;
const CASE: &str = r#"{"id": "a", "vars": {"question": "Why?"}, "expected": "x", "context": ["c"], "relevant": ["kb/a.md"], "assert": [{"type": "contains", "value": "x"}, {"type": "exec", "command": ["sh", "own/b.sh"], "inputs": ["own/*"]}], "tags": {"t": "1"}, "weight": 2, "critical": true}
"#;

const FILES: &[(&str, &str)] = &[
    (
        "llmops.yaml",
        "providers:\n  app: {api: exec, command: [python3, app.py], inputs: [app.py, lib/**]}\n  other: {api: exec, command: [python3, app.py], inputs: [app.py, lib/**]}\n",
    ),
    ("prompts/query.j2", "quickly\n"),
    ("prompts/wanted.j2", "wanted\n"),
    ("checks/a.py", "exit(0)\n"),
    ("own/b.sh", "exit 0\n"),
    ("app.py", "print(1)\n"),
    ("lib/deep/x.py", "x = 1\n"),
    ("prompts/p.yaml", PROMPT),
    ("prompts/one.j2", "one {% include \"two.j2\" %}\n"),
    ("prompts/two.j2", "two {% include \"deep/three.j2\" %}\n"),
    ("prompts/deep/three.j2", "three\n"),
    ("prompts/shots.jsonl", "{\"input\": \"i\", \"output\": \"o\"}\n"),
    (
        "prompts/tools/find.json",
        "{\"name\": \"find\", \"description\": \"Finds.\", \"inputSchema\": {\"type\": \"object\"}}\n",
    ),
    ("prompts/judge.yaml", JUDGE),
    ("prompts/rubric.j2", "Judge it.\n"),
    ("retrieval/kb.yaml", KB),
    ("kb/a.md", "A\n"),
    ("models/small/model.safetensors", "numbers"),
    ("models/small/tokenizer.json", "{}"),
    ("models/small/README.md", "About.\n"),
    ("evals/s.yaml", SUITE),
    ("evals/cases.jsonl", CASE),
];

/// The digests of prompt, suite, judge and retrieval.
type Digests = [Digest; 4];

fn digests(edit: &dyn Fn(&str, &str) -> String) -> Digests {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in FILES {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().expect("a parent")).expect("folders");
        fs::write(file, edit(path, text)).expect("a file");
    }
    let snapshot = Snapshot::working_tree(folder.path()).expect("a snapshot");
    let manifests = Manifests::load(&snapshot, None);
    let errors: Vec<&Diagnostic> = manifests.diagnostics.iter().filter(|found| found.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let renderer = Renderer::new(&snapshot, &manifests.project.folders.prompts);
    let found = identities(&Sources { snapshot: &snapshot, manifests: &manifests, renderer: &renderer });
    let found = found.expect("digests");
    let (suite, judge) = found.suites["s"];
    [found.prompts["p"].0, suite, judge.expect("a judge"), found.retrievals["kb"]]
}

fn edited(file: &str, from: &str, to: &str) -> Digests {
    digests(&|path, text| {
        if path != file {
            return text.to_owned();
        }
        assert!(text.contains(from), "`{from}` is not in {file}");
        text.replacen(from, to, 1)
    })
}

/// Which of prompt, suite, judge and retrieval an edit moves, as letters.
fn moves(before: &Digests, after: &Digests) -> String {
    let letters = ["p", "s", "j", "r"].into_iter();
    letters.zip(before.iter().zip(after)).filter(|(_, (a, b))| a != b).map(|(letter, _)| letter).collect()
}

#[test]
fn every_field_moves_what_rests_on_it_and_nothing_else() {
    let before = digests(&|_, text| text.to_owned());
    let rows: &[(&str, &str, &str, &str)] = &[
        ("prompts/p.yaml", "sonnet-4-20250514", "opus-4-20250514", "p"),
        ("prompts/p.yaml", "{{ question }} {{", "{{ question }}, {{", "p"),
        ("prompts/p.yaml", "user: \"{{ question }}\"", "user: \"{{ question }}!\"", "p"),
        ("prompts/p.yaml", "temperature: 0.2", "temperature: 0.3", "p"),
        ("prompts/p.yaml", "max_tokens: 100", "max_tokens: 101", "p"),
        ("prompts/p.yaml", "default: kind", "default: cold", "p"),
        ("prompts/p.yaml", "required: true", "required: false", "p"),
        (
            "prompts/p.yaml",
            "a: {type: string}, b: {type: string}",
            "b: {type: string}, a: {type: string}",
            "p",
        ),
        ("prompts/p.yaml", "query: \"{{ question }}", "query: \"{{ question }}?", "p"),
        ("prompts/p.yaml", "provider: app", "provider: other", "p"),
        ("prompts/query.j2", "quickly", "slowly", "p"),
        ("prompts/wanted.j2", "wanted", "needed", "s"),
        ("checks/a.py", "0", "1", "s"),
        ("own/b.sh", "0", "1", "s"),
        ("prompts/one.j2", "one", "One", "p"),
        ("prompts/two.j2", "two", "Two", "p"),
        ("prompts/deep/three.j2", "three", "Three", "p"),
        ("prompts/shots.jsonl", "\"o\"", "\"O\"", "p"),
        ("prompts/shots.jsonl", "\"i\"", "\"I\"", "p"),
        ("prompts/tools/find.json", "Finds.", "Finds!", "p"),
        ("prompts/tools/find.json", "\"find\"", "\"seek\"", "p"),
        (
            "prompts/tools/find.json",
            "{\"type\": \"object\"}",
            "{\"type\": \"object\", \"title\": \"t\"}",
            "p",
        ),
        ("app.py", "1", "2", "p"),
        ("lib/deep/x.py", "1", "2", "p"),
        ("llmops.yaml", "[python3, app.py]", "[python3, app.py, -v]", "p"),
        ("retrieval/kb.yaml", "chunk_size: 64", "chunk_size: 32", "pr"),
        ("retrieval/kb.yaml", "chunk_overlap: 8", "chunk_overlap: 9", "pr"),
        ("retrieval/kb.yaml", "unit: tokens", "unit: characters", "pr"),
        ("retrieval/kb.yaml", "search: hybrid", "search: bm25", "pr"),
        ("retrieval/kb.yaml", "top_k: 3", "top_k: 4", "pr"),
        ("retrieval/kb.yaml", "min_score: 0.1", "min_score: 0.2", "pr"),
        ("retrieval/kb.yaml", "max_age_days: 90", "max_age_days: 91", "pr"),
        ("kb/a.md", "A", "B", "pr"),
        ("evals/s.yaml", "trials: 2", "trials: 3", "s"),
        ("evals/s.yaml", "seed: 7", "seed: 8", "s"),
        ("evals/s.yaml", "{type: is-json}", "{type: not-is-json}", "s"),
        ("evals/s.yaml", "confidence: 0.9", "confidence: 0.8", "s"),
        ("evals/s.yaml", "case_floor: 2", "case_floor: 1", "s"),
        ("evals/s.yaml", "max_unscored: 1", "max_unscored: 2", "s"),
        ("evals/s.yaml", "max_regression: 0.2", "max_regression: 0.3", "s"),
        ("evals/s.yaml", "min_cases: 1", "min_cases: 2", "s"),
        ("evals/s.yaml", "decide_on: mean", "decide_on: lower_bound", "s"),
        ("evals/s.yaml", "weight: 2", "weight: 3", "sj"),
        ("evals/s.yaml", "required: 3", "required: 2", "sj"),
        ("evals/s.yaml", "repeats: 2", "repeats: 3", "sj"),
        ("evals/s.yaml", "opus-4-7-20260416", "opus-4-5-20251101", "sj"),
        ("prompts/judge.yaml", "Is it true?", "Is it so?", "sj"),
        ("prompts/judge.yaml", "temperature: 0", "temperature: 1", "sj"),
        ("prompts/rubric.j2", "Judge it.", "Judge well.", "sj"),
        ("evals/cases.jsonl", "\"id\": \"a\"", "\"id\": \"b\"", "s"),
        ("evals/cases.jsonl", "Why?", "Who?", "s"),
        ("evals/cases.jsonl", "\"expected\": \"x\"", "\"expected\": \"y\"", "s"),
        ("evals/cases.jsonl", "[\"c\"]", "[\"d\"]", "s"),
        ("evals/cases.jsonl", "kb/a.md", "kb/b.md", "s"),
        ("evals/cases.jsonl", "\"value\": \"x\"", "\"value\": \"y\"", "s"),
        ("evals/cases.jsonl", "\"t\": \"1\"", "\"t\": \"2\"", "s"),
        ("evals/cases.jsonl", "\"weight\": 2", "\"weight\": 3", "s"),
        ("evals/cases.jsonl", "\"critical\": true", "\"critical\": false", "s"),
        // What no answer and no score can rest on.
        ("prompts/p.yaml", "version: \"1.0.0\"", "version: \"1.0.1\"", ""),
        ("prompts/p.yaml", "required: 4", "required: 3", ""),
        ("prompts/p.yaml", "author: me", "author: you", ""),
        ("prompts/p.yaml", "\"2026-01-01\"", "\"2026-01-02\"", ""),
        ("prompts/p.yaml", "changelog: first", "changelog: second", ""),
        ("prompts/p.yaml", "description: text", "description: other", ""),
        ("prompts/p.yaml", "owners: [me]", "owners: [you]", ""),
        ("prompts/p.yaml", "9000", "9001", ""),
        ("prompts/p.yaml", "version:", "# a comment\nx-note: 1\nmetadata: {a: 1}\nversion:", ""),
        ("prompts/p.yaml", "{temperature: 0.2, max_tokens: 100}", "{max_tokens: 100, temperature: 0.2}", ""),
        (
            "prompts/p.yaml",
            "provider: app\neval_score_required: 4",
            "eval_score_required: 4\nprovider: app",
            "",
        ),
        (
            "prompts/shots.jsonl",
            "\"input\": \"i\", \"output\": \"o\"",
            "\"output\": \"o\", \"input\": \"i\"",
            "",
        ),
        ("llmops.yaml", "inputs:", "timeout_s: 9, concurrency: 3, inputs:", ""),
        ("retrieval/kb.yaml", "\"1.0.0\"", "\"1.0.1\"", ""),
        ("retrieval/kb.yaml", "\"2026-01-01\"", "\"2026-02-01\"", ""),
        ("retrieval/kb.yaml", "author: me", "author: you", ""),
        ("evals/s.yaml", "\"1.0.0\"", "\"1.0.1\"", ""),
        ("evals/s.yaml", "description: text", "description: other", ""),
        ("evals/s.yaml", "assert:\n", "# why\nassert:\n", ""),
        (
            "evals/cases.jsonl",
            "\"expected\": \"x\", \"context\": [\"c\"]",
            "\"context\": [\"c\"], \"expected\": \"x\"",
            "",
        ),
        ("prompts/judge.yaml", "author: me", "author: you", ""),
    ];
    let mut wrong = Vec::new();
    for (file, from, to, expected) in rows {
        let after = edited(file, from, to);
        let found = moves(&before, &after);
        if found != *expected {
            wrong.push(format!("{file}: `{from}` → `{to}` moved {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn line_ends_move_nothing() {
    let before = digests(&|_, text| text.to_owned());
    let after = digests(&|_, text| text.replace('\n', "\r\n"));
    assert_eq!(moves(&before, &after), "");
}

#[test]
fn the_files_of_an_embedding_model_are_part_of_retrieval_and_where_they_lie_is_not() {
    let with = |file: &str, folder: &str| {
        digests(&|path, text| match path {
            "llmops.yaml" => format!("{text}  table: {{api: builtin, path: {folder}}}\n"),
            "retrieval/kb.yaml" => text.replace("builtin/hashing-256", "small\nprovider: table"),
            "prompts/tools/find.json" => text.to_owned(),
            _ if path == file => format!("{text} "),
            _ => text.to_owned(),
        })
    };
    let before = with("", "models/small");
    for (file, moved) in [
        ("models/small/model.safetensors", "pr"),
        ("models/small/tokenizer.json", "pr"),
        ("models/small/README.md", ""),
    ] {
        assert_eq!(moves(&before, &with(file, "models/small")), moved, "{file}");
    }
    assert_eq!(moves(&before, &with("", "./models/small/")), "");
}
