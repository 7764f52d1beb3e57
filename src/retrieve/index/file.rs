//! An index as a file: written whole or not at all, and read only when its checksum holds.

use super::{Entry, Index, Passage};
use crate::domain::{Digest, Hasher, RelPath, Result};
use crate::ledger::{Home, replace};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Names the format and its version.
const MAGIC: &[u8] = b"llmops index 2\n";
/// Bytes of a checksum: a digest as text.
const CHECKSUM: usize = 71;
/// Indexes to keep: a sweep makes one for each chunking.
const KEPT: usize = 24;
/// Numbers that are written at once.
const AT_ONCE: usize = 4096;

/// Where an index goes, part by part: it is never in memory a second time.
struct Sink<'a> {
    out: &'a mut dyn Write,
    hasher: Hasher,
}

impl Sink<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.add(bytes);
        self.out.write_all(bytes)
    }

    fn number(&mut self, number: usize) -> io::Result<()> {
        self.put(&u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.number(text.len())?;
        self.put(text.as_bytes())
    }

    fn optional(&mut self, value: Option<&str>) -> io::Result<()> {
        self.put(&[u8::from(value.is_some())])?;
        value.map_or(Ok(()), |value| self.text(value))
    }
}

/// Replaces the index at `path`.
pub(super) fn write(path: &Path, index: &Index) -> Result<()> {
    replace(path, |out| {
        out.write_all(MAGIC)?;
        let mut sink = Sink { out, hasher: Hasher::default() };
        body(&mut sink, index)?;
        let Sink { out, hasher } = sink;
        out.write_all(hasher.digest().to_string().as_bytes())
    })
}

fn body(sink: &mut Sink<'_>, index: &Index) -> io::Result<()> {
    sink.number(index.width)?;
    sink.number(index.entries.len())?;
    for entry in &index.entries {
        sink.text(entry.path.as_str())?;
        sink.text(&entry.digest.to_string())?;
        sink.number(entry.passages)?;
    }
    sink.number(index.passages.len())?;
    for passage in &index.passages {
        sink.text(&passage.source)?;
        sink.put(&passage.start.to_le_bytes())?;
        sink.put(&passage.end.to_le_bytes())?;
        sink.optional(passage.heading.as_deref())?;
        sink.optional(passage.last_updated.as_deref())?;
        sink.text(&passage.text)?;
    }
    let mut bytes = Vec::with_capacity(AT_ONCE * 4);
    for numbers in index.vectors.chunks(AT_ONCE) {
        bytes.clear();
        numbers.iter().for_each(|x| bytes.extend(x.to_le_bytes()));
        sink.put(&bytes)?;
    }
    Ok(())
}

/// The index at `path`; `None` where there is none that is whole.
pub(super) fn read(path: &Path) -> Option<Index> {
    let bytes = fs::read(path).ok()?;
    let rest = bytes.strip_prefix(MAGIC)?;
    let (body, checksum) = rest.split_at_checked(rest.len().checked_sub(CHECKSUM)?)?;
    if Digest::of_bytes(body).to_string().as_bytes() != checksum {
        return None;
    }
    let mut rest = Reader(body);
    let width = rest.number()?;
    let mut index = Index { width, ..Index::default() };
    for _ in 0..rest.number()? {
        let path = RelPath::new(&rest.text()?)?;
        let digest = rest.text()?.parse().ok()?;
        index.entries.push(Entry { path, digest, passages: rest.number()? });
    }
    for _ in 0..rest.number()? {
        index.passages.push(Passage {
            source: rest.text()?,
            start: rest.long()?,
            end: rest.long()?,
            heading: rest.optional()?,
            last_updated: rest.optional()?,
            text: rest.text()?,
        });
    }
    let floats = rest.0.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    index.vectors = floats.collect();
    let passages: usize = index.entries.iter().map(|entry| entry.passages).sum();
    let whole = passages == index.passages.len() && index.vectors.len() == passages * width;
    whole.then_some(index)
}

/// Removes the indexes that were written longest ago, beyond those to keep. What cannot be removed is kept.
pub(super) fn prune(home: &Home) {
    let Ok(list) = fs::read_dir(home.path().join("index")) else { return };
    let mut found: Vec<_> = list
        .flatten()
        .filter(|entry| entry.file_name().len() == 64)
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    for (_, path) in found.into_iter().skip(KEPT) {
        drop(fs::remove_file(path));
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn long(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn number(&mut self) -> Option<usize> {
        usize::try_from(self.long()?).ok()
    }

    fn text(&mut self) -> Option<String> {
        let count = self.number()?;
        String::from_utf8(self.take(count)?.to_vec()).ok()
    }

    fn optional(&mut self) -> Option<Option<String>> {
        match self.take(1)? {
            [0] => Some(None),
            _ => self.text().map(Some),
        }
    }
}
