//! One line of a file of recordings: an exchange, and the digest of its reply. A request is held by its key; without
//! the digest a reply could be edited and nothing would show.

use super::segment;
use crate::domain::{Digest, Error, Exchange, RelPath, Reply, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

/// Warnings about single lines of one file; beyond them they are counted.
const MOST_WARNINGS: usize = 20;

#[derive(Serialize)]
struct Line<'e> {
    #[serde(flatten)]
    exchange: &'e Exchange,
    reply_digest: Digest,
}

/// What a line says of its reply.
#[derive(Deserialize)]
struct Said {
    reply_digest: Option<String>,
}

/// Whether a line's reply is the one that was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    /// It has the digest that the line says.
    Yes,
    /// The line says none.
    Unknown,
    /// It has another.
    No,
}

fn digest(reply: &Reply) -> Option<Digest> {
    serde_json::to_value(reply).ok().map(|reply| Digest::of_json(&reply))
}

/// The line of an exchange, without its end.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn write(exchange: &Exchange) -> Result<String> {
    let failed = |error| Error::storage("an exchange cannot be written as JSON", error);
    let reply = serde_json::to_value(&exchange.reply).map_err(failed)?;
    serde_json::to_string(&Line { exchange, reply_digest: Digest::of_json(&reply) }).map_err(failed)
}

/// Whether the reply of a line is the one that was recorded.
pub(super) fn held(line: &str, reply: &Reply) -> Held {
    match serde_json::from_str::<Said>(line).map(|said| said.reply_digest) {
        Ok(None) => Held::Unknown,
        Ok(Some(said)) if digest(reply).is_some_and(|digest| digest.to_string() == said) => Held::Yes,
        _ => Held::No,
    }
}

/// Lines by key, and warnings.
type Indexed = (HashMap<Digest, Range<usize>>, Vec<String>);

/// The lines of a file by key, and what has to be said of the others.
///
/// # Errors
/// When a reply is not the one that was recorded, or two lines answer one request differently.
pub(super) fn index(path: &RelPath, text: &str) -> Result<Indexed> {
    let (mut lines, mut warnings, mut unknown) = (HashMap::new(), Vec::new(), 0_usize);
    let mut numbers: HashMap<Digest, (usize, Reply)> = HashMap::new();
    for (number, range) in super::recordings::numbered_lines(text) {
        let line = &text[range.clone()];
        let Some(key) = segment::key_of(line.as_bytes()) else {
            warnings.push(format!("{path}:{number}: no exchange; the line was skipped"));
            continue;
        };
        let exchange = match segment::parse(line.as_bytes(), &key) {
            Ok(exchange) => exchange,
            Err(why) => {
                warnings.push(format!("{path}:{number}: the exchange was skipped: {why}"));
                continue;
            }
        };
        match held(line, &exchange.reply) {
            Held::Yes => {}
            Held::Unknown => unknown += 1,
            Held::No => {
                return Err(Error::input(format!(
                    "{path}:{number}: the reply is not the one that was recorded: it has another digest than `reply_digest` says"
                ))
                .hint("take the line back from git, or delete it and run `llmops eval --record`"));
            }
        }
        match numbers.entry(key) {
            Entry::Occupied(first) if first.get().1 != exchange.reply => {
                return Err(Error::input(format!(
                    "{path}:{} and {path}:{number} record different replies to one request",
                    first.get().0
                ))
                .hint("delete one of the lines, or both and run `llmops eval --record`"));
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(free) => {
                free.insert((number, exchange.reply));
                lines.insert(key, range);
            }
        }
    }
    if warnings.len() > MOST_WARNINGS {
        let more = warnings.len() - MOST_WARNINGS;
        warnings.truncate(MOST_WARNINGS);
        warnings.push(format!("{path}: {more} more lines were skipped"));
    }
    if unknown > 0 {
        warnings.push(format!(
            "{path}: {unknown} lines have no `reply_digest`: they are older, or were edited; `llmops eval --record` writes it"
        ));
    }
    Ok((lines, warnings))
}
