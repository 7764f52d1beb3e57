//! Keys appear in no output, no file and no error, wherever they were planted.

use crate::fixtures::{builtin, served};
use crate::stub::{Answer, Stub};
use serde_json::json;
use std::fs;
use std::path::Path;

const KEY: &str = "sk-test-0123456789abcdef";

fn holds(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holds(&path, text));
        } else if fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text)) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_key_that_a_provider_throws_back_is_redacted_everywhere() {
    let stub = Stub::start(|seen| {
        let key = seen.headers.get("authorization").cloned().unwrap_or_default();
        Answer::json(400, &json!({"error": {"message": format!("bad request with {key}")}}))
    });
    let project = served("openai", &stub.url, 4.0, 2);
    for arguments in [
        &["eval", "-v"][..],
        &["eval", "--json"],
        &["run", "support", "--var", "input=hi", "-v"],
        &["report", "last", "--report", "html=r.html"],
    ] {
        let outcome = project.run(arguments);
        assert!(
            !outcome.stdout.contains(KEY) && !outcome.stderr.contains(KEY),
            "{arguments:?}\n{}\n{}",
            outcome.stdout,
            outcome.stderr
        );
    }
    assert_eq!(holds(project.root(), KEY), Vec::<String>::new());
}

#[test]
fn a_literal_secret_in_a_manifest_is_an_error_that_does_not_repeat_it() {
    let project = served("openai", "http://127.0.0.1:9", 4.0, 1);
    project.write("llmops.yaml", "providers:\n  mine: {api: openai, base_url: \"http://localhost:1/v1\", headers: {Authorization: \"Bearer abcdefabcdefabcdefabcdef123456\"}}\n");
    let outcome = project.run(&["check"]).exits(2).says("literal-secret");
    assert!(
        !outcome.stdout.contains("abcdefabcdef") && !outcome.stderr.contains("abcdefabcdef"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn an_env_file_is_read_unless_git_tracks_it() {
    let stub = Stub::start(|seen| match seen.headers.get("authorization").map(String::as_str) {
        Some("Bearer from-the-file-0123456789") => Answer::openai("hello"),
        _ => Answer::json(401, &json!({"error": {"message": "who are you?"}})),
    });
    let project = served("openai", &stub.url, 4.0, 1);
    project.write(".env", "OPENAI_API_KEY=from-the-file-0123456789\n");
    // The environment wins over the file.
    project.run(&["run", "support", "--var", "input=hi"]).exits(3);
    let project = project.set("OPENAI_API_KEY", "");
    project.run(&["run", "support", "--var", "input=hi"]).exits(0).says("hello");
    project.git(&["init", "-q"]);
    project.git(&["add", "-f", ".env"]);
    project.git(&["commit", "-qm", "a mistake"]);
    project.run(&["run", "support", "--var", "input=hi"]).exits(3).says(".env is tracked");
}

#[test]
fn a_key_in_an_address_is_redacted_when_a_provider_echoes_the_path() {
    // As it is sent, as it is meant, and as the header that the user and the password become.
    let secrets = ["s3cr%65t-in-the-query", "s3cret-in-the-query", "swordfish-9", "bWU6c3dvcmRmaXNoLTk="];
    let stub = Stub::start(|seen| {
        let sent = seen.headers.get("authorization").cloned().unwrap_or_default();
        let echo = format!("{} s3cret-in-the-query swordfish-9 {sent}", seen.path);
        match seen.last_user().contains("Question 1") {
            true => Answer::json(400, &json!({"error": {"message": echo}})),
            false => Answer::json(
                200,
                &json!({"model": echo, "choices": [{"message": {"content": echo, "tool_calls": [
                    {"function": {"name": echo, "arguments": {"a": echo}}}]}, "finish_reason": "stop"}]}),
            ),
        }
    });
    let host = stub.url.trim_start_matches("http://").to_owned();
    let address = format!("http://me:swordfish-9@{host}/v1?api-key=s3cr%65t-in-the-query");
    let project = served("openai", &stub.url, 4.0, 2).set("OPENAI_BASE_URL", &address);
    for arguments in [
        &["eval", "-v", "--record", "--report", "html=r.html", "--report", "junit=r.xml"][..],
        &["eval", "--json", "--no-cache"],
        &["run", "support", "--var", "input=Question 1", "-v"],
        &["run", "support", "--var", "input=hi"],
        &["doctor", "-v"],
    ] {
        let outcome = project.run(arguments);
        for secret in secrets {
            let shown = outcome.stdout.contains(secret) || outcome.stderr.contains(secret);
            assert!(!shown, "{secret}: {arguments:?}\n{}\n{}", outcome.stdout, outcome.stderr);
        }
    }
    assert!(stub.seen().iter().any(|seen| seen.path.contains(secrets[0])));
    for secret in secrets {
        assert_eq!(holds(project.root(), secret), Vec::<String>::new(), "{secret}");
    }
}

#[test]
fn a_store_that_came_with_a_commit_is_not_believed() {
    let project = builtin(3.0);
    project.git(&["init", "-q"]);
    project.run(&["eval"]).exits(0);
    // What a run leaves is ignored by git, and trusted.
    project.git(&["add", "-A"]);
    project.run(&["eval"]).exits(0);
    project.write(".llmops/exchanges/gift.jsonl", "");
    project.git(&["add", "-f", ".llmops/exchanges/gift.jsonl"]);
    for verb in [&["eval", "--offline"][..], &["check"], &["promote", "support", "--to", "production"]] {
        project
            .run(verb)
            .exits(2)
            .says(".llmops/exchanges/gift.jsonl is tracked by git")
            .says("git rm -r --cached");
    }
    project.git(&["rm", "-rq", "--cached", ".llmops"]);
    project.run(&["eval"]).exits(0);
}

#[cfg(unix)]
#[test]
fn a_store_that_leads_outside_is_not_followed() {
    let outside = tempfile::tempdir().expect("a folder");
    for (made, link) in [(None, ".llmops"), (Some(".llmops"), ".llmops/exchanges")] {
        let project = builtin(3.0);
        if let Some(made) = made {
            std::fs::create_dir(project.path(made)).expect("a folder");
        }
        std::os::unix::fs::symlink(outside.path(), project.path(link)).expect("a link");
        project.run(&["eval"]).exits(2).says("leads outside the repository");
        assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0);
    }
}
