//! Providers that throttle, break and hang; and a program that is killed. What was paid for is kept, and the
//! verdict is that of a quiet run.

use crate::fixtures::{grade, served};
use crate::project::Project;
use crate::stub::{Answer, Seen, Stub};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;

fn good(seen: &Seen) -> Answer {
    if !seen.is_judge() {
        return Answer::openai("It takes five days.");
    }
    // The score depends on the question alone, so that every run of it agrees.
    let digits =
        seen.body["messages"].to_string().bytes().filter(u8::is_ascii_digit).map(u64::from).sum::<u64>();
    Answer::openai(&grade(if digits % 3 == 0 { 4 } else { 5 }).to_string())
}

/// A number from 0 to 99 that spreads evenly and is the same for the same index.
fn dice(index: usize) -> u64 {
    let mut x = (index as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) % 100
}

/// What a report says of the answers, without what may differ between two runs of the same thing.
fn essence(report: &Value) -> Value {
    let mut report = report.clone();
    report["run"] = Value::Null;
    for gate in report["gates"].as_array_mut().expect("gates") {
        gate["latency_ms"] = Value::Null;
        gate["calls"] = Value::Null;
        gate["usage"]["spent_usd"] = Value::Null;
        for case in gate["cases"].as_array_mut().expect("cases") {
            case["latency_ms"] = Value::Null;
            case["source"] = Value::Null;
        }
    }
    report
}

#[test]
fn a_provider_that_misbehaves_in_every_way_changes_no_verdict() {
    const CASES: usize = 400;
    let quiet = Stub::start(good);
    let calm = served("openai", &quiet.url, 4.0, CASES).run(&["eval", "--json"]).exits(0).json();
    let wild = Stub::start(|seen| match dice(seen.index) {
        0..5 => Answer::json(429, &json!({"error": {"message": "slow down"}})).header("retry-after-ms", "5"),
        5..8 => Answer::json(429, &json!({"error": {"message": "slow down"}})).header("retry-after", "0.02"),
        8..13 => Answer::json(500, &json!({"error": {"message": "oh"}})).header("retry-after-ms", "5"),
        13..15 => Answer::Cut("{\"choices\": [{\"mess".to_owned()),
        15 => Answer::text(200, "{\"choices\": ["),
        _ => good(seen),
    });
    let project = served("openai", &wild.url, 4.0, CASES);
    project.write("llmops.yaml", "providers:\n  openai: {api: openai, concurrency: 16}\n");
    let report = project.run(&["eval", "--json", "--retries", "12"]).exits(0).json();
    assert_eq!(report["gates"][0]["cases_scored"], CASES);
    assert!(
        report["gates"][0]["calls"]["retries"].as_u64().is_some_and(|retries| retries > 50),
        "{}",
        wild.count()
    );
    assert_eq!(essence(&report)["gates"][0]["score"], essence(&calm)["gates"][0]["score"]);
    assert_eq!(report["verdict"], calm["verdict"]);
    assert!(wild.peak() <= 16, "{}", wild.peak());
}

#[test]
fn a_provider_that_is_down_ends_soon_with_one_clear_line() {
    let stub = Stub::start(|_| {
        Answer::json(503, &json!({"error": {"message": "down"}})).header("retry-after-ms", "1")
    });
    let project = served("openai", &stub.url, 4.0, 300);
    let outcome = project.run(&["eval", "--retries", "1"]).exits(3);
    assert!(stub.count() < 120, "the breaker stops it: {}", stub.count());
    let line = outcome.stdout.lines().find(|line| line.contains("no verdict")).unwrap_or_default();
    assert!(line.contains("300 of 300"), "{}", outcome.stdout);
}

/// Runs `eval` and kills it after a while; whether it was still going.
fn killed_after(project: &Project, url: &str, wait: Duration) -> bool {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_llmops"))
        .args(["eval", "--json"])
        .env_clear()
        .env("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        .env("OPENAI_BASE_URL", format!("{url}/v1"))
        .current_dir(project.root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    std::thread::sleep(wait);
    let going = child.try_wait().expect("a status").is_none();
    drop(child.kill());
    drop(child.wait());
    going
}

#[test]
fn killed_at_any_moment_nothing_that_was_paid_for_is_lost() {
    const CASES: usize = 40;
    let calm = {
        let stub = Stub::start(good);
        served("openai", &stub.url, 4.0, CASES).run(&["eval", "--json"]).exits(0).json()
    };
    let stub = Stub::start(|seen| good(seen).after(Duration::from_millis(8)));
    let project = served("openai", &stub.url, 4.0, CASES);
    let mut interrupted = 0;
    for round in 0..50 {
        let wait = Duration::from_millis(20 + dice(round) * 4);
        interrupted += usize::from(killed_after(&project, &stub.url, wait));
    }
    assert!(interrupted > 0, "some were killed while they ran");
    let report = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!(essence(&report), essence(&calm));
    // A call that was under way when the program died may be made again; one whose reply was stored is not.
    let lost = 8 * interrupted;
    assert!(stub.count() <= 2 * CASES + lost, "{} calls after {interrupted} kills", stub.count());
    let again = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!(again["gates"][0]["calls"]["cached"], 2 * CASES);
}

#[test]
fn a_torn_line_in_the_store_is_skipped_with_a_warning() {
    let stub = Stub::start(good);
    let project = served("openai", &stub.url, 4.0, 3);
    project.run(&["eval"]).exits(0);
    let folder = project.path(".llmops/exchanges");
    let segment = std::fs::read_dir(&folder)
        .expect("the store")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .expect("a segment");
    let text = std::fs::read_to_string(&segment).expect("the segment");
    std::fs::write(&segment, &text[..text.len() - 40]).expect("torn");
    let report = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!(stub.count(), 7, "the torn exchange was asked for again");
    assert!(report["diagnostics"].to_string().contains("store-skipped"), "{}", report["diagnostics"]);
}

#[test]
fn two_runs_at_once_share_the_store() {
    let stub = Stub::start(|seen| good(seen).after(Duration::from_millis(5)));
    let project = served("openai", &stub.url, 4.0, 30);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| project.run(&["eval", "--json"]).code)).collect();
        for run in runs {
            assert_eq!(run.join().expect("it ran"), 0);
        }
    });
    let before = stub.count();
    let report = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!((stub.count(), report["gates"][0]["calls"]["cached"].as_u64()), (before, Some(60)));
}
