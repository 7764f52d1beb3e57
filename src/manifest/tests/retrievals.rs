use super::*;

const RETRIEVAL: &str = "version: 2.3.0\nembedding_model: builtin/hashing-256\ntop_k: 8\n";

#[track_caller]
fn retrieval(more: &str, expected: &[&str]) -> Manifests {
    expect(&[("retrieval/kb.yaml", &format!("{RETRIEVAL}{more}"))], expected)
}

#[test]
fn a_retrieval_manifest_is_read_with_its_defaults() {
    let text = "version: \"2.3.0\"\nembedding_model: \"databricks-gte-large-en\"\nchunk_size: 512\nchunk_overlap: 64\ntop_k: 8\nindex_last_rebuilt: \"2026-04-20\"\n";
    let manifests =
        expect(&[("retrieval/kb.yaml", text)], &["warning model-unverifiable retrieval/kb.yaml:2:18"]);
    let kb = &manifests.retrievals["kb"];
    assert_eq!((kb.chunk_size, kb.chunk_overlap, kb.top_k), (512, 64, 8));
    assert_eq!((kb.provider.clone(), kb.index_last_rebuilt.as_deref()), (None, Some("2026-04-20")));
    let manifests = retrieval("corpus: ['kb/**/*.md']\n", &[]);
    assert_eq!(manifests.retrievals["kb"].provider.as_ref().map(|name| name.as_str()), Some("builtin"));
}

#[test]
fn faults_of_retrieval_have_their_places() {
    let table: &[(&str, &[&str])] = &[
        ("chunk_size: 64\nchunk_overlap: 64\n", &["bad-value retrieval/kb.yaml:5:16"]),
        ("chunk_overlap: 512\n", &["bad-value retrieval/kb.yaml:4:16"]),
        ("chunk_size: 0\n", &["bad-value retrieval/kb.yaml:4:13"]),
        ("search: hybird\n", &["bad-value retrieval/kb.yaml:4:9"]),
        ("chunk_sise: 1\n", &["unknown-key retrieval/kb.yaml:4:1"]),
        ("corpus: ['../kb/*.md']\n", &["bad-value retrieval/kb.yaml:4:10"]),
        ("corpus: ['kb/[']\n", &["bad-value retrieval/kb.yaml:4:10"]),
        (
            "endpoint: nowhere\n",
            &["unknown-key retrieval/kb.yaml:2:1", "unknown-provider retrieval/kb.yaml:4:11"],
        ),
        ("min_score: -1\n", &["bad-value retrieval/kb.yaml:4:12"]),
        ("index_last_rebuilt: yesterday\n", &["bad-value retrieval/kb.yaml:4:21"]),
        ("index_last_rebuilt: 28.11.2026\n", &["bad-value retrieval/kb.yaml:4:21"]),
        ("index_last_rebuilt: '2026-13-45'\n", &["bad-value retrieval/kb.yaml:4:21"]),
    ];
    for (more, expected) in table {
        let manifests = retrieval(more, expected);
        assert!(manifests.retrievals.is_empty(), "{more}");
    }
    expect(
        &[("retrieval/kb.yaml", "version: 1\nembedding_model: builtin/hashing-25\ntop_k: 0\n")],
        &["unknown-builtin retrieval/kb.yaml:2:18", "bad-value retrieval/kb.yaml:3:8"],
    );
    expect(&[("retrieval/kb.yaml", "version: 1\ntop_k: 8\n")], &["missing-key retrieval/kb.yaml:1:1"]);
    expect(&[("retrieval/kb.yaml", "version: 1\ntop_k: 8\nsearch: bm25\n")], &[]);
}

#[test]
fn a_day_to_come_is_a_warning_and_a_number_out_of_range_says_the_range() {
    let text = format!("{RETRIEVAL}index_last_rebuilt: '2999-01-01'\n");
    expect(&[("retrieval/kb.yaml", &text)], &["warning index-rebuilt-in-future retrieval/kb.yaml:4:21"]);
    for (written, says) in [("-3", "at least 1"), ("99999999999", "at most 4294967295")] {
        let text = format!("version: 1\nembedding_model: builtin/hashing-256\ntop_k: {written}\n");
        let found = expect(&[("retrieval/kb.yaml", &text)], &["bad-value retrieval/kb.yaml:3:8"]);
        let message = &found.diagnostics[0].message;
        assert!(message.contains(says) && message.contains(written), "{message}");
    }
}

#[test]
fn an_endpoint_takes_the_place_of_a_corpus() {
    let project = "providers: {r: {api: http, url: 'http://localhost:8000/search'}}\n";
    let text = "version: 1\nendpoint: r\ntop_k: 4\n";
    let manifests = expect(&[("llmops.yaml", project), ("retrieval/kb.yaml", text)], &[]);
    assert_eq!(manifests.retrievals["kb"].endpoint.as_ref().map(|name| name.as_str()), Some("r"));
    expect(
        &[("retrieval/kb.yaml", "version: 1\nendpoint: openai\ntop_k: 4\n")],
        &["bad-value retrieval/kb.yaml:2:11"],
    );
}

#[test]
fn a_prompt_finds_its_retrieval_and_a_broken_one_is_said_once() {
    let text = format!("{PROMPT}retrieval: {{use: ../retrieval/kb.yaml, query: '{{{{ input }}}}'}}\n");
    let manifests = expect(&[("prompts/p.yaml", &text), ("retrieval/kb.yaml", RETRIEVAL)], &[]);
    let used = manifests.prompts["p"].retrieval.as_ref().expect("a retrieval");
    assert_eq!(used.path.as_str(), "retrieval/kb.yaml");
    expect(&[("prompts/p.yaml", &text)], &["file-not-found prompts/p.yaml:4:18"]);
    let manifests = expect(
        &[
            ("prompts/p.yaml", &text),
            ("retrieval/kb.yaml", "version: 1\ntop_k: 8\nsearch: x\n"),
            ("evals/s.yaml", SUITE),
        ],
        &["missing-key retrieval/kb.yaml:1:1", "bad-value retrieval/kb.yaml:3:9"],
    );
    assert!(manifests.prompts.is_empty() && manifests.suites.is_empty());
    let two = format!("{PROMPT}inputs: {{a: , b: }}\nretrieval: ../retrieval/kb.yaml\n");
    expect(
        &[("prompts/p.yaml", &two), ("retrieval/kb.yaml", RETRIEVAL)],
        &["missing-key prompts/p.yaml:5:1"],
    );
    prompt("retrieval: ../../kb.yaml\n", &["path-outside prompts/p.yaml:4:12"]);
    let elsewhere = format!("{PROMPT}retrieval: ../kb.yaml\n");
    let manifests = expect(&[("prompts/p.yaml", &elsewhere), ("kb.yaml", RETRIEVAL)], &[]);
    assert!(manifests.retrievals.contains_key("kb"));
}
