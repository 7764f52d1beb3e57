//! Exchanges that are committed, so that a run can be repeated with no key and no network.

use super::atomic::replace;
use super::claim::turn;
use super::home::{Home, cannot};
use super::recorded::{self, Held};
use super::segment;
use crate::domain::{Digest, Error, Exchange, PromptName, RelPath, Result};
use crate::repo::{ReadError, Snapshot};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The largest file of recordings that is read: 256 MiB.
const LIMIT: u64 = 256 << 20;

/// The recordings of one prompt: `<evals>/recordings/<prompt>.jsonl`.
#[derive(Debug)]
pub struct Recordings {
    path: RelPath,
    text: String,
    lines: HashMap<Digest, Range<usize>>,
    warnings: Mutex<Vec<String>>,
}

/// What an export did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exported {
    /// The file.
    pub path: RelPath,
    /// Exchanges in it.
    pub exchanges: usize,
    /// Whether its bytes moved.
    pub changed: bool,
    /// Exchanges that were left out, for their replies may not be reused.
    pub left_out: usize,
}

/// Where the recordings of a prompt lie. `evals` is the folder of the suites.
///
/// # Errors
/// When the name of the prompt leads out of the folder of recordings.
pub fn recording_path(evals: &RelPath, prompt: &PromptName) -> Result<RelPath> {
    let folder = evals.join("recordings").unwrap_or_else(RelPath::root);
    folder.join(&format!("{prompt}.jsonl")).filter(|path| path.strip(folder.as_str()).is_some()).ok_or_else(
        || {
            Error::input(format!("the prompt name {prompt:?} cannot be the name of a file of recordings"))
                .hint("give the prompt a plain `name`")
        },
    )
}

impl Recordings {
    /// The recordings of a prompt as of a snapshot. A file that is not there holds none.
    ///
    /// # Errors
    /// When the file is there and cannot be read, git LFS did not fetch it, or a line is not what was recorded.
    pub fn load(snapshot: &Snapshot, evals: &RelPath, prompt: &PromptName) -> Result<Self> {
        let path = recording_path(evals, prompt)?;
        let text = match snapshot.read_text(&path, LIMIT) {
            Ok(text) => text,
            Err(ReadError::NotFound) => String::new(),
            Err(error) => {
                return Err(Error::input(format!("{path}: the recordings cannot be read")).because(error));
            }
        };
        if text.starts_with("version https://git-lfs.github.com/") {
            return Err(Error::input(format!("{path}: only the git LFS pointer of the recordings is here"))
                .hint("run `git lfs pull`"));
        }
        let (lines, warnings) = recorded::index(&path, &text)?;
        Ok(Self { path, text, lines, warnings: Mutex::new(warnings) })
    }

    /// The recorded exchange of a request, if there is one that is what it says.
    pub fn get(&self, key: &Digest) -> Option<Exchange> {
        let line = self.lines.get(key)?;
        match segment::parse(self.text[line.clone()].as_bytes(), key) {
            Ok(exchange) => Some(exchange),
            Err(why) => {
                let number = self.text[..line.start].matches('\n').count() + 1;
                let warning = format!("{}:{number}: the exchange was skipped: {why}", self.path);
                let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
                if !warnings.contains(&warning) {
                    warnings.push(warning);
                }
                None
            }
        }
    }

    /// Up to `most` recorded exchanges, for saying why a request is not among them.
    pub fn some(&self, most: usize) -> impl Iterator<Item = Exchange> + '_ {
        self.lines.keys().take(most).filter_map(|key| self.get(key))
    }

    /// The number of recorded exchanges.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Lines that were skipped since the last time this was asked.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Every line that is not empty, with its 1-based number; `\r\n` ends a line too.
pub(super) fn numbered_lines(text: &str) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut start = 0;
    text.split('\n').enumerate().filter_map(move |(at, line)| {
        let range = start..start + line.trim_end_matches('\r').len();
        start += line.len() + 1;
        (!range.is_empty()).then_some((at + 1, range))
    })
}

