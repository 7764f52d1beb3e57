//! The reference pages say every key and every code that there is, in the words of the schemas and of the code. When
//! one moved, the test leaves the page as it should be under `target/docs/`.

use llmops::manifest::json_schemas::{SCHEMAS, schema_of};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn held(name: &str, expected: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs").join(name)).unwrap_or_default();
    if page == expected {
        return;
    }
    let folder = root.join("target/docs");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name), expected).expect("a page");
    panic!("docs/{name} is not what the program says: look at target/docs/{name}, and copy it over");
}

/// What each kind of file is called in a heading.
const KINDS: &[(&str, &str)] = &[
    ("prompt", "Prompt manifests"),
    ("judge", "Judge manifests"),
    ("retrieval", "Retrieval manifests"),
    ("suite", "Suites"),
    ("case", "Cases"),
    ("project", "The project file"),
    ("lock", "The lock"),
    ("deployment", "Deployment records"),
];

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn resolved(schema: &Value, node: &Value) -> Value {
    match node["$ref"].as_str() {
        Some(name) => schema.pointer(name.trim_start_matches('#')).cloned().unwrap_or_default(),
        None => node.clone(),
    }
}

/// What a key takes: a word, several where it takes several things.
fn kind_of(schema: &Value, property: &Value) -> String {
    let property = &resolved(schema, property);
    for choice in ["anyOf", "oneOf"] {
        if let Some(choices) = property[choice].as_array() {
            let mut kinds: Vec<String> = Vec::new();
            for kind in choices.iter().map(|choice| kind_of(schema, choice)) {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            return kinds.join(" or ");
        }
    }
    if let Some(part) = property["allOf"].as_array().and_then(|parts| parts.first()) {
        return kind_of(schema, part);
    }
    let word = |value: &Value| value.as_str().unwrap_or("anything").to_owned();
    let words = property.get("enum").and_then(Value::as_array);
    if let Some(words) = words {
        return words.iter().map(word).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ");
    }
    match property.get("type") {
        Some(Value::Array(kinds)) if kinds[0] == "number" => "number".to_owned(),
        Some(Value::Array(kinds)) if kinds.iter().any(|kind| kind == "string") => "text".to_owned(),
        Some(Value::Array(kinds)) => word(&kinds[0]),
        Some(kind) => {
            word(kind).replace("string", "text").replace("object", "mapping").replace("array", "list")
        }
        None if property["properties"].is_object() => "mapping".to_owned(),
        None => "anything".to_owned(),
    }
}

/// Rows for the keys of `node`, the keys inside of one behind it, with its name before theirs.
fn rows(schema: &Value, node: &Value, before: &str, depth: usize, page: &mut String) {
    let resolved = |node: &Value| resolved(schema, node);
    let required: Vec<&str> =
        node["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, property) in node["properties"].as_object().into_iter().flatten() {
        // What is only a condition on a key that is said elsewhere is no key of its own.
        let condition = property["const"] != Value::Null && property["description"].is_null();
        if !property.is_object() || condition {
            continue;
        }
        let inner = resolved(property);
        let said = property["description"].as_str().or(inner["description"].as_str()).unwrap_or_default();
        let default = match (&property["default"], required.contains(&key.as_str())) {
            (Value::Null, true) => "required".to_owned(),
            (Value::Null, false) => String::new(),
            (value, _) => format!("`{}`", value.to_string().trim_matches('"')),
        };
        // One that is known by name beside those of any name has their keys.
        let is_known = node["additionalProperties"].is_object();
        let kind = if is_known { "as `NAME`".to_owned() } else { kind_of(schema, &inner) };
        writeln!(page, "| `{before}{key}` | {kind} | {default} | {} |", cell(said)).expect("text");
        if depth == 0 || key == "assert" || is_known {
            continue;
        }
        // What a key holds: its own keys, those of its items, or those under free names.
        let inside = [
            (inner.clone(), "."),
            (resolved(&inner["items"]), "[]."),
            (resolved(&inner["additionalProperties"]), ".NAME."),
        ];
        for (inside, mark) in inside {
            let choices = inside["anyOf"].as_array().cloned().unwrap_or_default();
            let parts = inside["allOf"].as_array().cloned().unwrap_or_default();
            let all = [inside].into_iter().chain(choices).chain(parts).map(|part| resolved(&part));
            for part in all.filter(|part| part["properties"].is_object()) {
                // A case inside a suite is the case of its own table.
                if part["properties"]["critical"].is_null() {
                    rows(schema, &part, &format!("{before}{key}{mark}"), depth - 1, page);
                }
            }
        }
    }
}

fn asserts(page: &mut String) {
    page.push_str("\n## Asserts\n\nEach also takes `not-` before its name, `metric` (a name for `gate.metrics`) and `weight` (1).\n\n| `type` | keys |\n|---|---|\n");
    let suite: Value = serde_json::from_str(schema_of("suite").expect("a schema")).expect("JSON");
    for rule in suite["$defs"]["assert"]["allOf"].as_array().expect("rules") {
        let names: Vec<String> = rule["if"]["properties"]["type"]["enum"]
            .as_array()
            .expect("names")
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| !name.starts_with("not-"))
            .map(|name| format!("`{name}`"))
            .collect();
        let keys: Vec<String> = rule["then"]["properties"]
            .as_object()
            .expect("keys")
            .iter()
            .filter(|(key, _)| !["type", "metric", "weight"].contains(&key.as_str()))
            .map(|(key, property)| {
                let said = property["description"].as_str().unwrap_or_default().trim_end_matches('.');
                let default = property
                    .get("default")
                    .map(|value| format!(", `{}`", value.to_string().trim_matches('"')));
                format!("`{key}` ({}{})", cell(said), default.unwrap_or_default())
            })
            .collect();
        writeln!(page, "| {} | {} |", names.join(" "), keys.join("; ")).expect("text");
    }
    page.push_str("\nA tool call that is expected is `{name, arguments, schema}`, and bounds are `{min, max}`:\n\n| key | takes | default | meaning |\n|---|---|---|---|\n");
    rows(&suite, &suite["$defs"]["call"], "", 0, page);
    let bounds = suite["$defs"]["assert"]["allOf"].as_array().into_iter().flatten();
    let bounds = bounds.map(|rule| &rule["then"]["properties"]["value"]["anyOf"][1]);
    bounds
        .filter(|bounds| bounds["properties"]["min"].is_object())
        .for_each(|bounds| rows(&suite, bounds, "", 0, page));
}

