//! The schemas and the decoders say the same: every key, every word of a closed set, every default.

use super::repository;
use crate::domain::RelPath;
use crate::manifest::assert_names::TYPES;
use crate::manifest::decode::witness::{Asked, taken};
use crate::manifest::json_schemas::{SCHEMAS, schema_of};
use crate::manifest::lock::Lock;
use crate::manifest::{Manifests, deployment};
use crate::repo::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A repository in which every decoder has something to read.
const WHOLE: &[(&str, &str)] = &[
    (
        "llmops.yaml",
        "providers: {mine: {api: openai, base_url: \"http://localhost:1/v1\"}}\njudge: {model: builtin/lexical}\npaths: {evals: evals}\n",
    ),
    (
        "prompts/p.yaml",
        "version: 1\nmodel_target: m\nprovider: mine\nmessages: [{role: user, content: a}]\nparameters: {reasoning_effort: low}\nbudget: {max_input_tokens: 9}\noutput: {format: json}\nretrieval: {use: ../retrieval/r.yaml, query: a}\n",
    ),
    (
        "prompts/j.yaml",
        "version: 1\nmodel_target: builtin/lexical\nmessages: [{role: user, content: a}]\nparameters: {reasoning_effort: low}\nbudget: {max_input_tokens: 9}\ndimensions: {tone: {description: polite, needs: context}}\n",
    ),
    (
        "retrieval/r.yaml",
        "version: 1\nembedding_model: builtin/hashing-256\nchunk_unit: tokens\nsearch: hybrid\ntop_k: 3\ncorpus: ['kb/*.md']\n",
    ),
    (
        "evals/s.yaml",
        "version: 1\nprompt: p\ncases: c.jsonl\nsample: {size: 1}\njudge: {dimensions: {tone: {description: polite, needs: context}}}\ngate: {decide_on: mean, retrieval: {mrr: 0.5}, require_calibration: {min_labels: 1}}\n",
    ),
    ("evals/c.jsonl", "{\"context\": [{\"text\": \"a\"}]}\n"),
    ("kb/a.md", "a"),
];

/// Where a decoder's mapping stands in a schema: file, what it reads, kind, pointer.
const MAPPINGS: &[(&str, &str, &str, &str)] = &[
    ("llmops.yaml", "llmops.yaml", "project", ""),
    ("llmops.yaml", "`judge`", "project", "/properties/judge"),
    ("llmops.yaml", "`paths`", "project", "/properties/paths"),
    ("llmops.yaml", "a provider", "project", "/$defs/provider"),
    ("prompts/p.yaml", "a prompt manifest", "prompt", ""),
    ("prompts/p.yaml", "`parameters`", "prompt", "/properties/parameters"),
    ("prompts/p.yaml", "`budget`", "prompt", "/properties/budget"),
    ("prompts/p.yaml", "`output`", "prompt", "/properties/output"),
    ("prompts/p.yaml", "`retrieval`", "prompt", "/properties/retrieval/anyOf/1"),
    ("prompts/p.yaml", "a message", "prompt", "/$defs/message"),
    ("prompts/j.yaml", "a prompt manifest", "judge", ""),
    ("prompts/j.yaml", "`parameters`", "judge", "/properties/parameters"),
    ("prompts/j.yaml", "`budget`", "judge", "/properties/budget"),
    ("prompts/j.yaml", "a message", "judge", "/$defs/message"),
    ("prompts/j.yaml", "a dimension", "judge", "/$defs/dimension"),
    ("prompts/j.yaml", "a dimension", "prompt", "/$defs/dimension"),
    ("retrieval/r.yaml", "a retrieval manifest", "retrieval", ""),
    ("evals/s.yaml", "a suite", "suite", ""),
    ("evals/s.yaml", "`sample`", "suite", "/properties/sample"),
    ("evals/s.yaml", "`judge`", "suite", "/properties/judge"),
    ("evals/s.yaml", "a dimension", "suite", "/$defs/dimension"),
    ("evals/s.yaml", "`gate`", "suite", "/properties/gate"),
    ("evals/s.yaml", "`retrieval`", "suite", "/properties/gate/properties/retrieval"),
    ("evals/s.yaml", "`require_calibration`", "suite", "/properties/gate/properties/require_calibration"),
    ("evals/c.jsonl", "a case", "case", ""),
    ("evals/c.jsonl", "a case", "suite", "/$defs/case"),
    ("evals/c.jsonl", "an item of `context`", "case", "/properties/context/items/anyOf/1"),
    ("evals/c.jsonl", "an item of `context`", "suite", "/$defs/case/properties/context/items/anyOf/1"),
    ("llmops.lock", "llmops.lock", "lock", ""),
    ("llmops.lock", "a locked prompt", "lock", "/$defs/prompt"),
    ("llmops.lock", "`retrieval`", "lock", "/$defs/prompt/properties/retrieval"),
    ("llmops.lock", "a locked run", "lock", "/$defs/run"),
    ("llmops.lock", "a locked suite", "lock", "/$defs/suite"),
    ("deployments/live.yaml", "an entry of a deployment record", "deployment", "/$defs/entry"),
    ("deployments/live.yaml", "`previous`", "deployment", "/$defs/entry/properties/previous"),
];

