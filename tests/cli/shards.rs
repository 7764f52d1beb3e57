//! `eval --shard` and `merge`: the parts together are the whole, and a part alone is nothing.

use crate::fixtures::builtin;
use crate::project::{Outcome, Project};
use serde_json::{Value, json};

/// A suite large enough that no shard of three is empty.
fn project(required: f64) -> Project {
    let project = builtin(required);
    let cases: String = (0..24)
        .map(|n| {
            let context = format!("Parcel {n} takes {n} days. Refunds take five working days.");
            let context = if n % 4 == 0 { "Nothing of use stands here.".to_owned() } else { context };
            format!("{}\n", json!({"id": format!("c{n}"), "input": format!("How long does parcel {n} take?"), "context": [context],
                    "weight": 1 + n % 3, "assert": [{"type": "contains", "value": "days", "weight": 2, "metric": "says_days"}]}))
        })
        .collect();
    project.write("evals/cases/support.jsonl", &cases);
    project
}

/// The reports of all shards, each run with these flags too.
pub fn shards(project: &Project, of: u32, flags: &[&str]) -> Vec<String> {
    (1..=of)
        .map(|k| {
            let path = format!("shard-{k}.json");
            let (shard, report) = (format!("{k}/{of}"), format!("json={path}"));
            let mut arguments = vec!["eval", "--shard", &shard, "--report", &report];
            arguments.extend(flags);
            let outcome = project.run(&arguments);
            assert!(outcome.stderr.contains("llmops merge"), "{}", outcome.stderr);
            path
        })
        .collect()
}

/// `merge` over these reports.
pub fn merge(project: &Project, parts: &[String]) -> Outcome {
    let mut arguments = vec!["--json", "merge"];
    arguments.extend(parts.iter().map(String::as_str));
    project.run(&arguments)
}

/// What has to be the same: everything but the run, what was measured, and where replies came from.
pub fn comparable(mut report: Value) -> Value {
    report.as_object_mut().expect("a report").remove("run");
    for gate in report["gates"].as_array_mut().expect("gates") {
        for key in ["latency_ms", "calls"] {
            gate.as_object_mut().expect("a gate").remove(key);
        }
        gate["usage"].as_object_mut().expect("usage").remove("spent_usd");
        for case in gate["cases"].as_array_mut().expect("cases") {
            for key in ["latency_ms", "source"] {
                case.as_object_mut().expect("a case").remove(key);
            }
        }
    }
    report
}

#[test]
fn the_shards_together_are_the_report_of_one_run() {
    for required in [1.5, 4.9] {
        let project = project(required);
        let whole = project.run(&["--json", "eval"]);
        let parts = shards(&project, 3, &[]);
        let merged = merge(&project, &parts);
        assert_eq!(merged.code, whole.code, "{}", merged.stderr);
        assert_eq!(comparable(merged.json()), comparable(whole.json()));
        assert_eq!(merged.json()["run"]["shard"], Value::Null);
    }
}

#[test]
fn a_missing_a_doubled_and_a_foreign_shard_are_refused() {
    let project = project(1.5);
    let parts = shards(&project, 3, &[]);
    project.run(&["merge", &parts[0], &parts[2]]).exits(2).says("shard 2/3 is missing");
    project.run(&["merge", &parts[0], &parts[1], &parts[1], &parts[2]]).exits(2).says("there twice");
    project.run(&["eval", "--shard", "2/2", "--report", "json=other.json"]);
    project.run(&["merge", &parts[0], "other.json", &parts[2]]).exits(2).says("another number of shards");
    project.run(&["eval", "--shard", "2/3", "--trials", "2", "--report", "json=other.json"]);
    project.run(&["merge", &parts[0], "other.json", &parts[2]]).exits(2).says("another selection");
    project.run(&["eval", "--report", "json=whole.json"]);
    project.run(&["merge", "whole.json"]).exits(2).says("not the report of a shard");
    project.run(&["merge", "nowhere.json"]).exits(2);
    project.write("torn.json", &project.read(&parts[1])[..900]);
    project.run(&["merge", &parts[0], "torn.json", &parts[2]]).exits(2).says("torn.json is no report");

    let moved = |path: &str, from: &str, to: &str, says: &str| {
        project.replace(path, from, to);
        merge(&project, &parts).exits(2).says("another `support`").says(says);
        // Run at another state than the others, a shard is of another run, or of none that stands here.
        project.run(&["eval", "--shard", "2/3", "--report", "json=other.json"]);
        project.run(&["merge", &parts[0], "other.json", &parts[2]]).exits(2);
        project.replace(path, to, from);
        merge(&project, &parts);
        project.run(&["merge", &parts[0], "other.json", &parts[2]]).exits(2).says("another");
    };
    moved("prompts/support.yaml", "Answer from this", "Answer kindly from this", "the prompt differs");
    moved(
        "prompts/support.yaml",
        "eval_score_required: 1.5",
        "eval_score_required: 1.4",
        "eval_score_required",
    );
    moved("prompts/support.yaml", "1.0.0", "1.0.1", "a version differs");
    moved("evals/support.yaml", "1.0.0", "1.0.1", "a version differs");
    moved("evals/support.yaml", "relevance: {}", "relevance: {weight: 2}", "the suite differs");
}

