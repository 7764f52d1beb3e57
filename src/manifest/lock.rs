//! `llmops.lock`: what was locked of suites and prompts, one fact a line and sorted, so that branches merge line by
//! line.

use super::decode::{BAD_VALUE, Fields, Sink};
use super::files::{MANIFEST_LIMIT, tree, unreadable};
use super::yaml::Node;
use crate::domain::{Diagnostic, Digest, ModelId, Place, PromptName, RelPath, RetrievalName, SuiteName};
use crate::repo::{ReadError, Snapshot};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The lock file.
pub const LOCK_FILE: &str = "llmops.lock";

const HEAD: &str = "# Written by `llmops lock`; not to be edited by hand.\n";

/// Everything that is locked.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Lock {
    /// Prompts by name.
    pub prompts: BTreeMap<PromptName, LockedPrompt>,
    /// Suites by name.
    pub suites: BTreeMap<SuiteName, LockedSuite>,
}

/// A prompt as it was locked.
#[derive(Clone, PartialEq, Debug)]
pub struct LockedPrompt {
    /// As written.
    pub version: String,
    /// Its digest.
    pub digest: Digest,
    /// The model it is pinned to.
    pub model: ModelId,
    /// The retrieval that it uses.
    pub retrieval: Option<LockedRetrieval>,
    /// The last complete run that passed with this digest, per suite. A summary, never a proof.
    pub runs: BTreeMap<SuiteName, LockedRun>,
}

/// A retrieval configuration as it was locked.
#[derive(Clone, PartialEq, Debug)]
pub struct LockedRetrieval {
    /// Its name.
    pub name: RetrievalName,
    /// As written.
    pub version: String,
    /// Its digest.
    pub digest: Digest,
}

/// A suite as it was locked.
#[derive(Clone, PartialEq, Debug)]
pub struct LockedSuite {
    /// As written.
    pub version: String,
    /// Its digest.
    pub digest: Digest,
    /// How many cases it had.
    pub cases: u32,
}

/// The summary of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct LockedRun {
    /// The suite that it ran.
    pub suite_digest: Digest,
    /// The judge that scored it.
    pub judge_digest: Option<Digest>,
    /// The calibration record that spoke for the judge, by its content.
    pub calibration_digest: Option<Digest>,
    /// The model, as the provider reported it.
    pub model_reported: Option<String>,
    /// The mean score, on the judge's scale.
    pub mean: Option<f64>,
    /// The lower end of its interval.
    pub ci_low: Option<f64>,
    /// The upper end of its interval.
    pub ci_high: Option<f64>,
    /// Cases behind it.
    pub n: u32,
    /// The day, ISO 8601, UTC.
    pub date: String,
}

impl Lock {
    /// Reads the lock of a snapshot; `None` where there is none.
    ///
    /// # Errors
    /// Every fault of the file.
    pub fn read(snapshot: &Snapshot) -> Result<Option<Self>, Vec<Diagnostic>> {
        let Some(path) = RelPath::new(LOCK_FILE) else { return Ok(None) };
        let text = match snapshot.read_text(&path, MANIFEST_LIMIT * 16) {
            Ok(text) => text,
            Err(ReadError::NotFound) => return Ok(None),
            Err(error) => return Err(vec![unreadable(&path, &error, None)]),
        };
        let sink = Sink::new(&path);
        let lock = tree(&text, &sink).and_then(|node| lock(&sink, &node));
        match lock {
            Some(lock) if !sink.has_errors() => Ok(Some(lock)),
            _ => Err(remedied(sink.into_found())),
        }
    }

    /// Where the file is.
    pub fn place() -> Option<Place> {
        RelPath::new(LOCK_FILE).map(|path| Place::file(&path))
    }

