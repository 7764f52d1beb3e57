//! The rows of a label file, before anything in them is checked.

use super::{COLUMNS, MALFORMED, UNREADABLE, fault};
use crate::domain::{Code, Diagnostic, RelPath};
use serde_json::{Map, Value};

/// One row as written.
pub(super) struct Row {
    pub(super) case: String,
    pub(super) dimension: String,
    /// Empty: not labelled yet.
    pub(super) score: String,
    pub(super) rater: Option<String>,
    pub(super) output: Option<String>,
    pub(super) line: u32,
}

/// What a column is for.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    Case,
    Dimension,
    Score,
    Rater,
    Output,
}

impl Column {
    const REQUIRED: [(Self, &str); 3] =
        [(Self::Case, "case"), (Self::Dimension, "dimension"), (Self::Score, "score")];

    fn named(header: &str) -> Option<Self> {
        match header.trim().to_lowercase().replace([' ', '-'], "_").as_str() {
            "case" | "case_id" | "id" => Some(Self::Case),
            "dimension" => Some(Self::Dimension),
            "score" | "human" | "human_score" => Some(Self::Score),
            "rater" => Some(Self::Rater),
            "output" => Some(Self::Output),
            _ => None,
        }
    }
}

/// Rows of CSV, and the faults of single rows.
///
/// # Errors
/// A header that cannot be used: then no row can.
pub(super) fn csv(path: &RelPath, text: &str) -> Result<(Vec<Row>, Vec<Diagnostic>), Vec<Diagnostic>> {
    // An unclosed quote swallows every row after it without a word.
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err(vec![
            fault(path, UNREADABLE, 1, "a quote is opened and never closed")
                .help("a quote inside of a quoted field is written twice"),
        ]);
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let mut lines = Lines { text: text.as_bytes(), byte: 0, line: 1 };
    let mut records = reader.records().map(|record| {
        record.map(|record| (lines.of(record.position().map_or(0, csv::Position::byte)), record))
    });
    let unreadable = |error: &csv::Error| fault(path, UNREADABLE, 1, format!("not CSV: {error}"));
    let header = match records.next() {
        Some(Ok((_, header))) => header,
        Some(Err(error)) => return Err(vec![unreadable(&error)]),
        None => return Ok((Vec::new(), Vec::new())),
    };
    let columns: Vec<Option<Column>> = header.iter().map(Column::named).collect();
    check_columns(path, COLUMNS, 1, &columns)?;
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for record in records {
        match record {
            Err(error) => faults.push(unreadable(&error)),
            Ok((line, record)) if record.len() != columns.len() => faults.push(
                fault(
                    path,
                    MALFORMED,
                    line,
                    format!("the header has {} columns, this row {}", columns.len(), record.len()),
                )
                .help("a field that holds the separator is written in double quotes"),
            ),
            Ok((line, record)) => {
                let text = |wanted| {
                    let at = columns.iter().position(|column| *column == Some(wanted));
                    at.and_then(|at| record.get(at)).unwrap_or_default().trim().to_owned()
                };
                rows.push(row(text, line));
            }
        }
    }
    Ok((rows, faults))
}

fn row(text: impl Fn(Column) -> String, line: u32) -> Row {
    Row {
        case: text(Column::Case),
        dimension: text(Column::Dimension),
        score: text(Column::Score),
        rater: Some(text(Column::Rater)).filter(|rater| !rater.is_empty()),
        output: Some(text(Column::Output)).filter(|output| !output.is_empty()),
        line,
    }
}

/// The separator that the header uses most: a comma, or what spreadsheets of other languages write.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |separator: u8| header.bytes().filter(|byte| *byte == separator).count();
    [b';', b'\t'].into_iter().fold(b',', |best, other| if count(other) > count(best) { other } else { best })
}

/// Finds the lines of bytes that are asked for in ascending order.
struct Lines<'a> {
    text: &'a [u8],
    byte: usize,
    line: u32,
}

impl Lines<'_> {
    /// The line on which the record at `start` begins, which may still be before the line ends that precede it.
    fn of(&mut self, start: u64) -> u32 {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        while self.text.get(self.byte).is_some_and(|byte| self.byte < start || matches!(byte, b'\r' | b'\n'))
        {
            self.line += u32::from(self.text[self.byte] == b'\n');
            self.byte += 1;
        }
        self.line
    }
}

fn check_columns(
    path: &RelPath,
    code: Code,
    line: u32,
    columns: &[Option<Column>],
) -> Result<(), Vec<Diagnostic>> {
    let count = |wanted| columns.iter().filter(|column| **column == Some(wanted)).count();
    let mut faults = Vec::new();
    for (column, name) in
        Column::REQUIRED.into_iter().chain([(Column::Rater, "rater"), (Column::Output, "output")])
    {
        let message = match count(column) {
            0 if !matches!(column, Column::Rater | Column::Output) => format!("no column `{name}`"),
            0 | 1 => continue,
            several => format!("{several} columns are the {name}"),
        };
        faults.push(
            fault(path, code, line, message)
                .help("columns are case, dimension, score and, optionally, rater"),
        );
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Rows of JSONL, and the faults of single lines. Empty lines are skipped.
pub(super) fn jsonl(path: &RelPath, text: &str) -> (Vec<Row>, Vec<Diagnostic>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let number = u32::try_from(index).map_or(u32::MAX, |index| index + 1);
        match json_row(path, line, number) {
            Ok(row) => rows.push(row),
            Err(found) => faults.extend(found),
        }
    }
    (rows, faults)
}

fn json_row(path: &RelPath, text: &str, line: u32) -> Result<Row, Vec<Diagnostic>> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        vec![
            fault(path, MALFORMED, line, format!("not a JSON object: {error}"))
                .help("one object a line, such as {\"case\": \"a\", \"dimension\": \"tone\", \"score\": 4}"),
        ]
    })?;
    let columns: Vec<Option<Column>> = object.keys().map(|key| Column::named(key)).collect();
    check_columns(path, MALFORMED, line, &columns)?;
    let text = |wanted| {
        let value = columns.iter().zip(object.values()).find(|(column, _)| **column == Some(wanted));
        match value {
            Some((_, Value::String(text))) => text.trim().to_owned(),
            None | Some((_, Value::Null)) => String::new(),
            Some((_, other)) => other.to_string(),
        }
    };
    Ok(row(text, line))
}
