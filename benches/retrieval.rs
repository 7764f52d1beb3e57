//! The numbers that retrieval has to reach, with what a plain scan costs beside them:
//! `cargo bench --bench retrieval`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark says what it measured"
)]

use llmops::call::budget::Budget;
use llmops::call::desk::{Desk, Policy};
use llmops::call::{Environment, Limits, Providers};
use llmops::domain::PromptName;
use llmops::ledger::{DEFAULT_STORE_BYTES, ExchangeStore, Home, Prices};
use llmops::manifest::Manifests;
use llmops::repo::Snapshot;
use llmops::retrieve::hashing;
use llmops::retrieve::index::Draft;
use llmops::retrieve::local::Local;
use llmops::retrieve::search::{Bm25, nearest, normalise};
use llmops::retrieve::{Retriever, Sources};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const FILES: usize = 10_000;
const ROWS: usize = 100_000;
const QUERY: &str = "How long is the warranty of the blue lamp 77?";

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Asks for what a process of its own takes to index a folder and to answer from it.
const MEMORY: &str = "--memory-of";

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != MEMORY);
    if let Some(root) = arguments.nth(1) {
        let asked = Asked::of(Path::new(&root));
        asked.ask(&asked.retriever());
        println!("{}", peak_mb().unwrap_or_default());
        return;
    }
    files();
    rows();
}

/// The most memory of a process that indexes this folder from the start, or opens its index, and answers once.
fn memory(what: &str, root: &Path) {
    let output = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args([MEMORY, root.to_str().expect("a path")])
        .output()
        .expect("it runs");
    match String::from_utf8_lossy(&output.stdout).trim().parse::<u64>() {
        Ok(peak) if peak > 0 => {
            let word = if peak <= 500 { "ok" } else { "OVER" };
            println!("{:<56} {peak:>9} MB (bar 500 MB) {word}", format!("memory, {what}"));
        }
        _ => println!("{:<56} not known here", format!("memory, {what}")),
    }
}

/// Indexing 10,000 files, again with one of them changed, and again with none.
fn files() {
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
    let plain = started.elapsed();
    println!("a plain read of {FILES} files, {} MB, one thread: {plain:.1?}", bytes / 1_000_000);

    let (chunks, took) = index(root);
    report(&format!("index {FILES} files ({chunks} chunks)"), took, Some(Duration::from_secs(10)));
    write(root, "kb/7/7.md", &article(FILES + 7));
    let (_, took) = index(root);
    report("index again, one file changed", took, Some(Duration::from_millis(500)));
    let (_, took) = index(root);
    report("index again, nothing changed", took, Some(Duration::from_millis(500)));
    let asked = Asked::of(root);
    let started = Instant::now();
    let retriever = asked.retriever();
    asked.ask(&retriever);
    report("the same, and a first hybrid answer", started.elapsed(), None);
    drop(retriever);
    memory(&format!("index of {FILES} files opened and asked"), root);
    fs::remove_dir_all(root.join(".llmops")).expect("the index");
    memory(&format!("{FILES} files indexed and asked"), root);
}

