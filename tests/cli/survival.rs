//! Runs that survive: money that is set aside, files that two processes write, folders that a killed run leaves.

use crate::fixtures::{builtin, grade, served};
use crate::project::Project;
use crate::stub::{Answer, Seen, Stub};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

fn good(seen: &Seen) -> Answer {
    Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "Five days.".to_owned() })
}

#[test]
fn a_cost_limit_stops_before_it_is_exceeded_and_a_higher_one_goes_on() {
    // A judgement of 2,000 tokens costs two cents.
    let stub = Stub::start(|seen| match seen.is_judge() {
        false => Answer::openai("Five days."),
        true => {
            let choice = json!({"message": {"content": grade(5).to_string()}, "finish_reason": "stop"});
            let usage = json!({"prompt_tokens": 20, "completion_tokens": 2000});
            Answer::json(200, &json!({"choices": [choice], "usage": usage}))
        }
    });
    let project = served("openai", &stub.url, 4.0, 12);
    let stopped = project.run(&["eval", "--max-cost", "0.1", "--json"]).exits(3).json();
    let calls = stub.count();
    assert!((1..24).contains(&calls), "{calls} calls");
    let spent: f64 = stopped["gates"][0]["usage"]["spent_usd"].as_str().unwrap().parse().unwrap();
    assert!(spent <= 0.1, "{spent}");
    let reasons: Vec<&Value> = stopped["gates"][0]["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| &case["unscored_reason"])
        .collect();
    assert!(reasons.contains(&&json!("cost_limit")), "{reasons:?}");
    let told = stopped["diagnostics"].as_array().unwrap();
    let told = told.iter().find(|found| found["code"] == "cost-limit").expect("it is said");
    let message = told["message"].as_str().unwrap();
    assert!(
        message.contains("not made (--max-cost 0.1)") && message.contains(&format!("{spent} USD were spent")),
        "{message}"
    );
    assert!(told["help"].as_str().is_some_and(|help| help.contains("a higher --max-cost")), "{told}");
    let report = project.run(&["eval", "--max-cost", "5", "--json"]).exits(0).json();
    assert_eq!(stub.count(), 24, "only what was missing is called");
    assert_eq!(report["gates"][0]["calls"]["cached"].as_u64(), Some(calls as u64));
}

#[test]
fn what_is_set_aside_for_calls_under_way_is_waited_for() {
    let stub = Stub::start(good);
    let project = served("openai", &stub.url, 4.0, 40);
    // Each could then take as many tokens as the model has, which is 0.16 USD.
    project.replace("prompts/support.yaml", "  max_tokens: 100\n", "");
    let report = project.run(&["eval", "--max-cost", "0.4", "--json"]).exits(0).json();
    assert_eq!((stub.count(), &report["gates"][0]["cases_scored"]), (80, &json!(40)));
    // One call alone could cost more than this.
    let document = project.run(&["eval", "--max-cost", "0.1", "--no-cache", "--json"]).exits(3).json();
    assert_eq!(stub.count(), 80);
    assert!(
        document.to_string().contains("0 USD were spent, and the next call could have cost 0.16"),
        "{document}"
    );
}

/// The folder of the only run.
fn run_of(project: &Project) -> PathBuf {
    let mut runs = fs::read_dir(project.path(".llmops/runs")).expect("runs");
    runs.next().expect("a run").expect("readable").path()
}

#[test]
fn a_run_whose_records_were_changed_is_not_continued() {
    for (from, to, why) in [
        ("\"id\":\"c1\"", "\"id\":\"c7\"", "the case there is `c1`, and not `c7`"),
        ("\"case\":1,", "\"case\":2,", "it stands in the wrong place"),
        ("\"case\":1,", "\"case\":99,", "it stands in the wrong place"),
        ("\"weight\":1.0", "\"weight\":9.0", "another weight than the suite gives it"),
    ] {
        let project = builtin(1.0);
        let cases: String = (0..3)
            .map(|n| {
                format!(
                    "{}\n",
                    json!({"id": format!("c{n}"), "input": "How long?", "context": ["Five days."]})
                )
            })
            .collect();
        project.write("evals/cases/support.jsonl", &cases);
        project.run(&["eval"]);
        let run = run_of(&project);
        fs::remove_file(run.join("report.json")).expect("a report");
        let trials = run.join("trials.jsonl");
        let text = fs::read_to_string(&trials).expect("trials");
        assert!(text.contains(from), "{text}");
        fs::write(&trials, text.replace(from, to)).expect("written");
        let outcome = project.run(&["eval", "--resume"]).exits(3).says("cannot be continued").says(why);
        outcome.says("run `llmops eval`");
        fs::write(&trials, text).expect("written");
        project.run(&["eval", "--resume"]).says("is continued");
    }
}

#[test]
fn a_folder_without_its_plan_is_no_run() {
    let project = builtin(1.0);
    fs::create_dir_all(project.path(".llmops/runs/20261121T032000Z-123456")).expect("a folder");
    fs::create_dir_all(project.path(".llmops/runs/.20261121T032001Z-123456")).expect("a folder");
    project.run(&["eval", "--resume"]).exits(0).says("nothing to resume");
    project.run(&["report", "last"]).exits(0);
}

#[test]
fn recordings_that_have_no_place_are_said_before_anything_is_paid_for() {
    let stub = Stub::start(good);
    let project = served("openai", &stub.url, 4.0, 3);
    project.write("evals/recordings", "no folder");
    project.run(&["eval", "--record"]).exits(3).says("evals/recordings/support.jsonl cannot be written");
    assert_eq!(stub.count(), 0);
}

#[test]
fn a_plan_writes_no_report() {
    let project = builtin(1.0);
    project.run(&["eval", "--plan", "--report", "json=out.json"]).exits(2).says("nothing to report");
    assert!(project.read("out.json").contains("nothing to report"), "as of every run that could not begin");
}

#[test]
fn half_an_answer_with_an_error_beside_it_is_asked_for_again_and_never_kept() {
    let asked: Mutex<BTreeSet<String>> = Mutex::default();
    let stub = Stub::start(move |seen| {
        if seen.is_judge() || !asked.lock().expect("a lock").insert(seen.last_user()) {
            return good(seen);
        }
        let choice = json!({"message": {"content": "Five"}, "finish_reason": "stop"});
        let error = json!({"message": "upstream went away", "code": 502});
        Answer::json(200, &json!({"choices": [choice], "error": error}))
    });
    let project = served("openai", &stub.url, 4.0, 3);
    let report = project.run(&["eval", "--json"]).exits(0).json();
    let outputs = report["gates"][0]["cases"].as_array().expect("cases").iter().map(|case| &case["output"]);
    assert!(outputs.clone().all(|output| output == "Five days."), "{report}");
    assert_eq!(report["gates"][0]["calls"]["retries"], 3);
}
