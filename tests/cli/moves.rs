//! What moved between two revisions in ways that could hide it: under another name, behind a base that cannot be read,
//! beside a lock that nobody wrote again.

use crate::diffs::{commit, committed};
use crate::project::Project;

fn limited() -> Project {
    let project = committed();
    project.replace("evals/support.yaml", "version:", "gate: {max_regression: 0.1}\nversion:");
    // Enough of them for the sign test, which decides where every case falls by the same.
    let row = project.read("evals/cases/support.jsonl").lines().next().expect("a case").to_owned();
    let rows: String =
        (0..8).map(|n| row.replace("\"refund\",", &format!("\"refund-{n}\",")) + "\n").collect();
    project.write("evals/cases/support.jsonl", &rows);
    commit(&project, "limited");
    project
}

#[test]
fn a_prompt_that_gets_another_name_and_gets_worse_is_held_against_what_it_was() {
    let project = limited();
    let text = project.read("prompts/support.yaml");
    project.git(&["rm", "-q", "prompts/support.yaml"]);
    project.write("prompts/help.yaml", &text.replace("{{ context }}", "nothing of use"));
    project.replace("evals/support.yaml", "prompt: support", "prompt: help");
    let report = project.run(&["eval", "help", "--baseline", "HEAD", "--json"]).exits(1).json();
    assert!(report["gates"][0]["breaches"].to_string().contains("\"regression\""), "{report}");
    project.run(&["eval", "help", "--baseline", "HEAD"]).exits(1).says("calls this prompt `support`");
    let told = project.run(&["eval", "--changed=HEAD"]).exits(1).says("help (suite support): it was support");
    assert!(!told.stderr.contains("deleted"), "{}", told.stderr);

    project.replace("prompts/help.yaml", "eval_score_required: 1.5", "eval_score_required: 1.2");
    project.run(&["check", "--base", "HEAD"]).exits(2).says("version-not-raised").says("threshold-lowered");
}

#[test]
fn a_base_that_cannot_be_read_is_said() {
    let project = committed();
    let sound = project.read("prompts/support.yaml");
    project.write("prompts/support.yaml", "version: [\n");
    commit(&project, "broken");
    project.write("prompts/support.yaml", &sound.replace("1.5", "1.2"));
    project.run(&["check", "--base", "HEAD"]).exits(0).says("base-unreadable").says("prompt `support`");

    // An include that is gone keeps one prompt from being compared, and none of the others.
    project.write("prompts/support.yaml", &sound);
    project.replace("prompts/exchange.yaml", "shared/tone.j2", "shared/gone.j2");
    commit(&project, "an include that is not there");
    project.replace("prompts/exchange.yaml", "shared/gone.j2", "shared/tone.j2");
    project.replace("prompts/support.yaml", "30 words", "20 words");
    project
        .run(&["check", "--base", "HEAD"])
        .exits(2)
        .says("the base's version of prompt `exchange` cannot be read")
        .says("prompt `support` changed and its version is still 1.0.0");
}

#[test]
fn what_is_deleted_whole_is_said_by_check_and_by_the_lock_that_still_has_it() {
    let project = committed();
    project.run(&["lock"]).exits(0);
    commit(&project, "locked");
    project.git(&["rm", "-q", "prompts/support.yaml", "evals/support.yaml"]);
    let found = project.run(&["check", "--base", "HEAD", "--json"]).exits(0).json();
    let said = |code: &str, words: &str| {
        let all = found["diagnostics"].as_array().expect("findings");
        all.iter().any(|one| {
            one["code"] == code && one["message"].as_str().is_some_and(|text| text.contains(words))
        })
    };
    assert!(said("deleted-since-base", "prompt `support` and its suite `support` were deleted"), "{found}");
    assert!(
        said("lock-stale", "prompt `support` is locked") && said("lock-stale", "suite `support`"),
        "{found}"
    );
    project.run(&["lock"]).exits(0);
    let found = project.run(&["check", "--json"]).exits(0).json();
    assert!(!found.to_string().contains("lock-stale"), "{found}");
}

#[test]
fn check_holds_suites_against_the_lock_as_eval_does() {
    let project = committed();
    project.run(&["lock"]).exits(0);
    project.run(&["check"]).exits(0);
    project.replace("evals/cases/support.jsonl", "refunds take", "refunds last");
    project.run(&["check"]).exits(2).says("suite-changed-under-version").says("raise the suite's `version`");
    project.replace("evals/support.yaml", "version: \"1.0.0\"", "version: \"1.1.0\"");
    project.run(&["check"]).exits(0);
}

