use super::*;
use crate::manifest::suite::{Allowance, DecideOn};

#[test]
fn every_key_of_a_suite_is_read() {
    let suite = SUITE.replace("{input: hello}", "{input: hello, tags: {topic: greetings}}");
    let more = "trials: 3\nsample: {size: 10, seed: 7, stratify_by: topic}\nauthor: me\njudge: {model: builtin/lexical}\n\
         assert: [{type: contains, value: a, metric: named}]\n\
         gate:\n  decide_on: lower_bound\n  confidence: 0.9\n  asserts_required: 0.8\n  metrics: {named: 0.5, refusal_rate: 0.1}\n  \
         retrieval: {recall_at_k: 0.8, stale_fraction: 0.1}\n  case_floor: 2\n  max_unscored: 2%\n  max_regression: 0.1\n  \
         min_cases: 20\n  require_calibration: {min_kappa: 0.6, max_bias: 0.3, min_labels: 30}\n";
    let manifests = expect(&[("prompts/p.yaml", PROMPT), ("evals/s.yaml", &format!("{suite}{more}"))], &[]);
    let suite = &manifests.suites["s"];
    assert_eq!(
        (suite.trials, suite.sample.as_ref().map(|sample| (sample.size, sample.seed))),
        (3, Some((10, 7)))
    );
    let gate = &suite.gate;
    assert_eq!((gate.decide_on, gate.confidence, gate.asserts_required), (DecideOn::LowerBound, 0.9, 0.8));
    assert_eq!(gate.max_unscored, Allowance::Share(0.02));
    assert_eq!((gate.case_floor, gate.max_regression, gate.min_cases), (Some(2.0), Some(0.1), 20));
    assert_eq!((gate.metrics["named"], gate.retrieval.recall_at_k), (0.5, Some(0.8)));
    assert_eq!(gate.require_calibration.as_ref().and_then(|terms| terms.min_labels), Some(30));
    assert_eq!(suite.about.author.as_deref(), Some("me"));
}

#[test]
fn faults_of_a_suite_have_their_places() {
    let table: &[(&str, &[&str])] = &[
        ("asserts: []\n", &["unknown-key evals/s.yaml:4:1"]),
        ("trials: 0\n", &["bad-value evals/s.yaml:4:9"]),
        ("sample: {seed: 1}\n", &["missing-key evals/s.yaml:4:9"]),
        ("sample: {size: 1, seed: -1}\n", &["wrong-type evals/s.yaml:4:25"]),
        ("gate: {case_flor: 2}\n", &["unknown-key evals/s.yaml:4:8"]),
        ("gate: {confidence: 1}\n", &["bad-value evals/s.yaml:4:20"]),
        ("gate: {asserts_required: 80}\n", &["bad-value evals/s.yaml:4:26"]),
        ("gate: {max_unscored: some}\n", &["bad-value evals/s.yaml:4:22"]),
        ("gate: {max_unscored: 0.1}\n", &["wrong-type evals/s.yaml:4:22"]),
        ("gate: {min_cases: 0}\n", &["bad-value evals/s.yaml:4:19"]),
        ("gate: {retrieval: {}}\n", &["bad-value evals/s.yaml:4:19"]),
        ("gate: {metrics: {tone: 0.5}}\n", &["unknown-metric evals/s.yaml:4:18"]),
        ("gate: {case_floor: 2}\n", &["bad-value evals/s.yaml:4:8"]),
        ("gate: {max_regression: 0.1}\n", &["bad-value evals/s.yaml:4:8"]),
        ("gate: {case_floor: 0}\njudge: {}\n", &["threshold-off-scale evals/s.yaml:4:20"]),
        ("gate: []\n", &["wrong-type evals/s.yaml:4:7"]),
    ];
    for (more, expected) in table {
        let manifests = suite(more, expected);
        assert!(manifests.suites.is_empty(), "{more}");
        assert!(manifests.prompts.contains_key("p"), "{more}");
    }
    let manifests = suite("asserts: []\n", &["unknown-key evals/s.yaml:4:1"]);
    assert_eq!(hint(&manifests, "unknown-key"), "did you mean `assert`?");
    let manifests = suite(
        "assert: [{type: contains, value: a, metric: tone}]\ngate: {metrics: {tome: 1}}\n",
        &["unknown-metric evals/s.yaml:5:18"],
    );
    assert_eq!(hint(&manifests, "unknown-metric"), "did you mean `tone`?");
}

