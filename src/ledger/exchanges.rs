//! The one store of requests and their replies, under each request's digest.
//!
//! Every process appends to segments of its own and reads all of them, so that any number of runs share the
//! folder without waiting for each other. A line is written whole, before the call counts as done: a process
//! that is killed at any moment loses at most the line that it was writing.

use super::claim::{claim, is_claimed};
use super::home::{Home, cannot};
use super::segment::{self, Span};
use crate::domain::{Digest, Error, Exchange, Kind, Result};
use rustc_hash::FxHashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The size that the store is held to unless the caller says otherwise: 512 MiB.
pub const DEFAULT_STORE_BYTES: u64 = 512 << 20;

/// A segment is closed at this size, so that what is old can be removed in small parts.
const SEGMENT_BYTES: u64 = 64 << 20;

/// So many files are held open for reading; the others are opened for each line.
const OPEN_FILES: usize = 64;

/// Requests and replies on disk. Nothing is opened before the first question; every method may be called from
/// many threads at once.
#[derive(Debug)]
pub struct ExchangeStore {
    home: Home,
    label: String,
    limit: u64,
    /// Whether what was stored before is not used.
    afresh: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    opened: bool,
    index: FxHashMap<Digest, Slot>,
    /// What the index pointed to before, of the few keys that were stored twice.
    older: FxHashMap<Digest, Vec<Slot>>,
    segments: Vec<Arc<Segment>>,
    /// How many of the segments were there at opening: those of other processes, and of earlier runs.
    found: usize,
    writer: Option<Writer>,
    warnings: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Slot {
    segment: usize,
    span: Span,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    /// When it was last written to, at the latest (RFC 3339, UTC); `None` where that is not known, and of this
    /// process's own.
    written: Option<String>,
    keep_open: bool,
    file: OnceLock<File>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    path: PathBuf,
    segment: usize,
    len: u64,
}

impl ExchangeStore {
    /// The store of a project. `label` names the segments that this process writes (the run's id, where there
    /// is one); `limit` is the size in bytes beyond which the oldest segments are removed at opening.
    pub fn new(home: &Home, label: &str, limit: u64) -> Self {
        let label = label
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
            .collect();
        Self { home: home.clone(), label, limit, afresh: false, state: Mutex::default() }
    }

    /// As [`ExchangeStore::new`], for a run that uses nothing of what was stored before: none of it is read.
    pub fn afresh(home: &Home, label: &str, limit: u64) -> Self {
        Self { afresh: true, ..Self::new(home, label, limit) }
    }

    /// The stored exchange of a request, if there is one that can be read and is what it says.
    ///
    /// # Errors
    /// When the folder of the store cannot be listed.
    pub fn get(&self, key: &Digest) -> Result<Option<Exchange>> {
        self.get_since(key, None)
    }

    /// As [`ExchangeStore::get`], of what completed at `since` (RFC 3339, UTC) or later; without one, of everything.
    ///
    /// # Errors
    /// As [`ExchangeStore::get`].
    pub fn get_since(&self, key: &Digest, since: Option<&str>) -> Result<Option<Exchange>> {
        loop {
            let (segment, slot) = {
                let state = self.opened()?;
                let Some(slot) = state.index.get(key) else {
                    return Ok(None);
                };
                (Arc::clone(&state.segments[slot.segment]), *slot)
            };
            // A run without a cache would otherwise read, for each of its calls, what it may not use.
            if since.is_some_and(|since| segment.written.as_deref().is_some_and(|written| written < since)) {
                return Ok(None);
            }
            let line = segment.read(slot.span).map_err(|error| error.to_string());
            match line.and_then(|line| segment::parse(&line, key)) {
                Ok(exchange) => {
                    return Ok(Some(exchange).filter(|found| since.is_none_or(|since| *found.at >= *since)));
                }
                Err(why) => {
                    let mut state = self.lock();
                    state.forget(key, slot);
                    let (path, offset) = (segment.path.display(), slot.span.offset);
                    state.warn(format!("{path}: the exchange at byte {offset} was skipped: {why}"));
                }
            }
        }
    }

