//! The action's script, run as a runner would: payloads of each event, a `gh` and a `llmops` that only take notes.

#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test says what it expected")]
#![allow(clippy::disallowed_methods, reason = "a test reads the environment it runs in")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const MARKER: &str = llmops::report::markdown::MARKER;
const BASE: &str = "1111111111111111111111111111111111111111";

struct Runner {
    folder: TempDir,
    event: &'static str,
    settings: Vec<(&'static str, String)>,
}

struct Ran {
    code: i32,
    asked: String,
    gh: String,
    summary: String,
    output: String,
    said: String,
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).expect("a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
}

impl Runner {
    /// A runner for an event; the gate ends with `code`, and the comment's id is `comment`.
    fn new(event: &'static str, payload: &str, code: u8, comment: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("event.json"), payload).expect("the payload");
        script(
            &at("llmops"),
            &format!(
                "#!/bin/sh\necho \"$@\" >{0}/asked\nfor a in \"$@\"; do case $a in markdown=*) printf '{MARKER}\\nFAILED\\n' >\"${{a#markdown=}}\";; esac; done\nexit {code}\n",
                folder.path().display()
            ),
        );
        script(
            &at("gh"),
            &format!(
                "#!/bin/sh\necho \"$@\" >>{}/gh-asked\ncase \"$*\" in *--paginate*) echo '{comment}';; esac\n",
                folder.path().display()
            ),
        );
        Self {
            folder,
            event,
            settings: vec![("ANTHROPIC_API_KEY", "sk-ant-x".to_owned()), ("GITHUB_TOKEN", "t".to_owned())],
        }
    }

    fn run(&self) -> Ran {
        let at = |name: &str| self.folder.path().join(name);
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("action/run.sh"))
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", self.folder.path().display()))
            .env("GITHUB_EVENT_NAME", self.event)
            .env("GITHUB_EVENT_PATH", at("event.json"))
            .env("GITHUB_REPOSITORY", "acme/prompts")
            .env("GITHUB_STEP_SUMMARY", at("summary.md"))
            .env("GITHUB_OUTPUT", at("output"))
            .envs(self.settings.iter().map(|(name, value)| (*name, value.as_str())))
            .output()
            .expect("sh runs");
        let read = |name: &str| fs::read_to_string(at(name)).unwrap_or_default();
        Ran {
            code: output.status.code().unwrap_or(-1),
            asked: read("asked"),
            gh: read("gh-asked"),
            summary: read("summary.md"),
            output: read("output"),
            said: format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }
}

fn pull_request(fork: bool) -> String {
    format!(
        r#"{{"pull_request": {{"number": 7, "base": {{"sha": "{BASE}"}}, "head": {{"repo": {{"fork": {fork}}}}}}}}}"#
    )
}

#[test]
fn a_pull_request_is_compared_with_its_base_and_gets_one_comment() {
    let ran = Runner::new("pull_request", &pull_request(false), 1, "").run();
    assert_eq!(ran.code, 1, "{}", ran.said);
    assert!(ran.asked.contains(&format!("eval --changed={BASE} ")), "{}", ran.asked);
    assert!(!ran.asked.contains("--offline"), "{}", ran.asked);
    for format in ["markdown=", "html=", "junit=", "json=", "github=-"] {
        assert!(ran.asked.contains(&format!("--report {format}")), "{format}: {}", ran.asked);
    }
    assert!(ran.gh.contains("--method POST repos/acme/prompts/issues/7/comments"), "{}", ran.gh);
    assert!(
        ran.summary.contains("FAILED") && ran.output.contains("verdict=failed"),
        "{} {}",
        ran.summary,
        ran.output
    );
    let again = Runner::new("pull_request", &pull_request(false), 0, "42").run();
    assert_eq!(again.code, 0);
    assert!(again.gh.contains("--method PATCH repos/acme/prompts/issues/comments/42"), "{}", again.gh);
    assert!(!again.gh.contains("POST"), "{}", again.gh);
}

#[test]
fn a_merge_group_and_a_push_are_compared_with_what_was_there_and_get_no_comment() {
    let group = format!(r#"{{"merge_group": {{"base_sha": "{BASE}"}}}}"#);
    let push = format!(r#"{{"before": "{BASE}"}}"#);
    for (event, payload) in [("merge_group", group), ("push", push)] {
        let ran = Runner::new(event, &payload, 3, "").run();
        assert_eq!((ran.code, ran.gh.as_str()), (3, ""), "{event}");
        assert!(ran.asked.contains(&format!("--changed={BASE}")), "{event}: {}", ran.asked);
        assert!(ran.output.contains("verdict=no-verdict"));
    }
    let first = Runner::new("push", r#"{"before": "0000000000000000000000000000000000000000"}"#, 0, "").run();
    assert!(!first.asked.contains("--changed"), "{}", first.asked);
}

#[test]
fn a_fork_without_secrets_runs_offline_and_is_not_green_without_evidence() {
    let mut runner = Runner::new("pull_request", &pull_request(true), 3, "");
    runner.settings = vec![("GITHUB_TOKEN", String::new())];
    let ran = runner.run();
    assert_eq!(ran.code, 3, "{}", ran.said);
    assert!(ran.asked.contains("--offline"), "{}", ran.asked);
    assert_eq!(ran.gh, "");
}

#[test]
fn secrets_are_never_given_to_code_that_nobody_reviewed() {
    let ran = Runner::new("pull_request_target", &pull_request(true), 0, "").run();
    assert_eq!((ran.code, ran.asked.as_str()), (2, ""), "{}", ran.said);
}

#[test]
fn a_gate_that_could_not_start_still_says_so() {
    let runner = Runner::new("pull_request", &pull_request(false), 0, "");
    script(&runner.folder.path().join("llmops"), "#!/bin/sh\nexit 2\n");
    let ran = runner.run();
    assert_eq!(ran.code, 2);
    assert!(ran.summary.starts_with(MARKER) && ran.summary.contains("wrong-input"), "{}", ran.summary);
}

#[test]
fn the_comment_never_changes_the_verdict() {
    let runner = Runner::new("pull_request", &pull_request(false), 0, "");
    script(&runner.folder.path().join("gh"), "#!/bin/sh\nexit 1\n");
    let ran = runner.run();
    assert_eq!(ran.code, 0, "{}", ran.said);
    assert!(ran.said.contains("::warning"), "{}", ran.said);
}
