//! A changed prompt as labelled lines of marked text, the same for every output that people read.

use super::{Known, Scored, cost};
use crate::compare::{
    Fate, Field, Included, Level, Line, Paragraph, Piece, PromptChange, Tag, Tool, Variable, Way,
};
use crate::domain::model::Pin;
use crate::report::numbers;
use crate::report::text::short;
use serde_json::Value;

/// Hunks of rendered messages that are shown.
const HUNKS: usize = 3;
/// Characters of a value that are shown.
const VALUE: usize = 60;
/// Characters of unchanged text around a change.
const AROUND: usize = 40;

/// How a run of text is marked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// As it is.
    Plain,
    /// Words that went.
    Removed,
    /// Words that came.
    Added,
    /// A whole line that went.
    RemovedLine,
    /// A whole line that came.
    AddedLine,
    /// A name.
    Strong,
    /// Worth a second look.
    Warn,
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// What it is about; empty for a line that goes on.
    pub label: String,
    /// Whether it opens a prompt.
    pub head: bool,
    /// Its text.
    pub parts: Vec<(Mark, String)>,
}

#[derive(Default)]
pub(super) struct Lines(Vec<Shown>);

impl Lines {
    pub(super) fn push(&mut self, label: &str, parts: Vec<(Mark, String)>) {
        let label = label.to_uppercase();
        let repeats =
            self.0.iter().rev().find(|line| !line.label.is_empty()).is_some_and(|line| line.label == label);
        let label = if repeats { String::new() } else { label };
        self.0.push(Shown { label, head: false, parts });
    }

    pub(super) fn plain(&mut self, label: &str, text: impl Into<String>) {
        self.push(label, vec![(Mark::Plain, text.into())]);
    }

    pub(super) fn warn(&mut self, label: &str, text: impl Into<String>) {
        self.push(label, vec![(Mark::Warn, text.into())]);
    }

    fn fields(&mut self, label: &str, fields: &[Field]) {
        for field in fields {
            self.push(label, moved(field));
        }
    }

    fn prose(&mut self, label: &str, text: &[Paragraph]) {
        for paragraph in text {
            let mut parts = paragraph_parts(paragraph);
            let tags: Vec<&str> = paragraph.tags().into_iter().map(Tag::as_str).collect();
            if !tags.is_empty() {
                parts.push((Mark::Warn, format!("   {}", tags.join(", ").to_uppercase())));
            }
            self.push(label, parts);
        }
    }
}

/// The lines of one prompt. The first names it.
pub fn lines(scored: &Scored, range: &str) -> Vec<Shown> {
    let change = &scored.change;
    let mut lines = Lines::default();
    lines.0.push(head(change, range));
    match &change.fate {
        Fate::Added => lines.plain("prompt", "new"),
        Fate::Deleted => lines.plain("prompt", "deleted"),
        Fate::Renamed { name, path } if *name == change.name => {
            lines.plain("prompt", format!("moved from {path} to {}", change.path));
        }
        Fate::Renamed { name, path } => lines.plain("prompt", format!("renamed from {name} ({path})")),
        Fate::Unreadable { after: true } => {
            lines.warn("prompt", format!("{} cannot be read now: see `llmops check`", change.path));
        }
        Fate::Unreadable { after: false } => {
            lines.warn("prompt", format!("{} could not be read before: not compared", change.path));
        }
        Fate::Kept => {}
    }
    model(&mut lines, change);
    lines.fields("params", &change.parameters);
    for field in &change.demands {
        let lowered =
            field.name == "eval_score_required" && (field.way() == Some(Way::Down) || field.after.is_none());
        let mut parts = moved(field);
        if lowered {
            parts.push((Mark::Warn, "   the threshold is lowered".to_owned()));
        }
        lines.push("demands", parts);
    }
    change.variables.iter().for_each(|variable| lines.push("variables", variable_parts(variable)));
    change.tools.iter().for_each(|tool| lines.push("tools", tool_parts(tool)));
    lines.fields("retrieval", &change.retrieval);
    if let Some(chunks) = &scored.chunks {
        super::chunks::lines(&mut lines, chunks);
    }
    lines.fields("output", &change.output);
    change.messages.iter().for_each(|section| lines.prose(&section.name, &section.text));
    change.includes.iter().for_each(|include| included(&mut lines, include));
    rendered(&mut lines, change, scored.chunks.is_some());
    suites(&mut lines, change);
    score(&mut lines, scored);
    lines.fields("about", &change.about);
    lines.0
}