    /// Whether there is a stored exchange under this key, without reading it.
    ///
    /// # Errors
    /// When the folder of the store cannot be listed.
    pub fn contains(&self, key: &Digest) -> Result<bool> {
        Ok(self.opened()?.index.contains_key(key))
    }

    /// Whether what is stored under this key was stored by this process.
    ///
    /// # Errors
    /// When the folder of the store cannot be listed.
    pub fn is_own(&self, key: &Digest) -> Result<bool> {
        let state = self.opened()?;
        Ok(state.index.get(key).is_some_and(|slot| slot.segment >= state.found))
    }

    /// Whether anything was stored before this process began.
    ///
    /// # Errors
    /// When the folder of the store cannot be listed.
    pub fn has_earlier(&self) -> Result<bool> {
        Ok(self.opened()?.found > 0)
    }

    /// Up to `most` stored exchanges, the newest segments first; for saying why a request is not among them.
    ///
    /// # Errors
    /// When the folder of the store cannot be listed.
    pub fn newest(&self, most: usize) -> Result<Vec<Exchange>> {
        let mut slots: Vec<(Digest, Slot)> =
            self.opened()?.index.iter().map(|(key, slot)| (*key, *slot)).collect();
        slots.sort_unstable_by_key(|(_, slot)| std::cmp::Reverse((slot.segment, slot.span.offset)));
        let mut found = Vec::new();
        for (key, _) in slots.into_iter().take(most) {
            found.extend(self.get(&key)?);
        }
        Ok(found)
    }

    /// Stores an exchange. When it returns, the exchange survives the end of this process, however it comes.
    ///
    /// # Errors
    /// When it cannot be written whole; when its request may not be reused, or does not belong to its key.
    pub fn put(&self, exchange: &Exchange) -> Result<()> {
        if !exchange.request.cacheable {
            return Err(refused("its reply may not be reused"));
        }
        // Whoever asks computes the key from this very request; computing it again for every call would cost as much as
        // storing it does, so that only tests hold it. Reading verifies it always.
        if cfg!(debug_assertions) && exchange.request.key() != exchange.key {
            return Err(refused("its key is not the digest of its request"));
        }
        let mut line = serde_json::to_vec(exchange)
            .map_err(|error| Error::storage("an exchange cannot be written as JSON", error))?;
        let len = u32::try_from(line.len()).map_err(|_| refused("it is larger than 4 GiB"))?;
        line.push(b'\n');
        let mut state = self.opened()?;
        let mut writer = match state.writer.take() {
            Some(writer) if writer.len < SEGMENT_BYTES.min(self.limit / 8) => writer,
            _ => self.start_segment(&mut state)?,
        };
        let offset = writer.len;
        if let Err(error) = writer.file.write_all(&line) {
            // What was written of the line must not become the beginning of the next one. Where it cannot be
            // taken back, the next line goes to another segment.
            let error = cannot("written", &writer.path, error);
            if writer.file.set_len(offset).is_ok() {
                state.writer = Some(writer);
            }
            return Err(error);
        }
        writer.len += u64::from(len) + 1;
        let slot = Slot { segment: writer.segment, span: Span { offset, len } };
        state.point(exchange.key, slot);
        state.writer = Some(writer);
        Ok(())
    }

    /// What was skipped since the last time this was asked: torn lines, lines that are not what they say.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().warnings)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change of the state is a single insertion; a thread that panicked leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("exchanges")
    }

    fn opened(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        if !state.opened {
            let folder = self.folder();
            let mut segments = segment::list(&folder).map_err(|error| cannot("read", &folder, error))?;
            remove_oldest(&mut segments, self.limit);
            if !self.afresh {
                segments.iter().for_each(|(path, _)| state.read_keys(path));
            }
            state.found = state.segments.len();
            state.opened = true;
        }
        Ok(state)
    }

