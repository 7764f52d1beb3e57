//! `exec`: a program decides.

use super::fault::AssertFault;
use super::json::{self, Json};
use super::material::{Answer, Finding};
use super::say;
use crate::domain::score::reaches;
use crate::domain::{Error, ModelId, ProviderName, Unscored};
use crate::manifest::assert::{Assert, ExecAssert};
use futures_util::future::BoxFuture;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// Most bytes of a program's output that are read.
const MOST: u64 = 1 << 20;

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
/// time, or that writes something else has decided nothing.
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
    let limit = Duration::from_secs(exec.timeout_s);
    let child = spawn(&exec.command, outside.root).map_err(fault)?;
    let output = match tokio::time::timeout(limit, talk(child, input.to_string().into_bytes())).await {
        Ok(output) => output.map_err(|error| fault(format!("could not be read: {error}")))?,
        Err(_) => return Err(fault(format!("took longer than {} s", exec.timeout_s))),
    };
    let shown = |bytes: &[u8]| say::line(&(outside.redact)(&String::from_utf8_lossy(bytes)), 100);
    if !output.success {
        let words =
            if output.stderr.is_empty() { String::new() } else { format!(": {}", shown(&output.stderr)) };
        return Err(fault(format!("ended with {}{words}", output.status)));
    }
    let junk = |why: &str| fault(format!("wrote no decision ({why}): {}", shown(&output.stdout)));
    let text = std::str::from_utf8(&output.stdout).map_err(|_| junk("not UTF-8"))?;
    let decision = read(text, exec.threshold).map_err(|why| junk(&why))?;
    Ok(Finding { reason: (outside.redact)(&decision.reason), ..decision })
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
    Ok(Finding { holds, score, threshold, reason })
}

fn spawn(command: &[String], root: &Path) -> Result<Child, String> {
    let (program, arguments) = command.split_first().ok_or("has no name")?;
    // A name without a slash is looked up in PATH, anything else is a path from the root.
    let path = if program.contains('/') { root.join(program) } else { PathBuf::from(program) };
    let mut command = Command::new(path);
    command
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // A group of its own: an interrupt at the terminal lets running checks finish.
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map_err(|error| format!("`{}` could not start: {error}", say::line(program, 60)))
}

struct Output {
    success: bool,
    status: std::process::ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Writes and reads at once, so that neither side waits for the other. Dropped on a timeout, it kills the program.
async fn talk(mut child: Child, input: Vec<u8>) -> std::io::Result<Output> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program may decide without reading all of its input.
            let _ = stdin.write_all(&input).await;
        }
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let read_out = async {
        match stdout {
            Some(stdout) => stdout.take(MOST).read_to_end(&mut out).await.map(drop),
            None => Ok(()),
        }
    };
    let read_err = async {
        match stderr {
            Some(stderr) => stderr.take(MOST).read_to_end(&mut err).await.map(drop),
            None => Ok(()),
        }
    };
    let ((), out_read, err_read) = tokio::join!(write, read_out, read_err);
    out_read?;
    err_read?;
    let status = child.wait().await?;
    Ok(Output { success: status.success(), status, stdout: out, stderr: err })
}

#[cfg(all(test, unix))]
mod tests;
