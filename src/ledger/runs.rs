//! The records of runs: `.llmops/runs/<id>/` with the plan, a line for each finished trial, and the report.

use super::atomic::replace;
use super::claim::{claim, is_claimed};
use super::home::{Home, cannot};
use crate::domain::{Error, Kind, Result, RunId, TrialRecord};
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// So many finished runs are kept unless the caller says otherwise.
pub const DEFAULT_KEPT_RUNS: usize = 50;

/// Before the id of a run whose folder is not whole yet.
const BEGUN: &str = ".";
const PLAN: &str = "plan.json";
const TRIALS: &str = "trials.jsonl";
/// The report of a run that was interrupted.
const PARTIAL: &str = "partial.json";
const REPORT: &str = "report.json";

/// The id of a run that starts at `at`, for example `20261121T031500Z-0a1b2c`: ids sort by start. After the second come
/// its milliseconds in ten bits, and the lower 14 bits of `random`, to tell apart runs of one millisecond.
pub fn run_id(at: jiff::Timestamp, random: u32) -> RunId {
    let millisecond = u32::try_from(at.subsec_millisecond()).unwrap_or(0);
    RunId::new(format!("{}-{:06x}", at.strftime("%Y%m%dT%H%M%SZ"), millisecond << 14 | random & 0x3fff))
}

/// Whether a name is that of a run's folder; nothing else below `runs/` is ever read or removed.
fn is_run_id(name: &str) -> bool {
    name.len() == 23
        && name.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            16 => byte == b'-',
            17.. => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            _ => byte.is_ascii_digit(),
        })
}

/// A run on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// Whether it has a report. One that has not was interrupted, or is still going on.
    pub finished: bool,
}

/// Every run on disk, the newest first.
///
/// # Errors
/// When the folder of runs cannot be listed.
pub fn list_runs(home: &Home) -> Result<Vec<RunSummary>> {
    let mut runs = folders(home)?;
    // What was killed while it began has a name of its own; in one of an earlier version the plan may lack.
    let begun = |run: &RunSummary| run.id.as_str().starts_with(BEGUN);
    runs.retain(|run| !begun(run) && folder_of(home, &run.id).join(PLAN).is_file());
    Ok(runs)
}

/// Every folder of a run, the newest first.
fn folders(home: &Home) -> Result<Vec<RunSummary>> {
    let folder = home.path().join("runs");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot("read", &folder, error)),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| cannot("read", &folder, error))?;
        // What was left while it began has a dot before its id.
        let name = entry.file_name();
        if let Some(name) = name.to_str().filter(|name| is_run_id(name.strip_prefix(BEGUN).unwrap_or(name))) {
            runs.push(RunSummary { id: RunId::new(name), finished: entry.path().join(REPORT).is_file() });
        }
    }
    let start = |run: &RunSummary| run.id.as_str().trim_start_matches(BEGUN).to_owned();
    runs.sort_unstable_by_key(|run| std::cmp::Reverse(start(run)));
    Ok(runs)
}

/// The newest run that has no report and that no process is writing.
///
/// # Errors
/// When the folder of runs cannot be listed.
pub fn last_unfinished(home: &Home) -> Result<Option<RunId>> {
    let runs = list_runs(home)?.into_iter().filter(|run| !run.finished);
    Ok(runs.map(|run| run.id).find(|id| !is_claimed(&folder_of(home, id).join(TRIALS))))
}

