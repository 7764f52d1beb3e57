//! The index of a corpus: its chunks and their embeddings, kept under `.llmops/index/`. A rebuild reads every file
//! and cuts and embeds only those whose bytes changed.

mod file;

use super::chunk::Chunker;
use super::corpus::{self, Document, Loaded};
use super::local::Local;
use super::search::normalise;
use crate::domain::{Diagnostic, Digest, Error, RelPath, Result};
use crate::ledger::Home;
use crate::manifest::retrieval::{ChunkUnit, Retrieval, Search};
use crate::repo::Snapshot;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

/// One chunk of the index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passage {
    /// The document it is cut from.
    pub source: String,
    /// The first byte of it, in the file for Markdown and text, else in the text of the page or of the row.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// The headings over it.
    pub heading: Option<String>,
    /// When the document was last updated, where the corpus itself says.
    pub last_updated: Option<String>,
    /// The text.
    pub text: String,
}

impl AsRef<str> for Passage {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// A file of the corpus as it was indexed: its passages stand together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    path: RelPath,
    digest: Digest,
    passages: usize,
}

/// Everything that is searched. Vectors are of length 1, one row for each passage; none where nothing is embedded.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Index {
    /// The files, in order.
    pub(super) entries: Vec<Entry>,
    /// The chunks, file by file.
    pub passages: Vec<Passage>,
    /// Their vectors, one after the other.
    pub vectors: Vec<f32>,
    /// Numbers of one vector; 0 where nothing is embedded.
    pub width: usize,
}

/// An index whose vectors are not all there yet.
#[derive(Debug)]
pub struct Draft {
    index: Index,
    /// Passages without a vector, in order.
    missing: Vec<usize>,
    changed: bool,
    path: PathBuf,
    home: Home,
    /// Files without text.
    pub warnings: Vec<Diagnostic>,
}

/// What became of one file.
enum Outcome {
    Kept(usize),
    Cut(Digest, Vec<Passage>),
}

impl Draft {
    /// Reads the corpus and takes over what has not changed since the index was last written. `local` embeds what is
    /// new, where this program does that itself.
    ///
    /// # Errors
    /// Every file that cannot be read, or a folder that cannot be made.
    pub fn build(
        snapshot: &Snapshot,
        home: &Home,
        retrieval: &Retrieval,
        local: Option<&Local>,
    ) -> Result<Self> {
        let listed = corpus::list(snapshot, retrieval).map_err(|fault| Error::invalid(vec![fault]))?;
        let (paths, linked) = (listed.paths, listed.warnings);
        let folder = home.make("index")?;
        let path = folder.join(identity(retrieval, local).to_string().trim_start_matches("sha256:"));
        // An index that is torn, of another version or of another machine's making is as good as none.
        let mut old = file::read(&path).unwrap_or_default();
        let known: HashMap<&RelPath, usize> =
            old.entries.iter().enumerate().map(|(at, entry)| (&entry.path, at)).collect();
        let chunker = chunker(retrieval);
        let outcomes = in_parallel(&paths, |path| read(snapshot, path, chunker, &known, &old.entries));
        let (mut faults, mut warnings, mut read) = (Vec::new(), Vec::new(), Vec::new());
        for (path, outcome) in paths.into_iter().zip(outcomes) {
            match outcome {
                Err(fault) => faults.push(fault),
                Ok(outcome) => {
                    let empty = match &outcome {
                        Outcome::Kept(at) => old.entries[*at].passages == 0,
                        Outcome::Cut(_, passages) => passages.is_empty(),
                    };
                    if empty {
                        warnings.push(corpus::empty(&path));
                    }
                    read.push((path, outcome));
                }
            }
        }
        if warnings.len() == read.len() && faults.is_empty() {
            faults.push(corpus::all_empty(retrieval));
        }
        if !faults.is_empty() {
            return Err(Error::invalid(faults));
        }
        warnings.extend(linked);
        let unchanged = read.len() == old.entries.len()
            && read
                .iter()
                .enumerate()
                .all(|(at, (_, one))| matches!(one, Outcome::Kept(kept) if *kept == at));
        if unchanged && !old.entries.is_empty() {
            let draft =
                Self { index: old, missing: Vec::new(), changed: false, path, home: home.clone(), warnings };
            return Ok(draft);
        }
        let (index, missing) = joined(&mut old, read);
        let mut draft = Self { index, missing, changed: true, path, home: home.clone(), warnings };
        if let Some(local) = local {
            let vectors = in_parallel(&draft.missing, |at| local.embed(&draft.index.passages[*at].text));
            draft.index.place(&draft.missing, vectors)?;
            draft.missing.clear();
        } else if embeds(retrieval).is_none() {
            draft.missing.clear();
        }
        Ok(draft)
    }

    /// The sources of all documents.
    pub fn sources(&self) -> BTreeSet<String> {
        self.index.passages.iter().map(|passage| passage.source.clone()).collect()
    }

    /// The texts that are still to be embedded.
    pub fn texts(&self) -> Vec<String> {
        self.missing.iter().map(|at| self.index.passages[*at].text.clone()).collect()
    }

    /// The index, with the vectors of [`Draft::texts`]; kept for the next run.
    ///
    /// # Errors
    /// Vectors of different lengths, or an index that cannot be written.
    pub fn finish(mut self, vectors: Vec<Vec<f32>>) -> Result<Index> {
        self.index.place(&self.missing, vectors)?;
        if self.changed {
            file::write(&self.path, &self.index)?;
            file::prune(&self.home);
        }
        Ok(self.index)
    }
}

