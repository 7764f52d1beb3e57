//! Findings that no other test meets: each is made to happen, has its code and its place, and says what to do.

use crate::fixtures::{builtin, served};
use crate::project::Project;
use crate::retrieval::{KB, project as retrieving};
use crate::stub::{Answer, Stub};
use serde_json::{Value, json};

/// The findings of a JSON document with this code, each as its severity, its place and its message.
fn found(document: &Value, code: &str) -> Vec<(String, String, String)> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let all = document["diagnostics"].as_array().expect("diagnostics").iter();
    all.filter(|finding| finding["code"] == code)
        .map(|finding| {
            let line = finding["line"].as_u64().map_or_else(String::new, |line| format!(":{line}"));
            (text(finding, "severity"), format!("{}{line}", text(finding, "path")), text(finding, "message"))
        })
        .collect()
}

/// The only finding of `check` with this code, which is an error at `place` and ends it with 2.
fn refused(project: &Project, code: &str, place: &str, why: &str) {
    let document = project.run(&["check", "--json"]).exits(2).json();
    let found = found(&document, code);
    assert!(
        matches!(&found[..], [(severity, at, message)] if severity == "error" && at == place && message.contains(why)),
        "{code} at {place}: {found:?}\n{document}"
    );
}

#[test]
fn a_case_that_does_not_fit_the_declared_inputs_is_refused_at_its_line() {
    let project = builtin(1.0);
    project.replace(
        "prompts/support.yaml",
        "system:",
        "inputs: {input: {type: string}, amount: {type: integer}}\nsystem:",
    );
    let cases = "{\"id\": \"whole\", \"input\": \"a\", \"context\": [\"b\"], \"vars\": {\"amount\": 3}}\n\
                 {\"id\": \"words\", \"input\": \"a\", \"context\": [\"b\"], \"vars\": {\"amount\": \"three\"}}\n";
    project.write("evals/cases/support.jsonl", cases);
    refused(
        &project,
        "input-mismatch",
        "evals/cases/support.jsonl:2",
        "`amount` of case `words` does not fit",
    );
    project
        .run(&["eval"])
        .exits(2)
        .says("input-mismatch")
        .says("change the case, or `inputs:` of the prompt");
    project.replace("evals/cases/support.jsonl", "\"three\"", "4");
    project.run(&["check"]).exits(0);
}

#[test]
fn a_template_that_fails_for_any_other_reason_is_refused_at_its_line() {
    for (expression, why) in [("context | shout", "shout"), ("1 + 'a'", "+")] {
        let project = builtin(1.0);
        project.replace(
            "prompts/support.yaml",
            "{{ context }}",
            &format!("{{{{ context }}}} {{{{ {expression} }}}}"),
        );
        refused(&project, "template-failed", "prompts/support.yaml:6", why);
        project.run(&["eval"]).exits(2).says("template-failed");
    }
}

/// A link that leads to itself: what the system refuses to read whoever asks, the administrator too.
#[cfg(unix)]
#[test]
fn a_file_that_the_system_does_not_let_us_read_is_refused() {
    let project = builtin(1.0);
    std::fs::remove_file(project.path("evals/cases/support.jsonl")).expect("removed");
    std::os::unix::fs::symlink("support.jsonl", project.path("evals/cases/support.jsonl")).expect("a link");
    refused(&project, "file-unreadable", "evals/support.yaml:3", "evals/cases/support.jsonl` cannot be read");
    project
        .run(&["eval"])
        .exits(2)
        .says("file-unreadable")
        .says("check that the file and its folder can be read");
}

#[test]
fn a_document_that_cannot_be_read_is_refused_and_not_left_out() {
    let project = retrieving(KB).set("COLUMNS", "160");
    // As git knows it, this file is a pointer to what nobody fetched.
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 9\n", "0".repeat(64));
    project.write("kb/other.md", &pointer);
    project.write(".gitignore", ".llmops/\n");
    project.git(&["init", "-q"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "all"]);
    project
        .run(&["render", "support", "--case", "refund", "--at", "HEAD"])
        .exits(2)
        .says("corpus-file-unreadable")
        .says("kb/other.md cannot be read")
        .says("git lfs fetch");
}

