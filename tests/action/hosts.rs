//! The other files to start from: GitLab's job and the hook before a commit.

use crate::runner::{Hub, prompt};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/workflows");
    fs::read_to_string(folder.join(name)).expect("an example")
}

/// What the job of GitLab calls, with these variables of a pipeline.
fn gitlab(variables: &[(&str, &str)]) -> String {
    let place = tempfile::tempdir().expect("a folder");
    let job: Value = serde_yaml::from_str(&example("gitlab-ci.yml")).expect("YAML");
    let lines: Vec<&str> =
        job["prompts"]["script"].as_array().expect("lines").iter().filter_map(Value::as_str).collect();
    let program = place.path().join("llmops");
    fs::write(&program, "#!/bin/sh\necho \"$*\"\n").expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
    let ran = Command::new("/bin/sh")
        .args(["-ec", &lines.join("\n")])
        .env_clear()
        .env("PATH", place.path())
        .envs(variables.iter().copied())
        .output()
        .expect("sh runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn on_gitlab_the_binary_finds_the_base_and_a_fork_spends_no_key() {
    let rest = "--report junit=junit.xml --report html=report.html";
    assert_eq!(gitlab(&[("CI_COMMIT_BRANCH", "main")]), format!("eval {rest}"));
    let request = |source| {
        gitlab(&[
            ("CI_MERGE_REQUEST_IID", "7"),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "1111111111111111111111111111111111111111"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "1"),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", source),
        ])
    };
    assert_eq!(request("1"), format!("eval --changed {rest}"));
    assert_eq!(request("2"), format!("eval --changed --offline {rest}"));
}

#[test]
fn the_hook_looks_at_what_is_about_to_be_committed() {
    let hub = Hub::new();
    let programs = tempfile::tempdir().expect("a folder");
    symlink(env!("CARGO_BIN_EXE_llmops"), programs.path().join("llmops")).expect("a link");
    let hook = hub.work().join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().expect("a folder")).expect("the folder");
    fs::write(&hook, example("pre-commit")).expect("the hook");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("permissions");
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap_or_default());
    let commit = || -> Output {
        Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.invalid", "commit", "-qm", "x"])
            .current_dir(hub.work())
            .env("PATH", &path)
            .output()
            .expect("git runs")
    };
    // What is staged is wrong, and the file on disk is mended already.
    hub.write("prompts/support.yaml", "version: \"1\"\n");
    hub.git(&["add", "-A"]);
    hub.write("prompts/support.yaml", &prompt("support", "1.0.1", "Answer from this:"));
    let ran = commit();
    assert!(!ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    // What is staged is right, and the file on disk is half written; a record counts, whatever folder it is in.
    hub.git(&["add", "-A"]);
    hub.write("prompts/support.yaml", "version: \"1\"\n");
    let ran = commit();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    hub.git(&["checkout", "-q", "."]);
    hub.write("deployments/live.yaml", "support: 1\n");
    hub.git(&["add", "-A"]);
    assert!(!commit().status.success());
}
