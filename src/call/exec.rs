//! A program as a model: one process per call, a request on stdin, a reply on stdout.

use super::local_fault::{LocalFault, Stage};
use super::process::{self, ProcessFault};
use super::program::{MAX_REPLY, reply, request_body, short};
use crate::domain::{Reply, Request};
use crate::manifest::project::ProviderConfig;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

/// Runs the provider's command at `root` and reads its reply.
///
/// The program has the environment of this process. It and the processes of its group are killed when `timeout` is
/// over, when it writes more than 32 MiB, and when the call is dropped.
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
    if config.command.is_empty() {
        let message = format!("the provider `{}` has no `command`", config.name);
        return Err(LocalFault::new(Stage::Start, message));
    }
    let body = request_body(request).to_string();
    let limits = process::Limits { timeout, output: MAX_REPLY };
    let output = process::run(&config.command, root, body.as_bytes(), limits)
        .await
        .map_err(|fault| failed(&fault, config))?;
    if !output.status.success() {
        return Err(LocalFault::new(Stage::Exit, ended(output.status, &output.stderr)));
    }
    let written = String::from_utf8(output.stdout)
        .map_err(|_| LocalFault::new(Stage::Decode, "the program wrote something that is not UTF-8"))?;
    reply(&written)
}

fn failed(fault: &ProcessFault, config: &ProviderConfig) -> LocalFault {
    let name = config.command.first().map_or("", String::as_str);
    match fault {
        ProcessFault::Start(why) => LocalFault::new(Stage::Start, why),
        ProcessFault::Pipe(why) => LocalFault::new(Stage::Send, why),
        ProcessFault::Timeout(limit) => {
            let message = format!("`{name}` did not answer within {} s", limit.as_secs_f64());
            LocalFault::new(Stage::Timeout, message)
        }
        ProcessFault::TooMuch(_) => LocalFault::new(Stage::TooLarge, format!("the program {fault}")),
    }
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