#[test]
fn every_limit_that_is_looser_is_said() {
    let project = committed();
    let gate = "gate:\n  decide_on: lower_bound\n  asserts_required: 0.9\n  metrics: {kind: 0.9, refusal_rate: 0.1}\n  retrieval: {recall_at_k: 0.8, stale_fraction: 0.2}\n  case_floor: 2\n  max_unscored: 1\n  max_regression: 0.1\n  min_cases: 3\n  require_calibration: {min_kappa: 0.6, max_bias: 0.3, min_labels: 20}\n";
    let asserts =
        "assert:\n  - {type: not-contains, value: x, metric: kind}\n  - {type: not-contains, value: y}\n";
    project.replace("evals/support.yaml", "judge:", &format!("{gate}{asserts}trials: 2\njudge:"));
    project.replace("evals/support.yaml", "faithfulness: {}", "faithfulness: {required: 3}");
    project.replace(
        "prompts/support.yaml",
        "parameters: {}",
        "parameters: {}\nbudget: {max_cost_usd_per_case: 0.01, p95_latency_ms: 100, max_input_tokens: 500}",
    );
    commit(&project, "strict");
    let eased = |file: &str, from: &str, to: &str, said: &str| {
        let before = project.read(file);
        project.replace(file, from, to);
        let ran = project.run(&["check", "--base", "HEAD"]);
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(
            text.contains("threshold-lowered") && text.contains(said),
            "{from} → {to}: `{said}` is not in\n{text}"
        );
        project.write(file, &before);
    };
    let suite = "evals/support.yaml";
    eased(suite, "decide_on: lower_bound", "decide_on: mean", "decide_on lower_bound → mean");
    eased(suite, "asserts_required: 0.9", "asserts_required: 0.8", "asserts_required 0.9 → 0.8");
    eased(suite, "kind: 0.9", "kind: 0.8", "metric kind 0.9 → 0.8");
    eased(suite, "refusal_rate: 0.1", "refusal_rate: 0.2", "metric refusal_rate 0.1 → 0.2");
    eased(suite, "recall_at_k: 0.8, ", "", "recall_at_k 0.8 removed");
    eased(suite, "stale_fraction: 0.2", "stale_fraction: 0.3", "stale_fraction 0.2 → 0.3");
    eased(suite, "case_floor: 2", "case_floor: 1", "case_floor 2 → 1");
    eased(suite, "max_unscored: 1", "max_unscored: \"100%\"", "max_unscored");
    eased(suite, "max_regression: 0.1", "max_regression: 0.2", "max_regression 0.1 → 0.2");
    eased(suite, "min_cases: 3", "min_cases: 2", "min_cases 3 → 2");
    eased(suite, "min_kappa: 0.6", "min_kappa: 0.5", "min_kappa 0.6 → 0.5");
    eased(suite, "max_bias: 0.3", "max_bias: 0.4", "max_bias 0.3 → 0.4");
    eased(suite, "min_labels: 20", "min_labels: 10", "min_labels 20 → 10");
    eased(suite, "  - {type: not-contains, value: y}\n", "", "1 of 2 asserts removed");
    eased(suite, "trials: 2", "trials: 1", "trials 2 → 1");
    eased(suite, "required: 3", "required: 2", "required faithfulness 3 → 2");
    eased(suite, "    relevance: {}\n", "", "dimension relevance removed");
    let prompt = "prompts/support.yaml";
    eased(prompt, "eval_score_required: 1.5", "eval_score_required: 1.4", "eval_score_required 1.5 → 1.4");
    eased(prompt, "case: 0.01", "case: 0.02", "max_cost_usd_per_case 0.01 → 0.02");
    eased(prompt, "p95_latency_ms: 100, ", "", "p95_latency_ms 100 removed");
    eased(prompt, "tokens: 500", "tokens: 600", "max_input_tokens 500 → 600");
    let cases = project.read("evals/cases/support.jsonl");
    let fewer: String = cases.lines().skip(1).map(|line| format!("{line}\n")).collect();
    project.write("evals/cases/support.jsonl", &fewer);
    project.run(&["check", "--base", "HEAD"]).says("cases 3 → 2");
}

#[test]
fn a_model_is_not_its_own_judge_behind_another_provider_or_as_a_candidate() {
    let project = committed();
    project.write(
        "llmops.yaml",
        "providers:\n  one: {api: openai, base_url: \"http://localhost:1/v1\"}\n  two: {api: openai, base_url: \"http://localhost:1/v1\"}\n",
    );
    project.run(&["eval", "--model", "builtin/lexical"]).exits(2).says("would judge its own answers");
    project.replace("prompts/support.yaml", "builtin/extractive", "m-2026-01-01\nprovider: one");
    project.replace("evals/support.yaml", "model: builtin/lexical", "model: m-2026-01-01\n  provider: two");
    project.run(&["check"]).exits(2).says("self-judge");
}

#[test]
fn a_promotion_is_held_to_the_lock_and_to_what_head_demands() {
    let project = committed();
    project.git(&["config", "user.name", "Test"]);
    project.git(&["config", "user.email", "test@example.invalid"]);
    project.replace("evals/support.yaml", "judge:", "gate: {case_floor: 2}\njudge:");
    project.run(&["lock"]).exits(0);
    commit(&project, "locked");
    project.replace("evals/support.yaml", "gate: {case_floor: 2}\n", "");
    commit(&project, "eased under its version");
    project.run(&["promote", "support", "--to", "production"]).exits(2).says("suite-changed-under-version");
    project.replace("evals/support.yaml", "judge:", "gate: {case_floor: 2}\njudge:");
    project.replace("prompts/support.yaml", "eval_score_required: 1.5", "eval_score_required: 5");
    commit(&project, "strict");
    project.git(&["update-index", "--assume-unchanged", "prompts/support.yaml"]);
    project.replace("prompts/support.yaml", "eval_score_required: 5", "eval_score_required: 1");
    project
        .run(&["promote", "support", "--to", "production"])
        .exits(2)
        .says("`eval_score_required` or `budget`");
    assert!(!project.path("deployments/production.yaml").exists());
}

#[test]
fn recordings_that_moved_are_pointed_at() {
    let project = committed();
    let line = |answer: &str| format!("{{\"answer\": \"{answer}\"}}\n");
    project.write("evals/recordings/support.jsonl", &line("a"));
    commit(&project, "recorded");
    project.run(&["check", "--base", "HEAD"]).exits(0);
    project.write("evals/recordings/support.jsonl", &line("b"));
    let said = project.run(&["check", "--base", "HEAD"]).exits(0).says("recordings-changed");
    let said = said.says("neither it nor");
    assert!(said.stderr.contains("evals/recordings/support.jsonl"), "{}", said.stderr);
    project.replace("prompts/support.yaml", "30 words", "20 words");
    project.run(&["check", "--base", "HEAD"]).exits(2).says("changed together");
}
