//! Ctrl-C leaves a run that can be read and continued.

#![cfg(unix)]

use crate::fixtures::{grade, served};
use crate::stub::{Answer, Stub};
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn an_interrupted_run_drains_keeps_what_finished_and_is_continued() {
    drains_upon("-INT");
}

/// What a CI system sends to a job that it ends.
#[test]
fn a_run_that_is_told_to_end_does_the_same() {
    drains_upon("-TERM");
}

fn drains_upon(signal: &str) {
    let stub = Stub::start(|seen| {
        let text = if seen.is_judge() { grade(5).to_string() } else { "Five days.".to_owned() };
        Answer::openai(&text).after(Duration::from_millis(60))
    });
    let project = served("openai", &stub.url, 4.0, 60);
    let program = assert_cmd::cargo::cargo_bin("llmops");
    let mut child = std::process::Command::new(program)
        .args(["eval", "--json", "--concurrency", "4"])
        .env_clear()
        .env("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        .env("OPENAI_BASE_URL", format!("{}/v1", stub.url))
        .current_dir(project.root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let deadline = Instant::now() + Duration::from_secs(20);
    while stub.count() < 12 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(sent.success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    let before = stub.count();
    assert!(before < 120, "it stopped early: {before}");

    project.run(&["report", "last"]).exits(0).says("interrupted");
    let report = project.run(&["eval", "--resume", "--json"]).exits(0).json();
    assert_eq!(report["gates"][0]["cases_scored"], 60);
    assert_eq!(stub.count(), 120, "no completed call was made twice");
}

#[test]
fn with_nothing_to_resume_a_run_starts_afresh_and_says_so() {
    let stub = Stub::start(|seen| {
        Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "x".to_owned() })
    });
    served("openai", &stub.url, 4.0, 2).run(&["eval", "--resume"]).exits(0).says("afresh");
}

#[test]
fn a_second_signal_ends_at_once_and_loses_no_reply_that_arrived() {
    let stub = Stub::start(|seen| {
        let answer = Answer::openai("Five days.");
        // Some answers arrive; the others would take a minute.
        if seen.body.to_string().contains("Question 1") {
            answer
        } else {
            answer.after(Duration::from_secs(60))
        }
    });
    let project = served("openai", &stub.url, 4.0, 14);
    let prompt = project.read("prompts/support.yaml").replace("eval_score_required: 4\n", "");
    project.write("prompts/support.yaml", &prompt);
    project.write(
        "evals/support.yaml",
        "version: \"1\"\nprompt: support\ncases: cases/support.jsonl\nassert: [{type: contains, value: days}]\n",
    );
    // All of them at once: whatever the order in which they are sent, none waits for one that hangs.
    project.write("llmops.yaml", "providers:\n  openai: {api: openai, concurrency: 14}\n");
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("llmops"))
        .args(["eval", "--quiet"])
        .env_clear()
        .env("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        .env("OPENAI_BASE_URL", format!("{}/v1", stub.url))
        .current_dir(project.root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let stored = || {
        let folder = std::fs::read_dir(project.path(".llmops/exchanges")).into_iter().flatten().flatten();
        folder
            .filter_map(|file| std::fs::read_to_string(file.path()).ok())
            .map(|text| text.lines().count())
            .sum()
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while stored() < 5_usize && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let replied: usize = stored();
    assert_eq!(replied, 5, "cases 1 and 10 to 13");
    for _ in 0..2 {
        let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        std::thread::sleep(Duration::from_millis(300));
    }
    let since = Instant::now();
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(since.elapsed() < Duration::from_secs(20), "it did not wait for what was under way");
    assert_eq!(stored(), replied, "what arrived is kept, for the run that continues");
}
