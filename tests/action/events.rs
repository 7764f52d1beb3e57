//! What each event is compared with, and that nothing is green without evidence.

use crate::runner::{Hub, REPOSITORY, prompt};
use crate::stub::{Answer, Stub};
use serde_json::{Value, json};
use std::fs;

/// A change that loses what the answer is taken from.
fn break_support(hub: &Hub) {
    let broken = prompt("support", "1.1.0", "Answer this.").replace("{{ context }}", "");
    hub.write("prompts/support.yaml", &broken);
}

fn improve_support(hub: &Hub) {
    hub.write("prompts/support.yaml", &prompt("support", "1.1.0", "Answer politely from this:"));
}

#[test]
fn a_pull_request_is_blocked_by_its_own_change_in_a_full_and_in_a_shallow_checkout() {
    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some(REPOSITORY), break_support);
    for depth in [0, 1, 2] {
        let ran = hub.run("pull_request", &payload, &merge, depth).go().exits(1, "failed");
        // What somebody else merged meanwhile is not this request's.
        assert_eq!(ran.prompts(), ["support"], "{depth}: {}", ran.said);
        assert!(ran.summary.starts_with("<!-- llmops-report -->\n## ❌ llmops: failed"), "{}", ran.summary);
        // On the line of the change, which is neither the version nor the first.
        assert!(ran.said.contains("\n::error file=prompts/support.yaml,line=5,"), "{}", ran.said);
        for name in ["html", "junit", "json"] {
            let path = ran.output.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
            assert!(fs::metadata(path.expect(name)).is_ok_and(|file| file.len() > 100), "{name}");
        }
    }
}

#[test]
fn a_pull_request_passes_or_is_not_affected() {
    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some(REPOSITORY), improve_support);
    let ran = hub.run("pull_request", &payload, &merge, 1).go().exits(0, "passed");
    assert_eq!(ran.prompts(), ["support"]);

    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some(REPOSITORY), |hub| hub.write("README.md", "Hello.\n"));
    let ran = hub.run("pull_request", &payload, &merge, 1).go().exits(0, "passed");
    assert_eq!(ran.report["verdict"], "unaffected");
    assert!(ran.summary.contains("Nothing that changed since "), "{}", ran.summary);
    assert!(ran.output.contains("stored=false"), "{}", ran.output);
}

#[test]
fn a_base_that_is_named_is_the_base() {
    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some(REPOSITORY), improve_support);
    let named = payload["pull_request"]["base"]["sha"].as_str().expect("a commit");
    let ran = hub.run("pull_request", &payload, &merge, 1).input("base", named).go().exits(0, "passed");
    assert_eq!(ran.prompts(), ["invoice", "support"], "{}", ran.said);
    let ran = hub.run("pull_request", &payload, &merge, 1).input("base", "nowhere").go();
    assert_eq!(ran.exits(2, "wrong-input").report["verdict"], Value::Null);
}

#[test]
fn a_merge_group_is_compared_with_its_base() {
    let hub = Hub::new();
    let base = hub.git(&["rev-parse", "HEAD"]);
    break_support(&hub);
    let head = hub.commit("queued");
    hub.push("gh-readonly-queue/main/pr-7");
    let payload = json!({"merge_group": {"base_sha": base, "head_sha": head}, "repository": {"default_branch": "main"}});
    for depth in [0, 1] {
        let ran = hub.run("merge_group", &payload, &head, depth).go().exits(1, "failed");
        assert_eq!(ran.prompts(), ["support"], "{}", ran.said);
    }
}

#[test]
fn a_push_is_compared_with_what_was_there() {
    let hub = Hub::new();
    let before = hub.git(&["rev-parse", "HEAD"]);
    improve_support(&hub);
    let head = hub.commit("pushed");
    hub.push("main");
    let none = "0000000000000000000000000000000000000000";
    let payload = |before: &str| {
        json!({"before": before, "after": head, "forced": false, "created": before == none,
               "repository": {"default_branch": "main"}})
    };
    for depth in [0, 1] {
        let ran = hub.run("push", &payload(&before), &head, depth).set("GITHUB_REF", "refs/heads/main");
        assert_eq!(ran.go().exits(0, "passed").prompts(), ["support"]);
    }
    // The first push of the default branch has no base: everything is evaluated.
    let ran = hub.run("push", &payload(none), &head, 1).set("GITHUB_REF", "refs/heads/main").go();
    assert_eq!(ran.exits(0, "passed").prompts(), ["invoice", "support"]);
    // A new branch is compared with the default branch.
    break_support(&hub);
    let topic = hub.commit("a new branch");
    hub.push("topic");
    for depth in [0, 1] {
        let ran = hub.run("push", &payload(none), &topic, depth).set("GITHUB_REF", "refs/heads/topic").go();
        assert_eq!(ran.exits(1, "failed").prompts(), ["support"]);
    }
}

#[test]
fn other_events_evaluate_everything() {
    let hub = Hub::new();
    let head = hub.git(&["rev-parse", "HEAD"]);
    let ran = hub.run("schedule", &json!({}), &head, 1).go().exits(0, "passed");
    assert_eq!(ran.prompts(), ["invoice", "support"]);
    // So do a tag, and a default branch that was rewritten: what it was before may be nowhere.
    for (reference, before) in [("refs/tags/v1", "0"), ("refs/tags/v1", "1"), ("refs/heads/main", "1")] {
        let payload =
            json!({"before": before.repeat(40), "forced": true, "repository": {"default_branch": "main"}});
        let ran = hub.run("push", &payload, &head, 1).set("GITHUB_REF", reference).go();
        assert_eq!(ran.exits(0, "passed").prompts(), ["invoice", "support"], "{reference}");
    }
}

