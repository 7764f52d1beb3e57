//! An index as a file: written whole or not at all, and read only when its checksum holds.

use super::{Entry, Index, Passage};
use crate::domain::{Digest, RelPath, Result};
use crate::ledger::{Home, replace};
use std::fs;
use std::path::Path;

/// Names the format and its version.
const MAGIC: &[u8] = b"llmops index 1\n";
/// Bytes of a checksum: a digest as text.
const CHECKSUM: usize = 71;
/// Indexes to keep: a sweep makes one for each chunking.
const KEPT: usize = 24;

/// Replaces the index at `path`.
pub(super) fn write(path: &Path, index: &Index) -> Result<()> {
    let mut body = Vec::with_capacity(index.vectors.len() * 4 + index.passages.len() * 256);
    number(&mut body, index.width);
    number(&mut body, index.entries.len());
    for entry in &index.entries {
        text(&mut body, entry.path.as_str());
        text(&mut body, &entry.digest.to_string());
        number(&mut body, entry.passages);
    }
    number(&mut body, index.passages.len());
    for passage in &index.passages {
        text(&mut body, &passage.source);
        body.extend(passage.start.to_le_bytes());
        body.extend(passage.end.to_le_bytes());
        optional(&mut body, passage.heading.as_deref());
        optional(&mut body, passage.last_updated.as_deref());
        text(&mut body, &passage.text);
    }
    index.vectors.iter().for_each(|x| body.extend(x.to_le_bytes()));
    let checksum = Digest::of_bytes(&body).to_string();
    replace(path, |out| {
        out.write_all(MAGIC)?;
        out.write_all(checksum.as_bytes())?;
        out.write_all(&body)
    })
}

/// The index at `path`; `None` where there is none that is whole.
pub(super) fn read(path: &Path) -> Option<Index> {
    let bytes = fs::read(path).ok()?;
    let (checksum, body) = bytes.strip_prefix(MAGIC)?.split_at_checked(CHECKSUM)?;
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

fn number(body: &mut Vec<u8>, number: usize) {
    body.extend(u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes());
}

fn text(body: &mut Vec<u8>, text: &str) {
    number(body, text.len());
    body.extend(text.as_bytes());
}

fn optional(body: &mut Vec<u8>, value: Option<&str>) {
    body.push(u8::from(value.is_some()));
    if let Some(value) = value {
        text(body, value);
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
