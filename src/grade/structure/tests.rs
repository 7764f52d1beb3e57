use crate::domain::{AssertOutcome, ToolCall};
use crate::grade::AssertFault;
use crate::grade::fixture::{Given, literal};
use crate::manifest::assert::{Bounds, Check, ExpectedCall, JsonText, PathTest, StructureAssert};
use crate::manifest::template::Template;
use serde_json::{Value, json};

fn run(text: &str, test: StructureAssert) -> AssertOutcome {
    Given::new(text).check("structure", Check::Structure(test)).expect("decided")
}

fn is_json(text: &str, schema: Option<Value>) -> AssertOutcome {
    run(text, StructureAssert::IsJson { schema })
}

fn path(text: &str, path: &str, test: PathTest) -> AssertOutcome {
    run(text, StructureAssert::JsonPath { path: path.into(), test })
}

#[test]
fn is_json_takes_the_whole_answer_and_nothing_else() {
    assert!(is_json(" {\"a\": [1]}\n", None).passed);
    for text in ["", "ok", "```json\n{}\n```", "{} {}", "{'a': 1}", "{\"a\": NaN}", "{\"a\": 1, \"a\": 2}"] {
        let outcome = is_json(text, None);
        assert!(!outcome.passed, "{text}");
        assert!(outcome.reason.starts_with("not JSON ("), "{}", outcome.reason);
    }
}

#[test]
fn a_schema_is_asserted_and_its_format_is_not() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    assert!(is_json("{\"n\": 1.0}", Some(schema.clone())).passed);
    let outcome = is_json("{\"n\": \"1\"}", Some(schema));
    assert!(!outcome.passed && outcome.reason.contains("/n"), "{}", outcome.reason);
    assert!(is_json("\"x\"", Some(json!({"format": "email"}))).passed);
    assert!(!is_json("1e400", Some(json!({}))).passed);
}

#[test]
fn a_schema_that_is_none_is_an_error_of_the_input() {
    let test = StructureAssert::IsJson { schema: Some(json!({"type": "strin"})) };
    let fault = Given::new("{}").check("not-is-json", Check::Structure(test)).expect_err("a fault");
    assert!(matches!(fault, AssertFault::Value { .. }) && fault.unscored().is_none(), "{fault}");
}

#[test]
fn contains_json_finds_an_object_or_a_list_that_fits() {
    let contains = |text: &str, schema| run(text, StructureAssert::ContainsJson { schema });
    assert!(contains("Here: ```json\n{\"a\": 1}\n``` ok", None).passed);
    assert!(contains("see [1] and {x}", None).passed);
    for text in ["", "no braces", "{x} [y", "\"text\"", "4"] {
        assert!(!contains(text, None).passed, "{text}");
    }
    let schema = json!({"type": "object", "required": ["a"]});
    assert!(contains("[1] {\"b\": 1} {\"a\": 1}", Some(schema.clone())).passed);
    let outcome = contains("{\"b\": {\"a\": 1}}", Some(schema));
    assert!(!outcome.passed && outcome.reason.contains("none of which fits"), "{}", outcome.reason);
    assert!(!contains(&"[{\"a\":".repeat(2_000), None).passed);
}

#[test]
fn json_equals_and_subset_compare_exactly() {
    let answer = r#"{"id": 12345678901234567890123, "ok": true, "items": [{"n": 1.0, "x": 0}]}"#;
    let equals = |value| run(answer, StructureAssert::JsonEquals(JsonText::Json(value)));
    let subset = |value| run(answer, StructureAssert::JsonSubset(JsonText::Json(value)));
    assert!(subset(json!({"ok": true, "items": [{"n": 1}]})).passed);
    let outcome = subset(json!({"ok": 1}));
    assert!(!outcome.passed);
    assert_eq!(outcome.reason, "at /ok: expected 1, found true");
    assert!(!subset(json!({"items": []})).passed);
    let outcome = equals(json!({"ok": true}));
    assert!(!outcome.passed && outcome.reason.contains("at /id: expected no such key"), "{}", outcome.reason);
    assert!(!run("nope", StructureAssert::JsonEquals(JsonText::Json(json!("nope")))).passed);
    assert!(run("\"nope\"", StructureAssert::JsonEquals(JsonText::Json(json!("nope")))).passed);
}

