//! `llmops/diff/v1`: the machine form of a comparison.

use super::{Known, Scored};
use crate::compare::{Fate, Field, Line, Paragraph, Piece, PromptChange, Tag, Version, Way};
use serde_json::{Value, json};

/// The whole document. Unknown is `null`; costs are decimal strings.
pub fn document(changes: &[Scored], range: (&str, &str), exit_code: u8) -> Value {
    json!({
        "schema": "llmops/diff/v1",
        "exit_code": exit_code,
        "before": range.0,
        "after": range.1,
        "prompts": changes.iter().map(prompt).collect::<Vec<_>>(),
    })
}

fn prompt(scored: &Scored) -> Value {
    let change = &scored.change;
    json!({
        "name": change.name,
        "path": change.path,
        "change": fate(&change.fate),
        "renamed_from": match &change.fate {
            Fate::Renamed { name, path } => json!({"name": name, "path": path}),
            _ => Value::Null,
        },
        "before": side(change.before.as_ref(), scored.before.as_ref()),
        "after": side(change.after.as_ref(), scored.after.as_ref()),
        "level": level(change),
        "parameters": fields(&change.parameters),
        "demands": fields(&change.demands),
        "output": fields(&change.output),
        "retrieval": fields(&change.retrieval),
        "chunks": scored.chunks.as_ref().map(super::chunks::machine),
        "about": fields(&change.about),
        "variables": change.variables.iter().map(|variable| json!({
            "name": variable.name,
            "before": variable.before.as_ref().map(|side| json!({"required": side.required, "declared": side.text})),
            "after": variable.after.as_ref().map(|side| json!({"required": side.required, "declared": side.text})),
            "lacking": variable.lacking,
        })).collect::<Vec<_>>(),
        "tools": change.tools.iter().map(|tool| json!({
            "name": tool.name, "change": presence(tool.present), "breaking": tool.breaking, "other": tool.other,
        })).collect::<Vec<_>>(),
        "messages": change.messages.iter().map(|section| json!({
            "name": section.name, "paragraphs": paragraphs(&section.text),
        })).collect::<Vec<_>>(),
        "includes": change.includes.iter().map(|include| json!({
            "path": include.path, "change": presence(include.present), "also": include.also,
            "paragraphs": paragraphs(&include.text),
        })).collect::<Vec<_>>(),
        "rendered": rendered(change),
        "suites": change.suites.iter().map(|suite| json!({
            "name": suite.name, "change": presence(suite.present),
            "cases": {"added": suite.cases.0, "removed": suite.cases.1, "changed": suite.cases.2},
            "fields": fields(&suite.fields),
        })).collect::<Vec<_>>(),
    })
}

fn fate(fate: &Fate) -> &'static str {
    match fate {
        Fate::Added => "added",
        Fate::Deleted => "deleted",
        Fate::Renamed { .. } => "renamed",
        Fate::Kept => "changed",
        Fate::Unreadable { after: true } => "unreadable_after",
        Fate::Unreadable { after: false } => "unreadable_before",
    }
}

fn presence(present: (bool, bool)) -> &'static str {
    match present {
        (true, false) => "removed",
        (false, true) => "added",
        _ => "changed",
    }
}

fn side(version: Option<&Version>, known: Option<&Known>) -> Value {
    let Some(version) = version else { return Value::Null };
    json!({
        "version": version.version, "model": version.model, "provider": version.provider, "pin": version.pin,
        "digest": version.digest,
        "score": known.map(|known| json!({
            "mean": known.mean, "ci_low": known.interval.map(|ends| ends.0), "ci_high": known.interval.map(|ends| ends.1),
            "n": known.n, "source": known.source,
        })),
    })
}

fn level(change: &PromptChange) -> Value {
    match (&change.before, &change.after) {
        (Some(old), Some(new)) if old.version != new.version => {
            json!(crate::compare::Level::between(&old.version, &new.version).as_str())
        }
        _ => Value::Null,
    }
}

fn fields(fields: &[Field]) -> Value {
    let rows = fields.iter().map(|field| {
        let way = field.way().map(|way| match way {
            Way::Up => "up",
            Way::Down => "down",
        });
        json!({"name": field.name, "before": field.before, "after": field.after, "way": way})
    });
    rows.collect()
}

fn paragraphs(text: &[Paragraph]) -> Value {
    let rows = text.iter().map(|paragraph| {
        let tags: Vec<&str> = paragraph.tags().into_iter().map(Tag::as_str).collect();
        let (kind, from, to, words) = match paragraph {
            Paragraph::Added { at, text } => ("added", None, Some(at), json!([{"added": text}])),
            Paragraph::Removed { at, text } => ("removed", Some(at), None, json!([{"removed": text}])),
            Paragraph::Moved { from, to, text } => ("moved", Some(from), Some(to), json!([{"same": text}])),
            Paragraph::Spacing => ("spacing", None, None, json!([])),
            Paragraph::Rewritten { from, to, pieces, .. } => {
                let words = pieces.iter().map(|piece| match piece {
                    Piece::Same(text) => json!({"same": text}),
                    Piece::Removed(text) => json!({"removed": text}),
                    Piece::Added(text) => json!({"added": text}),
                    Piece::Moved(text) => json!({"moved": text}),
                });
                ("rewritten", Some(from), Some(to), words.collect())
            }
        };
        json!({"change": kind, "from": from, "to": to, "tags": tags, "pieces": words})
    });
    rows.collect()
}

fn rendered(change: &PromptChange) -> Value {
    let Some(rendered) = &change.rendered else { return Value::Null };
    json!({
        "cases": rendered.cases,
        "identical": rendered.identical,
        "failed": rendered.failed.iter().map(|(case, why)| json!({"case": case, "why": why})).collect::<Vec<_>>(),
        "hunks": rendered.hunks.iter().map(|hunk| json!({
            "role": hunk.role,
            "cases": hunk.cases,
            "lines": hunk.lines.iter().map(|line| match line {
                Line::Same(text) => json!({"same": text}),
                Line::Removed(text) => json!({"removed": text}),
                Line::Added(text) => json!({"added": text}),
            }).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "cost": rendered.cost.as_ref().map(|cost| json!({
            "counted": cost.counted, "tokens_before": cost.tokens_before, "tokens_after": cost.tokens_after,
            "estimate": cost.estimate, "input_usd_before": cost.input_before, "input_usd_after": cost.input_after,
            "prefix_break": cost.prefix_break, "without_retrieved": cost.retrieves,
        })),
    })
}