/// Queries over 100,000 chunks of 256 numbers: each search as the program runs it, beside a plain scan.
fn rows() {
    let mut matrix: Vec<f32> = (0..ROWS * 256).map(|n| ((n * 7919 % 1009) as f32 / 504.5) - 1.0).collect();
    matrix.chunks_mut(256).for_each(normalise);
    let query = hashing::embed(QUERY);
    let scan = median(|| {
        let best = matrix
            .chunks(256)
            .map(|row| row.iter().zip(&query).fold(0.0_f32, |sum, (a, b)| sum + a * b))
            .fold(f32::MIN, f32::max);
        assert!(best > -2.0);
    });
    println!("a plain scan of {ROWS} x 256 numbers, one thread: {scan:.1?}");
    let took = median(|| assert!(nearest(&matrix, &query, 8).len() <= 8));
    report(&format!("cosine over {ROWS} x 256"), took, Some(Duration::from_millis(20)));
    drop(matrix);

    let texts: Vec<String> = (0..ROWS).map(row_text).collect();
    let scan = median(|| {
        let holding = texts.iter().filter(|text| text.contains("warranty") && text.contains("lamp"));
        assert!(holding.count() > 0);
    });
    println!("a plain search of {ROWS} texts of 300 characters for two words: {scan:.1?}");
    let started = Instant::now();
    let words = Bm25::new(&texts);
    println!("counting their words, once a run: {:.1?}", started.elapsed());
    let took = median(|| assert_eq!(words.search(QUERY, 8).len(), 8));
    report(&format!("BM25 over {ROWS} chunks"), took, Some(Duration::from_millis(20)));
    drop((words, texts));

    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let mut corpus = String::new();
    for n in 0..ROWS {
        let row = serde_json::json!({"id": n, "text": row_text(n)});
        writeln!(corpus, "{row}").expect("a row");
    }
    write(root, "kb/rows.jsonl", &corpus);
    drop(corpus);
    for search in ["vector", "bm25", "hybrid"] {
        let manifest = format!(
            "version: 1\nembedding_model: builtin/hashing-256\ncorpus: ['kb/*']\ntop_k: 8\nsearch: {search}\nchunk_unit: characters\nchunk_size: 400\nchunk_overlap: 0\n"
        );
        write(root, "retrieval/kb.yaml", &manifest);
        let asked = Asked::of(root);
        let started = Instant::now();
        let retriever = asked.retriever();
        asked.ask(&retriever);
        println!("{search}: index of {ROWS} chunks opened and first asked: {:.1?}", started.elapsed());
        let took = median(|| asked.ask(&retriever));
        report(&format!("a query, {search}, {ROWS} chunks"), took, Some(Duration::from_millis(20)));
    }
    memory(&format!("index of {ROWS} chunks opened and asked"), root);
    fs::remove_dir_all(root.join(".llmops")).expect("the index");
    memory(&format!("{ROWS} chunks indexed and asked"), root);
}

/// A project of which a retriever is asked as the program asks it.
struct Asked {
    snapshot: Snapshot,
    manifests: Manifests,
    home: Home,
    desk: Desk,
    runtime: Runtime,
}

impl Asked {
    fn of(root: &Path) -> Self {
        let snapshot = Snapshot::working_tree(root).expect("a folder");
        let manifests = Manifests::load(&snapshot, None);
        let home = Home::at(root);
        let limits = Limits {
            timeout: Duration::from_secs(1),
            retries: 0,
            concurrency: None,
            no_exec: true,
            root: root.to_path_buf(),
        };
        let desk = Desk {
            providers: Providers::new(&manifests.project, Environment::default(), limits),
            store: ExchangeStore::new(&home, "bench", DEFAULT_STORE_BYTES),
            recordings: Vec::new(),
            prices: Prices::load(None).expect("prices"),
            budget: std::sync::Arc::new(Budget::new(None)),
            policy: Policy::Offline,
            now: String::new,
            misses: None,
            recorded: None,
            flights: Default::default(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
        Self { snapshot, manifests, home, desk, runtime }
    }

    fn retriever(&self) -> Retriever {
        let sources = Sources {
            snapshot: &self.snapshot,
            git: None,
            home: &self.home,
            model: None,
            digest: None,
            today: "2026-01-01",
        };
        Retriever::open(sources, Arc::clone(&self.manifests.retrievals["kb"]), None).expect("a retriever")
    }

    fn ask(&self, retriever: &Retriever) {
        let found = self.runtime.block_on(retriever.retrieve(QUERY, &self.desk, &PromptName::from("bench")));
        assert_eq!(found.expect("chunks").hits.len(), 8);
    }
}

fn index(root: &Path) -> (usize, Duration) {
    let started = Instant::now();
    let snapshot = Snapshot::working_tree(root).expect("a folder");
    let manifests = Manifests::load(&snapshot, None);
    let draft = Draft::build(&snapshot, &Home::at(root), &manifests.retrievals["kb"], Some(&Local::Hashing))
        .expect("a draft");
    let index = draft.finish(Vec::new()).expect("an index");
    (index.passages.len(), started.elapsed())
}

fn row_text(n: usize) -> String {
    article(n).chars().take(300).collect()
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

fn report(what: &str, took: Duration, bar: Option<Duration>) {
    let held = match bar {
        Some(bar) if took <= bar => format!("(bar {bar:?}) ok"),
        Some(bar) => format!("(bar {bar:?}) OVER"),
        None => String::new(),
    };
    println!("{what:<56} {took:>12.1?} {held}");
}

/// The most memory that this process had, in MB; `None` where the system does not say.
fn peak_mb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1000)
}
