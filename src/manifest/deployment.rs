//! Deployment records: which prompt is live in an environment, and what stood before it.

use super::decode::{BAD_VALUE, Fields, Sink};
use super::files;
use super::yaml::Node;
use crate::domain::{Diagnostic, Digest, ModelId, PromptName, RelPath, SuiteName};
use serde::Serialize;
use std::collections::BTreeMap;

/// What stood before, in short; the whole of it is in git's history of the record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Previous {
    /// The pinned model.
    pub model: ModelId,
    /// The prompt's version, as written.
    pub prompt_version: String,
    /// The prompt's digest.
    pub prompt_digest: Digest,
    /// The commit that it was promoted from.
    pub source_commit: String,
}

/// What is live of one prompt. Keys are written in this order.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Deployment {
    /// The pinned model.
    pub model: ModelId,
    /// The prompt's version, as written.
    pub prompt_version: String,
    /// The retrieval manifest's version, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieval_config_version: Option<String>,
    /// RFC 3339, UTC.
    pub promoted_at: String,
    /// `name <mail>`, as git knows them.
    pub promoted_by: String,
    /// The judge's mean, on its scale; the lowest where several suites have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_score_at_promotion: Option<f64>,
    /// The prompt's digest.
    pub prompt_digest: Digest,
    /// The retrieval configuration's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieval_digest: Option<Digest>,
    /// The digests of the suites that passed.
    pub suites: BTreeMap<SuiteName, Digest>,
    /// The commit that it was promoted from, all digits.
    pub source_commit: String,
    /// What stood before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
}

impl Deployment {
    /// This entry in short, as its successor names it.
    pub fn in_short(&self) -> Previous {
        Previous {
            model: self.model.clone(),
            prompt_version: self.prompt_version.clone(),
            prompt_digest: self.prompt_digest,
            source_commit: self.source_commit.clone(),
        }
    }
}

/// Bytes of a record: what `git log` keeps is the history, not the file.
pub const RECORD_LIMIT: u64 = 4 << 20;

/// The record of one environment.
pub type Record = BTreeMap<PromptName, Deployment>;

/// Reads a record. A record in which nothing stands is empty.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
pub fn read(path: &RelPath, text: &str) -> Result<Record, Vec<Diagnostic>> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Record::new());
    }
    let sink = Sink::new(path);
    let mut record = Record::new();
    if let Some(node) = files::tree(text, &sink)
        && let Some(fields) = sink.fields(&node, "a deployment record")
    {
        for (key, entry) in fields.entries() {
            if let Some(deployment) = deployment(&sink, entry) {
                record.insert(PromptName::new(key.text.as_str()), deployment);
            }
        }
    }
    if sink.has_errors() { Err(sink.into_found()) } else { Ok(record) }
}

fn deployment(sink: &Sink, node: &Node) -> Option<Deployment> {
    let fields = sink.fields(node, "an entry of a deployment record")?;
    let optional = |key: &'static str| fields.given(key).and_then(|node| sink.written(node, key));
    let suites =
        fields.require("suites", "{}").and_then(|node| sink.fields(node, "`suites`")).map(|suites| {
            let rows = suites.entries().filter_map(|(name, node)| {
                Some((SuiteName::new(name.text.as_str()), parsed_digest(sink, node, "a suite's digest")?))
            });
            rows.collect()
        });
    let previous = fields.given("previous").map(|node| previous(sink, node));
    let model = text(&fields, "model", "claude-sonnet-4-5-20250929").map(ModelId::from);
    let prompt_version = text(&fields, "prompt_version", "\"1.0.0\"");
    let promoted_at = promoted_at(&fields);
    let promoted_by = text(&fields, "promoted_by", "name <mail>");
    let prompt_digest = digest(&fields, "prompt_digest");
    let source_commit = commit(&fields);
    let retrieval_config_version = optional("retrieval_config_version");
    let score = fields.given("eval_score_at_promotion");
    let retrieval_digest = fields.given("retrieval_digest");
    let eval_score_at_promotion = score.and_then(|node| sink.number(node, "`eval_score_at_promotion`"));
    let retrieval_digest = retrieval_digest.and_then(|node| parsed_digest(sink, node, "`retrieval_digest`"));
    // After every key was asked for, and before the first that is missing ends it: a misspelt one is both.
    fields.finish(false);
    Some(Deployment {
        model: model?,
        prompt_version: prompt_version?,
        retrieval_config_version,
        promoted_at: promoted_at?,
        promoted_by: promoted_by?,
        eval_score_at_promotion,
        prompt_digest: prompt_digest?,
        retrieval_digest,
        suites: suites?,
        source_commit: source_commit?,
        previous: match previous {
            Some(previous) => Some(previous?),
            None => None,
        },
    })
}

