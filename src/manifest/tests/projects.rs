use super::*;
use crate::manifest::project::Api;

#[track_caller]
fn project(text: &str, expected: &[&str]) -> Manifests {
    expect(&[("llmops.yaml", text)], expected)
}

#[test]
fn a_project_file_is_merged_over_the_defaults() {
    let text = r#"providers:
  anthropic: {api: anthropic, concurrency: 2, requests_per_minute: 50}
  local: {api: openai, base_url: "http://localhost:11434/v1/", concurrency: 4}
  app: {api: exec, command: ["python3", "app.py"], inputs: ["app.py", "src/**"], timeout_s: 60}
  r: {api: http, url: "http://localhost:8000/search"}
judge: {model: "claude-opus-4-7-20260416"}
paths: {prompts: p, evals: e}
prices: prices.yaml
"#;
    let manifests = expect(&[("llmops.yaml", text), ("prices.yaml", "[]\n")], &[]);
    let project = &manifests.project;
    let provider = |name: &str| &project.providers[name];
    assert_eq!(provider("anthropic").api_key_env.as_deref(), Some("ANTHROPIC_API_KEY"));
    assert_eq!((provider("anthropic").concurrency, provider("openai").concurrency), (2, 8));
    assert_eq!(provider("local").base_url.as_deref(), Some("http://localhost:11434/v1"));
    assert_eq!(provider("local").api_key_env, None);
    assert_eq!((provider("app").api, provider("app").timeout_s), (Api::Exec, Some(60)));
    assert_eq!((project.folders.prompts.as_str(), project.folders.retrieval.as_str()), ("p", "retrieval"));
    assert_eq!(project.judge.as_ref().map(|judge| judge.model.as_str()), Some("claude-opus-4-7-20260416"));
    let defaults = load(&[]);
    assert_eq!((lines(&defaults).len(), defaults.project.providers.len()), (0, 3));
}

#[test]
fn faults_of_the_project_have_their_places() {
    let table: &[(&str, &[&str])] = &[
        ("provider: {}\n", &["unknown-key llmops.yaml:1:1"]),
        ("providers: {a: {}}\n", &["missing-key llmops.yaml:1:16"]),
        ("providers: {a: {api: opnai}}\n", &["bad-value llmops.yaml:1:22"]),
        ("providers: {a: {api: openai, base_url: localhost}}\n", &["bad-value llmops.yaml:1:40"]),
        ("providers: {a: {api: exec}}\n", &["missing-key llmops.yaml:1:16"]),
        ("providers: {a: {api: http}}\n", &["missing-key llmops.yaml:1:16"]),
        ("providers: {a: {api: openai, command: [x]}}\n", &["unknown-key llmops.yaml:1:30"]),
        ("providers: {a: {api: openai, concurrency: 0}}\n", &["bad-value llmops.yaml:1:43"]),
        ("providers: {openai: {api: exec, command: [x]}}\n", &["bad-value llmops.yaml:1:22"]),
        ("providers: {builtin: {concurrency: 1}}\n", &["bad-value llmops.yaml:1:22"]),
        ("providers: {a: {api: builtin}}\n", &["bad-value llmops.yaml:1:16"]),
        (
            "providers: {a: {api: builtin, path: models/x}}\n",
            &["file-not-found llmops.yaml:1:37", "file-not-found llmops.yaml:1:37"],
        ),
        ("providers: {a: {api: builtin, path: ../x}}\n", &["path-outside llmops.yaml:1:37"]),
        ("providers: {a: {api: openai, path: models/x}}\n", &["unknown-key llmops.yaml:1:30"]),
        ("paths: {prompts: ../p}\n", &["path-outside llmops.yaml:1:18"]),
        ("paths: {prompts: a, evals: a/b}\n", &["bad-value llmops.yaml:1:28"]),
        ("prices: nowhere.yaml\n", &["file-not-found llmops.yaml:1:9"]),
        ("judge: {model: gpt-zeta}\n", &["model-not-pinned llmops.yaml:1:16"]),
        ("judge: {}\n", &["missing-key llmops.yaml:1:8"]),
        ("judge: {model: builtin/extractive}\n", &["unknown-builtin llmops.yaml:1:16"]),
    ];
    for (text, expected) in table {
        project(text, expected);
    }
}

