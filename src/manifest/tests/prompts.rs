use super::*;
use crate::domain::Role;
use serde_json::json;

#[test]
fn the_eight_key_manifest_works_as_it_stands() {
    let cases = "{\"input\": \"Where is my order?\"}\n{\"input\": \"Can I return it?\"}\n";
    let suite = "version: 1.4.0\nprompt: customer_support\ncases: cases/customer_support.jsonl\n\
                 judge: {model: builtin/lexical}\n";
    let manifests = expect(
        &[
            ("prompts/customer_support.yaml", EIGHT_KEYS),
            ("evals/customer_support.yaml", suite),
            ("evals/cases/customer_support.jsonl", cases),
            ("evals/README.md", "# Not a suite"),
            ("prompts/README", "nor a prompt"),
        ],
        &[],
    );
    let prompt = &manifests.prompts["customer_support"];
    assert_eq!((prompt.version.as_str(), prompt.required), ("3.1.0", Some(4.2)));
    assert_eq!((prompt.provider.as_str(), prompt.parameters.max_tokens), ("anthropic", Some(800)));
    assert_eq!(prompt.messages.len(), 2);
    assert_eq!(prompt.messages[1].content.text, "{{ input }}");
    assert_eq!(prompt.about.created.as_deref(), Some("2026-04-15"));
    let suite = &manifests.suites["customer_support"];
    assert_eq!((suite.cases.len(), suite.trials), (2, 1));
    assert_eq!(suite.cases.get(1).case.vars["input"], json!("Can I return it?"));
    let judge = suite.judge.as_ref().expect("a judge");
    assert_eq!((judge.model.as_str(), judge.dimensions.len()), ("builtin/lexical", 3));
    let files: Vec<&str> = manifests.files.iter().map(|path| path.as_str()).collect();
    assert_eq!(files, ["evals/customer_support.yaml", "prompts/customer_support.yaml"]);
}

#[test]
fn a_version_is_read_as_written_and_a_folded_key_is_free() {
    let text =
        "version: 2.10\nmodel_target: builtin/extractive\nuser: x\nx-team: a\nmetadata: {any: [thing]}\n";
    let manifests = expect(&[("prompts/a/b.yaml", text)], &[]);
    assert_eq!(manifests.prompts["a/b"].version, "2.10");
}

#[test]
fn faults_of_keys_have_their_places() {
    let table: &[(&str, &[&str])] = &[
        ("modle_target: x\n", &["unknown-key prompts/p.yaml:4:1"]),
        ("system: again\n", &["duplicate-key prompts/p.yaml:4:1"]),
        ("eval_score_required: high\n", &["wrong-type prompts/p.yaml:4:22"]),
        ("parameters: {temperature: 3}\n", &["bad-value prompts/p.yaml:4:27"]),
        ("parameters: {temprature: 1}\n", &["unknown-key prompts/p.yaml:4:14"]),
        ("parameters: [1]\n", &["wrong-type prompts/p.yaml:4:13"]),
        ("user: ''\n", &["bad-value prompts/p.yaml:4:7"]),
        ("name: ../x\n", &["bad-value prompts/p.yaml:4:7"]),
        ("provider: nowhere\n", &["unknown-provider prompts/p.yaml:4:11"]),
        ("budget: {max_cost_usd_per_case: 0}\n", &["bad-value prompts/p.yaml:4:33"]),
        ("budget: {p95_latency: 3}\n", &["unknown-key prompts/p.yaml:4:10"]),
        ("dimensions: {}\n", &["bad-value prompts/p.yaml:4:13", "unknown-builtin prompts/p.yaml:2:15"]),
    ];
    for (more, expected) in table {
        let mut sorted = expected.to_vec();
        sorted.sort_by_key(|line| line.rsplit_once(' ').map(|(_, place)| place.to_owned()));
        let manifests = prompt(more, &sorted);
        assert!(manifests.prompts.is_empty(), "{more}");
    }
    let manifests = prompt("modle_target: x\n", &["unknown-key prompts/p.yaml:4:1"]);
    assert_eq!(hint(&manifests, "unknown-key"), "did you mean `model_target`?");
}

