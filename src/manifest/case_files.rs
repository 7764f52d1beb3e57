//! Reads the cases of a suite: JSONL, YAML and CSV files, globs of them, and inline lists.

use super::case_row;
use super::cases::{Added, CaseSet};
use super::csv_rows;
use super::decode::{BAD_VALUE, Sink};
use super::files::{CASES_LIMIT, Files, YAML_CASES_LIMIT, is_glob, tree};
use super::jsonl;
use super::project::Project;
use super::providers::Providers;
use super::yaml::{Kind, Node};
use crate::domain::{Code, Diagnostic, Place, RelPath, Span};
use crate::repo::Snapshot;
use std::collections::HashMap;
use std::sync::Arc;

/// A suite without cases.
pub const NO_CASES: Code = Code("no-cases");
/// Two cases of a suite with one id.
pub const DUPLICATE_CASE: Code = Code("duplicate-case");

/// Faults of one file after which the rest of it is not read.
const MAX_FAULTS: usize = 100;

/// The files that `cases:` names. Paths resolve from the suite, globs from the root. What is wrong is left to
/// [`read`].
pub fn named(snapshot: &Snapshot, suite: &RelPath, node: &Node) -> Vec<RelPath> {
    let texts: Vec<&str> = match &node.kind {
        Kind::Scalar(scalar) => vec![&scalar.text],
        Kind::List(items) => items.iter().filter_map(|item| item.as_written()).collect(),
        Kind::Map(_) => Vec::new(),
    };
    let mut found = Vec::new();
    for text in texts {
        if is_glob(text) {
            found.extend(snapshot.glob(&[text.to_owned()]).unwrap_or_default());
        } else {
            found.extend(suite.sibling(text));
        }
    }
    found
}

/// Reads the value of `cases`. Faults are recorded; a set with faults is not to be used.
pub fn read(
    files: Files<'_>,
    node: &Arc<Node>,
    providers: &Providers<'_>,
    project: &Arc<Project>,
) -> CaseSet {
    let mut reader = Reader { files, providers, set: CaseSet::new(Arc::clone(project)), read: Vec::new() };
    match &node.kind {
        Kind::Scalar(_) => reader.source(node),
        Kind::List(items) if items.iter().all(|item| item.as_written().is_some()) => {
            items.iter().for_each(|item| reader.source(item));
        }
        Kind::List(items) => {
            let path = files.sink.path().clone();
            reader.rows(files.sink, &path, items);
        }
        Kind::Map(_) => files.sink.wrong_type(node, "`cases`", "a path, a glob or a list"),
    }
    let set = reader.set;
    if set.is_empty() && !files.sink.has_errors() {
        files.sink.error(
            NO_CASES,
            node.span,
            "this suite has no cases",
            "add a case: a gate without cases never passes",
        );
    }
    duplicates(files.sink, &set);
    set
}

fn duplicates(sink: &Sink, set: &CaseSet) {
    let mut first: HashMap<&str, (&RelPath, Span)> = HashMap::with_capacity(set.len());
    for (id, file, span) in set.places() {
        match first.get(id.as_str()) {
            None => _ = first.insert(id.as_str(), (file, span)),
            Some((other, at)) => sink.push(
                Diagnostic::error(
                    DUPLICATE_CASE,
                    format!("the case `{id}` stands twice, first in {other} on line {}", at.line),
                )
                .at(Place::at(file, span))
                .help("give it an `id` of its own, or remove one of them"),
            ),
        }
    }
}

struct Reader<'a> {
    files: Files<'a>,
    providers: &'a Providers<'a>,
    set: CaseSet,
    read: Vec<RelPath>,
}

