use super::*;
use serde_json::json;

const NAMED: &str = "version: 1\nprompt: p\ncases: ";

#[track_caller]
fn file(name: &str, rows: &str, expected: &[&str]) -> Manifests {
    let suite = format!("{NAMED}{name}\n");
    expect(
        &[("prompts/p.yaml", PROMPT), ("evals/s.yaml", &suite), (&format!("evals/{name}"), rows)],
        expected,
    )
}

#[track_caller]
fn jsonl(rows: &str, expected: &[&str]) -> Manifests {
    file("a.jsonl", rows, expected)
}

#[test]
fn a_row_has_everything() {
    let row = r#"{"id": "a", "vars": {"n": 1}, "input": "hi", "expected": {"x": [1]}, "context": ["t", {"text": "u", "source": "kb/a.md", "last_updated": "2026-01-01"}], "relevant": ["kb/a.md"], "assert": [{"type": "contains", "value": "h"}], "tags": {"topic": "refunds", "n": 3}, "weight": 2, "critical": true}"#;
    for (name, text) in
        [("a.jsonl", row.to_owned()), ("a.yaml", format!("- {row}\n")), ("a.json", format!("[{row}]"))]
    {
        let manifests = file(name, &text, &[]);
        let row = manifests.suites["s"].cases.get(0);
        assert_eq!((row.case.id.as_str(), row.case.weight, row.case.critical), ("a", 2.0, true), "{name}");
        assert_eq!(serde_json::Value::Object(row.case.vars), json!({"n": 1, "input": "hi"}));
        assert_eq!(row.case.expected, Some(json!({"x": [1]})));
        let context = row.case.context.expect("context");
        assert_eq!((context[0].text.as_str(), context[1].source.as_deref()), ("t", Some("kb/a.md")));
        assert_eq!((row.case.tags["topic"].as_str(), row.case.tags["n"].as_str()), ("refunds", "3"));
        assert_eq!((row.case.line, row.asserts.len(), row.case.relevant.len()), (1, 1, 1));
    }
}

#[test]
fn a_byte_order_mark_and_crlf_are_fine() {
    let manifests = jsonl("\u{feff}{\"input\": \"a\"}\r\n\r\n{\"input\": \"b\"}\r\n", &[]);
    let cases = &manifests.suites["s"].cases;
    assert_eq!((cases.len(), cases.get(1).case.line), (2, 3));
    assert_eq!(cases.get(1).case.vars["input"], "b");
    let manifests = file("a.csv", "\u{feff}input,expected\r\na,b\r\nc,\r\n", &[]);
    let cases = &manifests.suites["s"].cases;
    assert_eq!((cases.get(0).case.expected, cases.get(1).case.expected), (Some(json!("b")), None));
}

#[test]
fn faults_of_rows_have_their_line_and_column() {
    let table: &[(&str, &[&str])] = &[
        ("{\"input\": \"a\"}\n{\"input\": }\n", &["json-syntax evals/a.jsonl:2:11"]),
        ("[1]\n", &["wrong-type evals/a.jsonl:1:1"]),
        ("{\"inptu\": \"a\"}\n", &["unknown-key evals/a.jsonl:1:2"]),
        ("{\"input\": \"a\", \"vars\": {\"input\": \"b\"}}\n", &["bad-value evals/a.jsonl:1:2"]),
        ("{\"input\": \"a\", \"weight\": 0}\n", &["bad-value evals/a.jsonl:1:26"]),
        ("{\"input\": \"a\", \"critical\": \"yes\"}\n", &["wrong-type evals/a.jsonl:1:28"]),
        (
            "{\"input\": \"a\", \"context\": [{\"txt\": \"b\"}]}\n",
            &["missing-key evals/a.jsonl:1:28", "unknown-key evals/a.jsonl:1:29"],
        ),
        ("{\"vars\": {\"context\": \"a\"}}\n", &["bad-value evals/a.jsonl:1:11"]),
        ("{\"input\": \"a\", \"input\": \"b\"}\n", &["duplicate-key evals/a.jsonl:1:22"]),
        (
            "{\"input\": \"a\", \"assert\": [{\"type\": \"contains\"}]}\n",
            &["assert-without-effect evals/a.jsonl:1:27"],
        ),
        (
            "{\"input\": \"a\", \"assert\": [{\"type\": \"is-json\", \"schema\": \"x.json\"}]}\n",
            &["wrong-type evals/a.jsonl:1:57"],
        ),
        ("{\"input\": \"a\"}\n{\"a\": \n", &["json-syntax evals/a.jsonl:2:5"]),
    ];
    for (rows, expected) in table {
        let manifests = jsonl(rows, expected);
        assert!(manifests.suites.is_empty(), "{rows}");
    }
    let manifests = jsonl("{\"expectd\": \"a\"}\n", &["unknown-key evals/a.jsonl:1:2"]);
    assert_eq!(hint(&manifests, "unknown-key"), "did you mean `expected`?");
    file("a.yaml", "- input: a\n- input: b\n  wieght: 2\n", &["unknown-key evals/a.yaml:3:3"]);
    suite("", &[]);
}

#[test]
fn line_17_is_broken() {
    let mut rows: Vec<String> = (1..=20).map(|n| format!("{{\"input\": \"{n}\"}}")).collect();
    rows[16] = "{\"input\": \"17".to_owned();
    jsonl(&rows.join("\n"), &["json-syntax evals/a.jsonl:17:13"]);
}

#[test]
fn invalid_utf_8_has_its_line() {
    for name in ["a.jsonl", "a.csv", "a.yaml"] {
        let folder = repository(&[("prompts/p.yaml", PROMPT), ("evals/s.yaml", &format!("{NAMED}{name}\n"))]);
        write(&folder, &format!("evals/{name}"), b"a\nb\n\xff\n");
        let manifests = load_at(&folder);
        assert_eq!(lines(&manifests), [format!("not-utf8 evals/{name}:3:1")]);
        assert!(manifests.suites.is_empty());
    }
}

