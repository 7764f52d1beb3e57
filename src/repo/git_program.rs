//! The `git` program, for repositories that the library cannot read, and for what it reads wrongly.

use super::snapshot::ReadError;
use crate::domain::{Error, Kind, Result};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// `git` in `dir`, deaf to what a hook or a caller's environment says about another repository, asking nobody
/// anything, and running no program that a configuration names for watching files.
fn git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(dir).args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]);
    for name in
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"]
    {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0");
    command.stdin(Stdio::null());
    command
}

/// What a run of `git` came to.
pub(super) struct Output {
    pub success: bool,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Output {
    /// Standard output without the line end.
    pub fn line(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches(['\n', '\r']).to_owned()
    }

    /// The parts of a list that NULs separate.
    pub fn parts(&self) -> Vec<String> {
        let parts = self.stdout.split(|byte| *byte == 0).filter(|part| !part.is_empty());
        parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
    }
}

/// Runs `git` to its end.
///
/// # Errors
/// When the program is not there.
pub(super) fn run(dir: &Path, arguments: &[&str]) -> Result<Output> {
    let output = git(dir).args(arguments).output().map_err(|error| {
        Error::new(Kind::Input, "this repository can be read by the program `git` alone, which cannot be run")
            .because(error)
            .hint("install git")
    })?;
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok(Output { success: output.status.success(), stdout: output.stdout, stderr })
}

/// Runs `git`, and takes a failure as an error.
///
/// # Errors
/// When the program is not there, or fails.
pub(super) fn demand(dir: &Path, arguments: &[&str]) -> Result<Output> {
    let output = run(dir, arguments)?;
    if output.success {
        return Ok(output);
    }
    let what = arguments.first().unwrap_or(&"");
    Err(Error::input(format!("`git {what}` failed: {}", output.stderr)))
}

/// Runs `git fetch` from `origin`, where nobody can be asked for a password: what the checkout has set up for itself
/// (a header, an ssh command, a credential helper) is all that is used.
///
/// # Errors
/// When the program is not there.
pub(super) fn fetch(dir: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = git(dir);
    if !run(dir, &["config", "--get", "core.sshCommand"])?.success {
        command.args(["-c", "core.sshCommand=ssh -o BatchMode=yes"]);
    }
    command.env("GIT_ASKPASS", "").env("GCM_INTERACTIVE", "never").env("SSH_ASKPASS_REQUIRE", "never");
    command.args(["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"]).args(arguments);
    let output = command
        .output()
        .map_err(|error| Error::input("`git fetch` cannot be run").because(error).hint("install git"))?;
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok(Output { success: output.status.success(), stdout: output.stdout, stderr })
}

/// One `git cat-file --batch`, started at the first question.
pub(super) struct CatFile {
    dir: PathBuf,
    process: Option<Process>,
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl CatFile {
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), process: None }
    }

    /// The bytes of an object of this kind.
    pub fn read(&mut self, id: &str, kind: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        match self.ask(id, kind, limit) {
            Ok(answer) => answer,
            Err(error) => {
                // The conversation is out of step: the next question starts another.
                self.process = None;
                Err(ReadError::Io(format!("`git cat-file` failed: {error}")))
            }
        }
    }

    fn ask(&mut self, id: &str, kind: &str, limit: u64) -> std::io::Result<Result<Vec<u8>, ReadError>> {
        let process = match &mut self.process {
            Some(process) => process,
            None => self.process.insert(start(&self.dir)?),
        };
        process.stdin.write_all(format!("{id}\n").as_bytes())?;
        process.stdin.flush()?;
        let mut head = String::new();
        process.stdout.read_line(&mut head)?;
        let words: Vec<&str> = head.split_whitespace().collect();
        let [_, found, size] = words[..] else {
            // One line, and nothing after it: "<id> missing". An empty one is the end of the process.
            let io = std::io::Error::other("it ended");
            return if head.is_empty() { Err(io) } else { Ok(Err(ReadError::Io(head.trim().to_owned()))) };
        };
        let size: u64 = size.parse().map_err(std::io::Error::other)?;
        if size > limit {
            std::io::copy(&mut (&mut process.stdout).take(size + 1), &mut std::io::sink())?;
            return Ok(Err(ReadError::TooLarge { limit }));
        }
        let mut bytes = Vec::new();
        (&mut process.stdout).take(size + 1).read_to_end(&mut bytes)?;
        if bytes.pop() != Some(b'\n') || bytes.len() as u64 != size {
            return Err(std::io::Error::other("its answer was cut short"));
        }
        if found != kind {
            return Ok(Err(ReadError::Io(format!("{id} is a {found}, not a {kind}"))));
        }
        Ok(Ok(bytes))
    }
}

fn start(dir: &Path) -> std::io::Result<Process> {
    let mut child = git(dir)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => Ok(Process { child, stdin, stdout: BufReader::new(stdout) }),
        _ => Err(std::io::Error::other("it has no pipes")),
    }
}
