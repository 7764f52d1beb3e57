//! Ctrl-C leaves a run that can be read and continued.

#![cfg(unix)]

use crate::fixtures::{grade, served};
use crate::project::Project;
use crate::stub::{Answer, CEILING, Latch, Stub, until};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

#[test]
fn an_interrupted_run_drains_keeps_what_finished_and_is_continued() {
    drains_upon(Signal::INT);
}

/// What a CI system sends to a job that it ends.
#[test]
fn a_run_that_is_told_to_end_does_the_same() {
    drains_upon(Signal::TERM);
}

/// The program on a project whose provider is a stub, its messages on a pipe.
fn started(project: &Project, stub: &Stub, arguments: &[&str]) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin("llmops"))
        .args(arguments)
        .env_clear()
        .env("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        .env("OPENAI_BASE_URL", format!("{}/v1", stub.url))
        .current_dir(project.root())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Whether the program hears a signal by now; before that, the signal would simply end it. Only Linux tells.
fn hears(child: &Child, signal: Signal) -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it goes on");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask").trim();
    let caught = u64::from_str_radix(caught, 16).expect("hexadecimal");
    caught >> (signal.as_raw() - 1) & 1 == 1
}

fn send(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("an id");
    kill_process(id, signal).expect("it is there: nobody has waited for it yet");
}

fn drains_upon(signal: Signal) {
    let told = Latch::default();
    let held = told.clone();
    let stub = Stub::start(move |seen| {
        // From here on the run cannot go on by itself, however late the signal comes.
        if seen.index >= 11 {
            held.wait();
        }
        Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "Five days.".to_owned() })
    });
    let project = served("openai", &stub.url, 4.0, 60);
    let mut child = started(&project, &stub, &["eval", "--json", "--concurrency", "4"]);
    until("twelve requests", || stub.count() >= 12);
    until("the program hears signals", || hears(&child, signal));
    let (tell, lines) = channel();
    let said = BufReader::new(child.stderr.take().expect("a pipe"));
    std::thread::spawn(move || said.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    send(&child, signal);
    loop {
        let line = lines.recv_timeout(CEILING).expect("it says that it was interrupted");
        if line.starts_with("interrupted:") {
            break;
        }
    }
    told.open();
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let before = stub.count();
    assert!(before < 120, "it stopped early: {before}");

    project.run(&["report", "last"]).exits(0).says("interrupted");
    let report = project.run(&["eval", "--resume", "--json"]).exits(0).json();
    assert_eq!(report["gates"][0]["cases_scored"], 60);
    assert_eq!(stub.count(), 120, "no completed call was made twice");
}

#[test]
fn while_reports_are_written_one_signal_ends_it_and_the_run_is_kept() {
    let stub = Stub::start(|seen| {
        Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "Five days.".to_owned() })
    });
    let project = served("openai", &stub.url, 4.0, 4);
    let pipe = project.path("report.pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    // Nobody reads it, so that the report cannot be written.
    let mut child = started(&project, &stub, &["eval", "--report", "json=report.pipe"]);
    until("the run is kept", || {
        let runs = std::fs::read_dir(project.path(".llmops/runs")).into_iter().flatten().flatten();
        runs.into_iter().any(|run| run.path().join("report.json").is_file())
    });
    // It may not have noticed yet that it is: then this is heard as the first of several.
    std::thread::sleep(Duration::from_millis(300));
    send(&child, Signal::INT);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let mut said = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("the run is kept")), "it says so");
    project.run(&["report", "last"]).exits(0).says("passed");
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
    let over = Latch::default();
    let held = over.clone();
    let stub = Stub::start(move |seen| {
        // Some answers arrive; the others never would.
        if !seen.body.to_string().contains("Question 1") {
            held.wait();
        }
        Answer::openai("Five days.")
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
    let mut child = started(&project, &stub, &["eval", "--quiet", "--timeout", "600"]);
    let stored = || -> usize {
        let folder = std::fs::read_dir(project.path(".llmops/exchanges")).into_iter().flatten().flatten();
        folder
            .filter_map(|file| std::fs::read_to_string(file.path()).ok())
            .map(|text| text.matches('\n').count())
            .sum()
    };
    until("the replies to cases 1 and 10 to 13 are stored", || stored() == 5);
    until("the program hears signals", || hears(&child, Signal::INT));
    // Two that come close together may arrive as one, so that it is told until it has ended.
    let mut code = None;
    until("it does not wait for what is under way", || {
        send(&child, Signal::INT);
        std::thread::sleep(Duration::from_millis(200));
        code = child.try_wait().expect("a status");
        code.is_some()
    });
    assert_eq!(code.and_then(|code| code.code()), Some(130));
    assert_eq!(stub.count(), 14, "those that hang were under way all the time");
    assert_eq!(stored(), 5, "what arrived is kept, for the run that continues");
    over.open();
}

/// A run that is killed after a few answers: its provider answers five and holds the sixth.
fn cut_short(project: &Project, arguments: &[&str]) {
    let over = Latch::default();
    let held = over.clone();
    let stub = Stub::start(move |seen| {
        if seen.index >= 5 {
            held.wait();
        }
        Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "Five days.".to_owned() })
    });
    let arguments = [&["eval", "--quiet", "--concurrency", "1", "--timeout", "600"], arguments].concat();
    let mut child = started(project, &stub, &arguments);
    until("six requests", || stub.count() >= 6);
    child.kill().expect("it was going");
    child.wait().expect("it ended");
    over.open();
}