#[test]
fn a_metric_may_be_named_by_a_case() {
    let cases = "version: 1\nprompt: p\ncases: [{input: a, assert: [{type: contains, value: b, metric: m}]}]\ngate: {metrics: {m: 1}}\n";
    expect(&[("prompts/p.yaml", PROMPT), ("evals/s.yaml", cases)], &[]);
}

#[test]
fn a_suite_names_a_prompt_that_exists() {
    let suite = "version: 1\nprompt: custmer_support\ncases: [{input: a}]\n";
    let manifests = expect(
        &[("prompts/customer_support.yaml", PROMPT), ("evals/s.yaml", suite)],
        &["unknown-prompt evals/s.yaml:2:9"],
    );
    assert_eq!(hint(&manifests, "unknown-prompt"), "did you mean `customer_support`?");
    assert!(manifests.suites.is_empty());
    let threshold = format!("{PROMPT}eval_score_required: 4\n");
    expect(
        &[("prompts/customer_support.yaml", &threshold), ("evals/s.yaml", suite)],
        &["unknown-prompt evals/s.yaml:2:9"],
    );
}

#[test]
fn a_broken_prompt_is_said_once_whatever_its_name() {
    let suite = SUITE.replace("prompt: p", "prompt: renamed");
    for broken in
        ["name: renamed\nversion: [\n", "name: renamed\nversion: 1\nmodel_target: builtin/extractive\n"]
    {
        let manifests = load(&[("prompts/p.yaml", broken), ("evals/s.yaml", &suite)]);
        assert_eq!(manifests.diagnostics.len(), 1, "{:#?}", manifests.diagnostics);
        assert_eq!(
            manifests.diagnostics[0].place.as_ref().map(|place| place.path.as_str()),
            Some("prompts/p.yaml")
        );
        assert!(manifests.suites.is_empty());
    }
}

#[test]
fn files_that_a_suite_names_as_cases_are_no_suites() {
    let suite = "version: 1\nprompt: p\ncases: [cases/a.yaml, 'evals/more/*.yaml']\n";
    let files = [
        ("prompts/p.yaml", PROMPT),
        ("evals/s.yaml", suite),
        ("evals/cases/a.yaml", "- {input: a}\n- {input: b}\n"),
        ("evals/more/b.yaml", "- {id: c, input: c}\n"),
    ];
    let manifests = expect(&files, &[]);
    assert_eq!((manifests.suites.len(), manifests.suites["s"].cases.len()), (1, 3));
    let mut stray = files.to_vec();
    stray.push(("evals/stray.yaml", "- {input: a}\n"));
    expect(&stray, &["wrong-type evals/stray.yaml:1:1"]);
}

#[test]
fn two_suites_of_one_name_are_refused() {
    let files = [("prompts/p.yaml", PROMPT), ("evals/s.yaml", SUITE), ("evals/s.yml", SUITE)];
    let manifests = expect(&files, &["duplicate-name evals/s.yml"]);
    assert!(!manifests.suites.contains_key("s"));
}

#[test]
fn a_prompt_that_no_suite_tests_is_said_and_one_with_a_suite_is_not() {
    let said = |files: Files<'_>| lines(&load_whole(&repository(files)));
    let alone = [("prompts/p.yaml", PROMPT)];
    assert_eq!(said(&alone), ["warning prompt-without-suite prompts/p.yaml"]);
    let tested = format!("{SUITE}assert: [{{type: contains, value: x}}]\n");
    assert_eq!(said(&[alone[0], ("evals/s.yaml", &tested)]), Vec::<String>::new());
}

#[test]
fn of_many_prompts_without_a_suite_one_finding_tells() {
    let paths: Vec<String> = (0..5).map(|n| format!("prompts/p{n}.yaml")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), PROMPT)).collect();
    let manifests = load_whole(&repository(&files));
    assert_eq!(lines(&manifests), ["warning prompt-without-suite prompts/p0.yaml"]);
    assert!(manifests.diagnostics[0].message.contains("5 prompts: `p0`, `p1`, `p2` and 2 more"));
}
