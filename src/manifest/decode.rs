//! Reading a tree into checked types: every fault is collected, none stops the reading of its neighbours.

use super::yaml::{Key, Kind, Node};
use crate::domain::{Code, Diagnostic, Place, RelPath, Span};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// A key that the manifest does not have.
pub const UNKNOWN_KEY: Code = Code("unknown-key");
/// A key that has to be there.
pub const MISSING_KEY: Code = Code("missing-key");
/// A value of another type than the key takes.
pub const WRONG_TYPE: Code = Code("wrong-type");
/// A value that the key does not take.
pub const BAD_VALUE: Code = Code("bad-value");

/// Collects what is wrong with one file.
#[derive(Debug)]
pub struct Sink {
    path: RelPath,
    found: RefCell<Vec<Diagnostic>>,
}

impl Sink {
    /// A sink for the faults of `path`.
    pub fn new(path: &RelPath) -> Self {
        Self { path: path.clone(), found: RefCell::default() }
    }

    /// The file.
    pub fn path(&self) -> &RelPath {
        &self.path
    }

    /// The place of `span` in the file.
    pub fn place(&self, span: Span) -> Place {
        Place::at(&self.path, span)
    }

    /// Whether something of the same sort was recorded of the same text.
    pub fn has_said(&self, finding: &Diagnostic) -> bool {
        let span = |found: &Diagnostic| found.place.as_ref().and_then(|place| place.span);
        let Some(own) = span(finding) else { return false };
        self.found.borrow().iter().any(|found| {
            found.code == finding.code
                && span(found).is_some_and(|other| {
                    other.line == own.line
                        && other.column < own.column.saturating_add(own.length)
                        && own.column < other.column.saturating_add(other.length)
                })
        })
    }

