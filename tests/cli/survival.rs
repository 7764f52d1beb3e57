//! Runs that survive: money that is set aside, files that two processes write, folders that a killed run leaves.

use crate::fixtures::{builtin, grade, served};
use crate::project::Project;
use crate::stub::{Answer, Seen, Stub};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

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
fn no_report_takes_the_place_of_what_is_evaluated() {
    let project = builtin(1.0);
    project.write("notes.md", "tracked, and read by nobody");
    project.git(&["init", "-q"]);
    project.write(".gitignore", ".llmops/\n");
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "one"]);
    for path in ["evals/cases/support.jsonl", ".gitignore"] {
        let before = project.read(path);
        for broken in [false, true] {
            if broken {
                project.write("llmops.yaml", "nonsense: true\n");
            }
            let outcome = project.run(&["eval", "--report", &format!("html={path}")]).exits(2);
            assert!(broken || outcome.stderr.contains("git tracks it"), "{}", outcome.stderr);
            assert_eq!(project.read(path), before, "{path}");
        }
        fs::remove_file(project.path("llmops.yaml")).expect("the file");
    }
    let cases = project.read("evals/cases/support.jsonl");
    project.run(&["eval"]).exits(0);
    for arguments in [
        &["report", "--report", "csv=evals/cases/support.jsonl"][..],
        &["check", "--report", "sarif=evals/cases/support.jsonl"],
        &["merge", "one.json", "--report", "json=evals/cases/support.jsonl"],
    ] {
        project.run(arguments).exits(2).says("git tracks it");
        assert_eq!(project.read("evals/cases/support.jsonl"), cases, "{arguments:?}");
    }
    project.run(&["eval", "--report", "markdown=notes.md", "--report", "json=evals/new.json"]).exits(0);
    project.run(&["eval", "--report", "json=evals/new.json"]).exits(0);
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

#[test]
fn a_suite_that_records_leaves_what_the_other_suites_of_its_prompt_recorded() {
    let stub = Stub::start(good);
    let project = served("openai", &stub.url, 4.0, 3);
    let suite = project.read("evals/support.yaml");
    project.write("evals/second.yaml", &suite.replace("cases/support.jsonl", "cases/second.jsonl"));
    project.write("evals/cases/second.jsonl", "{\"id\": \"other\", \"input\": \"Another question?\"}\n");
    let lines = || project.read("evals/recordings/support.jsonl").lines().count();
    project.run(&["eval", "--record", "--suite", "support"]).exits(0);
    assert_eq!(lines(), 6);
    project.run(&["eval", "--record", "--suite", "second"]).exits(0);
    assert_eq!(lines(), 8);
    fs::remove_dir_all(project.path(".llmops")).expect("the store");
    project.run(&["eval", "--offline"]).exits(0);
    // All of them together are the whole: what nobody needs any more goes.
    project
        .write("evals/cases/second.jsonl", "{\"id\": \"other\", \"input\": \"Quite another question?\"}\n");
    project.run(&["eval", "--record"]).exits(0);
    assert_eq!(lines(), 8);
}

#[test]
fn shards_over_one_file_of_answers_are_one_run_from_wherever_it_is_named() {
    let project = builtin(1.0);
    let ids = ["refund", "warranty", "delivery"];
    let answers: String =
        ids.iter().map(|id| format!("{}\n", json!({"id": id, "output": "Five days."}))).collect();
    project.write("answers.jsonl", &answers);
    let absolute = project.path("answers.jsonl").display().to_string();
    project.run(&["eval", "--shard", "1/2", "--outputs", "answers.jsonl", "--report", "json=a.json"]);
    project.run(&["eval", "--shard", "2/2", "--outputs", &absolute, "--report", "json=b.json"]);
    let merged = project.run(&["merge", "a.json", "b.json", "--json"]);
    let whole = project.run(&["eval", "--outputs", "answers.jsonl", "--json"]);
    assert!(merged.code < 2 && merged.code == whole.code, "{}", merged.stdout);
    project.write("others.jsonl", &answers);
    project.run(&["eval", "--shard", "2/2", "--outputs", "others.jsonl", "--report", "json=b.json"]);
    project.run(&["merge", "a.json", "b.json"]).exits(2).says("another selection");
}

#[test]
fn an_embedder_of_an_assert_needs_its_key_and_its_price_before_anything_is_paid_for() {
    let stub = Stub::start(good);
    let project = served("openai", &stub.url, 4.0, 3);
    let assert = |model: &str| {
        format!(
            "assert: [{{type: similar, value: x, threshold: 0.1, model: {model}, provider: embedder}}]\njudge:"
        )
    };
    project.write("llmops.yaml", "providers:\n  embedder: {api: openai, api_key_env: EMBEDDER_KEY}\n");
    project.replace("evals/support.yaml", "judge:", &assert("own-embedder-2026-01-15"));
    project.run(&["eval"]).exits(3).says("EMBEDDER_KEY is not set");
    let project = project.set("EMBEDDER_KEY", "sk-embed-0123456789abcdef");
    let unpriced = "`own-embedder-2026-01-15` on `embedder` has no known price";
    project.run(&["eval", "--max-cost", "1"]).exits(2).says(unpriced);
    // An assert of one case alone, and one whose type is escaped.
    let suite = project.read("evals/support.yaml");
    project.write("evals/support.yaml", &suite.replace(&assert("own-embedder-2026-01-15"), "judge:"));
    let similar = json!({"type": "similar", "value": "x", "threshold": 0.1, "model": "own-embedder-2026-01-15", "provider": "embedder"});
    let own = json!({"id": "own", "input": "Q?", "assert": [similar]}).to_string();
    for row in [own.clone(), own.replace("similar", "sim\\u0069lar")] {
        project.write("evals/cases/support.jsonl", &format!("{row}\n"));
        project.run(&["eval", "--max-cost", "1"]).exits(2).says(unpriced);
    }
    assert_eq!(stub.count(), 0);
}

