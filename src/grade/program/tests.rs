#![cfg(unix)]

use crate::domain::{AssertOutcome, Unscored};
use crate::grade::AssertFault;
use crate::grade::fixture::Given;
use crate::manifest::assert::{Check, ExecAssert};

fn exec(script: &str, threshold: Option<f64>) -> Check {
    Check::Exec(ExecAssert {
        command: vec!["sh".into(), "-c".into(), script.into()],
        inputs: Vec::new(),
        timeout_s: 120,
        threshold,
    })
}

async fn run(script: &str, threshold: Option<f64>) -> Result<AssertOutcome, AssertFault> {
    Given::new("the answer").grade("exec", exec(script, threshold)).await
}

#[tokio::test]
async fn a_program_reads_the_answer_and_decides() {
    let script = r#"in=$(cat); case "$in" in *'"output":"the answer"'*'"expected":"the expected"'*) echo '{"pass": true, "reason": "seen"}';; *) echo '{"pass": false}';; esac"#;
    let outcome = run(script, None).await.expect("decided");
    assert!(outcome.passed, "{}", outcome.reason);
    assert_eq!(outcome.reason, "seen");
    let outcome = run(r#"echo '{"pass": false}'"#, None).await.expect("decided");
    assert!(!outcome.passed);
    assert_eq!(outcome.reason, "the program says fail");
}

#[tokio::test]
async fn with_a_threshold_pass_and_score_both_have_to_hold() {
    for (text, passes) in [
        (r#"{"pass": true, "score": 0.8}"#, true),
        (r#"{"pass": true, "score": 0.79}"#, false),
        (r#"{"pass": false, "score": 1}"#, false),
    ] {
        let outcome = run(&format!("echo '{text}'"), Some(0.8)).await.expect("decided");
        assert_eq!(outcome.passed, passes, "{text}");
    }
    assert!(run(r#"echo '{"pass": true}'"#, Some(0.8)).await.is_err());
}

#[tokio::test]
async fn what_is_no_decision_is_a_fault_that_not_does_not_turn() {
    for script in [
        "exit 1",
        r#"echo '{"pass": true}'; exit 3"#,
        "true",
        "echo nonsense",
        r#"echo '{"score": 0}'"#,
        r#"echo '{"pass": "true"}'"#,
        r#"echo '{"pass": 1}'"#,
        r#"echo '{"pass": true, "pass": false}'"#,
        r#"echo '{"pass": true} {"pass": true}'"#,
        r#"echo '{"pass": true, "score": 7}'"#,
        r#"echo '{"pass": true, "score": "1"}'"#,
        r#"echo '[true]'"#,
        r#"printf '{"pass": true, "reason": "\377"}'"#,
        "kill -9 $$",
    ] {
        for written in ["exec", "not-exec"] {
            let fault = Given::new("x").grade(written, exec(script, None)).await.expect_err(script);
            assert!(matches!(fault, AssertFault::Program { .. }), "{script}: {fault}");
            assert_eq!(fault.unscored(), Some(Unscored::JudgeError));
        }
    }
}

#[tokio::test]
async fn a_program_that_writes_nothing_is_told_what_to_write() {
    for script in ["true", "echo"] {
        let fault = run(script, None).await.expect_err("a fault").to_string();
        assert!(fault.contains(r#"wrote nothing: it has to write {"pass": true}"#), "{fault}");
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_stopped() {
    let Check::Exec(test) = exec("sleep 6000", None) else { panic!("exec") };
    let fault = Given::new("x").grade("exec", Check::Exec(ExecAssert { timeout_s: 1, ..test })).await;
    assert!(fault.expect_err("a fault").to_string().contains("took longer than 1 s"));
}

/// Whether the process of an id file is gone, or a zombie that nobody has reaped yet.
#[cfg(target_os = "linux")]
async fn is_gone(file: &std::path::Path) -> bool {
    let id = std::fs::read_to_string(file).expect("an id").trim().to_owned();
    let gone = async {
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), gone).await.is_ok()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_program_started_ends_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("grandchild");
    // It writes beyond the limit once its own child runs, so that it is stopped whenever that is.
    let script = format!("sleep 600 & echo $! >'{}'; cat /dev/zero", file.display());
    let fault = run(&script, None).await.expect_err("a fault").to_string();
    assert!(fault.contains("wrote more than 1 MiB"), "{fault}");
    assert!(is_gone(&file).await);
}

#[tokio::test]
async fn more_than_a_program_may_write_is_named_and_no_decision() {
    let long = r#"printf '{"pass": true, "reason": "'; head -c 2000000 /dev/zero | tr '\\0' x; printf '"}'"#;
    for written in ["exec", "not-exec"] {
        let fault = Given::new("x").grade(written, exec(long, None)).await.expect_err("a fault").to_string();
        assert!(fault.contains("the program of") && fault.contains("wrote more than 1 MiB"), "{fault}");
    }
}

#[tokio::test]
async fn a_program_need_not_read_a_long_answer() {
    let given = Given::new(&"x".repeat(1 << 20));
    let outcome = given.grade("exec", exec(r#"echo '{"pass": true}'"#, None)).await.expect("decided");
    assert!(outcome.passed);
}

#[tokio::test]
async fn secrets_of_a_program_are_not_shown() {
    let fault = run("echo key sk-secret is wrong >&2; exit 1", None).await.expect_err("a fault").to_string();
    assert!(fault.contains("key [redacted] is wrong") && fault.contains("exit status: 1"), "{fault}");
    let outcome = run(r#"echo '{"pass": true, "reason": "used sk-secret"}'"#, None).await.expect("decided");
    assert_eq!(outcome.reason, "used [redacted]");
}

#[tokio::test]
async fn without_leave_or_without_a_program_nothing_is_decided() {
    let mut given = Given::new("x");
    given.no_exec = true;
    let fault = given.grade("exec", exec(r#"echo '{"pass": true}'"#, None)).await.expect_err("a fault");
    assert!(fault.to_string().contains("--no-exec"));
    let missing = ExecAssert {
        command: vec!["./no/such/program".into()],
        inputs: Vec::new(),
        timeout_s: 1,
        threshold: None,
    };
    let fault = Given::new("x").grade("not-exec", Check::Exec(missing)).await.expect_err("a fault");
    assert!(fault.to_string().contains("could not start"), "{fault}");
}
