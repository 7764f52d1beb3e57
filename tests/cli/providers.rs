//! The same suite against stubs of both APIs: requests field by field, and every way in which a provider or a
//! judge can fail. A failure is exit 3: never 1, never 0.

use crate::fixtures::{grade, served};
use crate::project::{Outcome, Project};
use crate::stub::{Answer, Latch, Nobody, Seen, Stub};
use serde_json::{Value, json};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A stub that answers questions with a text and judges with a score.
fn answering(api: &'static str, score: i64) -> Stub {
    Stub::start(move |seen| answer(api, seen, &grade(score)))
}

fn answer(api: &str, seen: &Seen, judged: &Value) -> Answer {
    match (api, seen.is_judge()) {
        ("anthropic", false) => Answer::anthropic("It takes five days."),
        ("anthropic", true) => {
            let name = seen.body["tool_choice"]["name"].as_str().unwrap_or("grade").to_owned();
            Answer::anthropic_tool(&name, judged)
        }
        (_, false) => Answer::openai("It takes five days."),
        (_, true) => Answer::openai(&judged.to_string()),
    }
}

fn unscored(outcome: &Outcome) -> Vec<String> {
    outcome.json()["gates"][0]["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .filter_map(|case| case["unscored_reason"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn anthropic_is_asked_as_its_documents_say() {
    let stub = answering("anthropic", 5);
    let project = served("anthropic", &stub.url, 4.0, 2);
    let report = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!(report["gates"][0]["score"]["mean"], 5.0);
    assert_eq!(stub.count(), 4);
    let asked: Vec<Seen> = stub.seen().into_iter().filter(|seen| !seen.is_judge()).collect();
    let first = asked.iter().find(|seen| seen.last_user() == "Question 0?").expect("the first case");
    assert_eq!(first.path, "/v1/messages");
    assert_eq!(first.headers.get("x-api-key").map(String::as_str), Some("sk-ant-test-0123456789abcdef"));
    assert_eq!(first.headers.get("anthropic-version").map(String::as_str), Some("2023-06-01"));
    let body = &first.body;
    assert_eq!(
        (&body["model"], &body["max_tokens"], &body["temperature"]),
        (&json!("claude-haiku-4-5-20251001"), &json!(100), &json!(0.2))
    );
    assert!(body["system"].to_string().contains("Answer briefly."));
    assert!(
        body["messages"]
            .as_array()
            .is_some_and(|messages| messages.iter().all(|message| message["role"] != "system"))
    );
    let judge = stub.seen().into_iter().find(Seen::is_judge).expect("a judge's request").body;
    assert_eq!(judge["model"], "claude-opus-4-5-20251101");
    assert!(judge.to_string().contains("<judged:output>"), "{judge}");
}

#[test]
fn openai_is_asked_as_its_documents_say() {
    let stub = answering("openai", 4);
    let project = served("openai", &stub.url, 4.0, 2);
    project.run(&["eval"]).exits(0);
    let seen = stub.seen();
    let first = seen.iter().find(|seen| seen.last_user() == "Question 0?").expect("the first case");
    assert_eq!(first.path, "/v1/chat/completions");
    assert_eq!(
        first.headers.get("authorization").map(String::as_str),
        Some("Bearer sk-test-0123456789abcdef")
    );
    assert_eq!(
        first.body["messages"],
        json!([{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": "Question 0?"}])
    );
    assert_eq!(
        (&first.body["model"], &first.body["temperature"]),
        (&json!("gpt-4o-2024-11-20"), &json!(0.2))
    );
    let judge = seen.iter().find(|seen| seen.is_judge()).expect("a judge's request");
    let schema = &judge.body["response_format"]["json_schema"];
    assert_eq!(schema["strict"], true);
    let keys: Vec<&String> = schema["schema"]["properties"].as_object().expect("properties").keys().collect();
    assert_eq!(keys, ["reason", "relevance"]);
}

#[test]
fn what_was_paid_for_is_not_paid_for_again() {
    let stub = answering("openai", 5);
    let project = served("openai", &stub.url, 4.0, 3);
    let first = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!((stub.count(), first["gates"][0]["calls"]["live"].as_u64()), (6, Some(6)));
    let second = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!((stub.count(), second["gates"][0]["calls"]["cached"].as_u64()), (6, Some(6)));
    assert_eq!(first["gates"][0]["score"], second["gates"][0]["score"]);
    project.run(&["eval", "--no-cache"]).exits(0);
    assert_eq!(stub.count(), 12);
    drop(stub);
    project.run(&["eval", "--offline"]).exits(0);
    project.replace("prompts/support.yaml", "Answer briefly", "Answer at length");
    let outcome = project.run(&["eval", "--offline", "--json"]).exits(3);
    assert_eq!(unscored(&outcome), ["not_recorded"; 3]);
}

#[test]
fn a_low_score_is_a_failure_and_not_an_outage() {
    let stub = answering("openai", 2);
    served("openai", &stub.url, 4.0, 3).run(&["eval"]).exits(1).says("2").says("4");
}

#[test]
fn every_failure_of_the_provider_is_exit_3() {
    let failures: Vec<(&str, Box<dyn Fn(&Seen) -> Answer + Send + Sync>)> = vec![
        (
            "401",
            Box::new(|_| {
                Answer::json(401, &json!({"error": {"message": "bad key", "type": "authentication_error"}}))
            }),
        ),
        (
            "429 forever",
            Box::new(|_| {
                Answer::json(429, &json!({"error": {"message": "slow down"}})).header("retry-after-ms", "1")
            }),
        ),
        (
            "500",
            Box::new(|_| {
                Answer::json(500, &json!({"error": {"message": "oh"}})).header("retry-after-ms", "1")
            }),
        ),
        ("an HTML page", Box::new(|_| Answer::text(200, "<html>Sign in</html>"))),
        ("half a body", Box::new(|_| Answer::Cut("{\"choices\": [{\"mess".to_owned()))),
        ("an error as 200", Box::new(|_| Answer::json(200, &json!({"error": {"message": "no"}})))),
        (
            "no quota",
            Box::new(|_| {
                Answer::json(429, &json!({"error": {"message": "pay", "code": "insufficient_quota"}}))
            }),
        ),
    ];
    for (name, handler) in failures {
        let stub = Stub::start(handler);
        let project = served("openai", &stub.url, 4.0, 2);
        let outcome = project.run(&["eval", "--json", "--retries", "1"]);
        assert_eq!(outcome.code, 3, "{name}: {}", outcome.stderr);
        let report = outcome.json();
        assert_eq!(report["verdict"], "inconclusive", "{name}");
        assert_eq!(report["gates"][0]["cases_unscored"], 2, "{name}");
        assert!(report["gates"][0]["score"].is_null(), "{name}: a failure is never a score");
        assert_eq!(unscored(&outcome), ["provider_error"; 2], "{name}");
    }
}

#[test]
fn silence_ends_in_a_timeout() {
    let stub = Stub::start(|_| Answer::Hang);
    let project = served("openai", &stub.url, 4.0, 1);
    let outcome = project.run(&["eval", "--json", "--retries", "0", "--timeout", "1"]).exits(3);
    assert_eq!(unscored(&outcome), ["timeout"]);
}

#[test]
fn nobody_there_is_exit_3_with_one_clear_line() {
    let nobody = Nobody::there();
    let project = served("openai", &nobody.url, 4.0, 2);
    project.run(&["eval", "--retries", "0"]).exits(3).says("no verdict");
}

#[test]
fn a_missing_key_is_said_before_anything_is_called() {
    let stub = answering("openai", 5);
    let project = served("openai", &stub.url, 4.0, 2).set("OPENAI_API_KEY", "");
    project.run(&["eval"]).exits(3).says("OPENAI_API_KEY");
    assert_eq!(stub.count(), 0);
}

#[test]
fn a_judge_that_does_not_grade_has_no_verdict() {
    let replies = [
        ("prose", "The answer is very good, I would give it a five.", "judge_unparseable"),
        ("off the scale", "{\"reason\": \"x\", \"relevance\": 9}", "judge_unparseable"),
        ("between two steps", "{\"reason\": \"x\", \"relevance\": 4.5}", "judge_unparseable"),
        ("a missing dimension", "{\"reason\": \"x\"}", "judge_unparseable"),
        (
            "two objects",
            "{\"reason\": \"x\", \"relevance\": 5} {\"reason\": \"x\", \"relevance\": 1}",
            "judge_unparseable",
        ),
        ("a key twice", "{\"reason\": \"x\", \"relevance\": 1, \"relevance\": 5}", "judge_unparseable"),
        ("nothing", "", "judge_unparseable"),
    ];
    for (name, reply, reason) in replies {
        let stub =
            Stub::start(
                move |seen| {
                    if seen.is_judge() { Answer::openai(reply) } else { Answer::openai("Five days.") }
                },
            );
        let project = served("openai", &stub.url, 1.0, 1);
        let outcome = project.run(&["eval", "--json"]);
        assert_eq!(outcome.code, 3, "{name}: {}", outcome.stderr);
        assert_eq!(unscored(&outcome), [reason], "{name}");
        assert_eq!(stub.count(), 3, "{name}: one answer, one grade, one re-ask");
        let again = stub.seen().pop().expect("the re-ask");
        assert!(again.body["messages"].as_array().is_some_and(|messages| messages.len() >= 3), "{name}");
    }
}

#[test]
fn a_judge_that_is_mended_is_asked_again_and_nobody_else() {
    for bad in ["five", "{\"reason\": \"x\", \"relevance\": 9}", "I'm sorry, but I can't help with that."] {
        let mended = Arc::new(AtomicBool::new(false));
        let works = Arc::clone(&mended);
        let stub = Stub::start(move |seen| match (seen.is_judge(), works.load(Ordering::SeqCst)) {
            (false, _) => Answer::openai("Five days."),
            (true, false) => Answer::openai(bad),
            (true, true) => Answer::openai(&grade(4).to_string()),
        });
        let project = served("openai", &stub.url, 3.0, 1);
        project.run(&["eval"]).exits(3);
        // What is not reused is not at hand either where nobody may be called.
        let before = stub.count();
        project.run(&["eval", "--offline"]).exits(3);
        assert_eq!(stub.count(), before);
        mended.store(true, Ordering::SeqCst);
        let report = project.run(&["eval", "--json"]).exits(0).json();
        assert_eq!(stub.count(), before + 1, "{bad}: the judge alone, once");
        assert!(stub.seen().pop().expect("a call").is_judge());
        assert_eq!(report["gates"][0]["calls"]["live"], 1, "{report}");
        // A grade is kept as ever.
        project.run(&["eval"]).exits(0);
        assert_eq!(stub.count(), before + 1);
    }
}

#[test]
fn within_one_run_an_unusable_judgement_stays_what_it_is() {
    // Every second judgement is good: whoever asked on would get one.
    let stub = Stub::start(move |seen| match (seen.is_judge(), seen.index) {
        (false, _) => Answer::openai("Five days."),
        (true, index) if index < 3 => Answer::openai("five"),
        (true, _) => Answer::openai(&grade(5).to_string()),
    });
    let project = served("openai", &stub.url, 3.0, 1);
    let outcome = project.run(&["eval", "--json", "--concurrency", "1"]).exits(3);
    assert_eq!(unscored(&outcome), ["judge_unparseable"]);
    assert_eq!(stub.count(), 3);
    // A first reply whose re-ask brought a grade is reused with it.
    let stub = Stub::start(|seen| match (seen.is_judge(), seen.index) {
        (false, _) => Answer::openai("Five days."),
        (true, 1) => Answer::openai("five"),
        (true, _) => Answer::openai(&grade(5).to_string()),
    });
    let project = served("openai", &stub.url, 3.0, 1);
    project.run(&["eval"]).exits(0);
    project.run(&["eval"]).exits(0);
    assert_eq!(stub.count(), 3);
}

#[test]
fn offline_says_what_a_request_differs_in() {
    let stub = answering("openai", 5);
    let project = served("openai", &stub.url, 4.0, 1);
    project.run(&["eval", "--record"]).exits(0);
    project.replace("prompts/support.yaml", "temperature: 0.2", "temperature: 0.5");
    project.run(&["eval", "--offline", "-v"]).exits(3).says("differs in parameters");
    // Of recordings too: the store is another machine's.
    fs::remove_dir_all(project.path(".llmops")).expect("removed");
    project.run(&["eval", "--offline", "-v"]).exits(3).says("differs in parameters");
}

#[test]
fn a_judge_that_refuses_has_no_verdict_and_a_model_that_refuses_is_graded() {
    let refusal = json!({
        "model": "gpt-4o-2024-11-20",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": null, "refusal": "I can't help with that."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 2}
    });
    let refused = refusal.clone();
    let stub =
        Stub::start(
            move |seen| {
                if seen.is_judge() { Answer::json(200, &refused) } else { Answer::openai("Five days.") }
            },
        );
    let outcome = served("openai", &stub.url, 1.0, 1).run(&["eval", "--json"]).exits(3);
    assert_eq!(unscored(&outcome), ["judge_refusal"]);

    let stub = Stub::start(move |seen| {
        if seen.is_judge() { Answer::openai(&grade(1).to_string()) } else { Answer::json(200, &refusal) }
    });
    served("openai", &stub.url, 2.0, 1).run(&["eval"]).exits(1);
}

#[test]
fn a_re_ask_that_works_is_a_grade() {
    let stub = Stub::start(|seen| match (seen.is_judge(), seen.index) {
        (false, _) => Answer::openai("Five days."),
        (true, 1) => Answer::openai("five"),
        (true, _) => Answer::openai(&grade(5).to_string()),
    });
    served("openai", &stub.url, 4.0, 1).run(&["eval"]).exits(0);
}

#[test]
fn trouble_that_passes_is_retried_and_counted() {
    let stub = Stub::start(|seen| match seen.index % 3 {
        0 => Answer::json(429, &json!({"error": {"message": "slow down"}})).header("retry-after-ms", "1"),
        _ => answer("openai", seen, &grade(5)),
    });
    let report =
        served("openai", &stub.url, 4.0, 6).run(&["eval", "--json", "--concurrency", "1"]).exits(0).json();
    assert!(report["gates"][0]["calls"]["retries"].as_u64().is_some_and(|retries| retries > 0), "{report}");
}

#[test]
fn a_cost_limit_over_an_unpriced_model_is_an_input_error_and_a_low_one_stops_the_run() {
    let stub = answering("openai", 5);
    let project = served("openai", &stub.url, 4.0, 3);
    let outcome = project.run(&["eval", "--max-cost", "0.000001", "--json"]).exits(3);
    assert_eq!(unscored(&outcome), ["cost_limit"; 3]);
    assert_eq!(stub.count(), 0);
    project.run(&["eval", "--max-cost", "5"]).exits(0);

    let project = Project::new(&[
        ("llmops.yaml", &format!("providers:\n  local: {{api: openai, base_url: \"{}/v1\"}}\n", stub.url)),
        ("prompts/support.yaml", "version: \"1\"\nmodel_target: my-finetune\nprovider: local\nsystem: hi\n"),
        (
            "evals/support.yaml",
            "version: \"1\"\nprompt: support\ncases: [{input: hi}]\nassert: [{type: contains, value: five}]\n",
        ),
    ]);
    project.run(&["eval"]).exits(0);
    project.run(&["eval", "--max-cost", "5", "--no-cache"]).exits(2).says("my-finetune");
}

#[test]
fn another_model_than_the_pinned_one_is_said() {
    let stub = Stub::start(|seen| {
        let Answer::Reply { status, headers, body, delay } = answer("openai", seen, &grade(5)) else {
            unreachable!()
        };
        Answer::Reply { status, headers, body: body.replace("gpt-4o-2024-11-20", "gpt-4o-other"), delay }
    });
    let outcome = served("openai", &stub.url, 4.0, 1).run(&["eval", "--json"]).exits(0);
    assert_eq!(outcome.json()["gates"][0]["model"]["reported"], json!(["gpt-4o-other"]));
    assert!(outcome.json()["diagnostics"].to_string().contains("gpt-4o-other"), "{}", outcome.stdout);
}

#[test]
fn as_many_calls_at_once_as_the_limit_allows_and_never_more() {
    const LIMIT: usize = 3;
    let (together, arrived) = (Latch::default(), AtomicUsize::new(0));
    let stub = Stub::start(move |seen| {
        // The first ones wait for each other.
        if arrived.fetch_add(1, Ordering::SeqCst) + 1 >= LIMIT {
            together.open();
        }
        together.wait();
        answer("openai", seen, &grade(5))
    });
    let project = served("openai", &stub.url, 4.0, 20);
    project.run(&["eval", "--concurrency", "3", "--timeout", "600"]).exits(0);
    assert_eq!(stub.peak(), LIMIT);
}

#[test]
fn a_program_answers_and_its_failure_is_exit_3() {
    let project = Project::new(&[
        (
            "llmops.yaml",
            "providers:\n  app: {api: exec, command: [\"python3\", \"app.py\"], inputs: [\"app.py\"]}\n",
        ),
        (
            "app.py",
            "import json, sys\nr = json.load(sys.stdin)\nprint(json.dumps({\"output\": \"you said \" + r[\"vars\"][\"input\"]}))\n",
        ),
        ("prompts/echo.yaml", "version: \"1\"\nmodel_target: echo\nprovider: app\nuser: \"{{ input }}\"\n"),
        (
            "evals/echo.yaml",
            "version: \"1\"\nprompt: echo\ncases: [{input: hello}]\nassert: [{type: equals, value: \"you said {{ input }}\"}]\n",
        ),
    ]);
    project.run(&["eval"]).exits(0);
    let live = project.run(&["run", "echo", "--var", "input=there"]).exits(0);
    assert_eq!(live.stdout.trim(), "you said there");
    project.write("app.py", "import sys\nsys.exit('broken')\n");
    project.run(&["eval", "--retries", "0"]).exits(3).says("broken");
    project.run(&["eval", "--no-exec", "--no-cache"]).exits(3);
}

#[test]
fn a_miss_is_explained_by_what_differs_from_the_nearest_stored_request() {
    let stub = answering("openai", 5);
    let project = served("openai", &stub.url, 4.0, 3);
    project.run(&["eval", "-v"]).exits(0).says("nothing is stored");
    project.replace("prompts/support.yaml", "temperature: 0.2", "temperature: 0.3");
    project.run(&["eval", "-v"]).exits(0).says("differs in parameters");
    project.replace("prompts/support.yaml", "Answer briefly", "Answer at length");
    project.run(&["eval", "-v"]).exits(0).says("differs in message 1 (system)");
}

#[test]
fn a_run_that_was_held_back_says_so_where_people_look() {
    let stub = Stub::start(|seen| match seen.index {
        0 => Answer::json(429, &json!({"error": {"message": "slow down"}})).header("retry-after-ms", "20"),
        _ if seen.is_judge() => Answer::openai(&grade(5).to_string()),
        _ => Answer::openai("hello"),
    });
    let project = served("openai", &stub.url, 4.0, 1);
    let outcome = project.run(&["eval", "--concurrency", "64", "--report", "markdown=r.md"]).exits(0);
    let above = "`openai` allows 8 at once (`concurrency` in llmops.yaml); --concurrency only lowers it";
    assert!(outcome.stdout.contains("Note: "), "{}", outcome.stdout);
    let terminal = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let markdown = std::fs::read_to_string(project.path("r.md")).expect("a report");
    let markdown = markdown.replace("<code>", "`").replace("</code>", "`").replace("&#95;", "_");
    for said in ["calls to `openai`: 1 retried (rate_limited, pauses of 0.0 s added up)", above] {
        assert_eq!(terminal.matches(said).count(), 1, "{terminal}");
        assert_eq!(markdown.matches(said).count(), 1, "{markdown}");
    }
    // Nothing was called: nothing was held back.
    let again = project.run(&["eval", "--concurrency", "64"]).exits(0);
    assert!(!again.stdout.contains("at once") && !again.stdout.contains("retried"), "{}", again.stdout);
}

#[test]
fn a_reply_without_usage_is_not_a_model_without_a_price() {
    let stub = Stub::start(|seen| match seen.is_judge() {
        true => Answer::openai(&grade(5).to_string()),
        false => Answer::json(
            200,
            &json!({"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}),
        ),
    });
    let outcome = served("openai", &stub.url, 4.0, 2).run(&["eval"]).exits(0);
    let said = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("without 2 calls for which the provider reported no usage"), "{said}");
    assert!(!said.contains("no price"), "{said}");
}
