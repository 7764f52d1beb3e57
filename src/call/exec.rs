//! A program as a model: one process per call, a request on stdin, a reply on stdout.

use super::local_fault::{LocalFault, Stage};
use super::program::{MAX_REPLY, reply, request_body, short};
use crate::domain::{Reply, Request};
use crate::manifest::project::ProviderConfig;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// How much of the end of stderr is kept.
const STDERR_TAIL: usize = 64 * 1024;

/// Runs the provider's command at `root` and reads its reply.
///
/// The program has the environment of this process. It and every process that it started are killed when
/// `timeout` is over, when it writes more than 32 MiB, and when the call is dropped.
///
/// # Errors
/// It cannot be started, ends with a status other than 0, does not answer in time, or writes no reply. The
/// last line that it wrote to stderr is part of the message.
pub async fn run(
    request: &Request,
    config: &ProviderConfig,
    root: &Path,
    timeout: Duration,
) -> Result<Reply, LocalFault> {
    let body = request_body(request).to_string();
    let mut group = Group { child: start(config, root)? };
    match tokio::time::timeout(timeout, converse(&mut group.child, &body)).await {
        Ok(spoken) => spoken,
        Err(_) => {
            let message = format!("`{}` did not answer within {} s", name(config), timeout.as_secs_f64());
            Err(LocalFault::new(Stage::Timeout, message))
        }
    }
}

fn name(config: &ProviderConfig) -> &str {
    config.command.first().map_or("", String::as_str)
}

fn start(config: &ProviderConfig, root: &Path) -> Result<Child, LocalFault> {
    let fault = |message: String| LocalFault::new(Stage::Start, message);
    let Some((program, arguments)) = config.command.split_first() else {
        return Err(fault(format!("the provider `{}` has no `command`", config.name)));
    };
    let root = std::path::absolute(root)
        .map_err(|error| fault(format!("the folder `{}` has no absolute path: {error}", root.display())))?;
    // A path is meant from the root, wherever this process was started; a bare name is looked up in PATH.
    let path = if program.contains('/') { root.join(program) } else { PathBuf::from(program) };
    let mut command = Command::new(&path);
    command
        .args(arguments)
        .current_dir(&root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound if !root.is_dir() => fault(format!("there is no folder `{}`", root.display())),
        ErrorKind::NotFound if program.contains('/') => {
            fault(format!("there is no program `{program}`: a path in `command` is read from the root"))
        }
        ErrorKind::NotFound => fault(format!("there is no program `{program}` in PATH")),
        ErrorKind::PermissionDenied => fault(format!("`{program}` may not be executed")),
        _ => fault(format!("`{program}` could not be started: {error}")),
    })
}

/// A process with those that it started. On drop all of them are killed.
struct Group {
    child: Child,
}

impl Drop for Group {
    fn drop(&mut self) {
        // Once the child was waited for, its id may belong to somebody else: then there is no id here.
        #[cfg(unix)]
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok())
            && let Some(group) = rustix::process::Pid::from_raw(id)
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.start_kill();
    }
}

/// Writes the request while it reads both outputs, so that no pipe fills up and blocks the other side.
async fn converse(child: &mut Child, body: &str) -> Result<Reply, LocalFault> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(LocalFault::new(Stage::Start, "the program has no standard streams"));
    };
    let write = async move {
        match stdin.write_all(body.as_bytes()).await {
            // A program need not read what it does not need.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => {
                Err(LocalFault::new(Stage::Send, format!("the request could not be written: {error}")))
            }
            Ok(()) => Ok(()),
        }
    };
    let ((), written, complaint) = tokio::try_join!(write, read_all(stdout), read_tail(stderr))?;
    let status = child
        .wait()
        .await
        .map_err(|error| LocalFault::new(Stage::Exit, format!("its exit status is unknown: {error}")))?;
    if !status.success() {
        return Err(LocalFault::new(Stage::Exit, ended(status, &complaint)));
    }
    let written = String::from_utf8(written)
        .map_err(|_| LocalFault::new(Stage::Decode, "the program wrote something that is not UTF-8"))?;
    reply(&written)
}

async fn read_all(stdout: impl AsyncRead + Unpin) -> Result<Vec<u8>, LocalFault> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_REPLY).unwrap_or(u64::MAX).saturating_add(1);
    stdout
        .take(limit)
        .read_to_end(&mut bytes)
        .await
        .map_err(|error| LocalFault::new(Stage::Send, format!("the reply could not be read: {error}")))?;
    if bytes.len() > MAX_REPLY {
        return Err(LocalFault::new(Stage::TooLarge, "the program wrote more than 32 MiB"));
    }
    Ok(bytes)
}

/// The end of what the program complained of. An unreadable stderr is no reason to lose an answer.
async fn read_tail(mut stderr: impl AsyncRead + Unpin) -> Result<Vec<u8>, LocalFault> {
    let (mut tail, mut buffer) = (Vec::new(), vec![0; 8192]);
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        tail.extend_from_slice(&buffer[..count]);
        if tail.len() > 2 * STDERR_TAIL {
            tail.drain(..tail.len() - STDERR_TAIL);
        }
    }
    Ok(tail)
}

fn ended(status: ExitStatus, complaint: &[u8]) -> String {
    let how = status.code().map_or_else(
        || format!("the program was stopped ({status})"),
        |code| format!("the program ended with status {code}"),
    );
    let complaint = String::from_utf8_lossy(complaint);
    match complaint.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("{how}: {}", short(line)),
        None => format!("{how} and wrote nothing to stderr"),
    }
}

#[cfg(test)]
mod tests;