impl Reader<'_> {
    /// A path or a glob.
    fn source(&mut self, node: &Node) {
        let sink = self.files.sink;
        let Some(text) = sink.written(node, "`cases`") else { return };
        if !is_glob(&text) {
            if let Some(path) = self.files.path(node, "`cases`") {
                self.file(&path, node.span);
            }
            return;
        }
        if RelPath::new(&text).is_none() {
            return Files::outside_of(sink, node.span, &text);
        }
        match self.files.snapshot.glob(std::slice::from_ref(&text)) {
            Ok(paths) if paths.is_empty() => {
                let here = sink.path().sibling(&text);
                let near = here.filter(|here| {
                    self.files.snapshot.glob(&[here.to_string()]).is_ok_and(|found| !found.is_empty())
                });
                let help = match near {
                    Some(near) => {
                        format!("globs start at the root of the repository: did you mean `{near}`?")
                    }
                    None => "globs start at the root of the repository; correct it, or add files".to_owned(),
                };
                sink.error(NO_CASES, node.span, format!("`{text}` matches no file"), help);
            }
            Ok(paths) => paths.iter().for_each(|path| self.file(path, node.span)),
            Err(error) => sink.error(
                BAD_VALUE,
                node.span,
                format!("`{text}` cannot be searched: {error}"),
                "write a glob such as `evals/cases/*.jsonl`",
            ),
        }
    }

    fn file(&mut self, path: &RelPath, named: Span) {
        let outer = self.files.sink;
        if self.read.contains(path) {
            let message = format!("`{path}` is named twice");
            return outer.error(BAD_VALUE, named, message, "name it once");
        }
        self.read.push(path.clone());
        let extension = path.extension();
        let limit = match extension.as_str() {
            "jsonl" | "ndjson" | "csv" => CASES_LIMIT,
            "yaml" | "yml" | "json" => YAML_CASES_LIMIT,
            _ => {
                let message = format!("`{path}` is not a file of cases");
                return outer.error(BAD_VALUE, named, message, "name a .jsonl, .yaml or .csv file");
            }
        };
        let Some(text) = self.files.text(path, named, limit) else { return };
        let inner = Sink::new(path);
        let before = self.set.len();
        match extension.as_str() {
            "jsonl" | "ndjson" => self.json_lines(&inner, text),
            "csv" => self.csv(&inner, &text),
            _ => {
                if let Some(tree) = tree(&text, &inner) {
                    drop(text);
                    let items = inner
                        .list(&Arc::new(tree), "a file of cases", false)
                        .into_iter()
                        .cloned()
                        .collect::<Vec<_>>();
                    self.rows(&inner, path, &items);
                }
            }
        }
        if self.set.len() == before && !inner.has_errors() {
            let message = format!("`{path}` holds no cases");
            inner.push(
                Diagnostic::error(NO_CASES, message)
                    .at(outer.place(named))
                    .help("add a case, or remove the file"),
            );
        }
        self.files.adopt(inner);
    }

    fn json_lines(&mut self, sink: &Sink, text: String) {
        let text: Arc<str> = text.into();
        let mut added = Vec::new();
        for row in jsonl::rows(&text) {
            if stop(sink, row.line) {
                break;
            }
            let Some(node) = jsonl::parse(sink, &row) else { continue };
            let trial = Sink::new(sink.path());
            let read = case_row::read(&trial, &node, row.line, self.providers);
            if trial.has_errors() {
                // Once more, with columns.
                let node = jsonl::with_columns(&row).unwrap_or(node);
                case_row::read(sink, &node, row.line, self.providers);
            } else if let (Ok(start), Ok(length)) = (u32::try_from(row.start), u32::try_from(row.text.len()))
            {
                let metrics = read.asserts.into_iter().filter_map(|assert| assert.metric).collect();
                added.push(Added { id: read.case.id, start, length, line: row.line, metrics });
            }
        }
        self.set.add_file(sink.path().clone(), text, added);
    }

    fn csv(&mut self, sink: &Sink, text: &str) {
        let mut buffer = Buffer::default();
        for node in csv_rows::read(sink, text) {
            if stop(sink, node.span.line) {
                break;
            }
            self.row(sink, &node, &mut buffer);
        }
        self.set.add_file(sink.path().clone(), buffer.text.into(), buffer.added);
    }

    fn rows(&mut self, sink: &Sink, path: &RelPath, items: &[Arc<Node>]) {
        let mut buffer = Buffer::default();
        for node in items {
            if stop(sink, node.span.line) {
                break;
            }
            self.row(sink, node, &mut buffer);
        }
        self.set.add_file(path.clone(), buffer.text.into(), buffer.added);
    }

    /// A row of a format other than JSONL, kept as JSON.
    fn row(&self, sink: &Sink, node: &Node, buffer: &mut Buffer) {
        let trial = Sink::new(sink.path());
        let read = case_row::read(&trial, node, node.span.line, self.providers);
        if trial.has_errors() {
            trial.into_found().into_iter().for_each(|found| sink.push(found));
            return;
        }
        let json = node.value().to_string();
        if let (Ok(start), Ok(length)) = (u32::try_from(buffer.text.len()), u32::try_from(json.len())) {
            let metrics = read.asserts.into_iter().filter_map(|assert| assert.metric).collect();
            buffer.added.push(Added { id: read.case.id, start, length, line: node.span.line, metrics });
            buffer.text.push_str(&json);
        }
    }
}

#[derive(Default)]
struct Buffer {
    text: String,
    added: Vec<Added>,
}

/// Whether a file has shown enough faults; says so once.
fn stop(sink: &Sink, line: u32) -> bool {
    let stop = sink.errors() >= MAX_FAULTS;
    if stop {
        sink.error(
            BAD_VALUE,
            Span::new(line, 1, 1),
            format!("{MAX_FAULTS} faults: the rest of the file was not read"),
            "correct those above first",
        );
    }
    stop
}