    /// The file's text: sorted, one fact a line, with nothing that moves by itself.
    pub fn text(&self) -> String {
        let mut out = String::from(HEAD);
        out.push_str(if self.prompts.is_empty() { "prompts: {}\n" } else { "prompts:\n" });
        for (name, prompt) in &self.prompts {
            line(&mut out, 1, &quoted(name.as_str()), None);
            line(&mut out, 2, "digest", Some(&quoted(&prompt.digest.to_string())));
            line(&mut out, 2, "model", Some(&quoted(prompt.model.as_str())));
            if let Some(retrieval) = &prompt.retrieval {
                line(&mut out, 2, "retrieval", None);
                line(&mut out, 3, "digest", Some(&quoted(&retrieval.digest.to_string())));
                line(&mut out, 3, "name", Some(&quoted(retrieval.name.as_str())));
                line(&mut out, 3, "version", Some(&quoted(&retrieval.version)));
            }
            if !prompt.runs.is_empty() {
                line(&mut out, 2, "runs", None);
            }
            for (suite, run) in &prompt.runs {
                line(&mut out, 3, &quoted(suite.as_str()), None);
                run.write(&mut out);
            }
            line(&mut out, 2, "version", Some(&quoted(&prompt.version)));
        }
        out.push_str(if self.suites.is_empty() { "suites: {}\n" } else { "suites:\n" });
        for (name, suite) in &self.suites {
            line(&mut out, 1, &quoted(name.as_str()), None);
            line(&mut out, 2, "cases", Some(&suite.cases.to_string()));
            line(&mut out, 2, "digest", Some(&quoted(&suite.digest.to_string())));
            line(&mut out, 2, "version", Some(&quoted(&suite.version)));
        }
        out
    }
}

impl LockedRun {
    fn write(&self, out: &mut String) {
        let number = |value: f64| format!("{value:.4}");
        for (key, value) in [
            ("calibration_digest", self.calibration_digest.map(|digest| quoted(&digest.to_string()))),
            ("ci_high", self.ci_high.map(number)),
            ("ci_low", self.ci_low.map(number)),
            ("date", Some(quoted(&self.date))),
            ("judge_digest", self.judge_digest.map(|digest| quoted(&digest.to_string()))),
            ("mean", self.mean.map(number)),
            ("model_reported", self.model_reported.as_deref().map(quoted)),
            ("n", Some(self.n.to_string())),
            ("suite_digest", Some(quoted(&self.suite_digest.to_string()))),
        ] {
            if let Some(value) = value {
                line(out, 4, key, Some(&value));
            }
        }
    }
}

fn line(out: &mut String, depth: usize, key: &str, value: Option<&str>) {
    let space = if value.is_some() { " " } else { "" };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}{key}:{space}{}", "  ".repeat(depth), value.unwrap_or_default());
}

/// A text as YAML reads it back whatever stands in it: JSON's quotes are YAML's too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn lock(sink: &Sink, node: &Node) -> Option<Lock> {
    let fields = sink.fields(node, "llmops.lock")?;
    let mut lock = Lock::default();
    if let Some(prompts) = fields.given("prompts").and_then(|node| sink.fields(node, "`prompts`")) {
        for (key, node) in prompts.entries() {
            if let Some(prompt) = sink.fields(node, "a locked prompt").and_then(prompt) {
                lock.prompts.insert(PromptName::from(key.text.as_str()), prompt);
            }
        }
    }
    if let Some(suites) = fields.given("suites").and_then(|node| sink.fields(node, "`suites`")) {
        for (key, node) in suites.entries() {
            if let Some(suite) = sink.fields(node, "a locked suite").and_then(suite) {
                lock.suites.insert(SuiteName::from(key.text.as_str()), suite);
            }
        }
    }
    fields.finish(false);
    Some(lock)
}

fn prompt(fields: Fields<'_>) -> Option<LockedPrompt> {
    let (version, digest) = (text(&fields, "version"), digest(&fields, "digest"));
    let model = text(&fields, "model");
    let mut runs = BTreeMap::new();
    if let Some(all) = fields.given("runs").and_then(|node| fields.sink().fields(node, "`runs`")) {
        for (key, node) in all.entries() {
            if let Some(run) = fields.sink().fields(node, "a locked run").and_then(run) {
                runs.insert(SuiteName::from(key.text.as_str()), run);
            }
        }
    }
    let retrieval = fields.given("retrieval").and_then(|node| {
        let fields = fields.sink().fields(node, "`retrieval`")?;
        let (name, version) = (text(&fields, "name"), text(&fields, "version"));
        let digest = self::digest(&fields, "digest");
        fields.finish(false);
        Some(LockedRetrieval { name: name?.into(), version: version?, digest: digest? })
    });
    fields.finish(false);
    Some(LockedPrompt { version: version?, digest: digest?, model: model?.into(), retrieval, runs })
}

fn suite(fields: Fields<'_>) -> Option<LockedSuite> {
    let (version, digest) = (text(&fields, "version"), digest(&fields, "digest"));
    let cases = fields.require("cases", "20").and_then(|node| fields.sink().integer(node, "`cases`", 0));
    fields.finish(false);
    Some(LockedSuite { version: version?, digest: digest?, cases: cases? })
}