/// Where the words of a closed set stand.
const WORDS: &[(&str, &str, &str, &str)] = &[
    ("llmops.yaml", "`api`", "project", "/$defs/provider/properties/api"),
    ("prompts/p.yaml", "`role`", "prompt", "/$defs/message/properties/role"),
    ("prompts/p.yaml", "`format`", "prompt", "/properties/output/properties/format"),
    ("prompts/p.yaml", "`reasoning_effort`", "prompt", "/properties/parameters/properties/reasoning_effort"),
    ("prompts/j.yaml", "`role`", "judge", "/$defs/message/properties/role"),
    ("prompts/j.yaml", "`reasoning_effort`", "judge", "/properties/parameters/properties/reasoning_effort"),
    ("prompts/j.yaml", "`needs`", "judge", "/$defs/dimension/properties/needs/anyOf/0"),
    ("prompts/j.yaml", "`needs`", "judge", "/$defs/dimension/properties/needs/anyOf/1/items"),
    ("prompts/j.yaml", "`needs`", "prompt", "/$defs/dimension/properties/needs/anyOf/0"),
    ("prompts/j.yaml", "`needs`", "prompt", "/$defs/dimension/properties/needs/anyOf/1/items"),
    ("retrieval/r.yaml", "`chunk_unit`", "retrieval", "/properties/chunk_unit"),
    ("retrieval/r.yaml", "`search`", "retrieval", "/properties/search"),
    ("evals/s.yaml", "`needs`", "suite", "/$defs/dimension/properties/needs/anyOf/0"),
    ("evals/s.yaml", "`needs`", "suite", "/$defs/dimension/properties/needs/anyOf/1/items"),
    ("evals/s.yaml", "`decide_on`", "suite", "/properties/gate/properties/decide_on"),
];

/// Objects of schemas whose keys are names of the author's, or that say in other words what `check` decides.
fn names_or_conditions(kind: &str, pointer: &str) -> bool {
    ["/if", "/then", "/not"].iter().any(|end| pointer.ends_with(end))
        || (kind == "project" && pointer.starts_with("/properties/providers"))
        // Read key by key, not as a mapping of the decoder's.
        || pointer == "/properties/inputs/additionalProperties"
        || (kind == "retrieval" && pointer.starts_with("/allOf/"))
}

pub(super) fn schema(kind: &str) -> Value {
    serde_json::from_str(schema_of(kind).expect(kind)).expect("JSON")
}

/// Every node of a schema with its pointer, what is only data left out.
pub(super) fn nodes<'s>(value: &'s Value, pointer: &str, found: &mut Vec<(String, &'s Value)>) {
    found.push((pointer.to_owned(), value));
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| *key != "default" && *key != "const" && *key != "enum")
            .for_each(|(key, value)| nodes(value, &format!("{pointer}/{key}"), found)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, value)| nodes(value, &format!("{pointer}/{index}"), found)),
        _ => {}
    }
}

fn keys(schema: &Value, pointer: &str) -> BTreeSet<String> {
    let map = schema.pointer(pointer).and_then(|node| node["properties"].as_object());
    map.unwrap_or_else(|| panic!("no properties at {pointer}")).keys().cloned().collect()
}

