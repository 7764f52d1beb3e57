use super::*;

fn claude(more: &str) -> String {
    format!("version: 1\nmodel_target: claude-sonnet-4-20250514\nsystem: x\n{more}")
}

#[track_caller]
fn judged(judge: &str, expected: &[&str]) -> Manifests {
    let suite = format!("{SUITE}judge: {judge}\n");
    expect(&[("prompts/p.yaml", &claude("")), ("evals/s.yaml", &suite)], expected)
}

#[test]
fn a_judge_without_a_word_has_the_rubric_of_this_binary() {
    for judge in ["{}", ""] {
        let manifests = judged(judge, &[]);
        let judge = manifests.suites["s"].judge.as_ref().expect("a judge");
        assert_eq!((judge.model.as_str(), judge.provider.as_str()), ("builtin/lexical", "builtin"));
        let names: Vec<&str> = judge.dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
        assert_eq!(names, ["faithfulness", "relevance", "correctness"]);
        assert_eq!((judge.scale.min, judge.scale.max, judge.repeats), (1.0, 5.0, 1));
    }
}

#[test]
fn dimensions_come_from_the_rubric_and_are_overridden() {
    let manifests = judged(
        "{dimensions: {faithfulness: {required: 4.0}, relevance: {}, tone: {description: Is it polite?, weight: 0.5}}}",
        &[],
    );
    let judge = manifests.suites["s"].judge.as_ref().expect("a judge");
    let [faithfulness, relevance, tone] = &judge.dimensions[..] else { panic!("three") };
    assert_eq!((faithfulness.required, faithfulness.needs.len()), (Some(4.0), 1));
    assert!(faithfulness.description.contains("context") && relevance.needs.is_empty());
    assert_eq!((tone.weight, relevance.weight), (0.5, 1.0));
}

#[test]
fn faults_of_a_judge_have_their_places() {
    let table: &[(&str, &[&str])] = &[
        ("{modell: x}", &["unknown-key evals/s.yaml:4:9"]),
        ("{model: gpt-zeta}", &["model-not-pinned evals/s.yaml:4:16"]),
        ("{model: zeta-1}", &["unknown-provider evals/s.yaml:4:16"]),
        ("{model: builtin/extractive}", &["unknown-builtin evals/s.yaml:4:16"]),
        ("{model: claude-sonnet-4-20250514}", &["self-judge evals/s.yaml:4:16"]),
        ("{model: claude-opus-4-7-20260416}", &["warning same-family-judge evals/s.yaml:4:16"]),
        ("{model: claude-sonnet-4-20250514, allow_self: true}", &[]),
        ("{dimensions: {}}", &["bad-value evals/s.yaml:4:21"]),
        ("{dimensions: {tone: {}}}", &["missing-key evals/s.yaml:4:22"]),
        ("{dimensions: {reason: {description: x}}}", &["bad-value evals/s.yaml:4:22"]),
        ("{dimensions: {relevance: {weight: 0}}}", &["bad-value evals/s.yaml:4:42"]),
        ("{dimensions: {relevance: {required: 6}}}", &["threshold-off-scale evals/s.yaml:4:44"]),
        ("{dimensions: {relevance: {needs: [kontext]}}}", &["bad-value evals/s.yaml:4:42"]),
        ("{scale: [5, 1]}", &["bad-value evals/s.yaml:4:16"]),
        ("{scale: [1]}", &["bad-value evals/s.yaml:4:16"]),
        ("{step: 3}", &["bad-value evals/s.yaml:4:15"]),
        ("{repeats: 0}", &["bad-value evals/s.yaml:4:18"]),
        ("{rubric: builtin/rga}", &["unknown-rubric evals/s.yaml:4:17"]),
        ("{rubric: ../rubric.yaml}", &["file-not-found evals/s.yaml:4:17"]),
        ("{rubric: ../prompts/p.yaml}", &["unknown-rubric evals/s.yaml:4:17"]),
        ("{provider: nowhere}", &["unknown-provider evals/s.yaml:4:19"]),
    ];
    for (judge, expected) in table {
        judged(judge, expected);
    }
    let manifests = judged("{dimensions: {relevnce: {}}}", &["missing-key evals/s.yaml:4:22"]);
    assert!(hint(&manifests, "missing-key").contains("did you mean `relevance`?"));
}