#[test]
fn shards_of_other_commits_bases_and_versions_are_refused() {
    let project = project(1.5);
    let commit = |message: &str| {
        project.git(&["add", "-A"]);
        project.git(&["commit", "-q", "--allow-empty", "-m", message]);
    };
    project.write(".gitignore", "*.json\n.llmops/\n");
    project.git(&["init", "-q"]);
    commit("one");
    commit("two");
    let parts = shards(&project, 2, &["--baseline", "HEAD"]);
    merge(&project, &parts).exits(1);
    project.run(&["eval", "--shard", "2/2", "--baseline", "HEAD~1", "--report", "json=other.json"]);
    project.run(&["merge", &parts[0], "other.json"]).exits(2).says("another base");
    project.run(&["eval", "--shard", "2/2", "--report", "json=other.json"]);
    project.run(&["merge", &parts[0], "other.json"]).exits(2).says("another base");
    project.replace(&parts[1], "\"tool_version\":\"", "\"tool_version\":\"9");
    merge(&project, &parts).exits(2).says("was written by llmops 9");
    commit("three");
    project.run(&["eval", "--shard", "2/2", "--baseline", "HEAD~1", "--report", "json=other.json"]);
    project.run(&["merge", &parts[0], "other.json"]).exits(2).says("another commit");
}

/// Changes the report of a shard where a pointer says, and expects that it is found.
fn tampered(project: &Project, parts: &[String], change: impl Fn(&mut Value), says: &str) {
    let text = project.read(&parts[1]);
    let mut report: Value = serde_json::from_str(&text).expect("a report");
    change(&mut report);
    project.write(&parts[1], &report.to_string());
    merge(project, parts).exits(2).says(says);
    project.write(&parts[1], &text);
}

#[test]
fn a_report_that_was_changed_does_not_hold_together() {
    let project = project(1.5);
    let parts = shards(&project, 2, &[]);
    merge(&project, &parts).exits(1);
    let set = |pointer: &'static str, value: Value| {
        move |report: &mut Value| *report.pointer_mut(pointer).expect(pointer) = value.clone()
    };
    let hold = "does not hold together";
    tampered(&project, &parts, set("/gates/0/cases/0/score", json!(2.0)), hold);
    tampered(&project, &parts, set("/gates/0/cases/0/record/grade/scored/judgement/score", json!(2.0)), hold);
    tampered(&project, &parts, set("/gates/0/score/mean", json!(4.9)), hold);
    tampered(&project, &parts, set("/gates/0/cases_scored", json!(99)), hold);
    tampered(&project, &parts, set("/gates/0/asserts/failed", json!(0)), hold);
    // One number of a record, or of what they come to; a digest.
    for (pointer, value, says) in [
        ("/gates/0/cases/0/record/refused", json!(true), "`metrics.refusal_rate` of the gate of `support`"),
        ("/gates/0/cases/0/record/calls/1/usage/input", json!(7), "`usage.input_tokens` of the gate"),
        ("/gates/0/cases/0/record/failed_attempts", json!(7), "`calls.retries` of the gate"),
        ("/gates/0/judge/digest", json!("sha256:0"), "`judge.digest` of the gate"),
        ("/gates/0/judge", Value::Null, "`judge` of the gate"),
        ("/gates/0/model/provider", json!("other"), "`model.provider` of the gate"),
        ("/gates/0/trials", json!(3), "`trials` of the gate"),
        ("/gates/0/score/ci_low", json!(0.5), "`score.ci_low` of the gate"),
        ("/gates/0/cases/0/record/tags", json!({"topic": "x"}), hold),
    ] {
        tampered(&project, &parts, set(pointer, value), says);
    }
    // Row and record alike: the score is still not that of its dimensions, nor the mean that of the cases.
    let both = |report: &mut Value| {
        for pointer in ["/gates/0/cases/0/score", "/gates/0/cases/0/record/grade/scored/judgement/score"] {
            *report.pointer_mut(pointer).expect(pointer) = json!(2.0);
        }
    };
    tampered(&project, &parts, both, hold);
    let weight = |report: &mut Value| {
        for case in report["gates"][0]["cases"].as_array_mut().expect("cases") {
            case["weight"] = json!(1.0);
            case["record"]["weight"] = json!(1.0);
        }
    };
    tampered(&project, &parts, weight, "another weight");
    let fewer = |report: &mut Value| {
        report["gates"][0]["cases"].as_array_mut().expect("cases").pop();
    };
    tampered(&project, &parts, fewer, "1 planned trial is in no shard");
    let relevant = |report: &mut Value| report["gates"][0]["cases"][0]["record"]["relevant"] = json!(["x"]);
    tampered(&project, &parts, relevant, "other tags or relevant texts");
    // What was refused left no run that could be continued.
    project.run(&["eval", "--resume"]).says("nothing to resume");
    let interrupted = set("/exit_code", json!(130));
    tampered(&project, &parts, interrupted, "was interrupted");
    // The same report under the name of another shard.
    let renamed = project.read(&parts[0]).replacen("\"shard\":\"1/2\"", "\"shard\":\"2/2\"", 1);
    project.write("renamed.json", &renamed);
    project.run(&["merge", &parts[0], "renamed.json"]).exits(2).says("is not one of shard 2/2");
}

