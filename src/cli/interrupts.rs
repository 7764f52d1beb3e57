//! Ctrl-C, and the signal by which a CI system ends a job: heard from before the first call until the program ends.

use super::terminal::Terminal;
use crate::call::Stop;
use crate::domain::{Error, Exit, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;

/// The one stop of the process: runs that follow each other hear of it too.
static STOP: OnceLock<Stop> = OnceLock::new();

/// Whether the run is kept, so that nothing is lost by ending.
static KEPT: AtomicBool = AtomicBool::new(false);

/// Listens from now on. The first signal sends nothing more and keeps what is under way, the second ends the run at
/// once, a third the program. Once the run is [`kept`], the next one ends the program.
///
/// # Errors
/// When no thread can be started for it.
pub fn listen(terminal: &Terminal) -> Result<Stop> {
    KEPT.store(false, Ordering::Release);
    if let Some(stop) = STOP.get() {
        return Ok(stop.clone());
    }
    let stop = Stop::default();
    let (asked, quiet) = (stop.clone(), terminal.quiet);
    let failed = |error: std::io::Error| Error::storage("cannot listen for signals", error);
    let (ready, listening) = mpsc::channel();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(hear(&asked, quiet, &ready)),
                Err(error) => drop(ready.send(Err(error))),
            }
        })
        .map_err(failed)?;
    // A signal that comes before anybody listens ends the program, as it does without any of this.
    listening.recv().unwrap_or(Ok(())).map_err(failed)?;
    Ok(STOP.get_or_init(|| stop).clone())
}

/// The run is decided and on disk; what follows writes reports of it, which can be written again.
pub fn kept() {
    KEPT.store(true, Ordering::Release);
}

async fn hear(stop: &Stop, quiet: bool, ready: &mpsc::Sender<std::io::Result<()>>) {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return drop(ready.send(Err(error))),
    };
    drop(ready.send(Ok(())));
    heard(&mut signals, quiet).await;
    stop.request();
    if !quiet {
        Terminal::aside("interrupted: waiting for replies that are under way; once more stops at once");
    }
    heard(&mut signals, quiet).await;
    stop.abandon();
    heard(&mut signals, quiet).await;
    end();
}

/// The next signal, where there is still something to stop.
async fn heard(signals: &mut Signals, quiet: bool) {
    signals.next().await;
    if KEPT.load(Ordering::Acquire) {
        if !quiet {
            Terminal::aside("interrupted: the run is kept, and `llmops report` shows it");
        }
        end();
    }
}

/// Whatever it is that does not end.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "asked for the third time, or with everything kept; the store withstands it"
)]
fn end() {
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

/// "File size limit exceeded"; the number is the same on both.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const SIGXFSZ: i32 = 25;

#[cfg(unix)]
struct Signals {
    key: tokio::signal::unix::Signal,
    end: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // Whoever hears it is not ended by it: the write that went beyond `ulimit -f` fails, and that is told.
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        drop(signal(SignalKind::from_raw(SIGXFSZ))?);
        Ok(Self { key: signal(SignalKind::interrupt())?, end: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        let heard = tokio::select! {
            heard = self.key.recv() => heard,
            heard = self.end.recv() => heard,
        };
        if heard.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