#[test]
fn a_broken_project_file_causes_no_second_fault() {
    let text = "version: 1\nmodel_target: zeta\nprovider: mine\nsystem: x\n";
    let files =
        |project: &'static str| [("llmops.yaml", project), ("prompts/p.yaml", text), ("evals/s.yaml", SUITE)];
    for broken in ["providers: {mine: {api: nonsense}}\n", "providers: [\n"] {
        let manifests = load(&files(broken));
        assert_eq!(manifests.diagnostics.len(), 1, "{:#?}", manifests.diagnostics);
        assert!(manifests.prompts.is_empty() && manifests.suites.is_empty());
    }
}

#[test]
fn literal_secrets_are_refused_and_never_repeated() {
    let key = format!("sk-ant-api03-{}", "a1B2c3D4".repeat(5));
    let table: &[(&str, String, &str)] = &[
        (
            "llmops.yaml",
            format!("providers: {{a: {{api: openai, api_key_env: {key}}}}}\n"),
            "llmops.yaml:1:43",
        ),
        (
            "llmops.yaml",
            "providers: {a: {api: openai, headers: {x-api-key: hunter2hunter2}}}\n".into(),
            "llmops.yaml:1:51",
        ),
        (
            "llmops.yaml",
            "providers: {a: {api: openai, headers: {Authorization: Basic dXNlcjpodW50ZXIy}}}\n".into(),
            "llmops.yaml:1:55",
        ),
        (
            "llmops.yaml",
            "providers: {a: {api: openai, base_url: 'https://me:hunter2@x.example'}}\n".into(),
            "llmops.yaml:1:41",
        ),
        ("prompts/p.yaml", format!("{PROMPT}# {key}\n"), "prompts/p.yaml:4:3"),
        ("prompts/p.yaml", format!("{PROMPT}{key}: 1\n"), "prompts/p.yaml:4:1"),
        ("prompts/p.yaml", format!("version: 1\nmodel_target: {key}\nsystem: x\n"), "prompts/p.yaml:2:15"),
        ("evals/s.yaml", format!("{SUITE}x-note: {key}\n"), "evals/s.yaml:4:9"),
        (
            "retrieval/r.yaml",
            format!("version: 1\nembedding_model: {key}\ntop_k: 1\n"),
            "retrieval/r.yaml:2:18",
        ),
    ];
    for (path, text, place) in table {
        let manifests = load(&[(path, text)]);
        let expected = format!("literal-secret {place}");
        assert!(lines(&manifests).contains(&expected), "{expected}: {:#?}", manifests.diagnostics);
        let shown = format!("{:?}", manifests.diagnostics);
        for secret in [key.as_str(), "hunter2", "dXNlcjpodW50ZXIy"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(
            manifests.prompts.is_empty() && manifests.suites.is_empty() && manifests.retrievals.is_empty()
        );
    }
    project(
        "providers: {a: {api: openai, headers: {Authorization: 'Bearer ${MY_TOKEN}', x-title: demo}, api_key_env: MY_KEY}}\n",
        &[],
    );
}

#[test]
fn folders_can_be_renamed() {
    let files = [
        ("llmops.yaml", "paths: {prompts: a/prompts, evals: a/evals}\n"),
        ("a/prompts/p.yaml", PROMPT),
        ("a/evals/s.yaml", SUITE),
        ("prompts/ignored.yaml", "not: a prompt\n"),
    ];
    let manifests = expect(&files, &[]);
    assert!(manifests.prompts.contains_key("p") && manifests.suites.contains_key("s"));
}