fn read_all() -> Asked {
    let folder = repository(WHOLE);
    let snapshot = Snapshot::working_tree(folder.path()).expect("a snapshot");
    taken();
    let manifests = Manifests::load(&snapshot, None);
    let errors: Vec<_> = manifests.diagnostics.iter().filter(|found| found.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let run = format!("{{suite_digest: \"{DIGEST}\", n: 1, date: \"2026-04-20\"}}");
    let lock = format!(
        "prompts: {{p: {{version: 1, digest: \"{DIGEST}\", model: m, runs: {{s: {run}}}, retrieval: {{name: r, version: 1, digest: \"{DIGEST}\"}}}}}}\nsuites: {{s: {{version: 1, digest: \"{DIGEST}\", cases: 1}}}}\n"
    );
    let folder = repository(&[("llmops.lock", &lock)]);
    Lock::read(&Snapshot::working_tree(folder.path()).expect("a snapshot")).expect("a lock");
    let short = format!("model: m, prompt_version: 1, prompt_digest: \"{DIGEST}\", source_commit: 9f2c1d7");
    let record = format!(
        "p: {{{short}, promoted_at: \"2026-04-20T09:15:00Z\", promoted_by: me, suites: {{}}, previous: {{{short}}}}}\n"
    );
    deployment::read(&RelPath::new("deployments/live.yaml").expect("inside"), &record).expect("a record");
    taken()
}

#[test]
fn the_keys_of_every_schema_are_those_of_its_decoder() {
    let asked = read_all();
    for (path, what, kind, pointer) in MAPPINGS {
        let mut known = asked[&((*path).to_owned(), (*what).to_owned())].clone();
        if pointer.is_empty() && !["case", "lock"].contains(kind) {
            known.insert("metadata".to_owned());
        }
        if *kind == "judge" && pointer.is_empty() {
            // The decoder knows them to refuse them.
            ["output", "tools", "retrieval", "few_shot"].iter().for_each(|key| _ = known.remove(*key));
        }
        let schema = schema(kind);
        assert_eq!(keys(&schema, pointer), known, "{kind} {pointer}: {what}");
        // What the decoder refuses as unknown, the schema refuses too.
        let node = schema.pointer(pointer).expect("a mapping");
        assert_eq!(node["additionalProperties"], json!(false), "{kind} {pointer}");
    }
    // No mapping is read that no schema knows, and no schema has an object that nothing reads.
    let own = |path: &str| MAPPINGS.iter().any(|(at, ..)| *at == path);
    // Beside the files of this test, the built-in rubrics are read.
    for (path, what) in asked.keys().filter(|(path, _)| own(path)) {
        let placed = MAPPINGS.iter().chain(WORDS).any(|(at, name, ..)| at == path && name == what);
        assert!(placed, "{what} of {path} is in no schema that this test knows");
    }
    for (kind, _) in SCHEMAS {
        let (schema, mut all) = (schema(kind), Vec::new());
        nodes(&schema, "", &mut all);
        for (pointer, node) in all {
            let object =
                node.get("properties").is_some_and(Value::is_object) && !pointer.ends_with("/properties");
            if !object || pointer.contains("/$defs/assert") || pointer == "/$defs/call" {
                continue;
            }
            let placed = MAPPINGS.iter().any(|(.., have, at)| have == kind && *at == pointer);
            assert!(placed || names_or_conditions(kind, &pointer), "{kind} {pointer} is read by nothing");
        }
    }
}

#[test]
fn the_words_of_every_schema_are_those_of_its_decoder() {
    let asked = read_all();
    for (path, what, kind, pointer) in WORDS {
        let known = asked[&((*path).to_owned(), (*what).to_owned())].clone();
        let schema = schema(kind);
        let listed = schema.pointer(pointer).and_then(|node| node["enum"].as_array());
        let listed: BTreeSet<String> = listed
            .unwrap_or_else(|| panic!("no words at {kind} {pointer}"))
            .iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect();
        assert_eq!(listed, known, "{kind} {pointer}");
    }
    for (kind, _) in SCHEMAS {
        let (schema, mut all) = (schema(kind), Vec::new());
        nodes(&schema, "", &mut all);
        for (pointer, node) in all {
            let input = "/properties/inputs/additionalProperties/propertyNames/anyOf/1";
            if pointer == input {
                let words: Vec<String> = serde_json::from_value(node["enum"].clone()).expect("words");
                assert_eq!(words, crate::manifest::inputs::KEYWORDS, "{kind}");
                continue;
            }
            if node.get("enum").is_none() || pointer.contains("/$defs/assert") || pointer.contains("/if/") {
                continue;
            }
            assert!(WORDS.iter().any(|(.., have, at)| have == kind && *at == pointer), "{kind} {pointer}");
        }
    }
}

/// A sound assert of each type, without `type`.
fn example(name: &str) -> &'static str {
    match name {
        "is-refusal" | "is-json" | "contains-json" => "",
        "contains-any" | "contains-all" | "icontains-any" | "icontains-all" => "value: [a]",
        "word-count" | "length" => "value: {min: 1}",
        "json-path" => "path: $.a, exists: true",
        "tool-call" => "value: {name: search}",
        "rouge-l" => "value: a, threshold: 0.5, tokenizer: unicode",
        "levenshtein" | "bleu" | "f1" | "similar" => "value: a, threshold: 0.5",
        "context-recall" => "threshold: 0.5",
        "latency" | "cost" => "threshold: 5",
        "exec" => "command: [a]",
        _ => "value: a",
    }
}

