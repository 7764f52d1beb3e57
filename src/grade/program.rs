//! `exec`: a program decides.

use super::fault::AssertFault;
use super::json::{self, Json};
use super::material::{Answer, Finding};
use super::say;
use crate::call::process::{self, ProcessFault};
use crate::domain::score::reaches;
use crate::domain::{Error, ModelId, ProviderName, Unscored};
use crate::manifest::assert::{Assert, ExecAssert};
use futures_util::future::BoxFuture;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Most bytes that a program may write.
const MOST: usize = 1 << 20;

/// The embeddings of some texts, in their order; or why there are none.
pub type Embeddings = Result<Vec<Vec<f32>>, EmbedDenied>;

/// Why there are no embeddings; with nothing secret in it.
#[derive(Debug)]
pub enum EmbedDenied {
    /// The trial has no grade.
    Unscored {
        /// Why, as of a call.
        reason: Unscored,
        /// One line.
        detail: String,
    },
    /// The run was asked to stop.
    Interrupted,
    /// The run cannot go on.
    Ended(Error),
}

impl std::fmt::Display for EmbedDenied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unscored { detail, .. } => f.write_str(detail),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Ended(error) => f.write_str(&error.chain()),
        }
    }
}

/// Asks an embedding model of a provider for the embeddings of some texts.
pub type Embed<'a> =
    dyn Fn(&ModelId, &ProviderName, Vec<String>) -> BoxFuture<'a, Embeddings> + Send + Sync + 'a;

/// What asserts reach outside of this process.
pub struct Outside<'a> {
    /// Asks an embedding model, for `similar`. `builtin/hashing-256` is never asked for here.
    pub embed: &'a Embed<'a>,
    /// The repository's root, at which programs run.
    pub root: &'a Path,
    /// Whether programs may not run (`--no-exec`): then an `exec` assert cannot be decided.
    pub no_exec: bool,
    /// Takes secrets out of what a program wrote before it is shown.
    pub redact: &'a (dyn Fn(&str) -> String + Send + Sync + 'a),
}

/// Runs the program of an assert on one answer.
///
/// It reads `{id, output, vars, expected, context}` as JSON on stdin and writes one object, `{"pass": bool, "score": 0 to
/// 1, "reason": text}`, of which only `pass` is required; other keys are free. With a `threshold` the `score` is
/// required, and both have to hold. A program that cannot start, that exits with another code than 0, that runs out of
/// time, that writes more than 1 MiB, or that writes something else has decided nothing. It is killed with the processes
/// of its group, as that of a provider is.
pub async fn check(
    assert: &Assert,
    exec: &ExecAssert,
    answer: &Answer<'_>,
    outside: &Outside<'_>,
) -> Result<Finding, AssertFault> {
    let fault = |message: String| AssertFault::Program { kind: assert.written.clone(), message };
    if outside.no_exec {
        return Err(fault("may not run under --no-exec".to_owned()));
    }
    let input = json!({
        "id": answer.case.id,
        "output": answer.reply.text,
        "vars": answer.case.vars,
        "expected": answer.case.expected,
        "context": answer.context,
    });
    let limits = process::Limits { timeout: Duration::from_secs(exec.timeout_s), output: MOST };
    let output = process::run(&exec.command, outside.root, input.to_string().as_bytes(), limits)
        .await
        .map_err(|why| fault(failed(&why)))?;
    let shown = |bytes: &[u8]| say::line(&(outside.redact)(&String::from_utf8_lossy(bytes)), 100);
    if !output.status.success() {
        let words =
            if output.stderr.is_empty() { String::new() } else { format!(": {}", shown(&output.stderr)) };
        return Err(fault(format!("ended with {}{words}", output.status)));
    }
    let junk = |why: &str| fault(format!("wrote no decision ({why}): {}", shown(&output.stdout)));
    if output.stdout.trim_ascii().is_empty() {
        return Err(fault("wrote nothing: it has to write {\"pass\": true} or {\"pass\": false}".to_owned()));
    }
    let text = std::str::from_utf8(&output.stdout).map_err(|_| junk("not UTF-8"))?;
    let decision = read(text, exec.threshold).map_err(|why| junk(&why))?;
    Ok(Finding { reason: (outside.redact)(&decision.reason), ..decision })
}

/// What happened, after "the program".
fn failed(why: &ProcessFault) -> String {
    match why {
        ProcessFault::Start(why) => format!("could not start: {}", say::line(why, 120)),
        ProcessFault::Pipe(why) => format!("could not be talked to: {why}"),
        ProcessFault::Timeout(_) | ProcessFault::TooMuch(_) => why.to_string(),
    }
}

/// The decision in what a program wrote.
fn read(text: &str, threshold: Option<f64>) -> Result<Finding, String> {
    let object = json::parse(text).map_err(|fault| fault.describe(text))?;
    let pass = match object.get("pass") {
        Some(Json::Bool(pass)) => *pass,
        Some(_) => return Err("`pass` is neither true nor false".to_owned()),
        None => return Err("no `pass`".to_owned()),
    };
    let score = match object.get("score") {
        None | Some(Json::Null) => None,
        Some(Json::Number(number)) => Some(number.to_f64()).filter(|score| (0.0..=1.0).contains(score)),
        Some(_) => return Err("`score` is not a number".to_owned()),
    };
    if score.is_none() && object.get("score").is_some_and(|score| *score != Json::Null) {
        return Err("`score` is not from 0 to 1".to_owned());
    }
    let reason = match object.get("reason") {
        Some(Json::Text(reason)) if !reason.trim().is_empty() => reason.clone(),
        None | Some(Json::Null | Json::Text(_)) => {
            format!("the program says {}", if pass { "pass" } else { "fail" })
        }
        Some(_) => return Err("`reason` is not text".to_owned()),
    };
    let holds = match (threshold, score) {
        (None, _) => pass,
        (Some(threshold), Some(score)) => pass && reaches(score, threshold),
        (Some(_), None) => return Err("no `score`, which `threshold` demands".to_owned()),
    };
    Ok(Finding { holds, score, threshold, reason, lacking: Vec::new() })
}

#[cfg(test)]
mod tests;