    /// Records `diagnostic` as it is.
    pub fn push(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// Records an error at `span`.
    pub fn error(&self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(Diagnostic::error(code, message).at(self.place(span)).help(help));
    }

    /// Records a warning at `span`.
    pub fn warning(&self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(Diagnostic::warning(code, message).at(self.place(span)).help(help));
    }

    /// Whether an error was recorded.
    pub fn has_errors(&self) -> bool {
        self.found.borrow().iter().any(Diagnostic::is_error)
    }

    /// How many errors were recorded.
    pub fn errors(&self) -> usize {
        self.found.borrow().iter().filter(|found| found.is_error()).count()
    }

    /// Everything recorded, in the order of recording.
    pub fn into_found(self) -> Vec<Diagnostic> {
        self.found.into_inner()
    }

    /// Reads `node` as a mapping; anything else is an error.
    pub fn fields<'a>(&'a self, node: &'a Node, what: &'static str) -> Option<Fields<'a>> {
        match &node.kind {
            Kind::Map(items) => Some(Fields {
                sink: self,
                what,
                span: node.span,
                taken: (0..items.len()).map(|_| Cell::new(false)).collect(),
                blank: (0..items.len()).map(|_| Cell::new(false)).collect(),
                asked: RefCell::default(),
                items,
            }),
            _ => {
                self.wrong_type(node, what, "a mapping");
                None
            }
        }
    }

    /// Records that `node`, the value of `what`, should have been `wanted`.
    pub fn wrong_type(&self, node: &Node, what: &str, wanted: &str) {
        self.error(
            WRONG_TYPE,
            node.span,
            format!("{what} is {}, expected {wanted}", node.noun()),
            format!("write {wanted} here"),
        );
    }

    /// Reads a text that is not empty, as it was written: `2.10` stays `2.10`.
    pub fn written(&self, node: &Node, what: &str) -> Option<String> {
        match node.as_written() {
            Some(text) if !node.is_null() && !text.trim().is_empty() => Some(text.to_owned()),
            _ => {
                self.wrong_type(node, what, "text");
                None
            }
        }
    }

    /// Reads a text. A number or a boolean without quotes is refused, an empty text is not.
    pub fn text(&self, node: &Node, what: &str) -> Option<String> {
        match node.value() {
            Value::String(text) => Some(text),
            _ => {
                self.wrong_type(node, what, "text");
                None
            }
        }
    }

    /// Reads a finite number.
    pub fn number(&self, node: &Node, what: &str) -> Option<f64> {
        match node.value().as_f64() {
            Some(number) if number.is_finite() => Some(number),
            _ => {
                self.wrong_type(node, what, "a number");
                None
            }
        }
    }

    /// Reads a number within `range`.
    pub fn number_in(&self, node: &Node, what: &str, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
        let number = self.number(node, what)?;
        if range.contains(&number) {
            return Some(number);
        }
        let (low, high) = (range.start(), range.end());
        let wanted =
            if high.is_finite() { format!("between {low} and {high}") } else { format!("at least {low}") };
        self.error(
            BAD_VALUE,
            node.span,
            format!("{what} is {number}, expected a number {wanted}"),
            format!("use a number {wanted}"),
        );
        None
    }

    /// Reads an integer of at least `least`.
    pub fn integer(&self, node: &Node, what: &str, least: u32) -> Option<u32> {
        let value = node.value();
        let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        let Some(whole) = whole else {
            self.wrong_type(node, what, "a whole number");
            return None;
        };
        if let Some(integer) = u32::try_from(whole).ok().filter(|integer| *integer >= least) {
            return Some(integer);
        }
        let (message, help) = if whole < i128::from(least) {
            (format!("{what} is {whole}, and has to be at least {least}"), format!("use {least} or more"))
        } else {
            let most = u32::MAX;
            (format!("{what} is {whole}, and can be at most {most}"), format!("use {most} or less"))
        };
        self.error(BAD_VALUE, node.span, message, help);
        None
    }

    /// Reads a boolean.
    pub fn boolean(&self, node: &Node, what: &str) -> Option<bool> {
        match node.value() {
            Value::Bool(flag) => Some(flag),
            _ => {
                self.wrong_type(node, what, "true or false");
                None
            }
        }
    }

    /// Reads a list; with `or_one`, a value that is no list is a list of one.
    pub fn list<'a>(&self, node: &'a Arc<Node>, what: &str, or_one: bool) -> Vec<&'a Arc<Node>> {
        match &node.kind {
            Kind::List(items) => items.iter().collect(),
            _ if or_one => vec![node],
            _ => {
                self.wrong_type(node, what, "a list");
                Vec::new()
            }
        }
    }

    /// Reads a list of texts; with `or_one`, one text is a list of one.
    pub fn texts(&self, node: &Arc<Node>, what: &str, or_one: bool) -> Vec<String> {
        self.list(node, what, or_one).into_iter().filter_map(|item| self.text(item, what)).collect()
    }

    /// Reads one word of a closed set.
    pub fn one_of<T: Copy>(&self, node: &Node, what: &str, words: &[(&'static str, T)]) -> Option<T> {
        let written = node.as_written().unwrap_or("");
        #[cfg(test)]
        words.iter().for_each(|(word, _)| witness::note(&self.path, what, word));
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
            return Some(*value);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let help = match closest(written, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use one of: {}", names.join(", ")),
        };
        self.error(BAD_VALUE, node.span, format!("`{written}` is not a value of {what}"), help);
        None
    }
}

/// A mapping being read. The keys asked for are the keys it has; [`Fields::finish`] reports the others.
#[derive(Debug)]
pub struct Fields<'a> {
    sink: &'a Sink,
    what: &'static str,
    span: Span,
    items: &'a [(Key, Arc<Node>)],
    taken: Vec<Cell<bool>>,
    blank: Vec<Cell<bool>>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// The sink behind it.
    pub fn sink(&self) -> &'a Sink {
        self.sink
    }

    /// Where the mapping starts.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The value of `key`. A key with nothing behind it is an error: a limit that was left blank would otherwise be a
    /// limit that is not there.
    pub fn get(&self, key: &'static str) -> Option<&'a Arc<Node>> {
        let node = self.even_null(key)?;
        if node.is_null() {
            let index = self.items.iter().position(|(have, _)| have.text == key)?;
            if !self.blank[index].replace(true) {
                let message = format!("`{key}` in {} has no value", self.what);
                self.sink.error(
                    WRONG_TYPE,
                    self.items[index].0.span,
                    message,
                    "write a value, or remove the key",
                );
            }
            return None;
        }
        Some(node)
    }

    /// The value of `key` in data that programs write, and of free texts: null counts as absent.
    pub fn given(&self, key: &'static str) -> Option<&'a Arc<Node>> {
        self.even_null(key).filter(|node| !node.is_null())
    }

    /// The value of `key` where null is a value like any other.
    pub fn even_null(&self, key: &'static str) -> Option<&'a Arc<Node>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
            #[cfg(test)]
            witness::note(self.sink.path(), self.what, key);
        }
        let index = self.items.iter().position(|(have, _)| have.text == key)?;
        self.taken[index].set(true);
        Some(&self.items[index].1)
    }

    /// Where `key` stands, or else the mapping.
    pub fn key_span(&self, key: &str) -> Span {
        self.items.iter().find(|(have, _)| have.text == key).map_or(self.span, |(have, _)| have.span)
    }

    /// The value of a key that has to be there; its absence is an error.
    pub fn require(&self, key: &'static str, example: &str) -> Option<&'a Arc<Node>> {
        let node = self.get(key);
        if !self.items.iter().any(|(have, _)| have.text == key) {
            self.sink.error(
                MISSING_KEY,
                self.span,
                format!("{} needs `{key}`", self.what),
                format!("add `{key}: {example}`"),
            );
        }
        node
    }

    /// Every entry, in the order of the file, all counted as known: for mappings with free keys.
    pub fn entries(&self) -> impl Iterator<Item = (&'a Key, &'a Arc<Node>)> {
        self.taken.iter().for_each(|taken| taken.set(true));
        self.items.iter().map(|(key, node)| (key, node))
    }

    /// Reports every key that was not asked for. `x-*` and `metadata` are free at the top of a manifest,
    /// which `free` says this is.
    pub fn finish(self, free: bool) {
        let asked = self.asked.borrow();
        for ((key, _), taken) in self.items.iter().zip(&self.taken) {
            if taken.get() || (free && (key.text.starts_with("x-") || key.text == "metadata")) {
                continue;
            }
            // The first part of a longer key, as `api_key` of `api_key_env`.
            let begun = || asked.iter().copied().find(|have| have.starts_with(&format!("{}_", key.text)));
            let help = match closest(&key.text, asked.iter().copied()).or_else(begun) {
                Some(near) => format!("did you mean `{near}`?"),
                None if free => "remove it, or put it under `metadata:` or behind `x-`".to_owned(),
                None => format!("use one of: {}", asked.join(", ")),
            };
            self.sink.error(
                UNKNOWN_KEY,
                key.span,
                format!("unknown key `{}` in {}", key.text, self.what),
                help,
            );
        }
    }
}

/// The word of `words` that `written` was most likely meant to be.
pub fn closest<'w>(written: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let folded = written.to_lowercase().replace('-', "_");
    let length = folded.chars().count();
    words
        // The distance is at least the difference in length; to compute it for a whole page would take seconds.
        .filter(|word| word.chars().count().abs_diff(length) <= 1 + word.chars().count() / 4)
        .map(|word| (strsim::damerau_levenshtein(&folded, &word.to_lowercase().replace('-', "_")), word))
        // Of a short word at most a letter is wrong: `tmp` is no `stop`.
        .filter(|(distance, word)| {
            let letters = word.chars().count();
            *distance <= 1 + letters / 4 && *distance < letters && *distance * 2 < letters.max(length)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// What decoders asked for, so that tests can hold it against the schemas.
#[cfg(test)]
pub mod witness {
    use crate::domain::RelPath;
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    /// By file and by what was read: the keys of a mapping, or the words of a closed set.
    pub type Asked = BTreeMap<(String, String), BTreeSet<String>>;

    thread_local! {
        static ASKED: RefCell<Asked> = const { RefCell::new(BTreeMap::new()) };
    }

    pub fn note(path: &RelPath, what: &str, word: &str) {
        ASKED.with_borrow_mut(|asked| {
            asked.entry((path.to_string(), what.to_owned())).or_default().insert(word.to_owned());
        });
    }

    /// Everything since the last call.
    pub fn taken() -> Asked {
        ASKED.take()
    }
}

#[cfg(test)]
mod tests;
