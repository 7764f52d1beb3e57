//! Files whose rows are documents: JSONL and CSV.

use super::corpus::{BAD_ROW, Document, Markup};
use crate::domain::{Diagnostic, Place, RelPath, Span, date};
use crate::manifest::csv_rows::{OPEN_QUOTE, open_quote};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    id: Option<serde_json::Value>,
    text: String,
    #[serde(default)]
    last_updated: Option<String>,
}

/// The rows of a JSONL file.
///
/// # Errors
/// The first row that is no document.
pub(super) fn of_jsonl(path: &RelPath, text: &str) -> Result<Vec<Document>, Diagnostic> {
    let mut rows = Rows::new(path);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // An array would be read as the fields in their order.
        if !line.trim_start().starts_with('{') {
            return Err(bad_row(path, index + 1, "it is no JSON object"));
        }
        let row: Row =
            serde_json::from_str(line).map_err(|error| bad_row(path, index + 1, &error.to_string()))?;
        let id = match row.id {
            None | Some(serde_json::Value::Null) => None,
            Some(serde_json::Value::String(id)) => Some(id),
            Some(other) => Some(other.to_string()),
        };
        rows.push(index + 1, id, row.text, row.last_updated)?;
    }
    Ok(rows.found)
}

/// The rows of a CSV file.
///
/// # Errors
/// The first row that is no document, or a header without `text`.
pub(super) fn of_csv(path: &RelPath, text: &str) -> Result<Vec<Document>, Diagnostic> {
    if let Some(line) = open_quote(text) {
        return Err(bad_row(path, usize::try_from(line).unwrap_or(1), OPEN_QUOTE));
    }
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let fault = |error: csv::Error| {
        let line = error.position().map_or(1, |at| usize::try_from(at.line()).unwrap_or(1));
        bad_row(path, line, &error.to_string())
    };
    let headers = reader.headers().map_err(fault)?.clone();
    let column = |name: &str| headers.iter().position(|header| header.trim() == name);
    let Some(body) = column("text") else {
        return Err(bad_row(path, 1, "there is no column `text`"));
    };
    let (id, updated) = (column("id"), column("last_updated"));
    let mut rows = Rows::new(path);
    for record in reader.records() {
        let record = record.map_err(fault)?;
        let line = record.position().map_or(1, |at| usize::try_from(at.line()).unwrap_or(1));
        let cell = |at: Option<usize>| {
            at.and_then(|at| record.get(at)).filter(|cell| !cell.is_empty()).map(str::to_owned)
        };
        rows.push(line, cell(id), record.get(body).unwrap_or_default().to_owned(), cell(updated))?;
    }
    Ok(rows.found)
}

/// The rows of a file as documents, each id once.
struct Rows<'a> {
    path: &'a RelPath,
    /// The line of each id, and whether it is written or that line itself.
    seen: BTreeMap<String, (usize, bool)>,
    found: Vec<Document>,
}

impl<'a> Rows<'a> {
    fn new(path: &'a RelPath) -> Self {
        Self { path, seen: BTreeMap::new(), found: Vec::new() }
    }

    fn push(
        &mut self,
        line: usize,
        id: Option<String>,
        text: String,
        last_updated: Option<String>,
    ) -> Result<(), Diagnostic> {
        if text.trim().is_empty() {
            return Err(bad_row(self.path, line, "its `text` is empty"));
        }
        let written = id.is_some();
        let id = id.unwrap_or_else(|| line.to_string());
        if let Some((before, theirs)) = self.seen.insert(id.clone(), (line, written)) {
            let why = match (theirs, written) {
                (true, true) => format!("the id `{id}` is there twice, first on line {before}"),
                (true, false) => {
                    format!("without an id it is `{id}`, its line, which line {before} has as its id")
                }
                (false, _) => format!("the id `{id}` is that of line {before}, which has none of its own"),
            };
            return Err(bad_row(self.path, line, &why));
        }
        if let Some(written) = &last_updated
            && date(written).is_none()
        {
            return Err(bad_row(self.path, line, &format!("`last_updated` is no ISO 8601 date: {written}")));
        }
        let source = format!("{}#{id}", self.path);
        self.found.push(Document { source, text, markup: Markup::Plain, offset: 0, last_updated });
        Ok(())
    }
}

/// The fault of a row, or of a whole page.
pub(super) fn bad_row(path: &RelPath, line: usize, why: &str) -> Diagnostic {
    let span = Span::new(u32::try_from(line).unwrap_or(u32::MAX), 1, 1);
    Diagnostic::error(BAD_ROW, format!("not a document: {why}"))
        .at(Place::at(path, span))
        .help("rows have `text`, and may have `id` and `last_updated` (ISO 8601)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_a_line_is_told_from_one_that_is_written() {
        let path = RelPath::new("kb/a.jsonl").expect("a path");
        let says = |text: &str| of_jsonl(&path, text).expect_err(text).message;
        let twice = says("{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": \"a\", \"text\": \"y\"}\n");
        assert!(twice.contains("there twice, first on line 1"), "{twice}");
        let second = says("{\"id\": 2, \"text\": \"x\"}\n{\"text\": \"y\"}\n");
        assert!(second.contains("without an id it is `2`, its line"), "{second}");
        let first = says("{\"text\": \"x\"}\n{\"id\": \"1\", \"text\": \"y\"}\n");
        assert!(first.contains("that of line 1, which has none"), "{first}");
    }
}
