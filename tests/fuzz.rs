//! Whatever a file or a reply holds: no panic, no endless work, no fault without a place, no score off the scale.
//!
//! Every file of `tests/corpus/<target>` is run as it is and under mutations of bytes and tokens, the same on every
//! machine. `LLMOPS_FUZZ_CASES` says how many mutations of each file (a few by default), `LLMOPS_FUZZ_SEED` moves them,
//! `LLMOPS_FUZZ_TARGET` names one target, and `LLMOPS_FUZZ_TRACE` is a folder in which each input is kept while it is
//! run, for what ends the process. What fails is put there, or else into the temporary folder: fix it, and add the
//! input to the corpus.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what it expected"
)]

#[path = "fuzz_support/mutate.rs"]
mod mutate;
#[path = "fuzz_support/targets.rs"]
mod targets;

use mutate::{Random, mutate};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use targets::Target;

/// Time that one input may take: only work without an end takes as long, however busy the machine.
const LONGEST: Duration = Duration::from_secs(60);

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), fs::read(path).expect("a file"))).collect()
}

/// Runs one input; why it does not hold, if it does not.
fn tried(target: &Target, bytes: &[u8]) -> Option<String> {
    let trace = variable("LLMOPS_FUZZ_TRACE").map(|folder| Path::new(&folder).join(target.name));
    if let Some(path) = &trace {
        fs::write(path, bytes).expect("the trace");
    }
    let began = Instant::now();
    let held = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    let took = began.elapsed();
    match held {
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            Some(format!("panic: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?")))
        }
        Ok(Err(why)) => Some(why),
        Ok(Ok(())) if took > LONGEST => Some(format!("it took {took:?}")),
        Ok(Ok(())) => None,
    }
}

fn keep(target: &Target, bytes: &[u8]) -> PathBuf {
    let folder = variable("LLMOPS_FUZZ_TRACE").map_or_else(std::env::temp_dir, PathBuf::from);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let path = folder.join(format!("fuzz-{}-{hash:016x}", target.name));
    fs::write(&path, bytes).expect("the input");
    path
}

/// Runs the corpus of some targets, each `of` one, and its mutations.
fn fuzz(part: usize, of: usize) {
    let cases: usize = variable("LLMOPS_FUZZ_CASES").and_then(|text| text.parse().ok()).unwrap_or(12);
    let shift: u64 = variable("LLMOPS_FUZZ_SEED").and_then(|text| text.parse().ok()).unwrap_or(0);
    let only = variable("LLMOPS_FUZZ_TARGET");
    let mut failed = Vec::new();
    for (at, target) in targets::all().into_iter().enumerate() {
        if at % of != part || only.as_ref().is_some_and(|only| only != target.name) {
            continue;
        }
        let files = corpus(target.name);
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        let mut seen = 0;
        for (name, bytes) in &files {
            let seed =
                name.bytes().fold(shift, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
            let mut random = Random(seed);
            for case in 0..=cases {
                let other = &files[random.below(files.len())].1;
                let input = if case == 0 { bytes.clone() } else { mutate(&mut random, bytes, other) };
                if let Some(why) = tried(&target, &input) {
                    failed.push(format!(
                        "{} {name} #{case}: {why} ({})",
                        target.name,
                        keep(&target, &input).display()
                    ));
                    seen += 1;
                }
                if seen > 5 {
                    break;
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} inputs do not hold:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn whatever_comes_in_is_withstood() {
    fuzz(0, 2);
}

#[test]
fn whatever_comes_in_is_withstood_too() {
    fuzz(1, 2);
}
