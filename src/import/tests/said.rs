//! What is lost is said, once, at its own place.

use super::*;
use serde_json::json;

const OPENAI: &str = "providers: [openai:gpt-4o-2024-08-06]\n";

/// Losses as `line fate what`.
fn told(path: &str, text: &str) -> Vec<String> {
    let imported = made(path, text);
    imported.losses.iter().map(|loss| format!("{} {:?} {}", loss.line, loss.fate, loss.what)).collect()
}

fn says(found: &[String], wanted: &[&str]) {
    for wanted in wanted {
        assert!(found.iter().any(|found| found == wanted), "{wanted} is not in {found:#?}");
    }
}

#[test]
fn prompts_that_are_no_text_here_are_never_taken_for_one() {
    let text = format!(
        "prompts:\n  - exec:./gen.sh\n  - langfuse://greeting:3\n  - file://gen.sh\n  - gen.py:make\n  - Summarise notes in a.txt\n  - '[ {{\"role\": {{{{r}}}}}}]'\n{OPENAI}"
    );
    says(
        &told("a.yaml", &text),
        &[
            "2 Dropped exec:./gen.sh",
            "3 Dropped langfuse://greeting:3",
            "4 Dropped gen.sh",
            "5 Dropped gen.py:make",
            "6 Approximated Summarise notes in a.txt",
            "7 Approximated prompts",
        ],
    );
}

#[test]
fn what_the_source_reads_is_dropped_and_not_ignored_by_it() {
    let text = format!(
        "prompts: ['{{{{q}}}}']\n{OPENAI}assertionTemplates: {{}}\ntracing: {{}}\nscenarios: [{{config: []}}]\n"
    );
    let found = told("a.yaml", &text);
    says(&found, &["3 Dropped assertionTemplates", "4 Dropped tracing", "5 Dropped scenarios"]);
    assert!(!found.iter().any(|found| found.contains("Ignored")), "{found:?}");
}

#[test]
fn keys_of_providers_judges_asserts_and_messages_are_listed() {
    let text = "prompts:\n  - |\n    [{\"role\": \"system\", \"content\": \"Be brief\", \"name\": \"x\"},\n     {\"role\": \"assistant\", \"content\": null, \"tool_calls\": [1]},\n     {\"role\": \"user\", \"content\": \"{{q}}\"}]\nproviders:\n  - openai:gpt-4o-2024-08-06:\n      prompts: [a]\n      delay: 5\n      config: {temperature: 0}\ndefaultTest:\n  options: {provider: {id: 'openai:gpt-4o-2024-11-20', config: {temperature: 1}}}\n  assert:\n    - {type: contains, value: a, threshold: 0.5}\n    - {type: llm-rubric, value: Is kind, metric: Very Kind, weight: 2, threshold: 0.5}\n    - {type: contains, value: [a, b]}\n    - {type: similar, value: [a, b]}\n    - {type: contains, value: a, metric: refusal_rate}\ntests: [{vars: {q: a}}]\n";
    let found = told("a.yaml", text);
    says(
        &found,
        &[
            "3 Dropped messages.name",
            "4 Dropped messages.tool_calls",
            "4 Dropped content",
            "8 Dropped providers.prompts",
            "9 Dropped providers.delay",
            "12 Dropped judge config.temperature",
            "14 Ignored contains.threshold",
            "15 Approximated llm-rubric.metric",
            "18 Dropped contains.metric",
        ],
    );
    let imported = made("a.yaml", text);
    let why =
        |line: u32| imported.losses.iter().find(|loss| loss.line == line).expect("a loss").message.clone();
    assert!(why(16).contains("contains-any") && why(17).contains("several texts"), "{} {}", why(16), why(17));
    assert!(file(&imported, "evals/a.yaml").contains("weight: 2"));
}