#[test]
fn a_run_is_continued_as_what_it_was_begun_as() {
    let stub = Stub::start(|_| Answer::openai(&grade(5).to_string()));
    let project = served("openai", &stub.url, 4.0, 40);
    let answers: String = (0..40)
        .map(|n| format!("{}\n", serde_json::json!({"id": format!("case-{n:02}"), "output": "Six days."})))
        .collect();
    project.write("answers.jsonl", &answers);

    // Answers from a file go on coming from it, and no run becomes a complete one by being continued.
    cut_short(&project, &["--outputs", "answers.jsonl"]);
    project.run(&["eval", "--resume", "--sample", "5"]).exits(2).says("begun with another selection");
    let report = project.run(&["eval", "--resume", "--json"]).exits(0).json();
    assert!(report["run"]["selection"]["outputs"].is_string(), "{}", report["run"]);
    let outputs = report["gates"][0]["cases"].as_array().expect("cases").iter().map(|case| &case["output"]);
    assert!(outputs.clone().count() == 40 && outputs.clone().all(|output| output == "Six days."));

    // Answers that were changed in between are other answers.
    let before = stub.count();
    cut_short(&project, &["--no-cache", "--outputs", "answers.jsonl"]);
    project.write("answers.jsonl", &answers.replace("Six", "Two"));
    project.run(&["eval", "--resume"]).exits(2).says("is not what run");
    assert_eq!(stub.count(), before);
}

#[test]
fn a_candidate_goes_on_beside_the_pinned_model() {
    let stub = Stub::start(|seen| {
        Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "Five days.".to_owned() })
    });
    let project = served("openai", &stub.url, 4.0, 20);
    cut_short(&project, &["--model", "gpt-4o-mini-2024-07-18"]);
    let report = project.run(&["eval", "--resume", "--json"]).exits(0).json();
    assert_eq!(report["run"]["selection"]["model"], "gpt-4o-mini-2024-07-18");
    assert!(report["gates"][0]["baseline"]["mean"].is_number(), "{}", report["gates"][0]["baseline"]);
}

/// Runs `eval` until the stub was asked so often, and sends one signal; it ends without sitting its waits out.
fn told_to_end(project: &Project, stub: &Stub, after: usize) {
    let mut child = started(project, stub, &["eval", "--quiet"]);
    until("its requests", || stub.count() >= after);
    until("the program hears signals", || hears(&child, Signal::INT));
    let since = Instant::now();
    send(&child, Signal::INT);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(since.elapsed() < Duration::from_secs(45), "it sat its waits out");
}

#[test]
fn what_only_waits_is_not_waited_for() {
    let slow = serde_json::json!({"error": {"message": "slow down"}});
    let broken = serde_json::json!({"error": {"message": "oh", "type": "server_error"}});
    let held = Stub::start(move |_| Answer::json(429, &slow).header("retry-after", "55"));
    told_to_end(&served("openai", &held.url, 4.0, 30), &held, 4);
    let remaining = Stub::start(|_| {
        Answer::openai("Five days.")
            .header("x-ratelimit-remaining-requests", "0")
            .header("x-ratelimit-reset-requests", "55s")
    });
    told_to_end(&served("openai", &remaining.url, 4.0, 30), &remaining, 1);
    let ill = Stub::start(move |_| Answer::json(500, &broken).header("retry-after", "55"));
    told_to_end(&served("openai", &ill.url, 4.0, 30), &ill, 4);
}

#[test]
fn of_those_that_stand_in_line_none_is_sent_after_the_signal() {
    let told = Latch::default();
    let held = told.clone();
    let stub = Stub::start(move |seen| {
        if seen.index == 2 {
            held.wait();
        }
        Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "Five days.".to_owned() })
    });
    let project = served("openai", &stub.url, 4.0, 30);
    project.write("llmops.yaml", "providers:\n  openai: {api: openai, concurrency: 1}\n");
    let mut child = started(&project, &stub, &["eval", "--timeout", "600"]);
    until("the third request", || stub.count() >= 3);
    until("the program hears signals", || hears(&child, Signal::INT));
    send(&child, Signal::INT);
    let mut said = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("interrupted:")), "it says so");
    told.open();
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(stub.count(), 3, "what was under way was waited for, and nothing was sent after it");
    let report = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!(report["gates"][0]["cases_scored"], 30);
    assert_eq!(stub.count(), 60, "what had arrived was kept, and nothing was asked twice");
}
