//! The numbers to reach, measured: `cargo bench --bench bars`. Each row prints what was found beside its bar;
//! words after `--` choose among `start check changed calls slow stored memory size`.
//! Rows that compare with a bare HTTP client run it in the same process, against the same stub, in turn.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench says what it found"
)]

#[path = "../tests/support/stub.rs"]
#[allow(dead_code, reason = "tests use the rest of it")]
mod stub;

use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use stub::{Answer, Seen, Stub};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_llmops");
const MODEL: &str = "gpt-4o-2024-11-20";
const JUDGE: &str = "gpt-4o-2024-08-06";

fn main() {
    println!("{:<66} {:>12}  {:>14}", "what", "found", "bar");
    let chosen: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wanted = |word: &str| chosen.is_empty() || chosen.iter().any(|name| name == word);
    if wanted("start") {
        row("`--version`", &ms(start_up()), "10 ms");
    }
    for prompts in [1_000, 10_000] {
        if !wanted("check") {
            break;
        }
        let project = many_prompts(prompts);
        let found = median(5, || run(project.path(), &["check", "--quiet"]));
        row(
            &format!("`check` on {prompts} prompts"),
            &ms(found),
            if prompts == 1_000 { "150 ms" } else { "-" },
        );
    }
    if wanted("changed") {
        row("`eval --changed`, nothing affected, 10,000 commits, 1,000 prompts", &ms(unaffected()), "100 ms");
    }
    if wanted("calls") {
        throughput(
            "calls per second, zero latency, judge, 32 at once, of a bare client",
            2_500,
            Duration::ZERO,
            Rate::AtLeast(0.35),
        );
    }
    if wanted("slow") {
        throughput(
            "1,000 cases × 2 calls at 50 ms, 32 at once, of a bare client",
            1_000,
            Duration::from_millis(50),
            Rate::TimesAtMost(1.05),
        );
    }
    if wanted("stored") {
        stored(5_000);
    }
    if wanted("memory") {
        memory(100_000);
    }
    if wanted("size") {
        // Not the program that is measured here, which is built to unwind: what is given to others.
        let shipped = Path::new(PROGRAM).ancestors().nth(2).map(|target| target.join("dist/llmops"));
        let bytes = shipped.and_then(|path| fs::metadata(path).ok()).map(|found| found.len());
        let found = bytes.map_or("not built".to_owned(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
        row("the binary, after `cargo build --profile dist`", &found, "25 MB");
    }
}

#[derive(Clone, Copy)]
enum Rate {
    AtLeast(f64),
    TimesAtMost(f64),
}

fn row(what: &str, found: &str, bar: &str) {
    println!("{what:<66} {found:>12}  {bar:>14}");
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn median(runs: usize, mut measure: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..runs).map(|_| measure()).collect();
    times.sort();
    times[runs / 2]
}

fn start_up() -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    median(21, || run(folder.path(), &["--version"]))
}

fn run(root: &Path, arguments: &[&str]) -> Duration {
    let start = Instant::now();
    let status =
        command(root).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs");
    let took = start.elapsed();
    assert!(status.success(), "{arguments:?} ended with {status}");
    took
}

fn command(root: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("OPENAI_API_KEY", "sk-bench-0123456789").current_dir(root);
    command
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
    fs::write(path, text).expect("the file");
}

fn many_prompts(count: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for n in 0..count {
        let prompt = format!(
            "version: \"1.0.0\"\nmodel_target: \"{MODEL}\"\neval_score_required: 4\nsystem: |\n  You answer questions about topic {n}.\n  {{% include \"shared/tone.j2\" %}}\nuser: |\n  {{{{ question }}}}\nparameters:\n  temperature: 0.2\n  max_tokens: 400\n"
        );
        let suite = format!(
            "version: \"1.0.0\"\nprompt: team/p{n}\ncases:\n  - {{id: a, vars: {{question: \"What is {n}?\"}}}}\n  - {{id: b, vars: {{question: \"Why {n}?\"}}}}\njudge: {{model: \"{JUDGE}\"}}\n"
        );
        write(folder.path(), &format!("prompts/team/p{n}.yaml"), &prompt);
        write(folder.path(), &format!("evals/team/p{n}.yaml"), &suite);
    }
    write(folder.path(), "prompts/shared/tone.j2", "Answer plainly.\n");
    folder
}

/// A pull request that touches no prompt, at the end of a long history.
fn unaffected() -> Duration {
    const COMMITS: usize = 10_000;
    let project = many_prompts(1_000);
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=bench", "-c", "user.email=bench@example.com"]).args(arguments);
        command.current_dir(project.path()).stdout(Stdio::null());
        command
    };
    let done = |arguments: &[&str]| assert!(git(arguments).status().expect("git").success(), "{arguments:?}");
    done(&["init", "-q", "-b", "main"]);
    done(&["add", "-A"]);
    done(&["commit", "-q", "-m", "prompts"]);
    let mut import = git(&["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().expect("git fast-import");
    let mut commits = String::new();
    for n in 1..COMMITS {
        let parent = if n == 1 { "from refs/heads/main^0\n" } else { "" };
        commits.push_str(&format!(
            "commit refs/heads/main\ncommitter bench <bench@example.com> {} +0000\ndata 1\nc\n{parent}M 100644 inline NOTES.md\ndata {}\n{n}\n",
            1_700_000_000 + n,
            n.to_string().len(),
        ));
    }
    import.stdin.take().expect("a pipe").write_all(commits.as_bytes()).expect("written");
    assert!(import.wait().expect("git fast-import").success());
    done(&["reset", "-q", "--hard", "main"]);
    median(9, || run(project.path(), &["eval", "--changed=HEAD~5", "--quiet"]))
}

fn suite_of(cases: usize, url: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: String = (0..cases)
        .map(|n| format!("{}\n", json!({"id": format!("case-{n:06}"), "input": format!("What does article {n} of the handbook say about leave?"), "tags": {"topic": "leave"}})))
        .collect();
    write(folder.path(), "evals/cases.jsonl", &rows);
    write(
        folder.path(),
        "llmops.yaml",
        &format!("providers:\n  openai: {{api: openai, base_url: \"{url}/v1\", concurrency: 32}}\n"),
    );
    write(
        folder.path(),
        "prompts/p.yaml",
        &format!(
            "version: \"1\"\nmodel_target: \"{MODEL}\"\neval_score_required: 4\nsystem: |\n  You answer questions about the handbook, briefly and only from what you know.\nparameters: {{max_tokens: 200}}\n"
        ),
    );
    write(
        folder.path(),
        "evals/s.yaml",
        &format!(
            "version: \"1\"\nprompt: p\ncases: cases.jsonl\nassert:\n  - {{type: not-contains, value: \"As an AI\"}}\njudge:\n  model: \"{JUDGE}\"\n  dimensions: {{relevance: {{}}}}\n"
        ),
    );
    folder
}

fn answer(seen: &Seen, wait: Duration) -> Answer {
    let text = if seen.is_judge() {
        json!({"reason": "It answers.", "relevance": 5}).to_string()
    } else {
        "It says that leave is 28 days.".to_owned()
    };
    Answer::openai(&text).after(wait)
}

/// What a run takes beside a bare client: both in turn, several times, and of their times the medians.
fn throughput(what: &str, cases: usize, wait: Duration, rate: Rate) {
    const ROUNDS: usize = 5;
    let stub = Stub::quiet(move |seen| answer(seen, wait));
    let project = suite_of(cases, &stub.url);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(bare_client(&stub.url, cases * 2));
        ours.push(run(project.path(), &["eval", "--no-cache", "--quiet"]));
    }
    ours.sort();
    bare.sort();
    let (ours, bare) = (ours[ROUNDS / 2].as_secs_f64(), bare[ROUNDS / 2].as_secs_f64());
    let per_second = 2.0 * cases as f64 / ours;
    match rate {
        Rate::AtLeast(bar) => {
            row(&format!("{what} ({per_second:.0}/s)"), &format!("{:.2}", bare / ours), &format!("≥ {bar}"));
        }
        Rate::TimesAtMost(bar) => row(what, &format!("{:.3}×", ours / bare), &format!("≤ {bar}×")),
    }
}

/// What a client with nothing else to do needs for so many calls, 32 at once.
fn bare_client(url: &str, calls: usize) -> Duration {
    drop(rustls::crypto::ring::default_provider().install_default());
    let body = json!({
        "model": MODEL, "max_completion_tokens": 200,
        "messages": [{"role": "system", "content": "You answer questions about the handbook, briefly and only from what you know."},
                     {"role": "user", "content": "What does article 1 of the handbook say about leave?"}]
    })
    .to_string();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = reqwest::Client::builder()
        .tls_certs_only(Vec::<reqwest::Certificate>::new())
        .build()
        .expect("a client");
    let start = Instant::now();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..32 {
            let (client, body, url) = (client.clone(), body.clone(), format!("{url}/v1/chat/completions"));
            tasks.spawn(async move {
                for _ in (lane..calls).step_by(32) {
                    let reply = client
                        .post(&url)
                        .header("content-type", "application/json")
                        .body(body.clone())
                        .send()
                        .await
                        .expect("a reply");
                    let text = reply.bytes().await.expect("a body");
                    let parsed: Value = serde_json::from_slice(&text).expect("json");
                    assert!(parsed["choices"].is_array());
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    });
    start.elapsed()
}

fn stored(cases: usize) {
    let stub = Stub::quiet(|seen| answer(seen, Duration::ZERO));
    let project = suite_of(cases, &stub.url);
    run(project.path(), &["eval", "--quiet"]);
    let asked = stub.count();
    let took = median(3, || run(project.path(), &["eval", "--quiet"]));
    assert_eq!(stub.count(), asked, "everything was stored");
    row(&format!("{cases} cases again, all stored"), &ms(took), "1000 ms");
}

/// The peak resident memory of a run, read while it goes.
fn memory(cases: usize) {
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    let stub = Stub::quiet(|seen| answer(seen, Duration::ZERO));
    let project = suite_of(cases, &stub.url);
    let start = Instant::now();
    let mut child = command(project.path())
        .args(["eval", "--quiet", "--report", "json=report.json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("a status").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let high = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(high.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    let took = start.elapsed().as_secs_f64();
    row(&format!("memory at {cases} cases ({took:.0} s)"), &format!("{} MB", peak / 1024), "200 MB");
}