    fn start_segment(&self, state: &mut State) -> Result<Writer> {
        let folder = self.home.make("exchanges")?;
        for number in 0..10_000_u32 {
            let path = folder.join(format!("{}-{number}.jsonl", self.label));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    claim(&file);
                    let segment = state.add_segment(&path, None);
                    return Ok(Writer { file, path, segment, len: 0 });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot("written", &path, error)),
            }
        }
        Err(refused("there are too many segments of one name"))
    }
}

impl State {
    fn add_segment(&mut self, path: &Path, written: Option<String>) -> usize {
        let keep_open = self.segments.len() < OPEN_FILES;
        self.segments.push(Arc::new(Segment {
            path: path.to_owned(),
            written,
            keep_open,
            file: OnceLock::new(),
        }));
        self.segments.len() - 1
    }

    /// A later line holds; the earlier one is kept for when the later cannot be read.
    fn point(&mut self, key: Digest, slot: Slot) {
        if let Some(earlier) = self.index.insert(key, slot) {
            self.older.entry(key).or_default().push(earlier);
        }
    }

    /// Goes back to what was stored before `slot`, unless something else was stored meanwhile.
    fn forget(&mut self, key: &Digest, slot: Slot) {
        if self.index.get(key) != Some(&slot) {
            return;
        }
        match self.older.get_mut(key).and_then(Vec::pop) {
            Some(earlier) => self.index.insert(*key, earlier),
            None => self.index.remove(key),
        };
    }

    fn read_keys(&mut self, path: &Path) {
        let written = last_written(path);
        let scan = match segment::scan(path) {
            Ok(scan) => scan,
            // Another process removed it as too old.
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return self.warn(format!("{} was skipped: {error}", path.display())),
        };
        let segment = self.add_segment(path, written);
        for (key, span) in scan.lines {
            self.point(key, Slot { segment, span });
        }
        if scan.torn {
            self.warn(format!("{}: the last line is incomplete and was skipped", path.display()));
        }
        if scan.unreadable > 0 {
            self.warn(format!("{}: {} unreadable lines were skipped", path.display(), scan.unreadable));
        }
    }

    /// A broken disk must not fill the memory with complaints about it.
    fn warn(&mut self, warning: String) {
        if self.warnings.len() < 100 {
            self.warnings.push(warning);
        }
    }
}

impl Segment {
    fn read(&self, span: Span) -> std::io::Result<Vec<u8>> {
        if let Some(file) = self.file.get() {
            return segment::line(file, span);
        }
        let file = File::open(&self.path)?;
        let bytes = segment::line(&file, span);
        if self.keep_open {
            let _ = self.file.set(file);
        }
        bytes
    }
}

/// File systems keep times by a clock that may lag behind the one that exchanges are dated by.
const CLOCKS_APART: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

fn last_written(path: &Path) -> Option<String> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let at = jiff::Timestamp::try_from(modified).ok()?.checked_add(CLOCKS_APART).ok()?;
    Some(format!("{at:.3}"))
}

fn refused(why: &str) -> Error {
    Error::new(Kind::Storage, format!("an exchange is not stored: {why}"))
}

/// Removes the oldest segments until the rest fits. The newest always stays, and so does one that another
/// process is writing.
fn remove_oldest(segments: &mut Vec<(PathBuf, u64)>, limit: u64) {
    let mut total: u64 = segments.iter().map(|(_, len)| len).sum();
    let newest = segments.last().map(|(path, _)| path.clone());
    segments.retain(|(path, len)| {
        if total <= limit
            || Some(path) == newest.as_ref()
            || is_claimed(path)
            || fs::remove_file(path).is_err()
        {
            return true;
        }
        total -= len;
        false
    });
}
