use super::*;
use crate::manifest::assert::{Bounds, Check, Text, TextAssert};

#[track_caller]
fn assert_of(text: &str, expected: &[&str]) -> Manifests {
    suite(&format!("assert: [{text}]\n"), expected)
}

#[test]
fn every_assert_is_read() {
    for text in [
        "{type: equals, value: ''}",
        "{type: contains, value: a}",
        "{type: icontains, value: 3}",
        "{type: contains-any, value: [a, b]}",
        "{type: contains-all, value: [a]}",
        "{type: icontains-any, value: [a]}",
        "{type: icontains-all, value: [a]}",
        "{type: not-starts-with, value: a}",
        "{type: regex, value: 'a+'}",
        "{type: word-count, value: {max: 10}}",
        "{type: length, value: 5}",
        "{type: not-is-refusal}",
        "{type: finish-reason, value: stop}",
        "{type: is-json}",
        "{type: is-json, schema: {type: object}}",
        "{type: contains-json}",
        "{type: json-path, path: $.a, equals: null}",
        "{type: json-path, path: $.a, gte: 3}",
        "{type: json-path, path: $.a, exists: false}",
        "{type: json-path, path: $.a, matches: '^x'}",
        "{type: json-path, path: $.a, length: {min: 1}}",
        "{type: json-equals, value: {a: 1}}",
        "{type: json-subset, value: {a: 1}}",
        "{type: tool-call, value: search}",
        "{type: tool-call, value: [{name: a, arguments: {q: 1}}, {name: b, schema: {type: object}}]}",
        "{type: levenshtein, value: a, threshold: 0.8}",
        "{type: rouge-l, value: a, threshold: 0.8, tokenizer: rouge_score}",
        "{type: bleu, value: a, threshold: 0.1}",
        "{type: f1, value: a, threshold: 1}",
        "{type: similar, value: a, threshold: 0.8}",
        "{type: context-contains, value: a}",
        "{type: context-recall, threshold: 0.5}",
        "{type: latency, threshold: 2000}",
        "{type: cost, threshold: 0.01}",
        "{type: exec, command: [python3, check.py], inputs: [check.py], timeout_s: 5, threshold: 0.5}",
    ] {
        let manifests = assert_of(text, &[]);
        let asserts = &manifests.suites["s"].asserts;
        assert_eq!((asserts.len(), asserts[0].weight), (1, 1.0), "{text}");
        let written = asserts[0].source["type"].as_str().expect("a type");
        assert_eq!(
            (asserts[0].written.as_str(), asserts[0].negated),
            (written, written.starts_with("not-")),
            "{text}"
        );
    }
}

#[test]
fn an_assert_without_effect_is_an_error() {
    for text in [
        "{type: contains}",
        "{type: contains, value: ''}",
        "{type: contains-any, value: []}",
        "{type: word-count, value: {}}",
        "{type: length, value: {min: 0}}",
        "{type: json-path, path: $.a}",
        "{type: json-path, path: $.a, gt: 1, lt: 2}",
        "{type: json-path, equals: 1}",
        "{type: json-path, path: $.a, contains: ''}",
        "{type: json-subset, value: {}}",
        "{type: tool-call, value: []}",
        "{type: levenshtein, value: a}",
        "{type: f1, value: a, threshold: 0}",
        "{type: context-recall}",
        "{type: latency}",
        "{type: exec, command: []}",
        "{type: exec}",
    ] {
        let manifests =
            load(&[("prompts/p.yaml", PROMPT), ("evals/s.yaml", &format!("{SUITE}assert: [{text}]\n"))]);
        let found: Vec<&str> = manifests.diagnostics.iter().map(|found| found.code.0).collect();
        assert_eq!(found, ["assert-without-effect"], "{text}: {:#?}", manifests.diagnostics);
        assert!(manifests.suites.is_empty(), "{text}");
    }
    suite("assert: []\n", &["assert-without-effect evals/s.yaml:4:9"]);
}