#[test]
fn a_loss_stands_in_the_file_that_it_is_of_and_on_its_line() {
    let text = format!(
        "prompts: [file://chat.json]\n{OPENAI}defaultTest: file://d.yaml\ntests: [file://t.jsonl, file://t.csv, file://t.yaml]\n"
    );
    let files = [
        (
            "chat.json",
            "[\n {\"role\": \"user\", \"content\": \"{{q}}\"},\n {\"role\": \"tool\", \"content\": \"x\"},\n {\"role\": \"user\", \"content\": \"{{q}}\"}\n]",
        ),
        (
            "d.yaml",
            "vars: {}\nassert:\n  - {type: python, value: x}\n  - {type: equals, value: '{{ q | upper }}'}\n",
        ),
        ("t.jsonl", "{\"vars\": {\"q\": \"a\"}}\n{\"vars\": {\"q\": \"a\"}, \"odd\": 1}\n"),
        ("t.csv", "q,q,__expected\na,b,\n\nc,d,Note: this,surplus\n"),
        ("t.yaml", "- vars: {q: a}\n  threshold: 1\n"),
    ];
    let read = |name: &str| {
        let found = files.iter().find(|(have, _)| *have == name);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "the file is not there".to_owned())
    };
    let (origin, taken) = (Origin::default(), BTreeMap::new());
    let imported =
        import(Source { read: &read, ..alone("a.yaml", &text, &origin, &taken) }).expect("imported");
    let places: Vec<(String, u32, String)> =
        imported.losses.iter().map(|loss| (loss.path.clone(), loss.line, loss.what.clone())).collect();
    for (path, line, what) in [
        ("chat.json", 3, "role tool"),
        ("d.yaml", 3, "python"),
        ("d.yaml", 4, "equals"),
        ("t.jsonl", 2, "tests.odd"),
        ("t.csv", 1, "q"),
        ("t.csv", 4, "tests"),
        ("t.yaml", 2, "tests.threshold"),
    ] {
        assert!(
            places.contains(&(path.to_owned(), line, what.to_owned())),
            "{path}:{line} {what}: {places:#?}"
        );
    }
    let last = file(&imported, ".jsonl").lines().nth(3).expect("a case").to_owned();
    assert!(last.contains(r#"{"type":"equals","value":"Note: this"}"#), "{last}");
}

#[test]
fn what_prompt_yml_and_prompty_lose_is_listed() {
    let text = "messages:\n  - {role: user, content: 'Hi {name} {{input}}'}\nmodel: openai/gpt-4o\njsonSchema: '{broken'\nresponseFormat: json_schema\ntestData: [{input: a}]\nevaluators:\n  - name: both\n    string: {contains: a}\n    llm: {modelId: openai/gpt-4o, prompt: Rate it}\n    x: 1\n";
    let found = told("a.prompt.yml", text);
    says(
        &found,
        &["2 Ignored {name}", "4 Dropped jsonSchema", "10 Approximated both", "11 Dropped evaluators.x"],
    );
    let imported = made("a.prompt.yml", text);
    assert!(file(&imported, "evals/a.yaml").contains("type: contains"));
    let without = "messages: [{role: user, content: '{{input}}'}]\nmodel: openai/gpt-4o\njsonSchema: '{}'\ntestData: gone.csv\n";
    says(&told("a.prompt.yml", without), &["3 Ignored jsonSchema", "4 Dropped testData: gone.csv"]);
    let prompty = "---\nmodel: {id: gpt-4o-2024-08-06}\ninputs: {q: {type: string, odd: 1}, unused: {type: string}}\n---\nuser:\n{{q}}\ntool:\nx\nuser:\nGo on\n";
    says(
        &told("a.prompty", prompty),
        &["3 Dropped inputs.q.odd", "3 Ignored inputs.unused", "7 Dropped tool:"],
    );
}

#[test]
fn a_row_of_test_data_that_cannot_be_read_is_listed() {
    let text = |file: &str| {
        format!(
            "messages: [{{role: user, content: '{{{{input}}}}'}}]\nmodel: openai/gpt-4o\ntestData: {file}\n"
        )
    };
    for (file, rows, line) in
        [("t.jsonl", "{\"input\": \"a\"}\n\n{\"input\": [\n", 3), ("t.yaml", "- input: [\n", 1)]
    {
        let (text, origin, taken) = (text(file), Origin::default(), BTreeMap::new());
        let read =
            |name: &str| if name == file { Ok(rows.to_owned()) } else { Err("it is not there".to_owned()) };
        let source = Source { read: &read, ..alone("a.prompt.yml", &text, &origin, &taken) };
        let losses = import(source).expect("imported").losses;
        let dropped = losses.iter().find(|loss| loss.what == "testData").expect("a loss");
        assert_eq!((&*dropped.path, dropped.line, dropped.fate), (file, line, Fate::Dropped), "{losses:?}");
    }
}

#[test]
fn beyond_a_limit_nothing_is_cut_off_in_silence() {
    let providers: Vec<String> = (0..22).map(|n| format!("ollama:chat:m{n}:8b")).collect();
    let asserts: Vec<Value> =
        (0..1_001).map(|n| json!({"type": "contains", "value": n.to_string()})).collect();
    let text = json!({"prompts": ["{{q}}"], "providers": providers,
                      "tests": [{"vars": {"q": "a"}, "assert": [{"type": "assert-set", "assert": asserts}]}]});
    let found = told("a.yaml", &text.to_string());
    says(&found, &["1 Dropped ollama:chat:m20:8b", "1 Dropped ollama:chat:m21:8b", "1 Dropped assert-set"]);
}
