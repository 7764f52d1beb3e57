//! The wall clock of a run, and requests that are the same: what is asked, and what is not.

use crate::fixtures::{grade, inputs, served};
use crate::project::Project;
use crate::stub::{Answer, Seen, Stub};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn good(seen: &Seen) -> Answer {
    Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "Five days.".to_owned() })
}

fn reasons(report: &Value) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for case in report["gates"]
        .as_array()
        .expect("gates")
        .iter()
        .flat_map(|gate| gate["cases"].as_array().expect("cases"))
    {
        if let Some(reason) = case["unscored_reason"].as_str() {
            *found.entry(reason.to_owned()).or_default() += 1;
        }
    }
    found
}

#[test]
fn when_the_time_is_over_nothing_is_asked_any_more_and_the_next_run_continues() {
    let (refused, silent) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
    let (refuses, hangs) = (Arc::clone(&refused), Arc::clone(&silent));
    let stub = Stub::start(move |seen| {
        if !seen.body.to_string().contains("Question 7?") {
            return good(seen);
        }
        if refuses.load(Ordering::SeqCst) {
            return Answer::json(400, &json!({"error": {"message": "no", "type": "invalid_request_error"}}));
        }
        if hangs.load(Ordering::SeqCst) { Answer::Hang } else { good(seen) }
    });
    let project = served("openai", &stub.url, 4.0, 10);
    // All but one are stored, so that the time of the next run is for the one alone.
    project.run(&["eval"]).exits(3);
    refused.store(false, Ordering::SeqCst);
    let report = project.run(&["eval", "--json", "--timeout", "600", "--max-time", "5"]).exits(3).json();
    assert_eq!(report["verdict"], "inconclusive");
    assert_eq!(reasons(&report), BTreeMap::from([("timeout".to_owned(), 1)]));
    assert_eq!(report["gates"][0]["cases_scored"], 9);
    let told = report["diagnostics"].as_array().expect("diagnostics");
    let told = told.iter().find(|found| found["code"] == "time-limit").expect("it is said");
    assert!(
        told["message"]
            .as_str()
            .is_some_and(|text| text.contains("after 5 s") && text.contains("1 trial was"))
    );
    assert!(told["help"].as_str().is_some_and(|text| text.contains("`llmops eval` again")));

    silent.store(false, Ordering::SeqCst);
    let before = stub.count();
    let report = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!(report["gates"][0]["cases_scored"], 10);
    assert_eq!(stub.count() - before, 2, "only what was missing was asked: an answer and its judgement");
}

#[test]
fn a_run_that_is_cut_short_keeps_what_arrived_and_gets_there_in_parts() {
    // The first answers of a run arrive, the others hang until the time is over: no run gets further than that, however
    // fast the machine.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let stub = Stub::start(
        move |seen| {
            if count.fetch_add(1, Ordering::SeqCst) < 6 { good(seen) } else { Answer::Hang }
        },
    );
    let project = served("openai", &stub.url, 4.0, 10);
    let cut = ["eval", "--json", "--concurrency", "2", "--timeout", "600", "--max-time", "1"];
    let mut runs = 0;
    let report = loop {
        runs += 1;
        assert!(runs < 200, "it never gets there");
        asked.store(0, Ordering::SeqCst);
        let outcome = project.run(&cut);
        if outcome.code == 0 {
            break outcome.json();
        }
        let report = outcome.exits(3).json();
        assert!(reasons(&report).keys().all(|reason| reason == "timeout"), "{:?}", reasons(&report));
        let gate = &report["gates"][0];
        let sum = gate["cases_scored"].as_u64().zip(gate["cases_unscored"].as_u64()).map(|(a, b)| a + b);
        assert_eq!(sum, Some(10), "every planned trial is there");
    };
    assert!(runs > 1, "the time was never over");
    assert_eq!(report["gates"][0]["cases_scored"], 10);
    // What was under way when the time was over is asked again; what had arrived is not.
    assert!(stub.count() <= 20 + 2 * runs, "{} calls in {runs} runs", stub.count());
}

#[test]
fn the_people_who_wait_are_told_too() {
    let stub = Stub::start(|_| Answer::Hang);
    let project = served("openai", &stub.url, 4.0, 2);
    project
        .run(&["eval", "--max-time", "1"])
        .exits(3)
        .says("the time of the run was over after 1 s (--max-time): 2 trials were not finished")
        .says("no verdict");
    project.run(&["eval", "--max-time", "0"]).exits(2);
    project.run(&["eval", "--timeout", "0"]).exits(2).says("--timeout");
    project.run(&["run", "support", "--var", "input=hi", "--timeout", "0"]).exits(2).says("--timeout");
    project.run(&["eval", "--max-time", "soon"]).exits(2);
}

/// Two prompts that say the same, each with a suite of the same cases: every request is there twice.
fn twins(url: &str, cases: usize) -> Project {
    let project = served("openai", url, 4.0, cases);
    project.write("prompts/twin.yaml", &project.read("prompts/support.yaml"));
    let suite = project.read("evals/support.yaml");
    project.write(
        "evals/twin.yaml",
        &suite.replace("prompt: support", "prompt: twin").replace("support.jsonl", "twin.jsonl"),
    );
    project.write("evals/cases/twin.jsonl", &inputs(cases));
    project.write("llmops.yaml", "providers:\n  openai: {api: openai, concurrency: 64}\n");
    project
}

fn calls(report: &Value, kind: &str) -> u64 {
    let gates = report["gates"].as_array().expect("gates");
    gates.iter().map(|gate| gate["calls"][kind].as_u64().expect("a count")).sum()
}

#[test]
fn what_is_the_same_and_under_way_is_asked_once() {
    for flags in [&["eval", "--json"][..], &["eval", "--json", "--no-cache"]] {
        let stub = Stub::start(|seen| good(seen).after(Duration::from_millis(150)));
        let report = twins(&stub.url, 20).run(flags).exits(0).json();
        assert_eq!(stub.count(), 40, "{flags:?}");
        assert_eq!((calls(&report, "live"), calls(&report, "cached")), (40, 40), "{flags:?}");
    }
}

#[test]
fn when_the_first_fails_the_second_tries_itself() {
    let seen_before: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let stub = Stub::start(move |seen| {
        let mut before = seen_before.lock().expect("the counts");
        let times = before.entry(seen.body.to_string()).or_default();
        *times += 1;
        if *times == 1 && !seen.is_judge() {
            let fault = json!({"error": {"message": "no", "type": "invalid_request_error"}});
            return Answer::json(400, &fault).after(Duration::from_millis(100));
        }
        good(seen)
    });
    let report = twins(&stub.url, 10).run(&["eval", "--json"]).exits(3).json();
    assert_eq!(reasons(&report), BTreeMap::from([("provider_error".to_owned(), 10)]));
    assert_eq!(stub.count(), 30, "two answers each, of which one failed, and one judgement");
}

#[test]
fn trials_of_one_case_are_different_requests() {
    let stub = Stub::start(good);
    let project = served("openai", &stub.url, 4.0, 5);
    project.run(&["eval", "--trials", "3"]).exits(0);
    assert_eq!(stub.count(), 30);
}
