//! `eval --changed`, `--baseline`, `--model`, recordings: what is run, against what, and what it says.

use crate::fixtures::{builtin, grade, served};
use crate::project::{Outcome, Project};
use crate::stub::{Answer, Nobody, Seen, Stub};
use serde_json::Value;

/// The built-in project, committed on `main`, with the work going on on `topic`.
fn committed(required: f64) -> Project {
    let project = builtin(required);
    project.write("prompts/shared/tone.j2", "Be kind.\n");
    project.replace(
        "prompts/support.yaml",
        "  Answer from this:",
        "  {% include \"shared/tone.j2\" %}\n  Answer from this:",
    );
    project.write(".gitignore", ".llmops/\n");
    commit(&project);
    project.git(&["checkout", "--quiet", "-b", "topic"]);
    project
}

fn commit(project: &Project) {
    if !project.path(".git").exists() {
        project.git(&["init", "--quiet", "--initial-branch=main"]);
    }
    project.git(&["add", "--all"]);
    project.git(&["commit", "--quiet", "--allow-empty", "-m", "work"]);
}

fn changed(project: &Project) -> Outcome {
    project.run(&["eval", "--changed", "--json"])
}

fn verdict(outcome: Outcome) -> Value {
    outcome.exits(0).json()["verdict"].clone()
}

#[test]
fn what_cannot_change_an_answer_affects_nothing_and_the_report_says_against_what() {
    let project = committed(1.0);
    let base = project.git(&["rev-parse", "main"]);
    let report = changed(&project).exits(0).says("the fork from main").json();
    assert_eq!(
        (report["verdict"].as_str(), report["gates"].as_array().map(Vec::len)),
        (Some("unaffected"), Some(0))
    );
    assert_eq!(report["run"]["git"]["base"].as_str(), Some(base.as_str()));
    let schema: Value = serde_json::from_str(include_str!("../../src/report/v1.schema.json")).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&report), "{report}");

    project.write("src/app.py", "print()\n");
    project.write("README.md", "# Shop\n");
    assert_eq!(verdict(changed(&project)), "unaffected", "files that no manifest reads");
    let prompt = project.read("prompts/support.yaml");
    project
        .write("prompts/support.yaml", &format!("# a comment\nauthor: me\n{}", prompt.replace('\n', "\r\n")));
    assert_eq!(verdict(changed(&project)), "unaffected", "a comment, a free text, line ends");
    project.replace("prompts/support.yaml", "1.0.0", "1.0.1");
    assert_eq!(verdict(changed(&project)), "unaffected", "the version");
    project
        .run(&["eval", "--changed"])
        .exits(0)
        .says(&format!("nothing that changed since {} touches a gate", &base[..12]));
}

#[test]
fn every_row_of_the_closure_is_affected_and_says_why() {
    let rows: [(&str, &str, &str, &str); 8] = [
        ("prompts/shared/tone.j2", "kind", "short", "include shared/tone.j2 changed"),
        ("prompts/support.yaml", "Answer from", "Reply from", "system template changed"),
        ("prompts/support.yaml", "eval_score_required: 1", "eval_score_required: 1.5", "threshold 1 → 1.5"),
        (
            "prompts/support.yaml",
            "version:",
            "budget: {max_input_tokens: 9000}\nversion:",
            "max_input_tokens 9000 added",
        ),
        ("evals/cases/support.jsonl", "How long do refunds", "How soon do refunds", "case refund changed"),
        (
            "evals/support.yaml",
            "relevance: {}",
            "relevance: {weight: 2}",
            "judge dimension relevance changed",
        ),
        ("evals/support.yaml", "prompt:", "trials: 2\nprompt:", "trials 1 → 2"),
        ("evals/support.yaml", "prompt:", "gate: {case_floor: 1}\nprompt:", "case_floor 1 added"),
    ];
    for (file, from, to, why) in rows {
        let project = committed(1.0);
        project.replace(file, from, to);
        let report = changed(&project).exits(0).json();
        assert_eq!(report["gates"].as_array().map(Vec::len), Some(1), "{why}");
        let said = report["diagnostics"].to_string();
        assert!(said.contains(why), "{why} is not in {said}");
    }
}