#[test]
fn a_corpus_that_changed_after_its_index_is_said() {
    let project = retrieving(&format!("{KB}index_last_rebuilt: \"2001-02-03\"\n"));
    project.write(".gitignore", ".llmops/\n");
    project.git(&["init", "-q"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "all"]);
    let document = project.run(&["check", "--json"]).exits(0).json();
    let newer = found(&document, "corpus-newer-than-index");
    assert!(
        matches!(&newer[..], [(severity, at, message)] if severity == "warning"
            && at.starts_with("retrieval/kb.yaml") && message.contains("the index was last rebuilt on 2001-02-03")),
        "{document}"
    );
    project.replace("retrieval/kb.yaml", "2001-02-03", "2999-02-03");
    let document = project.run(&["check", "--json"]).exits(0).json();
    assert_eq!(found(&document, "corpus-newer-than-index"), []);
}

#[test]
fn every_fault_of_a_file_of_answers_is_said_at_its_line() {
    let project = builtin(1.0);
    let refused = |answers: &str, line: u32, why: &str| {
        project.write("answers.jsonl", answers);
        let document = project.run(&["eval", "--outputs", "answers.jsonl", "--json"]).exits(2).json();
        let found = found(&document, "bad-outputs");
        let place = format!("answers.jsonl:{line}");
        assert!(
            matches!(&found[..], [(severity, at, message)] if severity == "error" && *at == place && message.contains(why)),
            "{why} at {place}: {document}"
        );
    };
    let good = "{\"id\": \"refund\", \"output\": \"Five days.\"}\n";
    refused(&format!("{good}{{\"id\": \"warranty\"\n"), 2, "not an answer");
    refused(
        &format!("{good}\n{{\"id\": \"warranty\", \"text\": \"Two years.\"}}\n"),
        3,
        "unknown field `text`",
    );
    refused(&format!("{good}{good}"), 2, "the id `refund` is there twice");
    refused(
        &format!("{{\"id\": \"nobody\", \"output\": \"x\"}}\n{good}"),
        1,
        "no planned case has the id `nobody`",
    );
    let all = "{\"id\": \"nobody\", \"output\": \"x\"}\nnothing\n";
    project.write("answers.jsonl", all);
    let document = project.run(&["eval", "--outputs", "answers.jsonl", "--json"]).exits(2).json();
    assert_eq!(found(&document, "bad-outputs").len(), 2, "all of them in one go");
}

#[test]
fn an_assert_that_a_case_makes_undecidable_ends_the_run_and_names_the_case() {
    let project = builtin(1.0);
    let suite = project.read("evals/support.yaml");
    project.write(
        "evals/support.yaml",
        &format!("{suite}assert:\n  - {{type: regex, value: \"{{{{ input }}}}[\"}}\n"),
    );
    let document = project.run(&["eval", "--json"]).exits(2).json();
    let found = found(&document, "assert-undecidable");
    assert!(
        matches!(&found[..], [(severity, at, message)] if severity == "error"
            && at.starts_with("evals/support.yaml") && message.contains("`regex` cannot be decided")
            && message.contains("(case `")),
        "{document}"
    );
}

