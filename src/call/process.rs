//! One process, run to its end: an input on stdin, its output within a limit, and nothing of it left behind.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// How much of the end of stderr is kept.
const STDERR_TAIL: usize = 64 * 1024;

/// What a process may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time until it has ended.
    pub timeout: Duration,
    /// Bytes on stdout.
    pub output: usize,
}

/// What a process left.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything that it wrote to stdout.
    pub stdout: Vec<u8>,
    /// The end of what it wrote to stderr.
    pub stderr: Vec<u8>,
}

/// Why a process left nothing that could be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProcessFault {
    /// It could not be started.
    Start(String),
    /// Its input could not be written, or its output not be read.
    Pipe(String),
    /// It was not done in its time, and was killed.
    Timeout(Duration),
    /// It wrote more than so many bytes, and was killed.
    TooMuch(usize),
}

impl fmt::Display for ProcessFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(why) | Self::Pipe(why) => f.write_str(why),
            Self::Timeout(limit) => write!(f, "took longer than {} s", limit.as_secs_f64()),
            Self::TooMuch(limit) => write!(f, "wrote more than {} MiB", limit / (1024 * 1024)),
        }
    }
}

/// Runs `command` at `root` with the environment of this process.
///
/// It has a process group of its own: an interrupt at the terminal lets it finish, and it is killed with all that it
/// started when its time is over, when it writes too much, and when the call is dropped. Only what left that group,
/// as `setsid` does, outlives it.
///
/// # Errors
/// See [`ProcessFault`]. A status other than 0 is no error here.
pub async fn run(
    command: &[String],
    root: &Path,
    stdin: &[u8],
    limits: Limits,
) -> Result<Output, ProcessFault> {
    let mut group = Group { child: start(command, root)? };
    let talk = converse(&mut group.child, stdin, limits.output);
    tokio::time::timeout(limits.timeout, talk).await.unwrap_or(Err(ProcessFault::Timeout(limits.timeout)))
}

fn start(command: &[String], root: &Path) -> Result<Child, ProcessFault> {
    let fault = |message: String| ProcessFault::Start(message);
    let Some((program, arguments)) = command.split_first() else {
        return Err(fault("there is no `command`".to_owned()));
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

/// Writes the input while it reads both outputs, so that no pipe fills up and blocks the other side.
async fn converse(child: &mut Child, input: &[u8], most: usize) -> Result<Output, ProcessFault> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(ProcessFault::Start("the program has no standard streams".to_owned()));
    };
    let write = async move {
        match stdin.write_all(input).await {
            // A program need not read what it does not need.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(ProcessFault::Pipe(format!("the request could not be written: {error}"))),
            Ok(()) => Ok(()),
        }
    };
    let ((), stdout, stderr) = tokio::try_join!(write, read_all(stdout, most), read_tail(stderr))?;
    let status = child
        .wait()
        .await
        .map_err(|error| ProcessFault::Pipe(format!("its exit status is unknown: {error}")))?;
    Ok(Output { status, stdout, stderr })
}

async fn read_all(stdout: impl AsyncRead + Unpin, most: usize) -> Result<Vec<u8>, ProcessFault> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = stdout.take(limit).read_to_end(&mut bytes).await;
    read.map_err(|error| ProcessFault::Pipe(format!("the reply could not be read: {error}")))?;
    if bytes.len() > most { Err(ProcessFault::TooMuch(most)) } else { Ok(bytes) }
}

/// The end of what the program complained of. An unreadable stderr is no reason to lose an answer.
async fn read_tail(mut stderr: impl AsyncRead + Unpin) -> Result<Vec<u8>, ProcessFault> {
    let (mut tail, mut buffer) = (Vec::new(), vec![0; 8192]);
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        tail.extend_from_slice(&buffer[..count]);
        if tail.len() > 2 * STDERR_TAIL {
            tail.drain(..tail.len() - STDERR_TAIL);
        }
    }
    Ok(tail)
}
