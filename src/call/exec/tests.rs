//! Real programs: what they write, how they fail, and that none survives its call.

#![cfg(unix)]

use super::*;
use crate::domain::{Message, Parameters, Role};
use crate::manifest::project::Api;
use serde_json::json;

/// Only a program that hangs takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

fn request() -> Request {
    Request {
        provider: "app".into(),
        api: "exec".into(),
        model: "shop".into(),
        messages: vec![Message::new(Role::User, "Hi")],
        tools: Vec::new(),
        parameters: Parameters::default(),
        output: None,
        json: false,
        trial: 0,
        data: json!({"vars": {"input": "Hi"}, "context": []}),
        inputs: None,
        cacheable: false,
    }
}

fn config(command: &[&str]) -> ProviderConfig {
    let mut config = ProviderConfig::new("app".into(), Api::Exec);
    config.command = command.iter().map(|&part| part.to_owned()).collect();
    config
}

async fn shell_in(root: &Path, script: &str, timeout: Duration) -> Result<Reply, LocalFault> {
    run(&request(), &config(&["sh", "-c", script]), root, timeout).await
}

async fn shell(script: &str) -> Result<Reply, LocalFault> {
    shell_in(Path::new("."), script, PATIENCE).await
}

#[tokio::test]
async fn a_program_reads_the_request_and_answers_from_the_root() {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::write(root.path().join("answer.txt"), "from the root").expect("a file");
    let reply = shell_in(root.path(), "cat >seen.json; cat answer.txt", PATIENCE).await;
    assert_eq!(reply.map(|reply| reply.text), Ok("from the root".to_owned()));
    let seen = std::fs::read_to_string(root.path().join("seen.json")).expect("what it read");
    let seen: serde_json::Value = serde_json::from_str(&seen).expect("one JSON object");
    assert_eq!(seen["input"], "Hi");
}

#[tokio::test]
async fn a_program_need_not_read_its_request() {
    let mut large = request();
    large.messages[0].content = "x".repeat(1 << 20);
    let config = config(&["sh", "-c", "exec <&-; echo done"]);
    let reply = run(&large, &config, Path::new("."), PATIENCE).await;
    assert_eq!(reply.map(|reply| reply.text), Ok("done".to_owned()));
}

#[tokio::test]
async fn a_failing_program_is_a_fault_with_its_last_word() {
    let fault = shell("echo partial answer; echo first >&2; echo 'no such dish' >&2; exit 3").await;
    let fault = fault.expect_err("a fault");
    assert_eq!(fault.stage, Stage::Exit);
    assert_eq!(fault.message, "the program ended with status 3: no such dish");
    let long = shell("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1").await.expect_err("a fault");
    // What is shown is cut once more, after secrets are out of it.
    assert!((400..4200).contains(&long.message.chars().count()), "{}", long.message.len());
    assert_eq!(shell("kill -9 $$").await.expect_err("killed").stage, Stage::Exit);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let root = Path::new(".");
    for (command, said) in [
        (vec!["no-such-program-x"], "there is no program `no-such-program-x` in PATH"),
        (vec!["./no/such"], "there is no program `./no/such`: a path in `command` is read from the root"),
        (vec!["./Cargo.toml"], "`./Cargo.toml` may not be executed"),
        (vec![], "the provider `app` has no `command`"),
    ] {
        let fault = run(&request(), &config(&command), root, PATIENCE).await.expect_err(said);
        assert_eq!((fault.stage, fault.message.as_str()), (Stage::Start, said));
    }
}

#[tokio::test]
async fn too_much_and_not_utf8_are_faults() {
    let endless = shell("cat /dev/zero").await.expect_err("a fault");
    assert_eq!(endless.stage, Stage::TooLarge);
    let latin = shell("printf 'caf\\351'").await.expect_err("a fault");
    assert_eq!(latin.stage, Stage::Decode);
}

/// The id that a program wrote into a file, as soon as it is there.
fn id_in(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok().filter(|text| text.ends_with('\n')).map(|text| text.trim().to_owned())
}

/// Waits until the process of an id file is gone, or a zombie that nobody has reaped yet.
async fn is_gone(file: &Path) -> bool {
    let id = id_in(file).expect("an id");
    for _ in 0..1_200 {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_timeout_kills_the_program_and_what_it_started() {
    let root = tempfile::tempdir().expect("a folder");
    let grandchild = root.path().join("grandchild");
    let script = "sleep 6000 & echo $! >grandchild; echo half an answer; wait";
    // A busy machine may end the program before it has started another: then it is given longer.
    for seconds in [1, 4, 16, 64] {
        let fault = shell_in(root.path(), script, Duration::from_secs(seconds)).await.expect_err("a fault");
        let said = format!("`sh` did not answer within {seconds} s");
        assert_eq!((fault.stage, fault.message), (Stage::Timeout, said));
        if id_in(&grandchild).is_some() {
            break;
        }
    }
    assert!(is_gone(&grandchild).await);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dropped_call_leaves_no_program_behind() {
    let root = tempfile::tempdir().expect("a folder");
    let child = root.path().join("child");
    let call = shell_in(root.path(), "echo $$ >child; sleep 6000", Duration::from_secs(6000));
    let started = async {
        while id_in(&child).is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        answered = call => panic!("it never answers: {answered:?}"),
        started = tokio::time::timeout(Duration::from_secs(60), started) => started.expect("it starts"),
    }
    assert!(is_gone(&child).await);
}
