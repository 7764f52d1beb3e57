//! Lines of JSON: one document a line, blank lines skipped, a byte order mark and `\r\n` taken as they come.

use super::decode::Sink;
use super::files::json_fault;
use super::json;
use super::yaml::{self, Key, Kind, Node};
use crate::domain::Span;
use std::sync::Arc;

/// One line that is not blank.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Its text, without white space around it.
    pub text: &'a str,
    /// Bytes before it in the file.
    pub start: usize,
    /// 1-based.
    pub line: u32,
    /// Characters before it on its line.
    pub indent: u32,
}

/// The lines of `text` that are not blank.
pub fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut next = bom;
    text[bom..].split('\n').zip(1u32..).filter_map(move |(raw, line)| {
        let start = next;
        next += raw.len() + 1;
        let inner = raw.trim_start();
        let text = inner.trim_end();
        let before = raw.len() - inner.len();
        (!text.is_empty()).then(|| Row {
            text,
            start: start + before,
            line,
            indent: u32::try_from(raw[..before].chars().count()).unwrap_or(u32::MAX),
        })
    })
}

/// The tree of a row, every node at the start of its line. A fault is recorded.
pub fn parse(sink: &Sink, row: &Row<'_>) -> Option<Node> {
    match json::parse(row.text, row.line) {
        Ok(node) => Some(node),
        Err(mut fault) => {
            fault.span.column = fault.span.column.saturating_add(row.indent);
            json_fault(sink, &fault);
            None
        }
    }
}

/// The tree of a row in which every node has its own column, where the row is YAML too (most JSON is).
pub fn with_columns(row: &Row<'_>) -> Option<Node> {
    yaml::parse(row.text).ok().flatten().map(|node| shift(&node, row))
}

fn shift(node: &Node, row: &Row<'_>) -> Node {
    let kind = match &node.kind {
        Kind::Scalar(scalar) => Kind::Scalar(scalar.clone()),
        Kind::List(items) => Kind::List(items.iter().map(|item| Arc::new(shift(item, row))).collect()),
        Kind::Map(items) => Kind::Map(
            items
                .iter()
                .map(|(key, value)| {
                    let key = Key { text: key.text.clone(), span: moved(key.span, row) };
                    (key, Arc::new(shift(value, row)))
                })
                .collect(),
        ),
    };
    Node { span: moved(node.span, row), kind }
}

fn moved(span: Span, row: &Row<'_>) -> Span {
    Span { line: row.line, column: span.column.saturating_add(row.indent), ..span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RelPath;

    #[test]
    fn rows_know_where_they_stand() {
        let text = "\u{feff}{\"a\": 1}\r\n\r\n  {\"b\": 2}\r\n{\"c\": 3}";
        let found: Vec<_> = rows(text).map(|row| (row.text, row.line, row.indent)).collect();
        assert_eq!(found, [("{\"a\": 1}", 1, 0), ("{\"b\": 2}", 3, 2), ("{\"c\": 3}", 4, 0)]);
        assert!(rows(text).all(|row| text[row.start..].starts_with(row.text)));
    }

    #[test]
    fn a_broken_row_has_its_line_and_column() {
        let sink = Sink::new(&RelPath::root());
        let text = format!("{}  {{\"a\": }}\n", "{}\n".repeat(16));
        assert_eq!(rows(&text).filter_map(|row| parse(&sink, &row)).count(), 16);
        let found = sink.into_found();
        let span = found[0].place.as_ref().and_then(|place| place.span).expect("a span");
        assert_eq!((found.len(), span.line, span.column), (1, 17, 9));
    }
}