#[test]
fn what_is_missing_is_said_all_at_once() {
    expect(
        &[("prompts/p.yaml", "author: me\n")],
        &[
            "missing-key prompts/p.yaml:1:1",
            "missing-key prompts/p.yaml:1:1",
            "missing-key prompts/p.yaml:1:1",
        ],
    );
    expect(&[("prompts/p.yaml", "")], &["empty-manifest prompts/p.yaml:1:1"]);
    expect(&[("prompts/p.yaml", "- a\n")], &["wrong-type prompts/p.yaml:1:1"]);
    expect(&[("prompts/p.yaml", "a: [1\nb: 2\n")], &["yaml-syntax prompts/p.yaml:2:2"]);
}

#[test]
fn messages_end_with_the_user() {
    let manifests = expect(
        &[(
            "prompts/p.yaml",
            "version: 1\nmodel_target: builtin/extractive\nmessages:\n  - {role: system, content: a}\n  - {role: user, content: b}\n  - {role: assistant, content: c}\n  - {role: user, content: d}\n",
        )],
        &[],
    );
    let roles: Vec<Role> = manifests.prompts["p"].messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User]);
    prompt(
        "messages: [{role: user, content: a}, {role: assistant, content: b}]\n",
        &["bad-value prompts/p.yaml:4:11"],
    );
    prompt(
        "messages: [{role: system, content: a}, {role: user, content: b}]\n",
        &["bad-value prompts/p.yaml:4:19"],
    );
    prompt("messages: [{role: user, content: b}]\nuser: c\n", &["bad-value prompts/p.yaml:5:1"]);
    prompt("messages: []\n", &["bad-value prompts/p.yaml:4:11"]);
    prompt("messages: [{role: usr, content: b}]\n", &["bad-value prompts/p.yaml:4:19"]);
}

#[test]
fn models_are_pinned_and_their_providers_known() {
    let model = |id: &str, more: &str| format!("version: 1\nmodel_target: {id}\nsystem: x\n{more}");
    for alias in ["claude-zeta-latest", "claude-zeta-9", "gpt-zeta", "o9-zeta"] {
        let manifests =
            expect(&[("prompts/p.yaml", &model(alias, ""))], &["model-not-pinned prompts/p.yaml:2:15"]);
        assert!(manifests.prompts.is_empty());
    }
    expect(&[("prompts/p.yaml", &model("gpt-zeta-2024-08-06", ""))], &[]);
    let unknown =
        expect(&[("prompts/p.yaml", &model("zeta-20240806", ""))], &["unknown-provider prompts/p.yaml:2:15"]);
    assert!(hint(&unknown, "unknown-provider").contains("llmops.yaml"));
    let unknown = expect(
        &[("prompts/p.yaml", &model("builtin/extractiv", ""))],
        &["unknown-builtin prompts/p.yaml:2:15"],
    );
    assert_eq!(hint(&unknown, "unknown-builtin"), "did you mean `builtin/extractive`?");
    expect(&[("prompts/p.yaml", &model("builtin/lexical", ""))], &["unknown-builtin prompts/p.yaml:2:15"]);
    let project = "providers:\n  local: {api: openai, base_url: \"http://localhost:11434/v1\"}\n";
    let local = model("zeta:8b", "provider: local\n");
    let manifests = expect(
        &[("llmops.yaml", project), ("prompts/p.yaml", &local)],
        &["warning model-unverifiable prompts/p.yaml:2:15"],
    );
    assert_eq!(manifests.prompts["p"].provider.as_str(), "local");
}

