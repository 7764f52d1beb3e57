//! One case of the page: what its row shows, and what it opens to.

use super::Serialize;
use crate::domain::Role;
use crate::domain::edits::{Edit, Edits, words};
use crate::domain::exchange::Source;
use crate::report::document::Detail;
use crate::report::found;
use crate::report::numbers::{UNKNOWN, duration_ms, score};
use crate::report::text::{head, one_line, visible};
use crate::report::told::Told;
use crate::report::v1::{Case, Status};
use crate::retrieve::injection;
use std::time::{Duration, Instant};

/// At most this many bytes of any one text.
const MOST_TEXT: usize = 64 * 1024;
/// A diff of texts that are longer than this together is watched by the clock. What is shorter takes no time, and is
/// drawn the same however busy the machine.
const WATCHED: usize = 8 * 1024;
/// A diff that takes longer is drawn as far as it came.
const MOST_TIME: Duration = Duration::from_millis(100);

/// The values of the template `case.html`.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    gate: usize,
    index: usize,
    id: String,
    status: &'static str,
    score: String,
    shown_score: String,
    shown_base: String,
    latency: String,
    cost: String,
    change: &'static str,
    delta: String,
    tag_keys: String,
    facts: String,
    judge_reason: String,
    dimensions: Vec<(String, String)>,
    asserts: Vec<Checked>,
    output: Option<String>,
    base_answer: Option<String>,
    diff: Vec<Part>,
    asked: String,
    messages: Vec<Said>,
    left_out: bool,
    context: Vec<Found>,
    relevant: String,
    found: String,
}