#[test]
fn faults_of_an_assert_have_their_places() {
    let table: &[(&str, &[&str])] = &[
        ("{type: contians, value: a}", &["unknown-assert evals/s.yaml:4:17"]),
        ("{value: a}", &["missing-key evals/s.yaml:4:10"]),
        ("{type: contains, value: a, treshold: 1}", &["unknown-key evals/s.yaml:4:37"]),
        ("{type: is-refusal, value: a}", &["unknown-key evals/s.yaml:4:29"]),
        ("{type: regex, value: '(?=a)'}", &["bad-regex evals/s.yaml:4:31"]),
        ("{type: json-path, path: a.b, exists: true}", &["bad-json-path evals/s.yaml:4:34"]),
        ("{type: is-json, schema: {type: objekt}}", &["bad-schema evals/s.yaml:4:34"]),
        ("{type: f1, value: a, threshold: 80}", &["bad-value evals/s.yaml:4:42"]),
        ("{type: latency, threshold: 0}", &["bad-value evals/s.yaml:4:37"]),
        ("{type: cost, threshold: cheap}", &["wrong-type evals/s.yaml:4:34"]),
        ("{type: length, value: {min: 3, max: 2}}", &["bad-value evals/s.yaml:4:32"]),
        ("{type: length, value: 1.5}", &["wrong-type evals/s.yaml:4:32"]),
        ("{type: contains, value: a, weight: 0}", &["bad-value evals/s.yaml:4:45"]),
        ("{type: contains, value: [a]}", &["wrong-type evals/s.yaml:4:34"]),
        ("{type: contains, value: a, metric: refusal_rate}", &["bad-value evals/s.yaml:4:37"]),
        ("{type: similar, value: a, threshold: 0.5, model: zeta}", &["unknown-provider evals/s.yaml:4:59"]),
        ("{type: rouge-l, value: a, threshold: 0.5, tokenizer: x}", &["bad-value evals/s.yaml:4:63"]),
        ("{type: exec, command: [x], timeout_s: 0}", &["bad-value evals/s.yaml:4:48"]),
        ("text", &["wrong-type evals/s.yaml:4:10"]),
    ];
    for (text, expected) in table {
        assert_of(text, expected);
    }
    let manifests =
        assert_of("{type: javascript, value: 'output.length > 3'}", &["unknown-assert evals/s.yaml:4:17"]);
    assert!(hint(&manifests, "unknown-assert").contains("json-path"));
}

#[test]
fn only_the_asserts_of_a_suite_are_templates() {
    let dynamic = "{type: contains, value: '{{ expected }}'}";
    let manifests = assert_of(dynamic, &[]);
    let Check::Text(TextAssert::Contains(Text::Template(template))) = &manifests.suites["s"].asserts[0].check
    else {
        panic!("a template")
    };
    assert_eq!(template.text, "{{ expected }}");
    assert_of("{type: json-equals, value: {a: '{{ expected }}'}}", &["bad-value evals/s.yaml:4:41"]);
    let text = format!("version: 1\nprompt: p\ncases: [{{input: a, assert: [{dynamic}]}}]\n");
    let manifests = expect(&[("prompts/p.yaml", PROMPT), ("evals/s.yaml", &text)], &[]);
    let row = manifests.suites["s"].cases.get(0);
    assert_eq!(
        row.asserts[0].check,
        Check::Text(TextAssert::Contains(Text::Literal("{{ expected }}".into())))
    );
}

#[test]
fn a_count_is_exact_or_bounded_and_a_schema_enters_the_source() {
    let manifests = assert_of("{type: length, value: 5}", &[]);
    let bounds = Bounds { min: Some(5), max: Some(5) };
    assert_eq!(manifests.suites["s"].asserts[0].check, Check::Text(TextAssert::Length(bounds)));
    let text = format!("{SUITE}assert: [{{type: is-json, schema: schema.json}}]\n");
    let files = [
        ("prompts/p.yaml", PROMPT),
        ("evals/s.yaml", &text),
        ("evals/schema.json", "{\"type\": \"object\"}"),
    ];
    let manifests = expect(&files, &[]);
    assert_eq!(manifests.suites["s"].asserts[0].source["schema"]["type"], "object");
}