fn head(change: &PromptChange, range: &str) -> Shown {
    let mut parts = vec![(Mark::Strong, change.name.to_string())];
    let version = match (&change.before, &change.after) {
        (Some(old), Some(new)) if old.version == new.version => {
            if old.digest == new.digest {
                format!("  {}", new.version)
            } else {
                parts.push((Mark::Plain, format!("  {}", new.version)));
                parts.push((Mark::Warn, "  (the content moved, the version did not)".to_owned()));
                String::new()
            }
        }
        (Some(old), Some(new)) => {
            let level = Level::between(&old.version, &new.version).as_str();
            format!("  {} → {}  ({level})", old.version, new.version)
        }
        (Some(one), None) | (None, Some(one)) => format!("  {}", one.version),
        (None, None) => String::new(),
    };
    parts.push((Mark::Plain, format!("{version}   {range}")));
    Shown { label: String::new(), head: true, parts }
}

fn model(lines: &mut Lines, change: &PromptChange) {
    let pin = |pin: Option<Pin>| match pin {
        Some(Pin::Snapshot) => "pinned",
        Some(Pin::Alias) => "NOT PINNED",
        Some(Pin::Unverifiable) => "unverifiable",
        None => "no provider",
    };
    match (&change.before, &change.after) {
        (Some(old), Some(new)) if (&old.model, &old.provider) == (&new.model, &new.provider) => {
            if old.digest != new.digest {
                lines.plain("model", format!("{}  (unchanged, {})", new.model, pin(new.pin)));
            }
        }
        (Some(old), Some(new)) => lines.push(
            "model",
            vec![
                (Mark::Removed, format!("{} on {}", old.model, old.provider)),
                (Mark::Added, format!("{} on {}", new.model, new.provider)),
                (Mark::Plain, format!("  ({} → {})", pin(old.pin), pin(new.pin))),
            ],
        ),
        (None, Some(one)) | (Some(one), None) => {
            lines.plain("model", format!("{}  ({})", one.model, pin(one.pin)));
        }
        (None, None) => {}
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "none".to_owned(),
        Some(Value::String(text)) => short(text, VALUE),
        Some(value) => short(&value.to_string(), VALUE),
    }
}

fn moved(field: &Field) -> Vec<(Mark, String)> {
    let arrow = match field.way() {
        Some(Way::Up) => " ▲",
        Some(Way::Down) => " ▼",
        None => "",
    };
    let (before, after) = (shown(field.before.as_ref()), shown(field.after.as_ref()));
    if before == after {
        return vec![(Mark::Plain, format!("{} changed", field.name))];
    }
    vec![(Mark::Plain, format!("{} {before} → {after}{arrow}", field.name))]
}

fn variable_parts(variable: &Variable) -> Vec<(Mark, String)> {
    let required = |required: bool| if required { "required" } else { "optional" };
    let mut parts = match (&variable.before, &variable.after) {
        (None, Some(now)) => vec![
            (Mark::AddedLine, variable.name.clone()),
            (Mark::Plain, format!(" ({})", required(now.required))),
        ],
        (Some(_), None) => vec![(Mark::RemovedLine, variable.name.clone())],
        (Some(was), Some(now)) if was.required != now.required => vec![(
            Mark::Plain,
            format!("{} {} → {}", variable.name, required(was.required), required(now.required)),
        )],
        _ => vec![(Mark::Plain, format!("{} declared differently", variable.name))],
    };
    if !variable.lacking.is_empty() {
        let count = numbers::many(variable.lacking.len(), "case");
        parts.push((Mark::Warn, format!("   {count} without it, {} first", variable.lacking[0])));
    }
    parts
}

fn tool_parts(tool: &Tool) -> Vec<(Mark, String)> {
    let mut parts = vec![match tool.present {
        (true, false) => (Mark::RemovedLine, tool.name.clone()),
        (false, true) => (Mark::AddedLine, tool.name.clone()),
        _ => (Mark::Plain, tool.name.clone()),
    }];
    if !tool.breaking.is_empty() {
        parts.push((Mark::Warn, format!("   BREAKING: {}", tool.breaking.join("; "))));
    }
    if !tool.other.is_empty() {
        parts.push((Mark::Plain, format!("   {}", tool.other.join("; "))));
    }
    parts
}

fn paragraph_parts(paragraph: &Paragraph) -> Vec<(Mark, String)> {
    match paragraph {
        Paragraph::Added { at, text } => vec![(Mark::Plain, format!("¶{at} ")), (Mark::Added, text.clone())],
        Paragraph::Removed { at, text } => {
            vec![(Mark::Plain, format!("¶{at} ")), (Mark::Removed, text.clone())]
        }
        Paragraph::Moved { from, to, .. } => {
            let way = if to < from { "↑" } else { "↓" };
            vec![(Mark::Plain, format!("¶{from} moved {way} to ¶{to} (text identical)"))]
        }
        Paragraph::Spacing => {
            vec![(Mark::Plain, "white space between or after paragraphs changed".to_owned())]
        }
        Paragraph::Rewritten { from, to, pieces, .. } => {
            let place = if from == to { format!("¶{to} ") } else { format!("¶{from} → ¶{to} ") };
            let mut parts = vec![(Mark::Plain, place)];
            let last = pieces.len().saturating_sub(1);
            for (index, piece) in pieces.iter().enumerate() {
                parts.push(match piece {
                    Piece::Same(text) => (Mark::Plain, around(text, index > 0, index < last)),
                    Piece::Removed(text) => (Mark::Removed, text.replace('\n', "⏎")),
                    Piece::Added(text) => (Mark::Added, text.replace('\n', "⏎")),
                    Piece::Moved(text) => (Mark::Plain, format!("‹moved: {}› ", short(text.trim(), VALUE))),
                });
            }
            parts
        }
    }
}

