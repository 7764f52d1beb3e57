//! `eval --shard` and `merge`: the parts together are the whole, and a part alone is nothing.

use crate::fixtures::builtin;
use crate::project::Project;
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

fn shards(project: &Project, of: u32) -> Vec<String> {
    (1..=of)
        .map(|k| {
            let path = format!("shard-{k}.json");
            let outcome =
                project.run(&["eval", "--shard", &format!("{k}/{of}"), "--report", &format!("json={path}")]);
            assert!(outcome.stderr.contains("llmops merge"), "{}", outcome.stderr);
            path
        })
        .collect()
}

/// What has to be the same: everything but the run, what was measured, and where replies came from.
fn comparable(mut report: Value) -> Value {
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
        let parts = shards(&project, 3);
        let mut arguments = vec!["--json", "merge"];
        arguments.extend(parts.iter().map(String::as_str));
        let merged = project.run(&arguments);
        assert_eq!(merged.code, whole.code, "{}", merged.stderr);
        assert_eq!(comparable(merged.json()), comparable(whole.json()));
        assert_eq!(merged.json()["run"]["shard"], Value::Null);
    }
}

#[test]
fn a_missing_a_doubled_and_a_foreign_shard_are_refused() {
    let project = project(1.5);
    let parts = shards(&project, 3);
    project.run(&["merge", &parts[0], &parts[2]]).exits(2).says("shard 2/3 is missing");
    project.run(&["merge", &parts[0], &parts[1], &parts[1], &parts[2]]).exits(2).says("there twice");
    project.run(&["eval", "--shard", "2/2", "--report", "json=other.json"]);
    project.run(&["merge", &parts[0], "other.json", &parts[2]]).exits(2).says("another run");
    project.run(&["eval", "--report", "json=whole.json"]);
    project.run(&["merge", "whole.json"]).exits(2).says("not the report of a shard");
    project.run(&["merge", "nowhere.json"]).exits(2);
    project.replace("prompts/support.yaml", "Answer from this", "Answer kindly from this");
    project.run(&["merge", &parts[0], &parts[1], &parts[2]]).exits(2).says("another `support`");
}