#[test]
fn a_shard_without_cases_says_so_and_counts() {
    let project = builtin(1.5);
    let whole = project.run(&["--json", "eval"]).exits(0).json();
    let parts = shards_of_few(&project, 9);
    assert_eq!(comparable(merge(&project, &parts).exits(0).json()), comparable(whole));
    project.run(&["merge", &parts[0]]).exits(2).says("missing");
    // What was named and matches nothing is no empty shard, and neither is a suite without cases.
    project.run(&["eval", "--shard", "1/9", "--case", "nowhere"]).exits(4);
    project.write("evals/cases/support.jsonl", "");
    assert_ne!(project.run(&["eval", "--shard", "1/9"]).code, 0);
}

/// More shards than cases.
fn shards_of_few(project: &Project, of: u32) -> Vec<String> {
    let mut empty = 0;
    let parts = (1..=of)
        .map(|k| {
            let path = format!("few-{k}.json");
            let outcome =
                project.run(&["eval", "--shard", &format!("{k}/{of}"), "--report", &format!("json={path}")]);
            let report: Value = serde_json::from_str(&project.read(&path)).expect("a report");
            if report["gates"] == json!([]) {
                empty += 1;
                let outcome = outcome.exits(0).says(&format!("no case is in shard {k}/{of}"));
                assert!(outcome.stderr.contains("llmops merge"), "{}", outcome.stderr);
                assert_eq!(report["verdict"], Value::Null);
                assert_eq!(report["diagnostics"][0]["code"], "empty-shard");
            }
            path
        })
        .collect();
    assert!(empty >= 6, "{empty}");
    parts
}

#[test]
fn shards_of_a_change_that_touches_nothing_merge_to_nothing() {
    let project = project(1.5);
    project.write(".gitignore", "*.json\n.llmops/\n");
    project.git(&["init", "-q"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-q", "-m", "one"]);
    let mut parts = Vec::new();
    for k in 1..=2 {
        let (shard, path) = (format!("{k}/2"), format!("part-{k}.json"));
        project
            .run(&["eval", "--changed=HEAD", "--shard", &shard, "--report", &format!("json={path}")])
            .exits(0);
        parts.push(path);
    }
    let merged = merge(&project, &parts).exits(0).json();
    assert_eq!((&merged["verdict"], &merged["run"]["shard"]), (&json!("unaffected"), &Value::Null));
    project.run(&["merge", &parts[0]]).exits(2).says("shard 2/2 is missing");
}

#[test]
fn a_shard_that_could_not_begin_says_why_and_merges_to_no_verdict() {
    let project = crate::fixtures::remote("openai", 4.0, 6).set("OPENAI_API_KEY", "");
    for k in 1..=2 {
        let (shard, report) = (format!("{k}/2"), format!("json=shard-{k}.json"));
        project
            .run(&["eval", "--shard", &shard, "--report", &report])
            .exits(3)
            .says("OPENAI_API_KEY is not set");
    }
    let parts = ["shard-1.json".to_owned(), "shard-2.json".to_owned()];
    let said = merge(&project, &parts).exits(3);
    said.says("the shard of shard-1.json was not run: OPENAI_API_KEY is not set")
        .says("export OPENAI_API_KEY");

    project.replace("prompts/support.yaml", "eval_score_required", "eval_score_requird");
    project.run(&["eval", "--shard", "1/2", "--report", "json=shard-1.json"]).exits(2);
    project.replace("prompts/support.yaml", "eval_score_requird", "eval_score_required");
    merge(&project, &parts).exits(2).says("eval_score_requird");
}

#[test]
fn reports_of_another_commit_decide_nothing_here() {
    let project = project(1.5);
    project.git(&["init", "-q", "-b", "main"]);
    crate::diffs::commit(&project, "one");
    let parts = shards(&project, 2, &[]);
    merge(&project, &parts).exits(1);
    // They may have come with the change, and the manifests be the same.
    project.write("app.py", "worse\n");
    crate::diffs::commit(&project, "two");
    merge(&project, &parts).exits(2).says("the shards ran at another commit");
}