fn previous(sink: &Sink, node: &Node) -> Option<Previous> {
    let fields = sink.fields(node, "`previous`")?;
    let model = text(&fields, "model", "claude-sonnet-4-5-20250929").map(ModelId::from);
    let prompt_version = text(&fields, "prompt_version", "\"1.0.0\"");
    let prompt_digest = digest(&fields, "prompt_digest");
    let source_commit = commit(&fields);
    fields.finish(false);
    Some(Previous {
        model: model?,
        prompt_version: prompt_version?,
        prompt_digest: prompt_digest?,
        source_commit: source_commit?,
    })
}

fn text(fields: &Fields<'_>, key: &'static str, example: &str) -> Option<String> {
    fields.require(key, example).and_then(|node| fields.sink().written(node, key))
}

/// The moment of a promotion: RFC 3339.
fn promoted_at(fields: &Fields<'_>) -> Option<String> {
    let text = text(fields, "promoted_at", "\"2026-04-20T09:15:00Z\"")?;
    if text.parse::<jiff::Timestamp>().is_ok() {
        return Some(text);
    }
    refused(fields, "promoted_at", "`promoted_at` is no moment: a date, a time and an offset are expected");
    None
}

/// The id of a commit, or the first seven digits of it at least.
fn commit(fields: &Fields<'_>) -> Option<String> {
    let text = text(fields, "source_commit", "the id of a commit")?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if digits && (7..=64).contains(&text.len()) {
        return Some(text);
    }
    refused(fields, "source_commit", "`source_commit` is no id of a commit");
    None
}

/// Records that the value of `key` is not what `promote` writes there.
fn refused(fields: &Fields<'_>, key: &'static str, message: &str) {
    let span = fields.given(key).map_or(fields.span(), |node| node.span);
    fields.sink().error(BAD_VALUE, span, message, BY_WHOM);
}

/// What to do about a record that was edited.
const BY_WHOM: &str = "a record is written by `llmops promote` and `llmops rollback` alone: take it from git";

fn digest(fields: &Fields<'_>, key: &'static str) -> Option<Digest> {
    fields.require(key, "\"sha256:…\"").and_then(|node| parsed_digest(fields.sink(), node, key))
}

fn parsed_digest(sink: &Sink, node: &Node, what: &str) -> Option<Digest> {
    let parsed = serde_json::from_value(node.value()).ok();
    if parsed.is_none() {
        sink.error(BAD_VALUE, node.span, format!("{what} is no digest"), BY_WHOM);
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "support:\n  model: m-20250514\n  prompt_version: \"2.10\"\n  promoted_at: \"2026-04-20T09:15:00Z\"\n  promoted_by: t <t@example.invalid>\n  eval_score_at_promotion: 4.41\n  prompt_digest: DIGEST\n  suites: {support: DIGEST}\n  source_commit: 9f2c1d7\n  previous: {model: m, prompt_version: \"2.9\", prompt_digest: DIGEST, source_commit: 8e1b0aa}\n";

    fn path() -> RelPath {
        RelPath::new("deployments/production.yaml").expect("inside")
    }

    fn entry() -> String {
        ENTRY.replace("DIGEST", &format!("\"{}\"", Digest::of_text("x")))
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let record = read(&path(), &entry()).expect("a record");
        let written = serde_yaml::to_string(&record).expect("yaml");
        assert_eq!(read(&path(), &written), Ok(record.clone()));
        let support = &record[&PromptName::new("support")];
        assert_eq!((support.prompt_version.as_str(), support.previous.is_some()), ("2.10", true));
        assert_eq!(read(&path(), "# nothing is live\n"), Ok(Record::new()));
    }

    #[test]
    fn a_record_that_was_edited_wrongly_is_refused_where_it_is_wrong() {
        for (from, to, line) in [
            ("  promoted_at", "  promoted_when", 5),
            ("sha256:", "sha255:", 7),
            ("  source_commit: 9f2c1d7\n", "  source_comit: 9f2c\n", 2),
            ("source_commit: 8e1b0aa", "source: 8e1b0aa", 10),
            ("source_commit: 9f2c1d7", "source_commit: main", 9),
            ("2026-04-20T09:15:00Z", "last April", 4),
            ("  suites: {support", "  x-suites: {support", 8),
        ] {
            let found = read(&path(), &entry().replacen(from, to, 1)).expect_err(from);
            assert!(
                found.iter().any(|found| {
                    found.place.as_ref().and_then(|place| place.span).is_some_and(|span| span.line <= line)
                }),
                "{from}: {found:?}"
            );
        }
        assert!(read(&path(), "[]").is_err());
    }
}
