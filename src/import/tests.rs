mod said;
mod taken;

use super::*;
use proptest::prelude::*;

/// A source with nothing beside it.
fn alone<'a>(
    path: &'a str,
    text: &'a str,
    origin: &'a Origin,
    taken: &'a BTreeMap<String, Value>,
) -> Source<'a> {
    static NONE: BTreeSet<String> = BTreeSet::new();
    let read = &|_: &str| Err("the file is not there".to_owned());
    Source { path, text, read, list: &|_| Ok(Vec::new()), origin, taken, made: &NONE }
}

fn converted(path: &str, text: &str) -> Result<Imported> {
    import(alone(path, text, &Origin::default(), &BTreeMap::new()))
}

fn made(path: &str, text: &str) -> Imported {
    converted(path, text).expect("imported")
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
        assert!(converted("a.yaml", text).is_err(), "{text}");
    }
}

fn file<'i>(imported: &'i Imported, end: &str) -> &'i str {
    let found = imported.files.iter().find(|file| file.path.ends_with(end));
    found.map_or_else(|| panic!("no {end}: {:?}", imported.files), |file| file.text.as_str())
}

#[test]
fn a_provider_that_speaks_the_same_becomes_an_entry_and_one_that_does_not_is_listed() {
    let text = "prompts: ['{{q}}']\nproviders:\n  - id: groq:llama-3.3-70b-versatile\n    config: {temperature: 0.1, top_k: 4}\n  - bedrock:anthropic.claude-v2\n  - id: openai:chat:local\n    config: {apiBaseUrl: 'http://localhost:1234/v1'}\n  - mistral:mistral-large-latest\ntests: [{vars: {q: a}}]\n";
    let imported = made("p.yaml", text);
    assert_eq!(
        imported.providers,
        serde_json::from_value(serde_json::json!({
            "groq": {"api": "openai", "base_url": "https://api.groq.com/openai/v1", "api_key_env": "GROQ_API_KEY"},
            "localhost_1234": {"api": "openai", "base_url": "http://localhost:1234/v1"},
        }))
        .expect("a map")
    );
    let groq = file(&imported, "p_llama_3_3_70b_versatile.yaml");
    assert!(groq.contains("provider: groq") && groq.contains("top_k: 4"), "{groq}");
    let found = losses_of(&imported);
    for lost in [(5, "bedrock:anthropic.claude-v2"), (8, "mistral:mistral-large-latest")] {
        assert!(found.contains(&(lost.0, Fate::Approximated, lost.1.to_owned())), "{found:?}");
    }
    assert!(!found.iter().any(|(_, _, what)| what == "apiBaseUrl" || what == "temperature"), "{found:?}");
}

#[test]
fn a_name_that_stands_for_something_else_is_not_taken_again() {
    let text = "prompts: ['{{q}}']\nproviders: [ollama:chat:llama3.1:8b]\ntests: [{vars: {q: a}}]\n";
    let entry = |url: &str| serde_json::json!({"api": "openai", "base_url": url, "concurrency": 2});
    for (url, name) in [("http://localhost:11434/v1", "ollama"), ("http://other:11434/v1", "ollama_2")] {
        let taken = BTreeMap::from([("ollama".to_owned(), entry(url))]);
        let imported = import(alone("a.yaml", text, &Origin::default(), &taken)).expect("imported");
        assert_eq!(imported.providers.keys().collect::<Vec<_>>(), [name]);
        assert!(file(&imported, "prompts/a.yaml").contains(&format!("provider: {name}\n")));
    }
}

#[test]
fn where_a_manifest_is_from_stands_in_it() {
    let origin = Origin {
        author: Some("Ann <ann@example.invalid>".into()),
        commit: Some("9f2c1d7aaaaaaaaaaaaa".into()),
        file: "evals/promptfooconfig.yaml".into(),
        today: "2026-04-20".into(),
    };
    let text = "prompts: ['Hi {{q}}']\nproviders: [openai:gpt-4o-2024-08-06]\n";
    let imported = import(alone("promptfooconfig.yaml", text, &origin, &BTreeMap::new())).expect("imported");
    let manifest = &imported.files[0].text;
    for line in [
        "author: Ann <ann@example.invalid>",
        "created: 2026-04-20",
        "changelog: imported from evals/promptfooconfig.yaml@9f2c1d7aaaaa",
        "imported_commit: 9f2c1d7aaaaaaaaaaaaa",
    ] {
        assert!(manifest.replace('\'', "").contains(line), "{line} is not in\n{manifest}");
    }
    let prompty = "---\nname: G\nauthors: [Bo, Cy]\nmodel: {id: gpt-4o-2024-08-06}\n---\nuser:\nHi\n";
    let imported = import(alone("g.prompty", prompty, &origin, &BTreeMap::new())).expect("imported");
    assert!(imported.files[0].text.contains("author: Bo, Cy"), "{}", imported.files[0].text);
}