fn run(fields: Fields<'_>) -> Option<LockedRun> {
    let number = |key| fields.given(key).and_then(|node| fields.sink().number(node, key));
    let (mean, ci_low, ci_high) = (number("mean"), number("ci_low"), number("ci_high"));
    let suite_digest = digest(&fields, "suite_digest");
    let judge_digest = fields.given("judge_digest").and_then(|_| digest(&fields, "judge_digest"));
    let calibration_digest =
        fields.given("calibration_digest").and_then(|_| digest(&fields, "calibration_digest"));
    let model_reported = fields.given("model_reported").and_then(|_| text(&fields, "model_reported"));
    let n = fields.require("n", "20").and_then(|node| fields.sink().integer(node, "`n`", 0));
    let date = day(&fields);
    fields.finish(false);
    let (suite_digest, n, date) = (suite_digest?, n?, date?);
    Some(LockedRun {
        suite_digest,
        judge_digest,
        calibration_digest,
        model_reported,
        mean,
        ci_low,
        ci_high,
        n,
        date,
    })
}

fn text(fields: &Fields<'_>, key: &'static str) -> Option<String> {
    fields.require(key, "\"…\"").and_then(|node| fields.sink().written(node, key))
}

/// A day, as `2026-04-20`.
fn day(fields: &Fields<'_>) -> Option<String> {
    let text = text(fields, "date")?;
    if text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok() {
        return Some(text);
    }
    let span = fields.given("date").map_or(fields.span(), |node| node.span);
    fields.sink().error(BAD_VALUE, span, "`date` is no day", "run `llmops lock` again");
    None
}

fn digest(fields: &Fields<'_>, key: &'static str) -> Option<Digest> {
    let node = fields.require(key, "\"sha256:…\"")?;
    let parsed = node.as_written().and_then(|text| text.parse().ok());
    if parsed.is_none() {
        fields.sink().error(BAD_VALUE, node.span, format!("`{key}` is no digest"), "run `llmops lock` again");
    }
    parsed
}

/// A broken lock is made again, not mended: conflict markers above all.
fn remedied(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let help = "remove the file, or take it from git, and run `llmops lock`";
    found.into_iter().map(|finding| finding.help(help)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(text: &str) -> Result<Option<Lock>, Vec<Diagnostic>> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(LOCK_FILE), text).expect("a file");
        Lock::read(&Snapshot::working_tree(folder.path()).expect("a snapshot"))
    }

    fn whole() -> Lock {
        let digest = Digest::of_text("x");
        let run = LockedRun {
            suite_digest: digest,
            judge_digest: Some(digest),
            calibration_digest: Some(digest),
            model_reported: Some("claude-x".into()),
            mean: Some(4.5),
            ci_low: Some(4.25),
            ci_high: None,
            n: 20,
            date: "2026-04-20".into(),
        };
        let retrieval = LockedRetrieval { name: "kb".into(), version: "2.10".into(), digest };
        let prompt = LockedPrompt {
            version: "1.10".into(),
            digest,
            model: "m: x".into(),
            retrieval: Some(retrieval),
            runs: BTreeMap::from([("s".into(), run)]),
        };
        let suite = LockedSuite { version: "1.0".into(), digest, cases: 20 };
        Lock {
            prompts: BTreeMap::from([("a: \"b\"".into(), prompt.clone()), ("null".into(), prompt)]),
            suites: BTreeMap::from([("s".into(), suite)]),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for lock in [whole(), Lock::default()] {
            assert_eq!(read(&lock.text()), Ok(Some(lock)));
        }
    }

    #[test]
    fn a_broken_lock_is_refused_with_its_place() {
        let text = whole().text();
        for (broken, code) in [
            (text.replace("    cases: 20\n", ""), "missing-key"),
            (text.replace("sha256:", "sha512:"), "bad-value"),
            (text.replace("  model:", "  modell:"), "unknown-key"),
            (text.replace("2026-04-20", "20 April"), "bad-value"),
            (text.replace("suites:\n", "<<<<<<< HEAD\nsuites:\n=======\n"), "yaml-syntax"),
        ] {
            let found = read(&broken).expect_err(code);
            assert!(
                found.iter().any(|finding| finding.code.0 == code && finding.place.is_some()),
                "{found:?}"
            );
            assert!(found.iter().all(|finding| finding.help.is_some()));
        }
    }
}
