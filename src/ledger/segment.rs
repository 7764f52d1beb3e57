//! One file of the exchange store: a line for each exchange, found by its key without being parsed.

use crate::domain::{Digest, Exchange};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// What every line begins with, so that opening reads keys and no exchange.
const BEFORE_KEY: &[u8] = b"{\"key\":\"";
/// `sha256:` and 64 digits.
const KEY_LEN: usize = 71;
const HEAD_LEN: usize = BEFORE_KEY.len() + KEY_LEN + 1;

/// Where a line lies in its segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub offset: u64,
    /// Bytes, without the line end.
    pub len: u32,
}

/// What reading the keys of a segment found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// In file order: of two lines with one key the later one holds.
    pub lines: Vec<(Digest, Span)>,
    /// Whole lines that do not begin with a key.
    pub unreadable: usize,
    /// Whether the last line has no end: a process was killed while it wrote.
    pub torn: bool,
}

/// The key at the beginning of a line.
pub(super) fn key_of(head: &[u8]) -> Option<Digest> {
    let rest = head.strip_prefix(BEFORE_KEY)?;
    if rest.get(KEY_LEN) != Some(&b'"') {
        return None;
    }
    std::str::from_utf8(&rest[..KEY_LEN]).ok()?.parse().ok()
}

/// The exchange of a line, if it is one, and is what it says.
pub(super) fn parse(line: &[u8], key: &Digest) -> Result<Exchange, String> {
    let exchange: Exchange = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if exchange.key != *key || exchange.request.key() != *key {
        return Err("its request does not have the digest that it is stored under".to_owned());
    }
    Ok(exchange)
}

/// Reads the keys of a segment as long as it was when it was opened; another process may be appending.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn scan(path: &Path) -> io::Result<Scan> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file.take(len));
    let mut found = Scan::default();
    let (mut offset, mut head) = (0u64, Vec::with_capacity(HEAD_LEN));
    loop {
        head.clear();
        let mut read = (&mut reader).take(HEAD_LEN as u64).read_until(b'\n', &mut head)? as u64;
        if read == 0 {
            return Ok(found);
        }
        let whole = if head.last() == Some(&b'\n') {
            true
        } else {
            read += reader.skip_until(b'\n')? as u64;
            offset + read < len || ends_with_newline(path, len)?
        };
        if !whole {
            found.torn = true;
            return Ok(found);
        }
        match (key_of(&head), u32::try_from(read - 1)) {
            (Some(key), Ok(len)) => found.lines.push((key, Span { offset, len })),
            _ if read == 1 => {}
            _ => found.unreadable += 1,
        }
        offset += read;
    }
}

fn ends_with_newline(path: &Path, len: u64) -> io::Result<bool> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(len - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// The bytes of one line.
///
/// # Errors
/// When the file is gone, shorter than it was, or cannot be read.
pub(super) fn line(file: &File, span: Span) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; span.len as usize];
    #[cfg(unix)]
    std::os::unix::fs::FileExt::read_exact_at(file, &mut bytes, span.offset)?;
    #[cfg(not(unix))]
    {
        // A handle of its own, so that two readers do not move each other's place.
        let mut file = file.try_clone()?;
        file.seek(SeekFrom::Start(span.offset))?;
        file.read_exact(&mut bytes)?;
    }
    Ok(bytes)
}

/// The segments of a folder, oldest first.
///
/// # Errors
/// When the folder cannot be listed. One that is not there has no segments.
pub(super) fn list(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        // Another process may remove it between listing and asking.
        if let Ok(facts) = entry.metadata()
            && facts.is_file()
        {
            found.push((facts.modified().ok(), path, facts.len()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path, len)| (path, len)).collect())
}
