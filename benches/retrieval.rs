//! The numbers that retrieval has to reach, with what a plain scan costs beside them:
//! `cargo bench --bench retrieval`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark says what it measured"
)]

use llmops::ledger::Home;
use llmops::manifest::Manifests;
use llmops::repo::Snapshot;
use llmops::retrieve::hashing;
use llmops::retrieve::index::Draft;
use llmops::retrieve::search::{Bm25, nearest, normalise};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const FILES: usize = 10_000;
const ROWS: usize = 100_000;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    write(
        root,
        "retrieval/kb.yaml",
        "version: 1\nembedding_model: builtin/hashing-256\ncorpus: ['kb/**']\ntop_k: 8\n",
    );
    (0..FILES).for_each(|n| write(root, &format!("kb/{}/{n}.md", n % 100), &article(n)));

    let started = Instant::now();
    let bytes: usize = (0..FILES)
        .map(|n| fs::read(root.join(format!("kb/{}/{n}.md", n % 100))).expect("a file").len())
        .sum();
    println!("plain read of {FILES} files, {} MB: {:?}", bytes / 1_000_000, started.elapsed());

    let (chunks, took) = index(root);
    report(&format!("index {FILES} files ({chunks} chunks)"), took, Duration::from_secs(10));
    write(root, "kb/7/7.md", &article(FILES + 7));
    let (_, took) = index(root);
    report("index again, one file changed", took, Duration::from_millis(500));
    let (_, took) = index(root);
    report("index again, nothing changed", took, Duration::from_millis(500));

    let mut matrix: Vec<f32> = (0..ROWS * 256).map(|n| ((n * 7919 % 1009) as f32 / 504.5) - 1.0).collect();
    matrix.chunks_mut(256).for_each(normalise);
    let query = hashing::embed("How long does a refund take?");
    let scan = median(|| {
        let best = matrix
            .chunks(256)
            .map(|row| row.iter().zip(&query).fold(0.0_f32, |sum, (a, b)| sum + a * b))
            .fold(f32::MIN, f32::max);
        assert!(best > -2.0);
    });
    println!("plain scan of {ROWS} x 256, one thread: {scan:?}");
    let took = median(|| assert!(nearest(&matrix, &query, 8).len() <= 8));
    report(&format!("cosine over {ROWS} x 256"), took, Duration::from_millis(20));
    drop(matrix);

    let texts: Vec<String> = (0..ROWS).map(|n| article(n).chars().take(300).collect()).collect();
    let started = Instant::now();
    let words = Bm25::new(texts.iter().map(String::as_str));
    println!("counting the words of {ROWS} chunks of 300 characters: {:?}", started.elapsed());
    let took = median(|| assert_eq!(words.search("warranty of the blue lamp 77", 8).len(), 8));
    report(&format!("BM25 over {ROWS} chunks"), took, Duration::from_millis(20));
    if let Some(peak) = peak_mb() {
        println!(
            "{:<44} {peak} MB (bar 500 MB) {}",
            "memory at its peak",
            if peak <= 500 { "ok" } else { "OVER" }
        );
    }
}

fn index(root: &Path) -> (usize, Duration) {
    let started = Instant::now();
    let snapshot = Snapshot::working_tree(root).expect("a folder");
    let manifests = Manifests::load(&snapshot, None);
    let draft = Draft::build(&snapshot, &Home::at(root), &manifests.retrievals["kb"]).expect("a draft");
    let index = draft.finish(Vec::new()).expect("an index");
    (index.passages.len(), started.elapsed())
}

/// About 2 kB of Markdown.
fn article(n: usize) -> String {
    const WORDS: [&str; 24] = [
        "refund", "warranty", "lamp", "delivery", "order", "customer", "invoice", "blue", "garden", "paper",
        "station", "winter", "receipt", "parcel", "account", "password", "shop", "Monday", "repair",
        "curtain", "table", "payment", "card", "label",
    ];
    let mut text = format!("# Article {n}\n\n");
    let mut state = n as u64 + 1;
    while text.len() < 2000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = WORDS[(state >> 33) as usize % WORDS.len()];
        text.push_str(word);
        text.push_str(match (state >> 20) % 12 {
            0 => ". ",
            1 => ".\n\n",
            2 => " 77 ",
            _ => " ",
        });
    }
    text
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
    fs::write(path, text).expect("the file");
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..11)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .collect();
    times.sort();
    times[5]
}

fn report(what: &str, took: Duration, bar: Duration) {
    println!("{what:<44} {took:>12.1?} (bar {bar:?}) {}", if took <= bar { "ok" } else { "OVER" });
}

/// The most memory that this process had, in MB; `None` where the system does not say.
fn peak_mb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1000)
}
