//! What is taken over as the source means it.

use super::*;
use serde_json::{Value, json};

/// A configuration with these tests.
fn asked(prompt: &str, tests: &str) -> Imported {
    made(
        "a.yaml",
        &format!("prompts: [{}]\nproviders: [openai:gpt-4o-2024-08-06]\ntests: {tests}\n", json!(prompt)),
    )
}

fn case(imported: &Imported) -> Value {
    serde_json::from_str(file(imported, ".jsonl").lines().next().expect("a case")).expect("JSON")
}

fn prompt(text: &str) -> String {
    let imported = asked(text, "[{vars: {name: Bo, items: [{n: 1}], x: a}}]");
    assert_eq!(losses_of(&imported), [], "{text}");
    let manifest: Value = serde_yaml::from_str(file(&imported, "prompts/a.yaml")).expect("YAML");
    manifest["user"].as_str().expect("a text").to_owned()
}

#[test]
fn values_that_are_only_printed_become_the_text_that_the_source_prints() {
    let imported = asked(
        "{{none}}|{{whole}}|{{half}}|{{yes}}|{{map}}{% for i in list %}{{ i.n }}{% endfor %}",
        "[{vars: {none: null, whole: 2.0, half: 1.50, yes: true, map: {a: 1.0}, list: [{n: 1}]}, assert: [{type: contains, value: '{{whole}} {{map}} {{yes}}'}]}]",
    );
    let case = case(&imported);
    assert_eq!(
        case["vars"],
        json!({"none": "", "whole": "2", "half": "1.5", "yes": "true", "map": "{\"a\":1}", "list": [{"n": 1}]})
    );
    assert_eq!(case["assert"][0]["value"], "2 {\"a\":1} true");
    assert_eq!(losses_of(&imported), []);
    let both = asked("{{x}} {% if x > 1 %}many{% endif %}", "[{vars: {x: 2.0}}]");
    assert_eq!(losses_of(&both), [(3, Fate::Approximated, "vars.x".to_owned())]);
}

#[test]
fn templates_stay_templates_where_both_engines_can() {
    for (text, wanted) in [
        ("{{ items.length }}", "{{ items|length }}"),
        ("{{ [name, x] | join(', ') }}", "{{ [name, x] | join(', ') }}"),
        ("{% for i in range(2) %}{{ name }}{% endfor %}", "{% for i in range(2) %}{{ name }}{% endfor %}"),
        (
            "{% if name === 'Bo' %}a{% elseif x !== 'b' %}c{% endif %}",
            "{% if name == 'Bo' %}a{% elif x != 'b' %}c{% endif %}",
        ),
        ("cat {{ x }} | dump please", "cat {{ x }} | dump please"),
        ("{{ items | dump }}", "{{ items | tojson }}"),
    ] {
        assert_eq!(prompt(text), wanted);
    }
}

#[test]
fn asserts_are_what_they_are_there() {
    for (given, wanted) in [
        (
            "{type: contains-any, value: '\"hello, world\",bye'}",
            json!({"type": "contains-any", "value": ["hello, world", "bye"]}),
        ),
        (
            "{type: contains-all, value: 'a, \"b, c\"'}",
            json!({"type": "contains-all", "value": ["a", "b, c"]}),
        ),
        ("{type: finish-reason, value: stop}", json!({"type": "finish-reason", "value": "stop"})),
        (
            "{type: levenshtein, value: abcdefghij, threshold: 2}",
            json!({"type": "levenshtein", "value": "abcdefghij", "threshold": 0.8}),
        ),
        ("{type: f1, value: ab, threshold: 0.4}", json!({"type": "f1", "value": "ab", "threshold": 0.4})),
    ] {
        let imported = asked("{{q}}", &format!("[{{vars: {{q: a}}, assert: [{given}]}}]"));
        assert_eq!(case(&imported)["assert"][0], wanted);
    }
}

#[test]
fn an_effort_that_a_manifest_takes_is_taken() {
    let text = "prompts: ['{{q}}']\nproviders: [{id: 'openai:gpt-5-2025-08-07', config: {reasoning_effort: minimal}}]\n";
    let imported = made("a.yaml", text);
    assert!(file(&imported, "prompts/a.yaml").contains("reasoning_effort: minimal"), "{:?}", imported.losses);
}

fn with_files(text: &str, files: &[(&str, &str)]) -> Imported {
    let read = |name: &str| {
        let found = files.iter().find(|(have, _)| *have == name);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "the file is not there".to_owned())
    };
    let (origin, taken) = (Origin::default(), BTreeMap::new());
    import(Source { read: &read, ..alone("a.yaml", text, &origin, &taken) }).expect("imported")
}