/// Removes the oldest runs, so that `keep` finished ones stay. An interrupted run goes with the finished runs
/// that are as old.
///
/// # Errors
/// When a folder cannot be listed or removed.
pub fn prune_runs(home: &Home, keep: usize) -> Result<()> {
    let mut finished = 0;
    for run in folders(home)? {
        finished += usize::from(run.finished);
        let folder = folder_of(home, &run.id);
        let old = finished > keep || (!run.finished && finished == keep);
        if old && !is_claimed(&folder.join(TRIALS)) {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(cannot("removed", &folder, error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

pub(super) fn folder_of(home: &Home, id: &RunId) -> PathBuf {
    home.path().join("runs").join(id.as_str())
}

/// Writes the record of one run.
#[derive(Debug)]
pub struct RunWriter {
    folder: PathBuf,
    trials: File,
    len: u64,
}

impl RunWriter {
    /// Begins a run: its folder and its plan.
    ///
    /// # Errors
    /// When the folder or the plan cannot be written, or the run is there already.
    pub fn create(home: &Home, id: &RunId, plan: &Value) -> Result<Self> {
        let runs = home.make("runs")?;
        let (begun, folder) = (runs.join(format!("{BEGUN}{id}")), runs.join(id.as_str()));
        // Whoever is killed in between leaves no run that lacks its plan.
        fs::create_dir(&begun).map_err(|error| cannot("made", &begun, error))?;
        write_json(&begun.join(PLAN), plan)?;
        let open = |folder: &Path| {
            let path = folder.join(TRIALS);
            let opened = OpenOptions::new().append(true).create(true).open(&path);
            opened.map_err(|error| cannot("written", &path, error))
        };
        let trials = open(&begun)?;
        claim(&trials);
        // Elsewhere a folder does not move while a file in it is open.
        #[cfg(not(unix))]
        drop(trials);
        fs::rename(&begun, &folder).map_err(|error| cannot("made", &folder, error))?;
        #[cfg(not(unix))]
        let trials = open(&folder)?;
        Ok(Self { folder, trials, len: 0 })
    }

    /// Continues an interrupted run after its last whole record. A torn last line is cut off. Also returns the
    /// number of records that are there: the caller goes on with the next trial of the plan.
    ///
    /// # Errors
    /// When another process writes this run, when it is finished, or its files cannot be read.
    pub fn resume(home: &Home, id: &RunId) -> Result<(Self, usize)> {
        let folder = folder_of(home, id);
        let path = folder.join(TRIALS);
        let failed = |error| cannot("read", &path, error);
        if folder.join(REPORT).is_file() {
            return Err(Error::input(format!("run {id} is finished")).hint("start a new run"));
        }
        let mut trials = OpenOptions::new().read(true).append(true).open(&path).map_err(failed)?;
        #[cfg(unix)]
        if matches!(trials.try_lock(), Err(std::fs::TryLockError::WouldBlock)) {
            return Err(Error::new(Kind::Storage, format!("run {id} is still going on in another process"))
                .hint("wait for it, or start a new run"));
        }
        let (mut whole, mut count, mut line) = (0, 0, Vec::new());
        let mut reader = BufReader::new(&mut trials);
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(failed)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            whole += read as u64;
            count += 1;
        }
        trials.set_len(whole).and_then(|()| trials.seek(SeekFrom::End(0))).map_err(failed)?;
        Ok((Self { folder, trials, len: whole }, count))
    }

    /// Adds the record of a finished trial. Records come in plan order.
    ///
    /// # Errors
    /// When it cannot be written whole; nothing of it is then left.
    pub fn append(&mut self, record: &TrialRecord) -> Result<()> {
        let mut line = serde_json::to_vec(record)
            .map_err(|error| Error::storage("a trial cannot be written as JSON", error))?;
        line.push(b'\n');
        if let Err(error) = self.trials.write_all(&line) {
            let _ = self.trials.set_len(self.len);
            return Err(cannot("written", &self.folder.join(TRIALS), error));
        }
        self.len += line.len() as u64;
        Ok(())
    }

    /// Ends the run with its report.
    ///
    /// # Errors
    /// When the report cannot be written; the run then counts as interrupted.
    pub fn finish(self, report: &Value) -> Result<()> {
        write_json(&self.folder.join(REPORT), report)
    }

    /// Leaves an interrupted run with the report of what it has, which can be read and is not the end of it.
    ///
    /// # Errors
    /// When the report cannot be written.
    pub fn interrupt(self, report: &Value) -> Result<()> {
        write_json(&self.folder.join(PARTIAL), report)
    }
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    replace(path, |out| {
        serde_json::to_writer(&mut *out, value)?;
        out.write_all(b"\n")
    })
}

/// Reads the record of one run.
#[derive(Clone, Debug)]
pub struct RunReader {
    id: RunId,
    folder: PathBuf,
}

impl RunReader {
    /// Opens `last` (the newest run), or the run whose id is or begins with `which`.
    ///
    /// # Errors
    /// When there is no such run, or several begin so.
    pub fn open(home: &Home, which: &str) -> Result<Self> {
        let runs = list_runs(home)?;
        let mut found = runs.iter().filter(|run| which == "last" || run.id.as_str().starts_with(which));
        let run = found.next().ok_or_else(|| no_such_run(which, runs.first()))?;
        if which != "last" && found.next().is_some() {
            return Err(
                Error::input(format!("several runs begin with {which:?}")).hint("give more of the id")
            );
        }
        Ok(Self { id: run.id.clone(), folder: folder_of(home, &run.id) })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Whether it has a report.
    pub fn finished(&self) -> bool {
        self.folder.join(REPORT).is_file()
    }

    /// The plan as it was given to [`RunWriter::create`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn plan(&self) -> Result<Value> {
        read_json(&self.folder.join(PLAN))
    }

    /// The report as it was given to [`RunWriter::finish`], or else to [`RunWriter::interrupt`]; `None` for a run that
    /// was killed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn report(&self) -> Result<Option<Value>> {
        let whole =
            [REPORT, PARTIAL].into_iter().map(|name| self.folder.join(name)).find(|path| path.is_file());
        whole.map(|path| read_json(&path)).transpose()
    }

    /// The records, in plan order, one at a time. The torn last line of an interrupted run is left out.
    ///
    /// # Errors
    /// When the file cannot be opened; each record when its line is broken, for a verdict over the others
    /// would be wrong.
    pub fn records(&self) -> Result<impl Iterator<Item = Result<TrialRecord>> + use<>> {
        let path = self.folder.join(TRIALS);
        let file = File::open(&path).map_err(|error| cannot("read", &path, error))?;
        let (mut reader, finished) = (BufReader::new(file), self.finished());
        let (mut number, mut line) = (0_usize, Vec::new());
        Ok(std::iter::from_fn(move || {
            line.clear();
            number += 1;
            match reader.read_until(b'\n', &mut line) {
                Err(error) => Some(Err(cannot("read", &path, error))),
                Ok(0) => None,
                Ok(_) if line.last() != Some(&b'\n') && !finished => None,
                Ok(_) => Some(serde_json::from_slice(&line).map_err(|error| {
                    Error::storage(
                        format!("{}: line {number} is no record of a trial", path.display()),
                        error,
                    )
                })),
            }
        }))
    }
}

fn read_json(path: &Path) -> Result<Value> {
    let bytes = fs::read(path).map_err(|error| cannot("read", path, error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::storage(format!("{} is not JSON", path.display()), error))
}

fn no_such_run(which: &str, newest: Option<&RunSummary>) -> Error {
    match newest {
        None => Error::new(Kind::NoMatch, "no run is stored").hint("run `llmops eval` first"),
        Some(run) => Error::new(Kind::NoMatch, format!("no stored run is {which:?}"))
            .hint(format!("the newest is {}; `last` means it", run.id)),
    }
}