#[test]
fn only_what_a_change_touches_is_run_and_what_is_gone_is_said() {
    let project = committed(1.0);
    let (prompt, suite) = (project.read("prompts/support.yaml"), project.read("evals/support.yaml"));
    project.write("prompts/other.yaml", &prompt.replace("{% include \"shared/tone.j2\" %}", ""));
    project.write("evals/other.yaml", &suite.replace("prompt: support", "prompt: other"));
    project.run(&["eval", "--changed"]).exits(0).says("other: new prompt").says("1 gate passed");
    commit(&project);
    project.git(&["branch", "--force", "main", "topic"]);
    project.replace("prompts/shared/tone.j2", "kind", "brief");
    let report = changed(&project).exits(0).json();
    assert_eq!(report["gates"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["gates"][0]["prompt"]["name"], "support");
    assert!(report["run"]["selection"].is_null(), "its gates are whole: {report}");
    project.git(&["checkout", "--quiet", "prompts"]);
    for file in ["prompts/other.yaml", "evals/other.yaml"] {
        std::fs::remove_file(project.path(file)).unwrap();
    }
    project.run(&["eval", "--changed"]).exits(0).says("prompt other was deleted");
    project.run(&["eval", "--changed=no-such-revision"]).exits(2).says("git fetch");
    builtin(1.0).run(&["eval", "--changed"]).exits(2).says("no git repository");
}

#[test]
fn a_prompt_that_got_worse_than_its_baseline_is_blocked_and_the_worse_cases_are_named() {
    let project = committed(1.0);
    let suite = project.read("evals/support.yaml");
    project.write("evals/support.yaml", &format!("{suite}gate: {{max_regression: 0.1}}\n"));
    commit(&project);
    project.git(&["branch", "--force", "main", "topic"]);
    let report = project.run(&["eval", "--json"]).exits(0).json();
    let same = &report["gates"][0]["baseline"];
    assert_eq!(same["delta"].as_f64(), Some(0.0), "the same requests have the same answers: {report}");
    assert_eq!(same["worse"].as_array().map(Vec::len), Some(0));
    // A new prompt has nothing to be worse than.
    project.git(&["checkout", "--quiet", "--orphan", "fresh"]);
    project.git(&["commit", "--quiet", "--allow-empty", "-m", "unrelated"]);
    project.run(&["eval", "--baseline", "main~1", "--json"]).exits(0);
}

/// A prompt that says "Answer briefly." has good answers, any other has poor ones, and the judge can tell.
fn judged(cases: usize) -> (Stub, Project) {
    let stub = Stub::start(|seen: &Seen| {
        let text = seen.body.to_string();
        if seen.is_judge() {
            // The cases do not all move by the same, so that the change has a spread.
            let score = match (text.contains("a good answer"), text.contains("Question 0?")) {
                (true, true) => 4,
                (true, false) => 5,
                (false, _) => 2,
            };
            let name = seen.body["tool_choice"]["name"].as_str().unwrap_or("grade").to_owned();
            return Answer::anthropic_tool(&name, &grade(score));
        }
        let good = text.contains("Answer briefly") && !text.contains("claude-sonnet");
        Answer::anthropic(if good { "a good answer" } else { "a poor reply" })
    });
    let project = served("anthropic", &stub.url, 1.0, cases);
    project.write(".gitignore", ".llmops/\n");
    let suite = project.read("evals/support.yaml");
    project.write("evals/support.yaml", &format!("{suite}gate: {{max_regression: 0.1}}\n"));
    commit(&project);
    project.git(&["checkout", "--quiet", "-b", "topic"]);
    (stub, project)
}

#[test]
fn a_regression_blocks_names_its_cases_and_the_base_is_paid_for_once() {
    let (stub, project) = judged(4);
    project.run(&["eval"]).exits(0);
    assert_eq!(stub.count(), 8, "head and base have the same requests");
    project.replace("prompts/support.yaml", "Answer briefly", "Say anything");
    let report = project.run(&["eval", "--changed", "--json"]).exits(1).json();
    assert_eq!(stub.count(), 16, "the base came from the store");
    let gate = &report["gates"][0];
    assert_eq!(gate["breaches"][0]["code"], "regression");
    let base = &gate["baseline"];
    assert_eq!(
        (base["delta"].as_f64(), base["worse"].as_array().map(Vec::len)),
        (Some(-2.75), Some(4)),
        "{base}"
    );
    let ran = project.run(&["eval", "--baseline", "auto"]).exits(1);
    ran.says("case-00, case-01, case-02, case-03");
    project.replace("evals/support.yaml", "gate: {max_regression: 0.1}", "");
    let report = project.run(&["eval", "--baseline", "main", "--json"]).exits(0).json();
    assert_eq!(report["gates"][0]["baseline"]["delta"].as_f64(), Some(-2.75), "told, and not demanded");
}

#[test]
fn a_base_that_cannot_be_run_gives_no_verdict() {
    let (_stub, project) = judged(4);
    project.run(&["eval"]).exits(0);
    project.replace("prompts/support.yaml", "briefly", "briefly, please");
    project.run(&["eval", "--record"]).exits(0);
    let recorded = project.read("evals/recordings/support.jsonl");
    // Without the exchanges of the base's prompt: the head is whole and its comparison is not.
    let kept: String = recorded
        .lines()
        .filter(|line| !line.contains("Answer briefly."))
        .flat_map(|line| [line, "\n"])
        .collect();
    assert!(kept.len() < recorded.len());
    project.write("evals/recordings/support.jsonl", &kept);
    std::fs::remove_dir_all(project.path(".llmops")).unwrap();
    project.run(&["eval", "--offline", "--json"]).exits(3).says("regression-undecided");
}

#[test]
fn recordings_repeat_a_run_without_key_or_store_and_a_changed_prompt_is_not_recorded() {
    let (stub, project) = judged(3);
    project.run(&["eval", "--record"]).exits(0);
    let first = project.read("evals/recordings/support.jsonl");
    assert_eq!(first.lines().count(), 6);
    assert!(!first.contains("sk-ant"), "no secret is recorded");
    let keys: Vec<&str> = first.lines().filter_map(|line| line.split('"').nth(3)).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    std::fs::remove_dir_all(project.path(".llmops")).unwrap();
    let calls = stub.count();
    let report = project.run(&["eval", "--offline", "--json"]).exits(0).json();
    assert_eq!((report["gates"][0]["calls"]["recorded"].as_u64(), stub.count()), (Some(6), calls));
    let nobody = Nobody::there();
    let keyless = project.set("ANTHROPIC_API_KEY", "").set("ANTHROPIC_BASE_URL", &nobody.url);
    keyless.run(&["eval", "--offline"]).exits(0);
    std::fs::remove_dir_all(keyless.path(".llmops")).unwrap();
    keyless.replace("prompts/support.yaml", "Answer briefly", "Answer shortly");
    keyless.run(&["eval", "--offline", "--json"]).exits(3).says("not_recorded");
}

#[test]
fn recordings_are_pruned_of_what_no_request_needs() {
    let (_stub, project) = judged(3);
    project.run(&["eval", "--record"]).exits(0);
    let cases = project.read("evals/cases/support.jsonl");
    project.write(
        "evals/cases/support.jsonl",
        &cases.lines().take(2).flat_map(|line| [line, "\n"]).collect::<String>(),
    );
    project.run(&["eval", "--record"]).exits(0);
    assert_eq!(project.read("evals/recordings/support.jsonl").lines().count(), 4);
}

#[test]
fn a_candidate_is_run_beside_the_pinned_model_and_blocked_where_it_is_worse() {
    let (stub, project) = judged(4);
    let worse = project.run(&["eval", "--model", "claude-sonnet-4-20250514", "--json"]).exits(1).json();
    assert_eq!(worse["gates"][0]["model"]["target"], "claude-sonnet-4-20250514");
    assert_eq!(worse["gates"][0]["baseline"]["delta"].as_f64(), Some(-2.75));
    assert_eq!(worse["run"]["selection"]["model"], "claude-sonnet-4-20250514", "never evidence");
    assert_eq!(stub.count(), 16);
    project
        .run(&["eval", "--model", "claude-sonnet-4-20250514"])
        .exits(1)
        .says("worse than the pinned model");
    let suite = project.read("evals/support.yaml");
    project.write("evals/support.yaml", &suite.replace("gate: {max_regression: 0.1}\n", ""));
    project.run(&["eval", "--model", "claude-sonnet-4-20250514"]).exits(1);
    project
        .run(&["eval", "--model", "claude-3-5-haiku-20241022"])
        .exits(0)
        .says("stable or improved beside the pinned model");
    project.run(&["eval", "--model", "x", "--baseline", "auto"]).exits(2);
}

#[test]
fn an_old_prompt_that_does_not_fit_todays_cases_leaves_the_comparison_open() {
    let (_stub, project) = judged(4);
    let cases = project.read("evals/cases/support.jsonl");
    let toned = cases.replace("\"input\"", "\"vars\": {\"tone\": \"kind\"}, \"input\"");
    project.write("evals/cases/support.jsonl", &toned);
    project.replace("prompts/support.yaml", "Answer briefly.", "Answer briefly. Be {{ tone }}.");
    commit(&project);
    project.git(&["branch", "--force", "main", "topic"]);
    project.write("evals/cases/support.jsonl", &cases);
    project.replace("prompts/support.yaml", " Be {{ tone }}.", "");
    project.run(&["eval", "--changed"]).exits(3).says("does not fit today's cases");
    // A base whose manifest is broken is no new prompt either.
    project
        .write("prompts/support.yaml", &project.read("prompts/support.yaml").replace("version:", "vresion:"));
    commit(&project);
    project.git(&["branch", "--force", "main", "topic"]);
    project.replace("prompts/support.yaml", "vresion:", "version:");
    project.run(&["eval", "--changed"]).exits(3).says("cannot be read");
}
