//! Providers that throttle, break and hang; and a program that is killed. What was paid for is kept, and the
//! verdict is that of a quiet run.

use crate::fixtures::{grade, served};
use crate::project::Project;
use crate::stub::{Answer, Latch, Seen, Stub};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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

/// What a provider under load does instead of answering.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Ill {
    Throttle,
    Broken,
    Cut,
    Malformed,
    Hang,
}

/// How many attempts of one request may go ill: fewer than the retries allow, so that no request is lost.
const ILL_AT_MOST: u64 = 4;

/// What happens to an attempt: told by the request and the attempt's number alone, so that every run of the test sees
/// the same. 10 % of the attempts are throttled, 5 % break, 2 % are cut, 1 % are malformed, and 1 % hang: each takes the
/// whole time of an attempt.
fn ill(request: &str, attempt: u64) -> Option<(Ill, u64)> {
    let bytes = request.bytes().chain(attempt.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let variant = hash >> 60;
    match dice(usize::try_from(hash % (1 << 30)).expect("it fits")) {
        _ if attempt >= ILL_AT_MOST => None,
        0..10 => Some((Ill::Throttle, variant)),
        10..15 => Some((Ill::Broken, variant)),
        15..17 => Some((Ill::Cut, variant)),
        17 => Some((Ill::Malformed, variant)),
        18 => Some((Ill::Hang, variant)),
        _ => None,
    }
}

/// A provider that goes ill as told, and counts how.
fn ailing() -> (Stub, Arc<Mutex<BTreeMap<Ill, u64>>>) {
    let counted: Arc<Mutex<BTreeMap<Ill, u64>>> = Arc::default();
    let counts = Arc::clone(&counted);
    let attempts: Mutex<HashMap<String, u64>> = Mutex::default();
    let stub = Stub::start(move |seen| {
        let request = seen.body.to_string();
        let attempt = {
            let mut attempts = attempts.lock().expect("the attempts");
            let attempt = attempts.entry(request.clone()).or_default();
            *attempt += 1;
            *attempt - 1
        };
        let Some((ill, variant)) = ill(&request, attempt) else { return good(seen) };
        *counts.lock().expect("the counts").entry(ill).or_default() += 1;
        let slow_down = || Answer::json(429, &json!({"error": {"message": "slow down"}}));
        match ill {
            Ill::Throttle if variant < 6 => slow_down(),
            Ill::Throttle if variant < 10 => slow_down().header("retry-after-ms", "20"),
            Ill::Throttle if variant < 14 => slow_down().header("retry-after", "0.03"),
            Ill::Throttle => slow_down().header("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"),
            Ill::Broken => Answer::json(500, &json!({"error": {"message": "oh"}})),
            Ill::Cut => Answer::Cut("{\"choices\": [{\"mess".to_owned()),
            Ill::Malformed => Answer::text(200, "{\"choices\": ["),
            Ill::Hang => Answer::Hang,
        }
    });
    (stub, counted)
}

/// The retries by reason, as the report tells them.
fn retries(report: &Value) -> BTreeMap<String, u64> {
    let notes = report["diagnostics"].as_array().expect("diagnostics").iter();
    let paced =
        notes.filter(|note| note["code"] == "provider-paced").filter_map(|note| note["message"].as_str());
    paced
        .flat_map(|message| message.split_once(": ").expect("a list").1.split(", "))
        .filter_map(|part| part.trim_end_matches(')').split_once(" retried ("))
        .map(|(count, reason)| (reason.to_owned(), count.parse().expect("a count")))
        .collect()
}

#[test]
fn a_provider_that_misbehaves_in_every_way_changes_no_verdict() {
    const CASES: usize = 2_000;
    const AT_ONCE: usize = 32;
    let limit = format!("providers:\n  openai: {{api: openai, concurrency: {AT_ONCE}}}\n");
    // The first ones wait for each other, so that as many as may be are under way at once.
    let (together, arrived) = (Latch::default(), AtomicUsize::new(0));
    let quiet = Stub::start(move |seen| {
        if arrived.fetch_add(1, Ordering::SeqCst) + 1 >= AT_ONCE {
            together.open();
        }
        together.wait();
        good(seen)
    });
    let project = served("openai", &quiet.url, 4.0, CASES);
    project.write("llmops.yaml", &limit);
    let calm = project.run(&["eval", "--json", "--timeout", "600"]).exits(0).json();
    assert_eq!(quiet.count(), 2 * CASES);
    assert_eq!(quiet.peak(), AT_ONCE);

    let (wild, counted) = ailing();
    let project = served("openai", &wild.url, 4.0, CASES);
    project.write("llmops.yaml", &limit);
    let report = project.run(&["eval", "--json", "--timeout", "3"]).exits(0).json();
    assert_eq!(report["gates"][0]["cases_scored"], CASES);
    assert_eq!(essence(&report)["gates"], essence(&calm)["gates"], "verdict and scores, case by case");
    assert_eq!(report["verdict"], calm["verdict"]);

    let counted = counted.lock().expect("the counts").clone();
    let noted = retries(&report);
    let note = |ill: &Ill| {
        let reason = match ill {
            Ill::Throttle => "rate_limited",
            Ill::Broken => "server_error",
            Ill::Cut => "cut",
            Ill::Malformed => "undecodable",
            Ill::Hang => "timeout",
        };
        noted.get(reason).copied().unwrap_or_default()
    };
    // On a machine that stands still for seconds an answer comes too late: the program then notes silence, whatever the
    // answer was. Nothing else may be noted otherwise than it was.
    let late =
        note(&Ill::Hang).checked_sub(counted[&Ill::Hang]).expect("silence was noted as something else");
    for (ill, count) in &counted {
        let fits = *ill == Ill::Hang || (note(ill) <= *count && note(ill) + late >= *count);
        assert!(fits, "{ill:?}: {count} became {} ({noted:?})", note(ill));
    }
    assert!(late <= 4 * AT_ONCE as u64, "{late} answers in time were taken for silence");
    assert_eq!(noted.len(), 5, "no other reason: {noted:?}");
    let sum: u64 = noted.values().sum();
    assert_eq!(report["gates"][0]["calls"]["retries"], sum);
    assert_eq!(wild.count() as u64, 2 * CASES as u64 + sum, "every attempt is accounted for");
    assert!(wild.peak() as u64 <= AT_ONCE as u64 + late, "{}", wild.peak());
    assert!(counted.len() == 5 && counted.values().all(|count| *count >= 20), "{counted:?}");
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

/// Runs `eval` and kills it as soon as `now` says so, unless it ends before; whether it was still going.
fn killed(project: &Project, url: &str, mut now: impl FnMut() -> bool) -> bool {
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
    while child.try_wait().expect("a status").is_none() && !now() {
        std::thread::sleep(Duration::from_millis(1));
    }
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
    // The tenth request of the first run is held, so that this run at least is killed while it goes on.
    let first = Latch::default();
    let held = first.clone();
    let stub = Stub::start(move |seen| {
        if seen.index == 9 {
            held.wait();
        }
        good(seen).after(Duration::from_millis(8))
    });
    let project = served("openai", &stub.url, 4.0, CASES);
    assert!(killed(&project, &stub.url, || stub.count() >= 10), "it ended without the tenth answer");
    first.open();
    let mut interrupted = 1;
    for round in 1..50 {
        let (began, wait) = (Instant::now(), Duration::from_millis(20 + dice(round) * 4));
        interrupted += usize::from(killed(&project, &stub.url, || began.elapsed() >= wait));
    }
    let report = project.run(&["eval", "--json"]).exits(0).json();
    assert_eq!(essence(&report), essence(&calm));
    // A call that was under way when the program died may be made again; one whose reply was stored is not. Beside the
    // eight calls at once, every worker may have been about to store a reply.
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let lost = (8 + workers) * interrupted;
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