#[test]
fn the_model_comes_from_the_suite_then_the_project_then_the_rubric() {
    let rubric = "version: 1\nmodel_target: gpt-4o-2024-08-06\nsystem: Grade.\ndimensions: {tone: {description: Polite?}}\n";
    let suite = |judge: &str| format!("{SUITE}judge: {judge}\n");
    let model = |project: &str, judge: &str| {
        let prompt = claude("");
        let suite = suite(judge);
        let mut files = vec![
            ("prompts/p.yaml", prompt.as_str()),
            ("evals/s.yaml", &suite),
            ("prompts/judges/r.yaml", rubric),
        ];
        if !project.is_empty() {
            files.push(("llmops.yaml", project));
        }
        let manifests = expect(&files, &[]);
        let judge = manifests.suites["s"].judge.clone().expect("a judge");
        assert!(judge.rubric.is_judge());
        judge.model.to_string()
    };
    let named = "{rubric: ../prompts/judges/r.yaml}";
    assert_eq!(model("", named), "gpt-4o-2024-08-06");
    assert_eq!(model("judge: {model: o3-2025-04-16}\n", named), "o3-2025-04-16");
    assert_eq!(
        model(
            "judge: {model: o3-2025-04-16}\n",
            "{rubric: ../prompts/judges/r.yaml, model: gpt-4.1-2025-04-14}"
        ),
        "gpt-4.1-2025-04-14"
    );
}

#[test]
fn a_threshold_demands_a_suite_with_a_judge() {
    let prompt = claude("eval_score_required: 4.2\n");
    let manifests = expect(&[("prompts/p.yaml", &prompt)], &["threshold-without-judge prompts/p.yaml:4:22"]);
    assert!(manifests.prompts.is_empty());
    let manifests = expect(
        &[("prompts/p.yaml", &prompt), ("evals/s.yaml", SUITE)],
        &["threshold-without-judge prompts/p.yaml:4:22"],
    );
    assert!(manifests.prompts.is_empty() && manifests.suites.is_empty());
    let judged = format!("{SUITE}judge: {{}}\n");
    expect(&[("prompts/p.yaml", &prompt), ("evals/s.yaml", &judged)], &[]);
    expect(&[("prompts/p.yaml", &prompt), ("evals/s.yaml", SUITE), ("evals/t.yaml", &judged)], &[]);
    let broken = format!("{judged}trials: 0\n");
    expect(&[("prompts/p.yaml", &prompt), ("evals/s.yaml", &broken)], &["bad-value evals/s.yaml:5:9"]);
}

#[test]
fn a_threshold_lies_on_the_scale_of_its_judge() {
    let prompt = claude("eval_score_required: 4.2\n");
    let suite = format!("{SUITE}judge: {{scale: [0, 1], step: 0.25}}\n");
    let manifests = expect(
        &[("prompts/p.yaml", &prompt), ("evals/s.yaml", &suite)],
        &["threshold-off-scale prompts/p.yaml:4:22"],
    );
    assert!(manifests.diagnostics[0].message.contains("evals/s.yaml"));
    let prompt = claude("eval_score_required: 0.7\n");
    expect(&[("prompts/p.yaml", &prompt), ("evals/s.yaml", &suite)], &[]);
}

#[test]
fn a_judge_manifest_is_a_prompt_with_dimensions() {
    let rubric =
        |dimensions: &str| format!("version: 1\nmodel_target: builtin/lexical\nsystem: x\n{dimensions}\n");
    let manifests = expect(&[("prompts/judges/r.yaml", &rubric("dimensions: {a: {description: d}}"))], &[]);
    assert!(manifests.prompts["judges/r"].is_judge());
    expect(&[("prompts/r.yaml", &rubric("dimensions: {a: {}}"))], &["missing-key prompts/r.yaml:4:14"]);
    expect(
        &[("prompts/r.yaml", &rubric("dimensions: {a: {description: d}}\noutput: {format: json}"))],
        &["bad-value prompts/r.yaml:5:1"],
    );
    let elsewhere = format!("{SUITE}judge: {{rubric: ../r.yaml}}\n");
    let files = [("prompts/p.yaml", PROMPT), ("evals/s.yaml", elsewhere.as_str())];
    let good = rubric("dimensions: {a: {description: d}}");
    let mut with = files.to_vec();
    with.push(("r.yaml", &good));
    assert!(expect(&with, &[]).suites["s"].judge.is_some());
    let bad = rubric("dimensions: {a: {}}");
    let mut with = files.to_vec();
    with.push(("r.yaml", &bad));
    assert!(expect(&with, &["missing-key r.yaml:4:14"]).suites.is_empty());
}