#[test]
fn the_columns_of_a_sheet_become_asserts_tags_and_metrics_and_the_rest_is_listed() {
    let sheet = "q,__expected1,__expected2,__metadata:topic,__metadata:tags[],__metric,__threshold\na,contains: x,icontains-any: y,money,\"b,c\",hit,0.5\n";
    let text = "prompts: ['{{q}}']\nproviders: [openai:gpt-4o-2024-08-06]\ntests: file://t.csv\n";
    let (origin, taken) = (Origin::default(), BTreeMap::new());
    let source = Source { read: &|_| Ok(sheet.to_owned()), ..alone("a.yaml", text, &origin, &taken) };
    let imported = import(source).expect("imported");
    let case: Value = serde_json::from_str(file(&imported, ".jsonl").trim()).expect("a case");
    assert_eq!(case["tags"], serde_json::json!({"topic": "money", "tags": "b,c"}));
    assert_eq!(case["assert"][0], serde_json::json!({"type": "contains", "value": "x", "metric": "hit"}));
    assert_eq!(case["assert"][1]["metric"], "hit");
    assert_eq!(losses_of(&imported), [(1, Fate::Dropped, "__threshold".to_owned())]);
}

#[test]
fn tests_that_no_file_here_holds_are_listed_with_their_line() {
    let text = "prompts: ['{{q}}']\nproviders: [openai:gpt-4o-2024-08-06]\ndefaultTest: file://gone.yaml\ntests:\n  - file://make.py:tests\n  - https://docs.google.com/spreadsheets/d/1\n  - path: file://make.js\n    config: {n: 3}\n  - file://cases/*.yaml\n  - vars: {q: a}\n";
    let found = losses_of(&made("a.yaml", text));
    for (line, what) in [
        (3, "defaultTest: file://gone.yaml"),
        (5, "file://make.py:tests"),
        (6, "https://docs.google.com/spreadsheets/d/1"),
        (7, "file://make.js"),
        (8, "tests.config"),
        (9, "file://cases/*.yaml"),
    ] {
        assert!(found.contains(&(line, Fate::Dropped, what.to_owned())), "{what}: {found:?}");
    }
}

#[test]
fn a_part_that_some_case_lacks_gets_a_default_and_a_cost_without_a_price_is_listed() {
    let text = "prompts: ['{% for item in items %}{{ item.id }} {{item.name}}{% endfor %}']\nproviders: [ollama:chat:llama3.1:8b]\ndefaultTest: {assert: [{type: cost, threshold: 0.01}]}\ntests: [{vars: {items: [{name: a}]}}]\n";
    let imported = made("a.yaml", text);
    let manifest = file(&imported, "prompts/a.yaml");
    assert!(manifest.contains("{{ item.id | default(") && manifest.contains("{% for item"), "{manifest}");
    let found = losses_of(&imported);
    assert!(found.contains(&(1, Fate::Ignored, "template".to_owned())), "{found:?}");
    assert!(found.contains(&(3, Fate::Dropped, "cost".to_owned())), "{found:?}");
}

#[test]
fn what_looked_at_a_transformed_answer_looks_at_a_field_or_is_listed() {
    let text = "prompts: ['{{q}}']\nproviders: [openai:gpt-4o-2024-08-06]\ntests:\n  - vars: {q: a}\n    metadata: {conversationId: one}\n    options:\n      transform: output.trim()\n      storeOutputAs: x\n    assert:\n      - {type: equals, value: ok, transform: output.status}\n      - {type: contains, value: ok, transform: output.toUpperCase()}\n";
    let imported = made("a.yaml", text);
    let case: Value = serde_json::from_str(file(&imported, ".jsonl").trim()).expect("a case");
    assert_eq!(
        case["assert"],
        serde_json::json!([{"type": "json-path", "path": "$.status", "equals": "ok"}])
    );
    let found = losses_of(&imported);
    for (line, what) in [
        (5, "metadata.conversationId"),
        (7, "tests.options.transform"),
        (8, "tests.options.storeOutputAs"),
        (11, "contains"),
    ] {
        assert!(found.contains(&(line, Fate::Dropped, what.to_owned())), "{what}: {found:?}");
    }
}

#[test]
fn where_no_prompt_is_left_the_error_says_which_and_why() {
    let text = "prompts:\n  - file://make.py:prompt\nproviders: [openai:gpt-4o-2024-08-06]\n";
    let error = converted("a.yaml", text).expect_err("no prompt is left");
    assert!(format!("{error:?}").contains("line 2: make.py:prompt: a prompt made by a program"), "{error:?}");
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
            let _ = converted(path, text);
        }
        let _ = converted("a.prompty", &format!("---\n{text}\n---\nsystem:\n{{{{a}}}}\n"));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        for path in ["a.yaml", "a.prompt.yml", "a.prompty"] {
            let _ = converted(path, &text);
        }
    }
}
