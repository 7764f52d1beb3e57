use super::*;
use proptest::prelude::*;

fn made(path: &str, text: &str) -> Imported {
    import(Source { path, text, read: &|_| None }).expect("imported")
}

fn losses_of(imported: &Imported) -> Vec<(u32, Fate, String)> {
    imported.losses.iter().map(|loss| (loss.line, loss.fate, loss.what.clone())).collect()
}

#[test]
fn what_the_source_ignored_in_silence_is_said() {
    let text = "prompts: ['Say {name} and {{other}}']\nproviders: [openai:gpt-4o-2024-08-06]\npassRateThreshold: 0.8\ndefaultTests: {}\nmaxConcurrency: 4\ntests: []\n";
    let found = losses_of(&made("promptfooconfig.yaml", text));
    for (line, what) in
        [(1, "{name}"), (3, "passRateThreshold"), (4, "defaultTests"), (5, "maxConcurrency"), (6, "tests")]
    {
        assert!(found.contains(&(line, Fate::Ignored, what.to_owned())), "{what}: {found:?}");
    }
}

#[test]
fn a_matrix_becomes_cases_and_an_alias_is_pinned_and_said() {
    let text = "prompts: ['{{a}} {{b}}']\nproviders: [openai:chat:gpt-4o]\ntests:\n  - vars: {a: [1, 2], b: [x, y, z]}\n    assert: [{type: icontains, value: '{{b}}'}]\n";
    let imported = made("menu.yaml", text);
    let cases = imported.files.iter().find(|file| file.path.ends_with(".jsonl")).expect("cases");
    assert_eq!(cases.text.lines().count(), 6);
    assert!(cases.text.contains(r#""assert":[{"type":"icontains","value":"y"}]"#), "{}", cases.text);
    assert!(losses_of(&imported).contains(&(2, Fate::Approximated, "openai:chat:gpt-4o".to_owned())));
}

#[test]
fn what_cannot_be_taken_over_is_listed_with_its_line() {
    let text = "prompts: ['{{q}}']\nproviders: [anthropic:messages:claude-sonnet-4-20250514]\ntests:\n  - vars: {q: hi}\n    assert:\n      - type: python\n        value: len(output) > 3\n      - {type: javascript, value: 'output.length < 9'}\n";
    let imported = made("a.yaml", text);
    assert_eq!(losses_of(&imported), [(6, Fate::Dropped, "python".to_owned())]);
}

#[test]
fn a_file_that_is_nothing_of_the_kind_is_refused() {
    for text in ["", "[]", "a: 1", "prompts: []", "a: [", "prompts: {}"] {
        assert!(import(Source { path: "a.yaml", text, read: &|_| None }).is_err(), "{text}");
    }
}

fn yaml() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        "[a-z{}%:/. ]{0,12}".prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    let key = prop_oneof![
        Just("prompts"),
        Just("providers"),
        Just("tests"),
        Just("vars"),
        Just("assert"),
        Just("type"),
        Just("value"),
        Just("config"),
        Just("defaultTest"),
        Just("id"),
        Just("messages"),
        Just("content"),
        Just("role"),
        Just("evaluators"),
        Just("llm"),
        Just("string"),
        Just("testData"),
        Just("model"),
        Just("sample"),
        Just("threshold"),
        Just("options"),
        Just("context"),
        Just("response_format"),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|items| {
                serde_json::Value::Object(
                    items.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_makes_it_panic(value in yaml(), prompt in yaml()) {
        let text = value.to_string();
        let whole = serde_json::json!({"prompts": ["{{a}}", prompt], "tests": value, "defaultTest": value, "providers": value}).to_string();
        let chat = serde_json::json!({"messages": [{"role": "user", "content": "{{a}}"}], "model": value, "evaluators": value, "testData": value}).to_string();
        for (path, text) in [("a.yaml", &text), ("a.yaml", &whole), ("a.prompt.yml", &text), ("a.prompt.yml", &chat)] {
            let _ = import(Source { path, text, read: &|_| None });
        }
        let _ = import(Source { path: "a.prompty", text: &format!("---\n{text}\n---\nsystem:\n{{{{a}}}}\n"), read: &|_| None });
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        for path in ["a.yaml", "a.prompt.yml", "a.prompty"] {
            let _ = import(Source { path, text: &text, read: &|_| None });
        }
    }
}