#[test]
fn a_parameter_that_the_provider_cannot_take_is_an_error() {
    let text = |model: &str, parameters: &str| {
        format!("version: 1\nmodel_target: {model}\nsystem: x\nparameters: {{{parameters}}}\n")
    };
    let (claude, gpt) = ("claude-sonnet-4-20250514", "gpt-4o-2024-08-06");
    let table: &[(&str, &str, &[&str])] = &[
        (claude, "seed: 1", &["unsupported-parameter prompts/p.yaml:4:14"]),
        (claude, "presence_penalty: 1", &["unsupported-parameter prompts/p.yaml:4:14"]),
        (claude, "temperature: 1.5", &["bad-value prompts/p.yaml:4:27"]),
        (claude, "top_k: 3, top_p: 0.5, stop: [a]", &[]),
        (gpt, "top_k: 3", &["unsupported-parameter prompts/p.yaml:4:14"]),
        (gpt, "temperature: 1.5, seed: 3, reasoning_effort: low", &[]),
        (gpt, "max_tokens: 0", &["bad-value prompts/p.yaml:4:26"]),
        (gpt, "max_tokens: 1.5", &["wrong-type prompts/p.yaml:4:26"]),
        (gpt, "top_p: 1.1", &["bad-value prompts/p.yaml:4:21"]),
        (gpt, "stop: ['']", &["bad-value prompts/p.yaml:4:14"]),
        ("builtin/extractive", "temperature: 0", &["warning unsupported-parameter prompts/p.yaml:4:14"]),
    ];
    for (model, parameters, expected) in table {
        expect(&[("prompts/p.yaml", &text(model, parameters))], expected);
    }
}

#[test]
fn inputs_are_schemas_with_defaults() {
    let manifests = prompt(
        "inputs:\n  question: {type: string}\n  tone: {type: string, enum: [plain, warm], required: true, default: plain}\n  extra: {required: false}\n  any:\n",
        &[],
    );
    let inputs = &manifests.prompts["p"].inputs;
    assert!(inputs["question"].required && inputs["any"].required && !inputs["extra"].required);
    assert!(!inputs["tone"].required);
    assert_eq!(inputs["tone"].default, Some(json!("plain")));
    assert_eq!(inputs["tone"].schema, json!({"type": "string", "enum": ["plain", "warm"]}));
    let table: &[(&str, &[&str])] = &[
        ("inputs: {a: {type: strin}}\n", &["bad-schema prompts/p.yaml:4:13"]),
        ("inputs: {a: {tpye: string}}\n", &["unknown-key prompts/p.yaml:4:14"]),
        ("inputs: {a: {type: string, default: 3}}\n", &["bad-value prompts/p.yaml:4:37"]),
        ("inputs: {context: {}}\n", &["bad-value prompts/p.yaml:4:10"]),
        ("inputs: {a: string}\n", &["wrong-type prompts/p.yaml:4:13"]),
    ];
    for (more, expected) in table {
        prompt(more, expected);
    }
}