#[test]
fn files_of_prompts_are_as_many_prompts_as_the_source_reads() {
    let imported = with_files(
        "prompts: [file://p.csv, file://p.jsonl, a b.txt]\nproviders: [openai:gpt-4o-2024-08-06]\n",
        &[
            ("p.csv", "prompt,label\n\"Say {{q}}, now\",short\nAsk {{q}},long\n"),
            (
                "p.jsonl",
                "[{\"role\": \"user\", \"content\": \"One\"}]\n[ {\"role\": \"user\", \"content\": \"Two\"}]\n",
            ),
            ("a b.txt", "Spaced"),
        ],
    );
    let texts: Vec<String> = imported
        .files
        .iter()
        .map(|file| {
            serde_yaml::from_str::<Value>(&file.text).expect("YAML")["user"].as_str().unwrap_or("").to_owned()
        })
        .collect();
    assert_eq!(texts, ["Say {{q}}, now", "Ask {{q}}", "One", "Two", "Spaced"]);
    assert_eq!(imported.files[0].path, "prompts/a_short.yaml");
    assert_eq!(losses_of(&imported), [(0, Fate::Ignored, "tests".to_owned())]);
}

#[test]
fn variables_are_read_from_files_one_by_one_and_together() {
    let imported = with_files(
        "prompts: ['{{q}}{{r}}']\nproviders: [openai:gpt-4o-2024-08-06]\ntests:\n  - vars: {q: [file://a.txt, file://b.txt], r: x}\n  - vars: [one.yaml, two.yaml]\n",
        &[("a.txt", "A"), ("b.txt", "B"), ("one.yaml", "q: 1\n"), ("two.yaml", "r: zwei\n")],
    );
    let vars: Vec<Value> = file(&imported, ".jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["vars"].clone())
        .collect();
    assert_eq!(
        vars,
        [json!({"q": "A", "r": "x"}), json!({"q": "B", "r": "x"}), json!({"q": "1", "r": "zwei"})]
    );
    assert_eq!(losses_of(&imported), []);
}

#[test]
fn texts_in_other_scripts_are_kept_and_told_apart() {
    let imported = asked("{{q}}", "[{vars: {q: a}, description: Привет}, {vars: {q: b}, description: Пока}]");
    let lines: Vec<Value> =
        file(&imported, ".jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["tags"]["description"], "Привет");
    assert_ne!(lines[0]["id"], lines[1]["id"]);
    let labels = "prompts: [{label: Привет, raw: A}, {label: Пока, raw: B}]\ndescription: Both\nproviders: [openai:gpt-4o-2024-08-06]\n";
    let imported = made("a.yaml", labels);
    assert!(imported.files[0].text.contains("Привет: Both") && imported.files[1].text.contains("Пока: Both"));
}

#[test]
fn what_prompty_says_of_inputs_and_outputs_is_in_the_manifest() {
    let text = "---\nname: G\nmodel: {id: gpt-4o-2024-08-06}\ninputs:\n  mood: {type: string, description: How, enum: [good, bad], required: true, sample: good}\n  n: {type: integer, default: 3}\noutputs:\n  answer: {type: string, description: What}\n---\nuser:\n{{mood}} {{n}}\n";
    let imported = made("g.prompty", text);
    let manifest: Value = serde_yaml::from_str(file(&imported, "prompts/g.yaml")).expect("YAML");
    assert_eq!(
        manifest["inputs"],
        json!({"mood": {"type": "string", "description": "How", "enum": ["good", "bad"], "required": true},
               "n": {"type": "integer", "default": 3}})
    );
    assert_eq!(manifest["output"]["schema"]["properties"]["answer"]["type"], "string");
    let azure = made("g.prompty", "---\nmodel: {id: my-gpt, provider: azure}\n---\nuser:\nHi\n");
    assert!(
        losses_of(&azure).contains(&(2, Fate::Approximated, "azure:my-gpt".to_owned())),
        "{:?}",
        azure.losses
    );
    made("g.prompty", "---\n---\nuser:\nHi\n");
}

#[test]
fn a_key_in_the_source_is_never_copied() {
    let key = format!("sk-ant-api03-{}", "a1B2c3D4e5F6g7H8i9J0");
    let imported = asked(&format!("Use {key} {{{{q}}}}"), &format!("[{{vars: {{q: 'and {key}'}}}}]"));
    assert!(imported.files.iter().all(|file| !file.text.contains(&key)));
    assert!(losses_of(&imported).iter().any(|(_, fate, what)| *fate == Fate::Dropped && what == "a secret"));
}