#[test]
fn a_program_that_evaluates_nothing_is_no_pass() {
    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some(REPOSITORY), improve_support);
    let run = || hub.run("pull_request", &payload, &merge, 1);
    for job in [run().input("binary", "/bin/true"), run().input("args", "--help")] {
        let ran = job.go().exits(3, "no-verdict");
        assert!(ran.said.contains("::error title=llmops::nothing was evaluated"), "{}", ran.said);
    }
    let planned = run().input("args", "--plan").go().exits(2, "wrong-input");
    assert!(planned.said.contains("--plan runs nothing"), "{}", planned.said);
}

#[test]
fn words_of_the_workflow_are_no_patterns_for_files() {
    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some(REPOSITORY), improve_support);
    let ran = hub.run("pull_request", &payload, &merge, 1).input("args", "prompts/*").go();
    assert!(ran.exits(4, "no-verdict").said.contains("prompts/*"));
}

#[test]
fn two_uses_in_one_job_keep_apart() {
    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some(REPOSITORY), improve_support);
    let ran = hub.run("pull_request", &payload, &merge, 1).input("name", "second").go().exits(0, "passed");
    assert!(ran.output.contains("/llmops-reports/second/report.html"), "{}", ran.output);
    assert!(
        ran.summary.starts_with("<!-- llmops-report second -->\n## ✅ llmops: passed"),
        "{}",
        ran.summary
    );
    let ran = hub.run("pull_request", &payload, &merge, 1).input("name", "a b/../c").go();
    assert_eq!(ran.code, 2, "{}", ran.said);
}

/// A prompt on a provider that needs a key, and its recordings where they were made.
fn on_a_provider(hub: &Hub, recorded: bool) {
    hub.write(
        "prompts/support.yaml",
        "version: \"1.1.0\"\nmodel_target: \"gpt-4o-2024-11-20\"\nname: support\nsystem: |\n  Answer from this:\n  {{ context }}\n",
    );
    if recorded {
        let stub = Stub::start(|_| Answer::openai("It takes five working days."));
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_llmops"))
            .args(["eval", "support", "--record"])
            .current_dir(hub.work())
            .env_clear()
            .env("OPENAI_API_KEY", "sk-test-0123456789abcdef")
            .env("OPENAI_BASE_URL", format!("{}/v1", stub.url))
            .output()
            .expect("the program runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        fs::remove_dir_all(hub.work().join(".llmops")).expect("the store");
    }
}

#[test]
fn without_secrets_nothing_is_green_that_is_not_recorded() {
    // A fork, a fork that was deleted since, and a request within the repository that gets no secrets.
    for head in [Some("mallory/prompts"), None, Some(REPOSITORY)] {
        let hub = Hub::new();
        let (merge, payload) = hub.pull_request(head, |hub| on_a_provider(hub, false));
        let ran = hub.run("pull_request", &payload, &merge, 1).go().exits(3, "no-verdict");
        assert!(ran.said.contains("the gate runs offline, on recordings"), "{}", ran.said);
        assert!(ran.summary.contains("no verdict") && ran.said.contains("::error "), "{}", ran.summary);
        assert!(ran.summary.contains("<code>llmops eval --record</code>"), "{}", ran.summary);

        let hub = Hub::new();
        let (merge, payload) = hub.pull_request(head, |hub| on_a_provider(hub, true));
        let ran = hub.run("pull_request", &payload, &merge, 1).go().exits(0, "passed");
        assert_eq!(ran.report["gates"][0]["calls"]["recorded"], 1, "{}", ran.report);
    }
}

#[test]
fn a_fork_is_never_called_for_although_a_key_is_there() {
    let stub = Stub::start(|_| Answer::openai("It takes five working days."));
    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some("mallory/prompts"), |hub| on_a_provider(hub, false));
    let run = || {
        hub.run("pull_request", &payload, &merge, 1)
            .set("OPENAI_API_KEY", "sk-test-0123456789abcdef")
            .set("OPENAI_BASE_URL", &format!("{}/v1", stub.url))
    };
    run().go().exits(3, "no-verdict");
    assert_eq!(stub.count(), 0);
    // Unless the workflow says so.
    let ran = run().input("offline", "false").go().exits(0, "passed");
    assert_eq!(stub.count(), 1);
    assert!(ran.output.contains("stored=true\n"), "what was paid for is worth a cache: {}", ran.output);
}

#[test]
fn secrets_are_never_given_to_code_that_nobody_reviewed() {
    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some("mallory/prompts"), improve_support);
    let ran = hub.run("pull_request_target", &payload, &merge, 1).go();
    assert_eq!((ran.code, &ran.report), (2, &Value::Null), "{}", ran.said);
}

#[test]
fn a_wrong_manifest_is_annotated_on_its_line() {
    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some(REPOSITORY), |hub| {
        hub.write("prompts/support.yaml", &prompt("support", "1.1.0", "{{ contxt }}"));
    });
    let ran = hub.run("pull_request", &payload, &merge, 1).go().exits(2, "wrong-input");
    assert!(ran.said.contains("\n::error file=prompts/support.yaml,line=5,"), "{}", ran.said);
    assert!(
        ran.summary.contains("nothing was evaluated") && ran.summary.contains("contxt"),
        "{}",
        ran.summary
    );
}

#[test]
fn a_binary_that_cannot_run_is_no_pass() {
    let hub = Hub::new();
    let (merge, payload) = hub.pull_request(Some(REPOSITORY), improve_support);
    let ran = hub.run("pull_request", &payload, &merge, 1).input("binary", "/nowhere/llmops").go();
    assert_eq!(ran.code, 127, "{}", ran.said);
    assert!(
        ran.output.contains("verdict=no-verdict") && ran.summary.contains("no-verdict"),
        "{}",
        ran.output
    );
}
