//! Disks that are full, folders that are none, readers that leave: a clear line, an exit that says so, and nothing lost.

#![cfg(unix)]

use crate::fixtures::{builtin, grade, served};
use crate::stub::{Answer, Stub};
use std::process::Stdio;

#[test]
fn a_file_where_the_store_has_to_be_is_said() {
    let project = builtin(1.5);
    project.write(".llmops", "");
    project.run(&["eval"]).exits(3).says("cannot be made").says("move it away");
}

/// Runs the program where no file may grow beyond a few blocks: what a full disk is to a writer.
fn cramped(project: &crate::project::Project, blocks: u32, arguments: &str) -> (i32, String) {
    limited(project, &format!("trap '' XFSZ; ulimit -f {blocks}"), arguments)
}

fn limited(project: &crate::project::Project, limits: &str, arguments: &str) -> (i32, String) {
    let program = assert_cmd::cargo::cargo_bin("llmops");
    let script = format!("{limits}; exec \"{}\" {arguments}", program.display());
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(project.root())
        .env_clear()
        .env("HOME", project.root())
        .output()
        .expect("sh runs");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_lock_that_cannot_be_written_whole_is_the_one_that_was_there() {
    let project = builtin(1.5);
    project.run(&["lock"]).exits(0);
    let before = project.read("llmops.lock");
    project.replace("prompts/support.yaml", "1.0.0", "1.0.1");
    let (code, stderr) = cramped(&project, 0, "lock");
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("llmops.lock cannot be written"), "{stderr}");
    assert_eq!(project.read("llmops.lock"), before);
    project.run(&["lock"]).exits(0);
}

#[test]
fn a_run_that_cannot_be_kept_has_no_verdict() {
    let project = builtin(1.5);
    // The signal that says so ends nothing before it can be told.
    for limits in ["trap '' XFSZ; ulimit -f 0", "ulimit -f 0"] {
        let (code, stderr) = limited(&project, limits, "eval");
        assert_eq!(code, 3, "{stderr}");
        assert!(stderr.contains("cannot be written") && stderr.contains("raise the limit"), "{stderr}");
    }
    project.run(&["eval"]).exits(0);
}

#[test]
fn a_reader_that_leaves_changes_neither_the_exit_nor_the_report() {
    let project = builtin(1.5);
    let program = assert_cmd::cargo::cargo_bin("llmops");
    for arguments in
        [&["eval", "--json"][..], &["eval", "--report", "json=-"], &["eval"], &["check", "--json"]]
    {
        let mut child = std::process::Command::new(&program)
            .args(arguments)
            .current_dir(project.root())
            .env_clear()
            .env("HOME", project.root())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("error"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn where_a_report_has_nowhere_to_go_nothing_is_paid_for() {
    let stub = Stub::start(|seen| {
        Answer::openai(&if seen.is_judge() { grade(5).to_string() } else { "Five days.".to_owned() })
    });
    let project = served("openai", &stub.url, 4.0, 3);
    project.write("file", "x");
    let outcome = project.run(&["eval", "--report", "json=file/a.json"]).exits(2).says("cannot write");
    assert_eq!(outcome.stderr.matches("cannot write").count(), 1, "{}", outcome.stderr);
    project
        .run(&["eval", "--report", "json=a", "--report", "html=a"])
        .exits(2)
        .says("two reports would be written to a");
    project
        .run(&["eval", "--report", "json=-", "--report", "csv=-"])
        .exits(2)
        .says("two reports would be written to standard output");
    assert_eq!(stub.count(), 0);

    // A report on standard output stands there alone; what people read is beside it.
    let outcome = project.run(&["eval", "--report", "json=-"]).exits(0);
    assert_eq!(outcome.json()["verdict"], "passed");
    assert!(outcome.stderr.contains("PASSED"), "{}", outcome.stderr);
}

#[test]
fn what_was_to_be_printed_and_is_lost_is_not_done() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let project = builtin(1.5);
    project.git(&["init", "-q"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "x"]);
    for arguments in [
        &["check"][..],
        &["--json", "check"],
        &["--json", "diff"],
        &["--json", "status"],
        &["eval"],
        &["eval", "--json"],
        &["eval", "--report", "html=-"],
        &["--help"],
    ] {
        let output = std::process::Command::new(assert_cmd::cargo::cargo_bin("llmops"))
            .args(arguments)
            .current_dir(project.root())
            .env_clear()
            .env("HOME", project.root())
            .stdout(full.try_clone().expect("a device"))
            .output()
            .expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {stderr}");
        assert!(stderr.contains("error: ") && stderr.contains("space"), "{arguments:?}: {stderr}");
    }
    // What a gate decided stays what it is.
    project.replace("evals/support.yaml", "judge:", "assert:\n  - {type: contains, value: nowhere}\njudge:");
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("llmops"));
    command.arg("eval").current_dir(project.root()).env_clear().env("HOME", project.root()).stdout(full);
    let output = command.output().expect("the program runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_manifest_that_holds_no_text_is_said() {
    let project = builtin(1.5);
    let made = std::process::Command::new("mkfifo").arg(project.path("prompts/pipe.yaml")).status();
    assert!(made.expect("mkfifo runs").success());
    for (link, to) in
        [("loop.yaml", "loop.yaml"), ("dead.yaml", "nowhere.yaml"), (".#support.yaml", "me@here.1")]
    {
        std::os::unix::fs::symlink(to, project.path("prompts").join(link)).expect("a link");
    }
    let found = project.run(&["check", "--json"]).exits(2).json();
    let places: Vec<&str> = found["diagnostics"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|one| one["file"].as_str().or(one["path"].as_str()))
        .collect();
    // What an editor leaves beside a file that it has open is no manifest.
    assert_eq!(places, ["prompts/dead.yaml", "prompts/loop.yaml", "prompts/pipe.yaml"], "{found}");
}

#[test]
fn a_report_is_written_where_it_is_named_and_through_no_link() {
    let project = builtin(1.5);
    project.git(&["init", "-q"]);
    let cases = project.read("evals/cases/support.jsonl");
    for (link, to) in [
        ("report.html", "evals/cases/support.jsonl"),
        ("junit.xml", "../outside.xml"),
        ("r.csv", ".git/config"),
    ] {
        std::os::unix::fs::symlink(to, project.path(link)).expect("a link");
    }
    for report in ["html=report.html", "junit=junit.xml", "csv=r.csv", "json=.git/config"] {
        project.run(&["eval", "--report", report]).exits(2).says("cannot write");
    }
    project.run(&["check", "--report", "sarif=report.html"]).exits(2).says("is a link to another file");
    assert_eq!(project.read("evals/cases/support.jsonl"), cases);
    assert!(!project.path("../outside.xml").exists());
    project.run(&["eval", "--quiet", "--report", "json=/dev/stdout"]).exits(0);
}

#[test]
fn a_pipe_gets_its_report() {
    let project = builtin(1.5);
    let pipe = project.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).expect("the report"));
    project.run(&["eval", "--quiet", "--report", "json=pipe"]).exits(0);
    assert!(reader.join().expect("it is read").contains("llmops/report/v1"));
}