#[test]
fn every_assert_takes_the_keys_that_the_schema_gives_it() {
    let suite = schema("suite");
    let rules = suite["$defs"]["assert"]["allOf"].as_array().expect("rules");
    for name in TYPES {
        let text = format!(
            "version: 1\nprompt: p\ncases: [{{input: a}}]\nassert: [{{type: {name}, {}}}]\n",
            example(name)
        );
        let folder = repository(&[("prompts/p.yaml", super::PROMPT), ("evals/s.yaml", &text)]);
        taken();
        let manifests = Manifests::load(&Snapshot::working_tree(folder.path()).expect("a snapshot"), None);
        let errors: Vec<_> = manifests.diagnostics.iter().filter(|found| found.is_error()).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        let asked = taken();
        let known = |what: &str| asked.get(&("evals/s.yaml".to_owned(), what.to_owned())).cloned();
        let rule = rules.iter().find(|rule| {
            rule["if"]["properties"]["type"]["enum"]
                .as_array()
                .is_some_and(|names| names.iter().any(|have| have == name))
        });
        let then = &rule.unwrap_or_else(|| panic!("no rule for {name}"))["then"];
        assert_eq!(keys(then, ""), known("an assert").expect("an assert"), "{name}");
        if let Some(bounds) = known("`value`") {
            assert_eq!(keys(then, "/properties/value/anyOf/1"), bounds, "{name}");
        }
        if let Some(call) = known("a tool call") {
            assert_eq!(keys(&suite, "/$defs/call"), call);
        }
        if let Some(words) = known("`tokenizer`") {
            let listed: BTreeSet<String> =
                serde_json::from_value(then["properties"]["tokenizer"]["enum"].clone()).expect("words");
            assert_eq!(listed, words);
        }
    }
}

#[test]
fn every_key_of_every_schema_says_what_it_means() {
    for (kind, _) in SCHEMAS {
        let (schema, mut all) = (schema(kind), Vec::new());
        nodes(&schema, "", &mut all);
        let mut seen = 0;
        for (pointer, node) in all {
            if pointer.ends_with("/properties") || pointer.contains("/if") || pointer.contains("/not") {
                continue;
            }
            for (key, property) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
                // `false` forbids a key, `true` repeats one, and a bare condition narrows what is said elsewhere.
                let repeats = !property.is_object()
                    || property.get("const").is_some()
                    || (pointer.contains("/anyOf/1/anyOf/") && key == "min");
                let said = property["description"].as_str().is_some_and(|text| text.len() > 5);
                assert!(said || repeats, "{kind} {pointer}: `{key}` has no description");
                seen += 1;
            }
        }
        assert!(seen >= 5, "{kind}: {seen}");
    }
}