#[test]
fn a_provider_that_is_not_asked_any_more_is_said_and_so_is_why_calls_were_needed() {
    let stub = Stub::start(|seen| {
        let key = seen.headers.get("authorization").map(String::as_str);
        if key == Some("Bearer sk-test-0123456789abcdef") {
            return Answer::openai("Five days.");
        }
        Answer::json(401, &json!({"error": {"message": "who are you?", "code": "invalid_api_key"}}))
    });
    let project = served("openai", &stub.url, 4.0, 3);
    project.replace("prompts/support.yaml", "eval_score_required: 4\n", "");
    project.write(
        "evals/support.yaml",
        "version: \"1.0.0\"\nprompt: support\ncases: cases/support.jsonl\nassert: [{type: contains, value: days}]\n",
    );
    let project = project.set("OPENAI_API_KEY", "sk-other-0123456789abcdef");
    let document = project.run(&["eval", "--json"]).exits(3).json();
    let stopped = found(&document, "provider-stopped");
    assert!(
        matches!(&stopped[..], [(severity, _, message)] if severity == "warning"
            && message.contains("no more calls were made to `openai`") && message.contains("status 401")),
        "{document}"
    );
    assert_eq!(found(&document, "not-stored"), [], "nobody asked why");

    let project = project.set("OPENAI_API_KEY", "sk-test-0123456789abcdef");
    let document = project.run(&["eval", "--json", "-v"]).exits(0).json();
    assert_eq!(found(&document, "provider-stopped"), []);
    let (severity, message) =
        ("note".to_owned(), "3 calls were needed: nothing is stored or recorded".to_owned());
    assert_eq!(found(&document, "not-stored"), [(severity, String::new(), message)]);
}

#[test]
fn a_judge_that_refuses_the_key_keeps_answers_from_being_paid_for() {
    let refusing = Stub::start(|_| {
        Answer::json(401, &json!({"error": {"message": "who are you?", "code": "invalid_api_key"}}))
    });
    let stub = Stub::start(|_| Answer::openai("Five days."));
    let project = served("openai", &stub.url, 4.0, 40);
    project.write(
        "llmops.yaml",
        &format!(
            "providers:\n  openai: {{api: openai, concurrency: 1}}\n  other: {{api: openai, base_url: \"{}/v1\", api_key_env: OPENAI_API_KEY, concurrency: 1}}\n",
            refusing.url
        ),
    );
    project.replace("evals/support.yaml", "judge:", "judge:\n  provider: other");
    let document = project.run(&["eval", "--json"]).exits(3).json();
    let cases = document["gates"][0]["cases"].as_array().expect("cases");
    let said = |case: &Value| case.to_string().contains("401");
    assert!(cases.iter().all(said), "each says why it has no grade: {document}");
    // A trial begins when one has ended, and none ends before the judge has refused: eight are under way until then.
    assert!(stub.count() <= 8, "{} answers were paid for", stub.count());
}

#[test]
fn a_judge_model_that_is_not_there_is_said_once_and_keeps_answers_from_being_paid_for() {
    // Of the same provider, which answers for the other model all the time.
    let stub = Stub::start(|seen| match seen.is_judge() {
        false => Answer::openai("Five days."),
        true => Answer::json(404, &json!({"error": {"message": "no such model", "code": "model_not_found"}})),
    });
    let project = served("openai", &stub.url, 4.0, 60);
    let document = project.run(&["eval", "--json", "--concurrency", "1"]).exits(3).json();
    let stopped = found(&document, "provider-stopped");
    assert!(
        matches!(&stopped[..], [(severity, _, message)] if severity == "warning"
            && message.contains("` on `openai`: status 404: model_not_found: no such model")),
        "{document}"
    );
    assert_eq!(stopped[0].1, "evals/support.yaml:5", "where the model is named");
    assert!(document.to_string().contains("correct the model's name"), "{document}");
    let cases = document["gates"][0]["cases"].as_array().expect("cases");
    assert!(cases.iter().all(|case| case["unscored_reason"] == "judge_error"), "{document}");
    assert!(stub.count() <= 16, "{} calls for 60 cases that have no judge", stub.count());
}

#[test]
fn a_provider_that_is_away_is_no_fault_of_the_judge() {
    let stub = Stub::start(|_| {
        Answer::json(403, &json!({"error": {"message": "not from here", "code": "unsupported_country"}}))
    });
    let project = served("openai", &stub.url, 4.0, 30);
    let document = project.run(&["eval", "--json"]).exits(3).json();
    let cases = document["gates"][0]["cases"].as_array().expect("cases");
    assert!(cases.iter().all(|case| case["unscored_reason"] == "provider_error"), "{document}");
}