#[test]
fn a_run_that_lacks_answers_takes_no_recording_away() {
    let down = Arc::new(AtomicBool::new(false));
    let is_down = Arc::clone(&down);
    let stub = Stub::start(move |seen| {
        if is_down.load(Ordering::SeqCst) && seen.last_user().contains("Question 2?") {
            return Answer::json(400, &json!({"error": {"message": "no", "type": "invalid_request_error"}}));
        }
        good(seen)
    });
    let project = served("openai", &stub.url, 4.0, 4);
    let lines = || project.read("evals/recordings/support.jsonl").lines().count();
    project
        .run(&["eval", "--record"])
        .exits(0)
        .says("8 exchanges recorded in evals/recordings/support.jsonl");
    assert_eq!(lines(), 8);
    down.store(true, Ordering::SeqCst);
    project.run(&["eval", "--record", "--no-cache"]).exits(3);
    assert_eq!(lines(), 8, "what was not answered now was answered before");
}

#[test]
fn a_run_that_is_continued_records_what_its_first_part_answered() {
    let stub = Stub::start(good);
    let project = served("openai", &stub.url, 4.0, 5);
    project.run(&["eval"]).exits(0);
    let run = run_of(&project);
    fs::remove_file(run.join("report.json")).expect("a report");
    let trials = fs::read_to_string(run.join("trials.jsonl")).expect("trials");
    let first: String = trials.split_inclusive('\n').take(3).collect();
    fs::write(run.join("trials.jsonl"), first).expect("written");
    project.run(&["eval", "--resume", "--record"]).exits(0).says("is continued");
    assert_eq!(stub.count(), 10);
    fs::remove_dir_all(project.path(".llmops")).expect("the store");
    project.run(&["eval", "--offline"]).exits(0);
    assert_eq!(stub.count(), 10);
}

#[test]
fn a_failed_attempt_that_is_paid_for_counts_against_the_limit() {
    let asked: Mutex<BTreeSet<String>> = Mutex::default();
    let stub = Stub::start(move |seen| {
        if seen.is_judge() || !asked.lock().expect("a lock").insert(seen.last_user()) {
            return good(seen);
        }
        let usage = json!({"prompt_tokens": 20, "completion_tokens": 100});
        Answer::json(200, &json!({"choices": [], "error": {"message": "gone"}, "usage": usage}))
    });
    // A failed answer of 100 tokens costs 0.00105 USD, and every one is asked for twice.
    let project = served("openai", &stub.url, 4.0, 12);
    project.run(&["eval", "--max-cost", "0.06", "--json"]).exits(0);
    let report = project.run(&["eval", "--max-cost", "0.02", "--no-cache", "--json"]).exits(3).json();
    assert!(report.to_string().contains("cost-limit"), "{report}");
}

#[test]
fn a_run_against_another_base_takes_no_recording_away() {
    let stub = Stub::start(good);
    let project = served("openai", &stub.url, 4.0, 3);
    project.write(".gitignore", ".llmops/\n");
    project.git(&["init", "-q"]);
    let lines = || project.read("evals/recordings/support.jsonl").lines().count();
    for words in ["", "Be kind. ", "Be brief. "] {
        project.replace("prompts/support.yaml", "Answer", &format!("{words}Answer"));
        project.git(&["add", "-A"]);
        project.git(&["commit", "-q", "--allow-empty", "-m", "one"]);
    }
    project.run(&["eval", "--record", "--baseline", "HEAD~2"]).exits(0);
    assert_eq!(lines(), 9, "answers of both, and one judgement of each");
    for other in ["--baseline=HEAD~1", "--changed=HEAD~1"] {
        project.run(&["eval", "--record", other]).exits(0);
        assert_eq!(lines(), 12, "{other}");
    }
    project.run(&["eval", "--record"]).exits(0);
    assert_eq!(lines(), 6, "a whole run of its own needs no others");
}

#[test]
fn what_is_built_in_is_not_counted_as_called() {
    let stub = Stub::start(good);
    let project = served("openai", &stub.url, 1.0, 3);
    project.replace("evals/support.yaml", "model: \"gpt-4o-2024-08-06\"", "model: builtin/lexical");
    let shown = project.run(&["eval"]);
    assert!(shown.stdout.contains("6 live or built in"), "{}", shown.stdout);
    assert_eq!(stub.count(), 3);
}