#[test]
fn a_schema_compiles_and_stands_alone() {
    let manifests = prompt("output: {schema: {type: object, properties: {b: {}, a: {}}}}\n", &[]);
    let output = &manifests.prompts["p"].output;
    assert!(output.json);
    assert_eq!(
        output.schema.as_ref().map(ToString::to_string).as_deref(),
        Some(r#"{"type":"object","properties":{"b":{},"a":{}}}"#)
    );
    prompt("output: {schema: {type: objekt}}\n", &["bad-schema prompts/p.yaml:4:18"]);
    prompt("output: {schema: {$ref: 'https://x.example/s'}}\n", &["bad-schema prompts/p.yaml:4:18"]);
    prompt("output: {format: text, schema: {type: object}}\n", &["bad-value prompts/p.yaml:4:24"]);
    prompt("output: {format: xml}\n", &["bad-value prompts/p.yaml:4:18"]);
    prompt("output: {schema: no.json}\n", &["file-not-found prompts/p.yaml:4:18"]);
    prompt("output: {schema: ../../x.json}\n", &["path-outside prompts/p.yaml:4:18"]);
    let list =
        "version: 1\nmodel_target: claude-sonnet-4-20250514\nsystem: x\noutput: {schema: {type: array}}\n";
    expect(&[("prompts/p.yaml", list)], &["bad-schema prompts/p.yaml:4:1"]);
    let text = format!("{PROMPT}output: {{schema: schemas/a.json}}\n");
    let good = [("prompts/p.yaml", text.as_str()), ("prompts/schemas/a.json", "{\"type\": \"object\"}")];
    expect(&good, &[]);
    let bad = [("prompts/p.yaml", text.as_str()), ("prompts/schemas/a.json", "{\"type\": \"object\",}")];
    let manifests = expect(&bad, &["json-syntax prompts/schemas/a.json:1:19"]);
    assert!(manifests.prompts.is_empty());
}

#[test]
fn tools_are_linted() {
    let tool = "name: search\ndescription: Searches.\ninputSchema:\n  type: object\n  properties: {q: {type: string, description: words}}\n  required: [q]\n";
    let with = |tools: &str| format!("{PROMPT}tools: [{tools}]\n");
    let manifests = expect(&[("prompts/p.yaml", &with("tools/a.yaml")), ("prompts/tools/a.yaml", tool)], &[]);
    assert_eq!(manifests.prompts["p"].tools[0].name, "search");
    let json = r#"[{"name": "a", "description": "d", "inputSchema": {"type": "object"}},
                   {"name": "b", "description": "😀", "inputSchema": {"type": "object"}}]"#;
    let manifests = expect(&[("prompts/p.yaml", &with("a.json")), ("prompts/a.json", json)], &[]);
    assert_eq!(manifests.prompts["p"].tools.len(), 2);
    let table: &[(&str, &[&str])] = &[
        ("name: a b\ndescription: d\ninputSchema: {type: object}\n", &["bad-tool tools/a.yaml:1:7"]),
        ("name: a\ninputSchema: {type: object}\n", &["missing-key tools/a.yaml:1:1"]),
        ("name: a\ndescription: d\ninputSchema: {type: string}\n", &["bad-tool tools/a.yaml:3:14"]),
        (
            "name: a\ndescription: d\ninputSchema: {type: object, required: [b]}\n",
            &["bad-tool tools/a.yaml:3:14"],
        ),
        (
            "name: a\ndescription: d\ninputSchema: {type: object, properties: {q: {}}}\n",
            &["warning bad-tool tools/a.yaml:3:14"],
        ),
        (
            "name: a\ndescription: d\ninput_schema: {}\n",
            &["missing-key tools/a.yaml:1:1", "unknown-key tools/a.yaml:3:1"],
        ),
    ];
    for (tool, expected) in table {
        expect(&[("prompts/p.yaml", &with("../tools/a.yaml")), ("tools/a.yaml", tool)], expected);
    }
    expect(
        &[("prompts/p.yaml", &with("../t.yaml, ../u.yaml")), ("t.yaml", tool), ("u.yaml", tool)],
        &["bad-tool u.yaml:1:1"],
    );
}

#[test]
fn few_shot_rows_are_checked() {
    let text = format!("{PROMPT}few_shot: shots.jsonl\n");
    let with = |rows: &'static str| [("prompts/p.yaml", text.as_str()), ("prompts/shots.jsonl", rows)];
    let manifests =
        load(&with("{\"input\": \"a\", \"output\": \"b\"}\n\n{\"input\": \"c\", \"output\": \"d\"}"));
    assert_eq!((lines(&manifests), manifests.prompts["p"].few_shot.len()), (vec![], 2));
    let table: &[(&'static str, &[&str])] = &[
        ("", &["bad-value prompts/p.yaml:4:11"]),
        ("{\"input\": \"a\"}\n", &["missing-key prompts/shots.jsonl:1:1"]),
        ("{\"input\": \"a\", \"output\": 1}\n", &["wrong-type prompts/shots.jsonl:1:1"]),
        ("{\"input\": \"a\", \"output\": \"b\", \"id\": 1}\n", &["unknown-key prompts/shots.jsonl:1:1"]),
        ("\n{\"input\": \"a\", \"output\": \"\"}\n", &["bad-value prompts/shots.jsonl:2:1"]),
        ("{\"input\": \"a\" \"output\": \"b\"}\n", &["json-syntax prompts/shots.jsonl:1:15"]),
    ];
    for (rows, expected) in table {
        expect(&with(rows), expected);
    }
}

#[test]
fn two_prompts_of_one_name_are_both_named_and_neither_is_used() {
    let named = format!("{PROMPT}name: a\n");
    let manifests = expect(
        &[
            ("prompts/a.yaml", PROMPT),
            ("prompts/b.yaml", &named),
            ("evals/s.yaml", &SUITE.replace("prompt: p", "prompt: a")),
        ],
        &["duplicate-name prompts/b.yaml"],
    );
    assert!(manifests.diagnostics[0].message.contains("prompts/a.yaml"));
    assert!(manifests.prompts.is_empty() && manifests.suites.is_empty());
}