#[test]
fn every_key_of_every_file_is_on_its_page() {
    let mut page = "# Every key\n\nWhat `llmops schema KIND` prints, as tables. `NAME` stands for a name of your own; `[]` for each item of a list.\n`x-*` and `metadata` are free in manifests, suites and the project file. How the keys work together is told in\n[manifests](manifests.md), [suites](suites.md), [gates](gates.md), [judges](judges.md) and [retrieval](retrieval.md).\n".to_owned();
    assert_eq!(KINDS.len(), SCHEMAS.len());
    for (kind, title) in KINDS {
        let schema: Value = serde_json::from_str(schema_of(kind).expect("a schema")).expect("JSON");
        let said = schema["description"].as_str().expect("a description");
        writeln!(page, "\n## {title}\n\n{said}\n\n| key | takes | default | meaning |\n|---|---|---|---|")
            .expect("text");
        rows(&schema, &schema, "", 4, &mut page);
        if *kind == "deployment" {
            rows(&schema, &schema["$defs"]["entry"], "NAME.", 2, &mut page);
        }
        if *kind == "case" {
            asserts(&mut page);
        }
    }
    for (kind, _) in SCHEMAS {
        let schema: Value = serde_json::from_str(schema_of(kind).expect("a schema")).expect("JSON");
        let mut keys = Vec::new();
        named(&schema, &mut keys);
        for key in keys {
            let shown = page.contains(&format!("`{key}`")) || page.contains(&format!(".{key}`"));
            assert!(shown, "{kind}: `{key}` is on no page");
        }
    }
    held("keys.md", &page);
}

fn named(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if key == "properties"
                    && let Some(properties) = inner.as_object()
                {
                    keys.extend(
                        properties.iter().filter(|(_, value)| value.is_object()).map(|(key, _)| key.clone()),
                    );
                }
                named(inner, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| named(item, keys)),
        _ => {}
    }
}

/// Where a code is found, as people meet it.
const ROOMS: &[(&[&str], &str)] = &[
    (&["manifest", "domain", "repo"], "In manifests, suites, cases and records"),
    (&["render"], "In templates"),
    (&["plan", "compare"], "In what moved, and what is planned"),
    (&["retrieve"], "In retrieval"),
    (&["call", "grade", "run", "ledger"], "In calls and grades"),
    (&["gate", "aggregate", "study"], "In a gate"),
    (&["report", "release", "cli", "import"], "In what a verb says"),
];

#[test]
fn every_code_is_on_its_page() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found: BTreeMap<usize, BTreeMap<String, String>> = BTreeMap::new();
    for entry in walk(&source) {
        let text = fs::read_to_string(&entry).expect("a file");
        let room = entry.strip_prefix(&source).expect("inside").components().next().expect("a room");
        let room = room.as_os_str().to_string_lossy().into_owned();
        let mut comment: Vec<&str> = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some(said) = line.strip_prefix("///") {
                comment.push(said.trim());
            } else if let Some((_, rest)) = line.split_once(": Code = Code(\"") {
                let code = rest.split('"').next().expect("a code");
                let group = ROOMS.iter().position(|(rooms, _)| rooms.contains(&room.as_str()));
                let group = group.unwrap_or_else(|| panic!("no heading for {room}"));
                assert!(
                    !comment.is_empty(),
                    "{code} in {} has no comment that says what it is",
                    entry.display()
                );
                found.entry(group).or_default().insert(code.to_owned(), comment.join(" "));
                comment.clear();
            } else if !line.starts_with("#[") {
                comment.clear();
            }
        }
    }
    let mut page = "# Every code\n\nA finding is named by its code: `llmops check --json` and reports print it under `code`, SARIF as the rule. The place and the\nhint that come with it say where and what to type.\n".to_owned();
    for (group, codes) in &found {
        writeln!(page, "\n## {}\n\n| code | what it is |\n|---|---|", ROOMS[*group].1).expect("text");
        codes
            .iter()
            .for_each(|(code, said)| writeln!(page, "| `{code}` | {} |", cell(&plain(said))).expect("text"));
    }
    assert!(found.values().map(BTreeMap::len).sum::<usize>() > 100);
    held("diagnostics.md", &page);
}

/// Without the links of the code's own documentation.
fn plain(said: &str) -> String {
    said.replace("[`", "`").replace("`]", "`")
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.to_string_lossy().contains("/tests")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}