/// Unchanged text, cut where no change is near.
fn around(text: &str, after_change: bool, before_change: bool) -> String {
    let text = text.replace('\n', " ");
    let chars: Vec<char> = text.chars().collect();
    let keep = AROUND * (usize::from(after_change) + usize::from(before_change));
    if chars.len() <= keep + 3 {
        return text;
    }
    let head: String = if after_change { chars[..AROUND].iter().collect() } else { String::new() };
    let tail: String =
        if before_change { chars[chars.len() - AROUND..].iter().collect() } else { String::new() };
    format!("{head}…{tail}")
}

fn included(lines: &mut Lines, include: &Included) {
    let also = if include.also.is_empty() {
        String::new()
    } else {
        let names: Vec<String> = include.also.iter().map(ToString::to_string).collect();
        format!(" → also affects {}", short(&names.join(", "), 200))
    };
    let mark = match include.present {
        (true, false) => Mark::RemovedLine,
        (false, true) => Mark::AddedLine,
        _ => Mark::Plain,
    };
    lines.push("includes", vec![(mark, include.path.to_string()), (Mark::Warn, also)]);
    lines.prose("includes", &include.text);
}

fn rendered(lines: &mut Lines, change: &PromptChange, other_chunks: bool) {
    let Some(rendered) = &change.rendered else { return };
    let failed = rendered.failed.len();
    let differ = rendered.cases - rendered.identical - failed;
    lines.plain(
        "rendered",
        format!(
            "{differ} of {} cases differ; {} byte-identical{}",
            rendered.cases,
            rendered.identical,
            if other_chunks { ", but for what is retrieved" } else { "" }
        ),
    );
    if let Some((case, why)) = rendered.failed.first() {
        lines.warn("rendered", format!("{failed} cannot be rendered on both sides ({case}: {why})"));
    }
    for hunk in rendered.hunks.iter().take(HUNKS) {
        let cases = hunk.cases.len();
        lines.plain("rendered", format!("{}: appears in {cases} of {}", hunk.role, rendered.cases));
        for line in &hunk.lines {
            lines.push(
                "rendered",
                vec![match line {
                    Line::Same(text) => (Mark::Plain, format!("  {}", short(text, 120))),
                    Line::Removed(text) => (Mark::RemovedLine, short(text, 120)),
                    Line::Added(text) => (Mark::AddedLine, short(text, 120)),
                }],
            );
        }
    }
    if rendered.hunks.len() > HUNKS {
        lines.plain("rendered", format!("… and {} other changes", rendered.hunks.len() - HUNKS));
    }
    if let Some(cost) = &rendered.cost {
        let retrieves_otherwise = other_chunks || !change.retrieval.is_empty();
        cost::show(lines, cost, retrieves_otherwise);
    }
}

fn suites(lines: &mut Lines, change: &PromptChange) {
    for suite in &change.suites {
        let mut text = suite.name.to_string();
        match suite.present {
            (false, true) => text.push_str(" is new"),
            (true, false) => text.push_str(" is gone"),
            _ => {}
        }
        let (added, removed, rewritten) = suite.cases;
        if suite.cases != (0, 0, 0) {
            text.push_str(&format!("  cases +{added} −{removed}, {rewritten} changed"));
        }
        lines.plain("suite", text);
        if suite.present == (true, true) {
            lines.fields("suite", &suite.fields);
        }
    }
    let prompt_moved =
        change.before.as_ref().map(|side| side.digest) != change.after.as_ref().map(|side| side.digest);
    if !change.suites.is_empty() && prompt_moved && change.fate == Fate::Kept {
        lines.warn(
            "suite",
            "the suite and the prompt changed together: scores before and after cannot be compared",
        );
    }
}

fn score(lines: &mut Lines, scored: &Scored) {
    let one = |known: &Known| {
        let interval = known.interval.map(|(low, high)| format!(" ({low:.2}…{high:.2})")).unwrap_or_default();
        format!("{:.2}{interval}, n={}", known.mean, known.n)
    };
    let text = match (&scored.before, &scored.after) {
        (None, None) => return,
        (Some(old), Some(new)) if old == new => one(new),
        (Some(old), Some(new)) => {
            format!("{} → {}  (Δ{:+.2})", one(old), one(new), new.mean - old.mean)
        }
        (Some(old), None) => format!("{} → not evaluated yet", one(old)),
        (None, Some(new)) => format!("not known → {}", one(new)),
    };
    lines.plain("score", text);
}