impl Index {
    /// Puts the vectors of some passages into their rows.
    fn place(&mut self, at: &[usize], vectors: Vec<Vec<f32>>) -> Result<()> {
        if at.len() != vectors.len() {
            return Err(Error::input(format!("{} vectors for {} chunks", vectors.len(), at.len())));
        }
        if let Some(width) = vectors.first().map(Vec::len) {
            if at.len() == self.passages.len() {
                self.width = width;
            }
            self.vectors.resize(self.passages.len() * self.width, 0.0);
        }
        for (at, mut vector) in at.iter().zip(vectors) {
            if vector.len() != self.width {
                return Err(Error::input(format!(
                    "the embedding model gave vectors of {} and of {} numbers",
                    self.width,
                    vector.len()
                ))
                .hint("name one model, and remove the folder .llmops/index"));
            }
            normalise(&mut vector);
            self.vectors[at * self.width..(at + 1) * self.width].copy_from_slice(&vector);
        }
        Ok(())
    }
}

/// The embedding model that searching needs; `None` for BM25 alone.
pub fn embeds(retrieval: &Retrieval) -> Option<&str> {
    let model = retrieval.embedding_model.as_ref()?;
    (retrieval.search != Search::Bm25).then_some(model.as_str())
}

fn chunker(retrieval: &Retrieval) -> Chunker {
    let size = |size: u32| usize::try_from(size).unwrap_or(usize::MAX);
    Chunker {
        size: size(retrieval.chunk_size),
        overlap: size(retrieval.chunk_overlap),
        unit: retrieval.chunk_unit,
    }
}

/// What an index is an index of: two manifests that differ in nothing else than search share one.
fn identity(retrieval: &Retrieval, local: Option<&Local>) -> Digest {
    Digest::of_json(&json!({
        "v": 2,
        "corpus": retrieval.corpus,
        "chunk": [retrieval.chunk_size, retrieval.chunk_overlap],
        "unit": match retrieval.chunk_unit { ChunkUnit::Tokens => "tokens", ChunkUnit::Characters => "characters" },
        "model": embeds(retrieval),
        "provider": embeds(retrieval).and(retrieval.provider.as_ref()),
        "files": local.and_then(Local::digest),
    }))
}

fn read(
    snapshot: &Snapshot,
    path: &RelPath,
    chunker: Chunker,
    known: &HashMap<&RelPath, usize>,
    old: &[Entry],
) -> Result<Outcome, Diagnostic> {
    let Loaded { text, digest } = corpus::load(snapshot, path)?;
    if let Some(at) = known.get(path).filter(|at| old[**at].digest == digest) {
        return Ok(Outcome::Kept(*at));
    }
    let passages = corpus::documents(path, &text)?.iter().flat_map(|one| cut(one, chunker)).collect();
    Ok(Outcome::Cut(digest, passages))
}

fn cut(document: &Document, chunker: Chunker) -> Vec<Passage> {
    let place = |at: usize| u64::try_from(at + document.offset).unwrap_or(u64::MAX);
    chunker
        .split(&document.text, document.markup)
        .into_iter()
        .map(|piece| Passage {
            source: document.source.clone(),
            start: place(piece.start),
            end: place(piece.end),
            heading: piece.heading,
            last_updated: document.last_updated.clone(),
            text: document.text[piece.start..piece.end].to_owned(),
        })
        .collect()
}

/// The new index out of what was kept of the old one and what was cut; and the passages without a vector.
fn joined(old: &mut Index, read: Vec<(RelPath, Outcome)>) -> (Index, Vec<usize>) {
    let mut firsts = Vec::with_capacity(old.entries.len());
    let mut first = 0;
    for entry in &old.entries {
        firsts.push(first);
        first += entry.passages;
    }
    let width = old.width;
    let mut index = Index { width, ..Index::default() };
    let mut missing = Vec::new();
    for (path, outcome) in read {
        let (digest, passages) = match outcome {
            Outcome::Kept(at) => {
                let range = firsts[at]..firsts[at] + old.entries[at].passages;
                index.vectors.extend_from_slice(&old.vectors[range.start * width..range.end * width]);
                let kept = old.passages[range].iter_mut().map(|passage| {
                    std::mem::replace(
                        passage,
                        Passage {
                            source: String::new(),
                            start: 0,
                            end: 0,
                            heading: None,
                            last_updated: None,
                            text: String::new(),
                        },
                    )
                });
                (old.entries[at].digest, kept.collect::<Vec<_>>())
            }
            Outcome::Cut(digest, passages) => {
                missing.extend(index.passages.len()..index.passages.len() + passages.len());
                index.vectors.resize(index.vectors.len() + passages.len() * width, 0.0);
                (digest, passages)
            }
        };
        index.entries.push(Entry { path, digest, passages: passages.len() });
        index.passages.extend(passages);
    }
    (index, missing)
}

/// `work` on every item, on all cores, in the order of the items.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(16);
    if threads == 1 || items.len() < 64 {
        return items.iter().map(work).collect();
    }
    let part = items.len().div_ceil(threads);
    thread::scope(|scope| {
        let work = &work;
        let parts: Vec<_> = items
            .chunks(part)
            .map(|part| (part, scope.spawn(move || part.iter().map(work).collect::<Vec<R>>())))
            .collect();
        parts
            .into_iter()
            .flat_map(|(part, handle)| {
                // A thread that broke off is done again here, where its panic has a caller.
                handle.join().unwrap_or_else(|_| part.iter().map(work).collect())
            })
            .collect()
    })
}

#[cfg(test)]
mod tests;
