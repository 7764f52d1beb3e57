use super::*;
use proptest::prelude::*;

#[test]
fn a_yaml_bomb_is_refused() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (last, next) in ('a'..'j').zip('b'..='j') {
        bomb += &format!("{next}: &{next} [{}]\n", vec![format!("*{last}"); 9].join(","));
    }
    let manifests = load(&[("prompts/p.yaml", &bomb)]);
    assert_eq!(manifests.diagnostics[0].code.0, "yaml-limit");
    let deep = "[".repeat(200_000);
    let wide: String = (0..3_000).map(|n| format!("k{n}: 1\n")).collect();
    for text in [&deep, &wide] {
        let manifests = load(&[("evals/s.yaml", text), ("llmops.yaml", text), ("retrieval/r.yaml", text)]);
        assert_eq!(manifests.diagnostics.len(), 3);
        assert!(manifests.diagnostics.iter().all(|found| found.code.0 == "yaml-limit"));
    }
}

#[test]
fn a_manifest_beyond_its_size_is_refused() {
    let big = format!("{PROMPT}x-big: {}\n", "a".repeat(1 << 20));
    expect(&[("prompts/p.yaml", &big)], &["file-too-large prompts/p.yaml"]);
}

#[cfg(unix)]
#[test]
fn nothing_is_read_outside_the_repository() {
    let outside = tempfile::tempdir().expect("a folder");
    write(&outside, "secret.yaml", PROMPT.as_bytes());
    write(&outside, "cases.jsonl", b"{\"input\": \"a\"}\n");
    let suite = "version: 1\nprompt: p\ncases: cases.jsonl\n";
    let folder = repository(&[("prompts/p.yaml", PROMPT), ("evals/s.yaml", suite)]);
    let link = |from: &str, to: &str| {
        std::os::unix::fs::symlink(outside.path().join(from), folder.path().join(to)).expect("a link");
    };
    link("secret.yaml", "prompts/q.yaml");
    link("cases.jsonl", "evals/cases.jsonl");
    let manifests = load_at(&folder);
    assert_eq!(lines(&manifests), ["path-outside evals/s.yaml:3:8", "path-outside prompts/q.yaml"]);
    assert!(!manifests.prompts.contains_key("q") && manifests.suites.is_empty());
}

#[test]
fn findings_are_sorted_and_every_file_is_reported() {
    let manifests =
        load(&[("prompts/b.yaml", "b: 1\n"), ("prompts/a.yaml", "a: 1\n"), ("evals/c.yaml", "c: 1\n")]);
    let mut sorted = lines(&manifests);
    sorted.sort_by_key(|line| line.rsplit_once(' ').map(|(_, place)| place.to_owned()));
    assert_eq!(lines(&manifests), sorted);
    assert_eq!(manifests.files.len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0usize..6) {
        let names = ["llmops.yaml", "prompts/p.yaml", "evals/s.yaml", "retrieval/r.yaml", "evals/a.jsonl", "evals/a.csv"];
        let folder = repository(&[("prompts/p.yaml", PROMPT), ("evals/t.yaml", "version: 1\nprompt: p\ncases: [a.jsonl, a.csv]\n")]);
        write(&folder, names[kind], &bytes);
        load_at(&folder);
    }

    #[test]
    fn no_tree_makes_it_panic(
        key in "(version|model_target|prompt|cases|judge|gate|assert|providers|inputs|tools|output|messages|few_shot|dimensions|top_k|retrieval|parameters)",
        value in "[\\[\\]{}a-z0-9:, '\"|>&*!%#\n.-]{0,60}",
        kind in 0usize..4,
    ) {
        let names = ["llmops.yaml", "prompts/q.yaml", "evals/s.yaml", "retrieval/r.yaml"];
        let folder = repository(&[("prompts/p.yaml", PROMPT)]);
        write(&folder, names[kind], format!("version: 1\nprompt: p\n{key}: {value}\n").as_bytes());
        load_at(&folder);
    }

    #[test]
    fn a_sound_row_reads_back_as_it_was(text in "\\PC{0,40}", number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
        let row = serde_json::json!({"input": text, "vars": {"n": number, "deep": {"a": [text, null, true]}}});
        let folder = repository(&[("prompts/p.yaml", PROMPT), ("evals/s.yaml", "version: 1\nprompt: p\ncases: a.jsonl\n"), ("evals/a.jsonl", &row.to_string())]);
        let manifests = load_at(&folder);
        prop_assert_eq!(lines(&manifests), Vec::<String>::new());
        let vars = manifests.suites["s"].cases.get(0).case.vars;
        prop_assert_eq!(&vars["input"], &row["input"]);
        prop_assert_eq!(&vars["deep"], &row["vars"]["deep"]);
        prop_assert_eq!(&vars["n"], &row["vars"]["n"]);
    }
}

#[test]
fn a_tab_before_the_text_of_a_block_is_said_where_it_stands() {
    let text = "version: 1\nmodel_target: builtin/extractive\nsystem: |\n\tone\n";
    expect(&[("prompts/p.yaml", text)], &["yaml-syntax prompts/p.yaml:4:1"]);
}

#[test]
fn a_hint_names_what_was_meant_and_nothing_far_from_it() {
    let of = |text: &str| {
        let manifests = load(&[("prompts/p.yaml", text)]);
        hint(&manifests, "unknown-key")
    };
    let parameters = "version: 1\nmodel_target: gpt-4o-2024-08-06\nsystem: a\nparameters: {tmp: 1}\n";
    assert!(of(parameters).starts_with("use one of: "), "{}", of(parameters));
    let project = "providers:\n  a: {api: openai, base_url: 'http://x/v1', api_key: NAME}\n";
    let manifests = load(&[("llmops.yaml", project)]);
    assert_eq!(hint(&manifests, "unknown-key"), "did you mean `api_key_env`?");
}

#[test]
fn a_secret_in_a_header_is_one_finding() {
    let tail = "a1B2c3D4e5F6g7H8i9J0k1L2m3";
    for value in [format!("Bearer {tail}"), "short".to_owned()] {
        let text = format!(
            "providers:\n  a: {{api: openai, base_url: 'http://x/v1', headers: {{authorization: '{value}'}}}}\n"
        );
        let manifests = load(&[("llmops.yaml", &text)]);
        let found = manifests.diagnostics.iter().filter(|found| found.code.0 == "literal-secret").count();
        assert_eq!(found, 1, "{value}");
    }
}
