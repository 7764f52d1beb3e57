//! The cases of a suite, kept as compact rows and decoded one at a time.

use super::assert::Assert;
use super::case_row;
use super::decode::Sink;
use super::json;
use super::project::Project;
use super::providers::Providers;
use super::scalar::Style;
use crate::domain::{Case, CaseId, RelPath, Span};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A case with its own asserts, whose values are literal.
#[derive(Clone, PartialEq, Debug)]
pub struct CaseRow {
    /// The data.
    pub case: Case,
    /// Asserts of this case alone.
    pub asserts: Vec<Assert>,
}

/// Where a row stands: its JSON text is a range of a buffer that it shares with its file.
#[derive(Clone, Debug)]
struct Entry {
    id: CaseId,
    buffer: u32,
    start: u32,
    length: u32,
    line: u32,
}

/// The text of the rows of one file.
#[derive(Clone)]
struct Buffer {
    file: RelPath,
    text: Arc<str>,
}

/// The cases of a suite, checked, in the order of its files. Rows are kept as their source text and decoded
/// when they are asked for, so that 100,000 of them stay small.
#[derive(Clone, Default)]
pub struct CaseSet {
    entries: Vec<Entry>,
    buffers: Vec<Buffer>,
    /// What `provider`s of a case's own asserts are looked up in.
    project: Arc<Project>,
    metrics: BTreeSet<String>,
}

impl fmt::Debug for CaseSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaseSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl CaseSet {
    /// A set without cases yet.
    pub(super) fn new(project: Arc<Project>) -> Self {
        Self { project, ..Self::default() }
    }

    /// Adds the rows of one file, each a sound JSON text.
    pub(super) fn add_file(&mut self, file: RelPath, text: Arc<str>, rows: Vec<Added>) {
        let buffer = u32::try_from(self.buffers.len()).unwrap_or(u32::MAX);
        self.buffers.push(Buffer { file, text });
        self.entries.reserve_exact(rows.len());
        for row in rows {
            self.metrics.extend(row.metrics);
            self.entries.push(Entry {
                id: row.id,
                buffer,
                start: row.start,
                length: row.length,
                line: row.line,
            });
        }
    }

    /// How many cases.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The id of a case.
    pub fn id(&self, index: usize) -> &CaseId {
        &self.entries[index].id
    }

    /// The names under which asserts of single cases are metrics of the gate.
    pub fn metrics(&self) -> &BTreeSet<String> {
        &self.metrics
    }

    /// Whether a row could hold `word`, told from its text: to decode every row takes as long as a short run.
    pub fn may_hold(&self, word: &str) -> bool {
        // An escape may hide it.
        self.buffers.iter().any(|buffer| buffer.text.contains(word) || buffer.text.contains("\\u"))
    }

    /// A case, decoded.
    pub fn get(&self, index: usize) -> CaseRow {
        let entry = &self.entries[index];
        let buffer = &self.buffers[entry.buffer as usize];
        let start = entry.start as usize;
        let text = &buffer.text[start..start + entry.length as usize];
        // The row was checked when it was added, so nothing is recorded here.
        let sink = Sink::new(&buffer.file);
        let node = json::parse(text, entry.line)
            .unwrap_or_else(|fault| super::files::scalar("", Style::Plain, fault.span));
        let broken = BTreeSet::new();
        let providers = Providers { project: &self.project, broken: &broken, unreadable: false };
        let mut row = case_row::read(&sink, &node, entry.line, &providers);
        row.case.id = entry.id.clone();
        row
    }

    /// Every case in order, decoded one at a time.
    pub fn iter(&self) -> impl Iterator<Item = CaseRow> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Every id with its place, in order.
    pub(super) fn places(&self) -> impl Iterator<Item = (&CaseId, &RelPath, Span)> {
        self.entries
            .iter()
            .map(|entry| (&entry.id, &self.buffers[entry.buffer as usize].file, Span::new(entry.line, 1, 1)))
    }
}

/// A row to add, with the place of its JSON text in the buffer of its file.
pub(super) struct Added {
    /// Its id.
    pub id: CaseId,
    /// Bytes before it.
    pub start: u32,
    /// Its bytes.
    pub length: u32,
    /// 1-based line of the file.
    pub line: u32,
    /// The metrics that its own asserts name.
    pub metrics: Vec<String>,
}
