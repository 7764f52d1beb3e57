//! What was found, and what was measured, for people and as JSON.

use crate::cli::asking::Shown;
use crate::cli::terminal::Terminal;
use crate::manifest::retrieval::Retrieval;
use crate::report::numbers::counted;
use crate::report::text::{one_line, short, visible, wrap};
use crate::retrieve::search::words;
use crate::retrieve::{Hit, Retrieved, injection};
use crate::study::sweep::{Measured, Variant};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A line under the header, and no other.
const STYLE: comfy_table::TableStyle =
    comfy_table::TableStyle::new().header_separator(comfy_table::LineStyle::none().fill('─'));
/// Lines of a chunk to show.
const LINES: usize = 4;

/// Ranked chunks with scores, sources and highlighted terms.
pub fn hits(terminal: &Terminal, retrieval: &Retrieval, query: &str, found: &Retrieved) {
    if terminal.json {
        let chunks = chunks(found);
        let document = json!({"schema": "llmops/retrieve/v1", "exit_code": 0, "retrieval": named(retrieval),
                              "query": query, "chunks": chunks});
        return terminal.stdout(&format!("{document}\n"));
    }
    if found.hits.is_empty() {
        return terminal.people("nothing was found\n");
    }
    let mut asked = BTreeSet::new();
    words(query, |word| {
        asked.insert(word.to_owned());
    });
    let mut text = String::new();
    for (index, hit) in found.hits.iter().enumerate() {
        text.push_str(&place(index, hit));
        if let Some(rule) = injection::suspicious(&hit.chunk.text) {
            text.push_str(&format!("     reads like an instruction to a model ({rule})\n"));
        }
        for line in wrap(&visible(&hit.chunk.text), usize::from(terminal.width) - 5, LINES) {
            text.push_str(&format!("     {}\n", marked(&line, &asked, terminal.color_out)));
        }
    }
    terminal.people(&text);
}

/// Every chunk for machines.
pub fn chunks(found: &Retrieved) -> Vec<Value> {
    let chunk = |(index, hit): (usize, &Hit)| {
        json!({"rank": index + 1, "text": hit.chunk.text, "source": hit.chunk.source, "score": hit.chunk.score,
               "last_updated": hit.chunk.last_updated, "heading": hit.heading, "bytes": hit.range,
               "suspicious": injection::suspicious(&hit.chunk.text)})
    };
    found.hits.iter().enumerate().map(chunk).collect()
}

/// What a prompt was shown, without the texts, for machines.
pub fn shown(shown: &Shown) -> Value {
    json!({"name": shown.retrieval.name, "version": shown.retrieval.version, "query": shown.query,
           "chunks": chunks(&shown.found)})
}

/// What a prompt was shown: a line for each chunk.
pub fn places(shown: &Shown) -> String {
    let (retrieval, hits) = (&shown.retrieval, &shown.found.hits);
    let count = counted(u64::try_from(hits.len()).unwrap_or(u64::MAX), "chunk");
    let query = short(&one_line(&shown.query), 60);
    let mut text = format!("retrieved {count} by {} {} for “{query}”\n", retrieval.name, retrieval.version);
    hits.iter().enumerate().for_each(|(index, hit)| text.push_str(&place(index, hit)));
    text
}

/// Where a chunk stands, in one line.
fn place(index: usize, hit: &Hit) -> String {
    let source = one_line(hit.chunk.source.as_deref().unwrap_or("no source"));
    let mut text = format!("{:>3}. {source}", index + 1);
    if let Some(score) = hit.chunk.score {
        text.push_str(&format!("  {score:.4}"));
    }
    if let Some(heading) = &hit.heading {
        text.push_str(&format!("  {}", one_line(heading)));
    }
    if let Some((start, end)) = hit.range {
        text.push_str(&format!("  bytes {start}–{end}"));
    }
    text.push('\n');
    text
}

/// The line with the words of the query marked: in colour on a terminal, else between `*`.
fn marked(line: &str, asked: &BTreeSet<String>, color: bool) -> String {
    let mut text = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let mut meant = false;
        words(word, |word| meant |= asked.contains(word));
        match (meant, color) {
            (false, _) => text.push_str(word),
            (true, true) => text.push_str(&format!("\x1b[1;33m{word}\x1b[0m")),
            (true, false) => text.push_str(&format!("*{word}*")),
        }
        let between = after.find(char::is_alphanumeric).unwrap_or(after.len());
        text.push_str(&after[..between]);
        rest = &after[between..];
    }
    text
}

fn named(retrieval: &Retrieval) -> Value {
    json!({"name": retrieval.name, "version": retrieval.version, "path": retrieval.path})
}

/// One row for each configuration, with the interval of each measure at 95 %.
pub fn rows(terminal: &Terminal, retrieval: &Retrieval, rows: &[(Variant, Measured)]) {
    if terminal.json {
        let rows: Vec<Value> = rows.iter().map(|(variant, measured)| machine(variant, measured)).collect();
        let document = json!({"schema": "llmops/retrieve/v1", "exit_code": 0, "retrieval": named(retrieval),
                              "configurations": rows});
        return terminal.stdout(&format!("{document}\n"));
    }
    let mut table = comfy_table::Table::new();
    table.load_style(STYLE).set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_width(terminal.width);
    table.set_header(["configuration", "recall@k", "precision@k", "MRR", "nDCG", "MAP", "n"]);
    for (variant, measured) in rows {
        let mut cells = vec![label(variant)];
        for (_, estimate) in measured.estimates() {
            cells.push(estimate.map_or("–".to_owned(), |estimate| {
                let interval = estimate.interval;
                let range =
                    interval.map_or(String::new(), |range| format!(" ({:.2}–{:.2})", range.low, range.high));
                format!("{:.3}{range}", estimate.mean)
            }));
        }
        cells.push(measured.count().to_string());
        table.add_row(cells);
    }
    terminal.people(&format!("{} {}\n{table}\n", retrieval.name, retrieval.version));
}

fn label(variant: &Variant) -> String {
    if variant.settings.is_empty() {
        return "as written".to_owned();
    }
    variant.settings.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// A number as a number, a word as a text.
fn setting(value: &str) -> Value {
    match (value.parse::<u64>(), value.parse::<f64>()) {
        (Ok(whole), _) => json!(whole),
        (_, Ok(number)) if number.is_finite() => json!(number),
        _ => json!(value),
    }
}

fn machine(variant: &Variant, measured: &Measured) -> Value {
    let settings: Map<String, Value> =
        variant.settings.iter().map(|(key, value)| (key.clone(), setting(value))).collect();
    let mut row = Map::from_iter([("settings".to_owned(), Value::Object(settings))]);
    for (name, estimate) in measured.estimates() {
        let value = estimate.map(|one| {
            json!({"mean": one.mean, "ci_low": one.interval.map(|range| range.low),
                   "ci_high": one.interval.map(|range| range.high)})
        });
        row.insert(name.to_owned(), json!(value));
    }
    row.insert("n".to_owned(), json!(measured.count()));
    Value::Object(row)
}
