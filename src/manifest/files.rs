//! Files that a manifest names: where they are, and what is said when they cannot be read.

use super::decode::{BAD_VALUE, Sink};
use super::json;
use super::scalar::{Scalar, Style};
use super::yaml::{self, FaultKind, Kind, Node};
use crate::domain::{Code, Diagnostic, Place, RelPath, Span};
use crate::repo::{ReadError, Snapshot};

/// Text that is not YAML.
pub const YAML_SYNTAX: Code = Code("yaml-syntax");
/// Text that is not JSON.
pub const JSON_SYNTAX: Code = Code("json-syntax");
/// One key twice in one mapping.
pub const DUPLICATE_KEY: Code = Code("duplicate-key");
/// A file too deep, or too large once its aliases are expanded.
pub const YAML_LIMIT: Code = Code("yaml-limit");
/// A manifest in which nothing stands.
pub const EMPTY_MANIFEST: Code = Code("empty-manifest");
/// A file that is named and is not there.
pub const FILE_NOT_FOUND: Code = Code("file-not-found");
/// A path that leaves the repository.
pub const PATH_OUTSIDE: Code = Code("path-outside");
/// A file larger than its kind may be.
pub const FILE_TOO_LARGE: Code = Code("file-too-large");
/// A file that is not UTF-8.
pub const NOT_UTF8: Code = Code("not-utf8");
/// A file that the system does not let us read.
pub const FILE_UNREADABLE: Code = Code("file-unreadable");

/// Most bytes of a manifest, a schema, a tool definition or a few-shot file.
pub const MANIFEST_LIMIT: u64 = 1 << 20;
/// Most bytes of a JSONL or CSV file of cases.
pub const CASES_LIMIT: u64 = 64 << 20;
/// Most bytes of a YAML file of cases, which is read as a whole.
pub const YAML_CASES_LIMIT: u64 = 16 << 20;

/// The files around the manifest that a sink stands for.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// Where they are read from.
    pub snapshot: &'a Snapshot,
    /// Where faults go.
    pub sink: &'a Sink,
}

impl<'a> Files<'a> {
    /// The path that `node` names, resolved from the manifest that names it.
    pub fn path(&self, node: &Node, what: &str) -> Option<RelPath> {
        let text = self.sink.written(node, what)?;
        let path = self.sink.path().sibling(&text).filter(|path| !path.as_str().is_empty());
        if path.is_none() {
            Self::outside_of(self.sink, node.span, &text);
        }
        path
    }

    /// Records that `text` names nothing inside the repository.
    pub fn outside_of(sink: &Sink, span: Span, text: &str) {
        sink.error(
            PATH_OUTSIDE,
            span,
            format!("`{text}` is not a file inside the repository"),
            "name a file of this repository, relative to the file that names it",
        );
    }

    /// The text of `path`, which a value at `span` names.
    pub fn text(&self, path: &RelPath, span: Span, limit: u64) -> Option<String> {
        match self.snapshot.read_text(path, limit) {
            Ok(text) => Some(text),
            Err(error) => {
                self.sink.push(unreadable(path, &error, Some(self.sink.place(span))));
                None
            }
        }
    }

    /// The file that `node` names as a tree, and a sink for the faults inside it, whose findings the caller
    /// hands on with [`Files::adopt`].
    pub fn tree(&self, node: &Node, what: &str) -> Option<(Node, Sink)> {
        let path = self.path(node, what)?;
        let text = self.text(&path, node.span, MANIFEST_LIMIT)?;
        let inner = Sink::new(&path);
        match tree(&text, &inner) {
            Some(tree) => Some((tree, inner)),
            None => {
                self.adopt(inner);
                None
            }
        }
    }

    /// Takes over the findings of another file, so that they count against this manifest.
    pub fn adopt(&self, inner: Sink) {
        inner.into_found().into_iter().for_each(|found| self.sink.push(found));
    }
}

