//! CSV as cases: every column is a variable, except `id`, `expected`, `weight` and `tags.*`.

use super::decode::{BAD_VALUE, Sink};
use super::files::scalar;
use super::scalar::Style;
use super::yaml::{Key, Kind, MAX_KEYS, Node};
use crate::domain::{Code, Span};
use std::sync::Arc;

/// A CSV file whose rows do not fit its header.
pub const CSV_SYNTAX: Code = Code("csv-syntax");

/// What is wrong where [`open_quote`] finds a line.
pub const OPEN_QUOTE: &str =
    "a quote is opened on this line and never closed, so that the rest of the file would be one value";

/// The rows of `text` as trees of cases, each at its line. Faults are recorded and end the reading.
pub fn read<'a>(sink: &'a Sink, text: &'a str) -> impl Iterator<Item = Node> + 'a {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let open = open_quote(text);
    if let Some(line) = open {
        let span = Span::new(line, 1, 1);
        sink.error(
            CSV_SYNTAX,
            span,
            OPEN_QUOTE,
            "close it; a quote inside of a quoted value is written twice",
        );
    }
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect(),
        Err(error) => {
            report(sink, &error);
            Vec::new()
        }
    };
    let sound = open.is_none() && check_header(sink, &header);
    let mut records = reader.into_records();
    std::iter::from_fn(move || {
        if !sound {
            return None;
        }
        match records.next()? {
            Ok(record) => {
                let line = record.position().map_or(1, csv::Position::line);
                let span = Span::new(u32::try_from(line).unwrap_or(u32::MAX), 1, 1);
                Some(row(&header, &record, span))
            }
            Err(error) => {
                report(sink, &error);
                None
            }
        }
    })
}

/// The line on which a quote is opened that nothing closes. The reader of CSV takes the end of the file for its end.
pub fn open_quote(text: &str) -> Option<u32> {
    let (mut line, mut opened, mut begins) = (1, None, true);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        line += u32::from(byte == b'\n');
        match (opened, byte) {
            (Some(_), b'"') if bytes.peek() == Some(&b'"') => {
                bytes.next();
            }
            (Some(_), b'"') => (opened, begins) = (None, false),
            (Some(_), _) => {}
            (None, b'"') if begins => opened = Some(line),
            (None, _) => begins = matches!(byte, b',' | b'\n' | b'\r'),
        }
    }
    opened
}

fn check_header(sink: &Sink, header: &[String]) -> bool {
    let at = Span::new(1, 1, 1);
    for (index, name) in header.iter().enumerate() {
        let fault = if name.is_empty() || name == "tags." {
            format!("column {} has no name", index + 1)
        } else if header[..index].contains(name) {
            format!("two columns are named `{name}`")
        } else {
            continue;
        };
        sink.error(CSV_SYNTAX, at, fault, "give every column a name of its own");
        return false;
    }
    if header.len() > MAX_KEYS {
        sink.error(BAD_VALUE, at, format!("more than {MAX_KEYS} columns"), "use JSONL");
        return false;
    }
    true
}

fn row(header: &[String], record: &csv::StringRecord, span: Span) -> Node {
    let entry = |name: &str, value: &str, style| {
        (Key { text: name.to_owned(), span }, Arc::new(scalar(value, style, span)))
    };
    let (mut top, mut vars, mut tags) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in header.iter().zip(record) {
        if let Some(tag) = name.strip_prefix("tags.") {
            if !value.is_empty() {
                tags.push(entry(tag, value, Style::Quoted));
            }
        } else if !matches!(name.as_str(), "id" | "expected" | "weight") {
            vars.push(entry(name, value, Style::Quoted));
        } else if !value.is_empty() {
            let style = if name == "weight" { Style::Plain } else { Style::Quoted };
            top.push(entry(name, value, style));
        }
    }
    for (name, items) in [("vars", vars), ("tags", tags)] {
        if !items.is_empty() {
            let node = Node { span, kind: Kind::Map(items) };
            top.push((Key { text: name.to_owned(), span }, Arc::new(node)));
        }
    }
    Node { span, kind: Kind::Map(top) }
}

fn report(sink: &Sink, error: &csv::Error) {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("this row has {len} columns, the header has {expected_len}")
        }
        _ => "this row cannot be read".to_owned(),
    };
    sink.error(
        CSV_SYNTAX,
        Span::new(u32::try_from(line).unwrap_or(u32::MAX), 1, 1),
        message,
        "put quotes around values with commas, quotes or line breaks",
    );
}