#[test]
fn an_id_is_the_content_where_none_is_given() {
    let id = |row: &str| jsonl(row, &[]).suites["s"].cases.id(0).to_string();
    let first = id("{\"vars\": {\"a\": 1, \"b\": 2}, \"expected\": \"x\"}");
    assert_eq!(first.len(), 12);
    assert_eq!(first, id("{\"expected\": \"x\", \"vars\": {\"b\": 2, \"a\": 1}}"));
    assert_eq!(id("{\"input\": \"a\"}"), id("{\"vars\": {\"input\": \"a\"}}"));
    assert_ne!(first, id("{\"vars\": {\"a\": 1, \"b\": 3}, \"expected\": \"x\"}"));
    assert_eq!(id("{\"id\": 7, \"input\": \"a\"}"), "7");
}

#[test]
fn ids_are_unique_over_all_files_of_a_suite() {
    let manifests = jsonl(
        "{\"input\": \"a\"}\n{\"input\": \"b\"}\n{\"input\": \"a\"}\n",
        &["duplicate-case evals/a.jsonl:3:1"],
    );
    assert!(manifests.diagnostics[0].message.contains("evals/a.jsonl on line 1"));
    let suite = format!("{NAMED}[a.jsonl, b.csv]\n");
    let manifests = expect(
        &[
            ("prompts/p.yaml", PROMPT),
            ("evals/s.yaml", &suite),
            ("evals/a.jsonl", "{\"id\": \"x\", \"input\": \"a\"}\n"),
            ("evals/b.csv", "id,input\ny,b\nx,c\n"),
        ],
        &["duplicate-case evals/b.csv:3:1"],
    );
    assert!(manifests.suites.is_empty());
}

#[test]
fn a_suite_without_cases_never_stands() {
    let suite = |cases: &str| format!("{NAMED}{cases}\n");
    let table: &[(&str, &[&str])] = &[
        ("[]", &["no-cases evals/s.yaml:3:8"]),
        ("'evals/none/*.jsonl'", &["no-cases evals/s.yaml:3:8"]),
        ("none.jsonl", &["file-not-found evals/s.yaml:3:8"]),
        ("../../x.jsonl", &["path-outside evals/s.yaml:3:8"]),
        ("/etc/passwd", &["path-outside evals/s.yaml:3:8"]),
        ("notes.txt", &["bad-value evals/s.yaml:3:8"]),
        ("{input: a}", &["wrong-type evals/s.yaml:3:8"]),
        ("", &["wrong-type evals/s.yaml:3:1"]),
    ];
    for (cases, expected) in table {
        let manifests = expect(&[("prompts/p.yaml", PROMPT), ("evals/s.yaml", &suite(cases))], expected);
        assert!(manifests.suites.is_empty(), "{cases}");
    }
    jsonl("\n\n", &["no-cases evals/s.yaml:3:8"]);
    file("a.csv", "id,input\n", &["no-cases evals/s.yaml:3:8"]);
    file("a.yaml", "[]\n", &["no-cases evals/s.yaml:3:8"]);
    let manifests = expect(
        &[
            ("prompts/p.yaml", PROMPT),
            ("evals/s.yaml", &suite("'cases/*.jsonl'")),
            ("evals/cases/a.jsonl", "{\"input\": \"a\"}"),
        ],
        &["no-cases evals/s.yaml:3:8"],
    );
    assert!(hint(&manifests, "no-cases").contains("`evals/cases/*.jsonl`"));
}

#[test]
fn every_column_of_a_csv_is_a_variable() {
    let manifests = file(
        "a.csv",
        "id,question,expected,weight,tags.topic\n1,\"a, \"\"b\"\"\nc\",d,2,refunds\n2,e,,,\n",
        &[],
    );
    let cases = &manifests.suites["s"].cases;
    let (first, second) = (cases.get(0).case, cases.get(1).case);
    assert_eq!((first.id.as_str(), first.vars["question"].as_str()), ("1", Some("a, \"b\"\nc")));
    assert_eq!((first.weight, first.tags["topic"].as_str(), first.line), (2.0, "refunds", 2));
    assert_eq!((second.weight, second.tags.len(), second.line), (1.0, 0, 4));
    file("a.csv", "id,input\n1,a\n2\n", &["csv-syntax evals/a.csv:3:1"]);
    file("a.csv", "input,input\n1,a\n", &["csv-syntax evals/a.csv:1:1"]);
    file("a.csv", "input,\n1,a\n", &["csv-syntax evals/a.csv:1:1"]);
    file("a.csv", "input,weight\n1,heavy\n", &["wrong-type evals/a.csv:2:1"]);
}

#[test]
fn faults_of_one_file_are_counted_out() {
    let rows = "{\"x\": 1}\n".repeat(300);
    let suite = format!("{NAMED}a.jsonl\n");
    let manifests = load(&[("prompts/p.yaml", PROMPT), ("evals/s.yaml", &suite), ("evals/a.jsonl", &rows)]);
    assert_eq!(manifests.diagnostics.len(), 101);
    let last = manifests.diagnostics.last().expect("one");
    assert!(last.message.contains("the rest of the file was not read"), "{}", last.message);
}

#[test]
fn case_data_is_never_a_template() {
    let text = "{{ env.HOME }}{% include \"/etc/passwd\" %}";
    let manifests = jsonl(&json!({"input": text}).to_string(), &[]);
    assert_eq!(manifests.suites["s"].cases.get(0).case.vars["input"], text);
}