#[derive(Debug, Serialize)]
struct Checked {
    tone: &'static str,
    word: &'static str,
    kind: String,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Part {
    kind: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct Said {
    role: &'static str,
    content: String,
}

#[derive(Debug, Serialize)]
struct Found {
    title: String,
    text: String,
}

impl Row {
    /// The case at a place (gate, row), with what it was made of where that is known. Its messages are left out where
    /// they do not fit into `room`, which shrinks by what is shown.
    pub(super) fn of(
        (gate, index): (usize, usize),
        case: &Case,
        detail: Option<&Detail>,
        told: &Told,
        change: &'static str,
        room: &mut usize,
    ) -> Self {
        let trial = if case.trial > 0 { format!(" · trial {}", case.trial + 1) } else { String::new() };
        let tags: Vec<String> =
            case.tags.iter().map(|(key, value)| one_line(&format!("{key}={value}"))).collect();
        let said = Conversation::of(told, room);
        let answer = Answer::of(case, told);
        let before = told.base_score.filter(|before| case.score.is_none_or(|now| !same(*before, now)));
        Self {
            gate,
            index,
            id: format!("{}{trial}", one_line(&case.id)),
            status: case.status.as_str(),
            score: number(case.score),
            shown_score: case.score.map_or(String::new(), |value| score(Some(value))),
            shown_base: before.map_or(String::new(), |value| score(Some(value))),
            latency: case.latency_ms.map_or(String::new(), |ms| ms.to_string()),
            cost: case.cost_usd.map_or(String::new(), |cost| cost.to_string()),
            change,
            delta: number(case.score.zip(told.base_score).map(|(now, before)| now - before)),
            facts: facts(case, detail, &tags),
            tag_keys: tags.join("\n"),
            judge_reason: case.judge_reason.as_deref().map(text).unwrap_or_default(),
            dimensions: dimensions(case),
            asserts: asserts(case),
            output: answer.output,
            base_answer: answer.base,
            diff: answer.diff,
            asked: said.asked,
            messages: said.messages,
            left_out: said.left_out,
            context: detail.map_or(Vec::new(), retrieved),
            relevant: detail.map_or(String::new(), |detail| one_line(&detail.relevant.join(", "))),
            found: detail.and_then(found::sentence).map_or(String::new(), |found| one_line(&found)),
        }
    }
}

/// A number for the page's script; empty where there is none.
fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or(String::new(), |value| value.to_string())
}

/// What was said to the model.
struct Conversation {
    asked: String,
    messages: Vec<Said>,
    left_out: bool,
}

impl Conversation {
    fn of(told: &Told, room: &mut usize) -> Self {
        let said = told.messages.iter();
        let messages: Vec<Said> =
            said.map(|one| Said { role: one.role.as_str(), content: text(&one.content) }).collect();
        let size: usize = messages.iter().map(|one| one.content.len()).sum();
        let left_out = size > *room;
        *room = if left_out { 0 } else { *room - size };
        let asked = told.messages.last().filter(|last| last.role == Role::User && !left_out);
        Self {
            asked: asked.map_or(String::new(), |asked| text(&asked.content)),
            messages: if left_out { Vec::new() } else { messages },
            left_out,
        }
    }
}

/// What the model answered, and how it differs from the base's answer: in one text, or as the base's own.
struct Answer {
    output: Option<String>,
    base: Option<String>,
    diff: Vec<Part>,
}

impl Answer {
    fn of(case: &Case, told: &Told) -> Self {
        let output = case.output.as_deref();
        let base = told.base_output.as_deref().filter(|base| output.is_some_and(|output| output != *base));
        let diff = base.zip(output).map_or(Vec::new(), |(base, output)| diff(base, output));
        Self { output: output.map(text), base: base.filter(|_| diff.is_empty()).map(text), diff }
    }
}

fn dimensions(case: &Case) -> Vec<(String, String)> {
    let shown = |(name, value): (&String, &Option<f64>)| {
        let value = value.map_or("not applicable".to_owned(), |value| score(Some(value)));
        (one_line(name), value)
    };
    case.dimensions.iter().map(shown).collect()
}

fn asserts(case: &Case) -> Vec<Checked> {
    let shown = |assert: &crate::report::v1::Assert| Checked {
        tone: if assert.passed { "good" } else { "bad" },
        word: if assert.passed { "passed" } else { "failed" },
        kind: one_line(&assert.kind),
        reason: text(&assert.reason),
    };
    case.asserts.iter().map(shown).collect()
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

fn facts(case: &Case, detail: Option<&Detail>, tags: &[String]) -> String {
    let mut facts = Vec::new();
    if detail.is_some_and(|detail| detail.critical) {
        facts.push("critical: it blocks alone".to_owned());
    }
    if let Some(reason) = case.unscored_reason {
        facts.push(reason.as_str().to_owned());
    }
    if case.status != Status::Unscored || case.source.is_some() {
        facts.push(match case.source {
            Some(Source::Live) => "called live".to_owned(),
            Some(Source::Cached) => "from the store".to_owned(),
            Some(Source::Recorded) => "from a recording".to_owned(),
            None => "not called".to_owned(),
        });
    }
    if case.latency_ms.is_some() {
        facts.push(duration_ms(case.latency_ms));
    }
    facts.push(case.cost_usd.map_or(format!("cost {UNKNOWN}"), |cost| cost.display()));
    if (case.weight - 1.0).abs() > f64::EPSILON {
        facts.push(format!("weight {}", case.weight));
    }
    facts.extend(tags.iter().cloned());
    facts.join(" · ")
}

/// The chunks with their rank, and whether each is one of those that should have been found.
fn retrieved(detail: &Detail) -> Vec<Found> {
    let titled = |(rank, chunk): (usize, &crate::domain::Chunk)| {
        let source = chunk.source.as_deref().map_or("no source".to_owned(), one_line);
        let mut title = format!("{}. {source}", rank + 1);
        if let Some(value) = chunk.score {
            title.push_str(&format!(" · {value:.3}"));
        }
        if chunk.source.as_ref().is_some_and(|source| detail.relevant.contains(source)) {
            title.push_str(" · relevant");
        }
        if let Some(rule) = injection::suspicious(&chunk.text) {
            title.push_str(&format!(" · reads like an instruction to a model ({rule})"));
        }
        Found { title, text: text(&chunk.text) }
    };
    detail.context.iter().enumerate().map(titled).collect()
}

/// Text as it stands, harmless, and cut off where it is enormous.
fn text(whole: &str) -> String {
    let shown = head(whole, MOST_TEXT);
    let mut text = visible(shown);
    if shown.len() < whole.len() {
        text.push_str(&format!("… (cut here: {} bytes more)", whole.len() - shown.len()));
    }
    text
}

/// The base answer and this one word by word; nothing where less than half is in common, for a mixture of two texts
/// cannot be read.
fn diff(base: &str, output: &str) -> Vec<Part> {
    let (base, output) = (text(base), text(output));
    let deadline = (base.len() + output.len() > WATCHED).then(|| Instant::now() + MOST_TIME);
    let mut parts: Vec<Part> = Vec::new();
    for (edit, words) in Edits::until(words(&base), words(&output), deadline).parts() {
        let kind = match edit {
            Edit::Same => "same",
            Edit::Removed => "gone",
            Edit::Added => "new",
        };
        match parts.last_mut().filter(|part| part.kind == kind) {
            Some(part) => part.text.push_str(words),
            None => parts.push(Part { kind, text: words.to_owned() }),
        }
    }
    // White space is in common always: it says nothing.
    let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let common: usize = parts.iter().filter(|part| part.kind == "same").map(|part| letters(&part.text)).sum();
    let most = letters(&base).max(letters(&output));
    if common.saturating_mul(2) < most { Vec::new() } else { parts }
}