/// What is said of a file that cannot be read. `named` is where it is named, if somebody names it.
pub fn unreadable(path: &RelPath, error: &ReadError, named: Option<Place>) -> Diagnostic {
    let whole = named.unwrap_or_else(|| Place::file(path));
    match error {
        ReadError::NotFound => Diagnostic::error(FILE_NOT_FOUND, format!("`{path}` does not exist"))
            .at(whole)
            .help("create it, or correct the path; paths are relative to the file that names them"),
        ReadError::NotAFile => Diagnostic::error(FILE_NOT_FOUND, format!("`{path}` is not a file"))
            .at(whole)
            .help("name a file, not a folder"),
        ReadError::Outside => Diagnostic::error(
            PATH_OUTSIDE,
            format!("`{path}` leads outside the repository through a symlink"),
        )
        .at(whole)
        .help("copy the file into the repository"),
        ReadError::TooLarge { limit } => {
            Diagnostic::error(FILE_TOO_LARGE, format!("`{path}` is larger than {} MiB", limit >> 20))
                .at(whole)
                .help("split it into several files")
        }
        ReadError::NotUtf8 { line } => {
            Diagnostic::error(NOT_UTF8, format!("`{path}` is not UTF-8 from line {line} on"))
                .at(Place::at(path, Span::new(*line, 1, 1)))
                .help("save the file as UTF-8")
        }
        ReadError::Io(why) => Diagnostic::error(FILE_UNREADABLE, format!("`{path}` cannot be read: {why}"))
            .at(whole)
            .help("check that the file and its folder can be read"),
    }
}

/// Parses the file of `sink` as JSON or YAML, by its extension. A file that holds nothing is an error.
pub fn tree(text: &str, sink: &Sink) -> Option<Node> {
    let is_json = sink.path().extension() == "json";
    if is_json && let Err(fault) = json::parse(text, 1) {
        json_fault(sink, &fault);
        return None;
    }
    match yaml::parse(text) {
        Ok(Some(node)) if !node.is_null() => Some(node),
        Ok(_) => {
            sink.error(
                EMPTY_MANIFEST,
                Span::new(1, 1, 1),
                "the file holds nothing",
                "write the manifest, or remove the file",
            );
            None
        }
        // JSON that the YAML grammar does not take, such as escaped surrogate pairs, loses its places only.
        Err(_) if is_json => json::parse(text, 1).ok(),
        Err(faults) => {
            for fault in faults {
                let (code, help) = match fault.kind {
                    FaultKind::Syntax => (YAML_SYNTAX, "check indentation, quotes and colons around here"),
                    FaultKind::DuplicateKey => (DUPLICATE_KEY, "keep one of them"),
                    FaultKind::Limit => (YAML_LIMIT, "write it out flat, without nested aliases"),
                };
                sink.error(code, fault.span, fault.message, help);
            }
            None
        }
    }
}

/// Records a fault of JSON text.
pub fn json_fault(sink: &Sink, fault: &json::Fault) {
    let (code, help) = if fault.duplicate {
        (DUPLICATE_KEY, "keep one of them")
    } else {
        (JSON_SYNTAX, "write valid JSON: quotes around every key, no trailing comma")
    };
    sink.error(code, fault.span, fault.message.clone(), help);
}

/// Whether a text that names files is a glob.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Reads a list of globs from the root, at least one.
pub fn globs(sink: &Sink, node: &std::sync::Arc<Node>, what: &str) -> Vec<String> {
    let mut found = Vec::new();
    for item in sink.list(node, what, true) {
        let Some(text) = sink.written(item, what) else { continue };
        let fault = match RelPath::new(&text) {
            None => Some("leaves the repository".to_owned()),
            Some(_) => globset::GlobBuilder::new(&text)
                .literal_separator(true)
                .build()
                .err()
                .map(|error| format!("is no glob: {}", error.kind())),
        };
        match fault {
            None => found.push(text),
            Some(why) => sink.error(
                BAD_VALUE,
                item.span,
                format!("`{text}` in {what} {why}"),
                "write a glob from the root of the repository, such as `src/**/*.py`",
            ),
        }
    }
    found
}

/// A scalar that no file holds.
pub fn scalar(text: &str, style: Style, span: Span) -> Node {
    Node { span, kind: Kind::Scalar(Scalar { text: text.to_owned(), style }) }
}