/// Writes the recordings of a prompt: exactly these exchanges, sorted by key, one a line. An exchange that is
/// recorded already with the same reply keeps its line, so that nothing moves in git when no answer moved.
/// Without exchanges the file is removed.
///
/// # Errors
/// When the file cannot be written, or a symlink leads out of `root`.
pub fn export_recordings(
    root: &Path,
    evals: &RelPath,
    prompt: &PromptName,
    exchanges: impl IntoIterator<Item = Exchange>,
    whole: bool,
) -> Result<Exported> {
    let path = recording_path(evals, prompt)?;
    let file = path.on_disk(root);
    let lock = Home::at(root).make("")?.join("recordings.lock");
    let _turn = turn(&lock).map_err(|error| cannot("written", &lock, error))?;
    let before = match fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(cannot("read", &file, error)),
    };
    let old = lines_of(&before);
    let (mut lines, mut left_out) = (BTreeMap::new(), 0);
    if !whole {
        lines.extend(old.iter().map(|(key, (line, _))| (*key, (*line).to_owned())));
    }
    for exchange in exchanges {
        if !exchange.request.cacheable {
            left_out += 1;
            continue;
        }
        let line = match old.get(&exchange.key) {
            Some((line, same)) if is_same_answer(same, &exchange) => {
                match recorded::held(line, &same.reply) {
                    Held::Yes => (*line).to_owned(),
                    Held::Unknown | Held::No => recorded::write(same)?,
                }
            }
            _ => recorded::write(&exchange)?,
        };
        lines.insert(exchange.key, line);
    }
    let after: String = lines.values().flat_map(|line| [line.as_str(), "\n"]).collect();
    let changed = after.as_bytes() != before;
    if changed && lines.is_empty() {
        fs::remove_file(&file).map_err(|error| cannot("removed", &file, error))?;
    } else if changed {
        let target = make_parent(root, &file)?;
        replace(&target, |out| out.write_all(after.as_bytes()))?;
    }
    Ok(Exported { path, exchanges: lines.len(), changed, left_out })
}

/// Holds that recordings can be written, before anything is paid for.
///
/// # Errors
/// As of [`export_recordings`].
pub fn recordings_writable(root: &Path, evals: &RelPath, prompt: &PromptName) -> Result<()> {
    let file = recording_path(evals, prompt)?.on_disk(root);
    let there = file.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(root);
    tempfile::tempfile_in(there).map(drop).map_err(|error| cannot("written", &file, error))
}

/// The lines of a file that are exchanges, by key.
fn lines_of(bytes: &[u8]) -> HashMap<Digest, (&str, Exchange)> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return HashMap::new();
    };
    let lines = numbered_lines(text).filter_map(|(_, line)| {
        let line = &text[line];
        let key = segment::key_of(line.as_bytes())?;
        Some((key, (line, segment::parse(line.as_bytes(), &key).ok()?)))
    });
    lines.collect()
}

/// Whether two exchanges differ at most in when they happened and how long they took.
fn is_same_answer(a: &Exchange, b: &Exchange) -> bool {
    a.key == b.key && a.reply == b.reply
}

/// Makes the folder of a file, and says where the file then really lies: inside of `root`.
fn make_parent(root: &Path, file: &Path) -> Result<PathBuf> {
    let outside = || Error::input(format!("{} leads outside the repository", file.display()));
    let (Some(parent), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(outside());
    };
    let real_root = fs::canonicalize(root).map_err(|error| cannot("read", root, error))?;
    // The nearest folder that exists decides, before anything is made.
    let there = parent.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    let real = fs::canonicalize(there).map_err(|error| cannot("read", there, error))?;
    if !real.starts_with(&real_root) {
        return Err(outside());
    }
    fs::create_dir_all(parent).map_err(|error| cannot("made", parent, error))?;
    let real = fs::canonicalize(parent).map_err(|error| cannot("read", parent, error))?;
    if real.starts_with(&real_root) { Ok(real.join(name)) } else { Err(outside()) }
}