#[test]
fn an_expected_value_written_as_text_is_exact_and_has_to_be_json() {
    let template = |text: &str| JsonText::Template(Template::built_in(&crate::domain::RelPath::root(), text));
    let answer = r#"{"id": 12345678901234567890123}"#;
    assert!(
        run(answer, StructureAssert::JsonEquals(template(r#"{"id": 12345678901234567890123.0}"#))).passed
    );
    assert!(!run(answer, StructureAssert::JsonEquals(template(r#"{"id": 12345678901234567890124}"#))).passed);
    let test = Check::Structure(StructureAssert::JsonEquals(template("refunded")));
    let fault = Given::new(answer).check("not-json-equals", test).expect_err("a fault");
    assert!(matches!(fault, AssertFault::Value { .. }), "{fault}");
    assert!(fault.to_string().contains("its value is not JSON: unexpected 'r' at line 1"), "{fault}");
}

#[test]
fn a_path_selects_one_value_for_a_comparison() {
    let answer =
        r#"{"status": "shipped", "total": 42.5, "tags": ["a", "b"], "big": 9007199254740993, "n": null}"#;
    let value = |value: Value| JsonText::Json(value);
    for (at, test, passes) in [
        ("$.status", PathTest::Equals(value(json!("shipped"))), true),
        ("$.status", PathTest::Equals(value(json!("Shipped"))), false),
        ("$.big", PathTest::Equals(value(json!(9_007_199_254_740_993_u64))), true),
        ("$.big", PathTest::Equals(value(json!(9_007_199_254_740_992_u64))), false),
        ("$.n", PathTest::Equals(value(Value::Null)), true),
        ("$.gone", PathTest::Equals(value(Value::Null)), false),
        ("$.tags[*]", PathTest::Equals(value(json!("a"))), false),
        ("$.tags", PathTest::Contains(value(json!("b"))), true),
        ("$.tags", PathTest::Contains(value(json!("c"))), false),
        ("$.status", PathTest::Contains(value(json!("ship"))), true),
        ("$.total", PathTest::Contains(value(json!("4"))), false),
        ("$.status", PathTest::Matches(literal("^ship")), true),
        ("$.status", PathTest::Matches(literal("^hip")), false),
        ("$.total", PathTest::Matches(literal("42")), false),
        ("$.total", PathTest::Gt(42.5), false),
        ("$.total", PathTest::Gte(42.5), true),
        ("$.total", PathTest::Lt(42.5), false),
        ("$.total", PathTest::Lte(42.5), true),
        ("$.status", PathTest::Gt(0.0), false),
        ("$.gone", PathTest::Lt(1.0), false),
        ("$.n", PathTest::Exists(true), true),
        ("$.gone", PathTest::Exists(true), false),
        ("$.gone", PathTest::Exists(false), true),
        ("$.n", PathTest::Exists(false), false),
    ] {
        let outcome = path(answer, at, test.clone());
        assert_eq!(outcome.passed, passes, "{at} {test:?}: {}", outcome.reason);
    }
    assert!(!path("not json", "$.gone", PathTest::Exists(false)).passed);
}

#[test]
fn length_counts_the_value_or_the_values() {
    let at_most = |max| PathTest::Length(Bounds { min: None, max: Some(max) });
    let exactly = |count| PathTest::Length(Bounds { min: Some(count), max: Some(count) });
    let answer = r#"{"text": "äöü", "items": [1, 2], "object": {"a": 1}, "n": 5, "none": []}"#;
    for (at, test, passes) in [
        ("$.text", exactly(3), true),
        ("$.items", exactly(2), true),
        ("$.object", exactly(1), true),
        ("$.n", at_most(9), false),
        ("$.gone", at_most(9), false),
        ("$.items[*]", exactly(2), true),
        ("$.none[*]", exactly(0), true),
        ("$.items[?@ > 1]", exactly(1), true),
        ("$.items", at_most(1), false),
    ] {
        let outcome = path(answer, at, test);
        assert_eq!(outcome.passed, passes, "{at}: {}", outcome.reason);
    }
}

/// Where arguments are compared, they are compared as JSON: the reference's multiset over names and JSON arguments is 1
/// and the names are in sequence exactly where this passes.
#[test]
fn tool_calls_are_compared_in_order_and_as_json() {
    let file: Value = serde_json::from_str(include_str!("../../../tests/vectors/metrics_tool_calls.json"))
        .expect("vectors");
    for case in file["cases"].as_array().expect("cases") {
        let calls = |key: &str| case["inputs"][key].as_array().expect("calls").clone();
        let name = |call: &Value| call["name"].as_str().expect("a name").to_owned();
        let mut given = Given::new("");
        given.reply.tool_calls = calls("predicted")
            .iter()
            .map(|call| ToolCall { name: name(call), arguments: call["args"].clone() })
            .collect();
        let expected = |with: bool| {
            let calls = calls("reference");
            let calls = calls.iter().map(|call| ExpectedCall {
                name: name(call),
                arguments: with.then(|| JsonText::Json(call["args"].clone())),
                schema: None,
            });
            Check::Structure(StructureAssert::ToolCall(calls.collect()))
        };
        let want = &case["expected"];
        let sequence = want["exact_sequence_names"] == json!(true);
        let equal = want["call_multiset_f1(name+json args)"] == json!(1.0);
        let outcome = given.check("tool-call", expected(false)).expect("decided");
        assert_eq!(outcome.passed, sequence, "{}: {}", case["id"], outcome.reason);
        let outcome = given.check("tool-call", expected(true)).expect("decided");
        assert_eq!(outcome.passed, sequence && equal, "{}: {}", case["id"], outcome.reason);
    }
}

#[test]
fn arguments_of_a_call_fit_their_own_schema() {
    let call =
        |name: &str, schema: Option<Value>| ExpectedCall { name: name.into(), arguments: None, schema };
    let test = || {
        Check::Structure(StructureAssert::ToolCall(vec![
            call("find", None),
            call("book", Some(json!({"required": ["seat"]}))),
        ]))
    };
    let mut given = Given::new("");
    let made = |name: &str, arguments| ToolCall { name: name.into(), arguments };
    given.reply.tool_calls = vec![made("find", json!({})), made("book", json!({"seat": 1}))];
    assert!(given.check("tool-call", test()).expect("decided").passed);
    given.reply.tool_calls[1].arguments = json!({});
    let outcome = given.check("tool-call", test()).expect("decided");
    assert!(!outcome.passed && outcome.reason.contains("call 2 (book)"), "{}", outcome.reason);
    given.reply.tool_calls[1].arguments = json!("{broken");
    assert!(given.check("tool-call", test()).is_ok());
    given.reply.tool_calls.clear();
    let outcome = given.check("not-tool-call", test()).expect("decided");
    assert!(outcome.passed);
    assert_eq!(outcome.reason, "calls no tool, expected find, book");
}
