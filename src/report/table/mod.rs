//! What a person sees in a terminal: per gate the verdict, why, the numbers against what is required, and the
//! worst cases; at the end one line for the whole run.

mod facts;
mod scores;

use super::document::{Detail, Document};
use super::found;
use super::json::unwritten;
use super::numbers::{counted, duration_ms, score};
pub use super::paint::Color;
use super::paint::Tone;
use super::remarks::remarks;
use super::standing;
use super::text::{one_line, width, wrap};
use super::v1::{Case, Gate, Report, Status, Verdict};
use crate::domain::{Result, Usd};
pub(super) use facts::{cases, counted_facts, judge, model, narrowed, since};
use std::io::Write;

/// How to draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whether to write ANSI colours.
    pub color: Color,
    /// Columns to fill; 80 when the output is no terminal.
    pub width: usize,
    /// Cases to show per gate.
    pub worst: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { color: Color::Off, width: 80, worst: 5 }
    }
}

impl Options {
    /// Lines are not wider than this, however wide the terminal: longer ones are hard to read. A terminal of fewer
    /// than 60 columns breaks them by itself.
    fn columns(&self) -> usize {
        self.width.clamp(60, 120)
    }
}

/// From this many gates on, a gate that passed takes one line.
const MANY_GATES: usize = 4;

/// Draws the whole run.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn write(document: &Document<'_>, options: Options, out: &mut dyn Write) -> Result<()> {
    let gates = &document.report.gates;
    let mut after_line = false;
    for (index, gate) in gates.iter().enumerate() {
        let brief = gates.len() >= MANY_GATES && gate.verdict == Verdict::Passed;
        let gap = if index == 0 || (brief && after_line) { "" } else { "\n" };
        let text = if brief { brief_line(gate, options) } else { block(document, index, gate, options)? };
        write!(out, "{gap}{text}").map_err(unwritten)?;
        after_line = brief;
    }
    let gap = if gates.is_empty() { "" } else { "\n" };
    write!(out, "{gap}{}", summary(document.report, options)).map_err(unwritten)
}

fn title(gate: &Gate, options: Options) -> String {
    let verdict = options.color.shout(Tone::of_verdict(gate.verdict), gate.verdict.label());
    let room = options.columns().saturating_sub(36).max(12);
    let name = format!("{} {}", clip_to(&gate.prompt.name, room), clip_to(&gate.prompt.version, 16));
    format!("{verdict}  {}", options.color.paint(Tone::Strong, &name))
}

/// A name in one line of at most `columns`.
fn clip_to(name: &str, columns: usize) -> String {
    wrap(name, columns, 1).into_iter().next().unwrap_or_default()
}

fn brief_line(gate: &Gate, options: Options) -> String {
    let mut line = title(gate, options);
    if let Some(found) = &gate.score {
        line.push_str(&format!("  {}", super::numbers::against(Some(found.mean), gate.required)));
        if let Some(bound) = standing::bound(gate) {
            line.push_str(&format!(", lower bound {bound}"));
        }
        if let Some(required) = gate.required {
            line.push_str(&format!(", required {}", super::numbers::threshold(required)));
        }
    }
    line.push_str(&format!("  {}\n", cases(gate)));
    line
}

fn block(document: &Document<'_>, index: usize, gate: &Gate, options: Options) -> Result<String> {
    let mut text = format!("{}\n", title(gate, options));
    paragraph(&mut text, &document.sentence(index), "  ", options);
    for breach in document.further(index) {
        item(&mut text, &breach.message, options);
    }
    text.push('\n');
    facts::identity(&mut text, gate, options);
    if let Some(table) = scores::draw(gate, options) {
        text.push('\n');
        text.push_str(&table);
    }
    text.push('\n');
    facts::counts(&mut text, gate, options);
    for note in document.notes(index) {
        text.push('\n');
        paragraph(&mut text, &format!("Note: {note}"), "  ", options);
    }
    let worst = document.worst(index, options.worst)?;
    if !worst.is_empty() {
        text.push('\n');
        text.push_str(&format!("  {}\n", options.color.paint(Tone::Strong, "Worst cases")));
        for case in &worst {
            draw_case(&mut text, case, options);
            if let Some(detail) = document.detail(index, case)? {
                draw_retrieved(&mut text, &detail, options);
            }
        }
    }
    Ok(text)
}

fn paragraph(text: &mut String, words: &str, indent: &str, options: Options) {
    for line in wrap(words, options.columns() - indent.len(), 8) {
        text.push_str(&format!("{indent}{line}\n"));
    }
}

/// One of several reasons, below the sentence.
fn item(text: &mut String, words: &str, options: Options) {
    for (index, line) in wrap(words, options.columns() - 4, 4).iter().enumerate() {
        text.push_str(&format!("  {} {line}\n", if index == 0 { "-" } else { " " }));
    }
}

fn draw_case(text: &mut String, case: &Case, options: Options) {
    let mark = match case.status {
        // It is among the worst for its score alone: a tick would say that all is well.
        Status::Passed => "·",
        Status::Failed => "✗",
        Status::Unscored => "?",
    };
    let tone = Tone::of_status(case.status);
    let trial = if case.trial > 0 { format!(" trial {}", case.trial + 1) } else { String::new() };
    let mut line = format!(
        "  {} {}{trial}  {}",
        options.color.paint(tone, mark),
        options.color.paint(Tone::Strong, &clip_to(&case.id, options.columns().saturating_sub(36))),
        options.color.paint(tone, if case.status == Status::Passed { "" } else { case.status.as_str() }),
    );
    if case.score.is_some() {
        let gap = if case.status == Status::Passed { "" } else { "  " };
        line.push_str(&format!("{gap}score {}", score(case.score)));
    }
    let dimensions: Vec<String> = case
        .dimensions
        .iter()
        .filter_map(|(name, mean)| Some(format!("{} {}", one_line(name), trimmed((*mean)?))))
        .collect();
    text.push_str(&line);
    text.push('\n');
    if !dimensions.is_empty() {
        labelled(text, "scores", &dimensions.join(", "), 2, options);
    }
    let said = case.judge_reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    match (case.unscored_reason, said) {
        (Some(why), Some(said)) => labelled(text, "reason", &format!("{}: {said}", why.as_str()), 3, options),
        (Some(why), None) => labelled(text, "reason", why.as_str(), 1, options),
        (None, Some(said)) => labelled(text, "judge", said, 3, options),
        (None, None) => {}
    }
    for assert in case.asserts.iter().filter(|assert| !assert.passed).take(3) {
        let name = assert.metric.as_ref().map_or(String::new(), |metric| format!(" ({})", one_line(metric)));
        labelled(text, "assert", &format!("{}{name}: {}", assert.kind, assert.reason), 2, options);
    }
    match case.output.as_deref() {
        Some(output) if output.trim().is_empty() => labelled(text, "answer", "(empty)", 1, options),
        Some(output) => labelled(text, "answer", output, 2, options),
        None => {}
    }
}

/// What was retrieved, and whether that is where it went wrong.
fn draw_retrieved(text: &mut String, detail: &Detail, options: Options) {
    if let Some(found) = found::sentence(detail) {
        labelled(text, "context", &found, 3, options);
    }
    for (index, chunk) in found::listed(detail).iter().enumerate() {
        labelled(text, if index == 0 { "chunks" } else { "" }, chunk, 1, options);
    }
}

/// A score of one case: whole numbers without a fraction.
fn trimmed(value: f64) -> String {
    let shown = score(Some(value));
    shown.strip_suffix(".00").map_or(shown.clone(), str::to_owned)
}

fn labelled(text: &mut String, label: &str, words: &str, lines: usize, options: Options) {
    const INDENT: usize = 13;
    let wrapped = wrap(words, options.columns().saturating_sub(INDENT), lines);
    for (index, line) in wrapped.iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        let label = options.color.paint(Tone::Quiet, &format!("{label:<8}"));
        text.push_str(format!("     {label}{line}").trim_end());
        text.push('\n');
    }
}

/// The verdict of the whole run, what it is made of, and what it took.
fn summary(report: &Report, options: Options) -> String {
    let Some(verdict) = report.verdict else { return String::new() };
    let of = |wanted: Verdict| report.gates.iter().filter(|gate| gate.verdict == wanted).count() as u64;
    let (passed, failed, unsure) = (of(Verdict::Passed), of(Verdict::Failed), of(Verdict::Inconclusive));
    let mut parts = Vec::new();
    if verdict == Verdict::Unaffected {
        parts.push(format!("nothing that changed{} touches a gate", since(report)));
    } else {
        let counts = [(failed, "failed"), (unsure, "without a verdict"), (passed, "passed")];
        let counts: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", counted(*count, "gate")))
            .collect();
        parts.push(counts.join(", "));
    }
    if let Some(spent) = spent(report) {
        let bases = report.gates.iter().filter_map(|gate| gate.baseline.as_ref()?.spent_usd);
        let of_bases: Usd = bases.sum();
        let all = spent + of_bases;
        if of_bases > Usd::ZERO {
            parts.push(format!("{} spent, {} of it for the baseline", all.display(), of_bases.display()));
        } else {
            parts.push(format!("{} spent", all.display()));
        }
    }
    if let Some(run) = &report.run
        && run.duration_ms.is_some()
    {
        parts.push(duration_ms(run.duration_ms));
    }
    parts.retain(|part| !part.is_empty());
    parts.push(format!("exit code {}", report.exit_code));
    let label = verdict.label();
    let lines = wrap(&parts.join(" · "), options.columns().saturating_sub(width(label) + 2), 4);
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index == 0 {
            text.push_str(&options.color.shout(Tone::of_verdict(verdict), label));
        } else {
            text.push_str(&" ".repeat(width(label)));
        }
        text.push_str(&format!("  {line}\n"));
    }
    if let Some(narrowed) = facts::narrowed(report) {
        paragraph(&mut text, &narrowed, "", options);
    }
    for remark in remarks(report) {
        paragraph(&mut text, &format!("Note: {}", one_line(remark)), "", options);
    }
    text
}

/// What the live calls of all gates cost; `None` when a gate's is not known.
fn spent(report: &Report) -> Option<Usd> {
    if report.gates.is_empty() {
        return None;
    }
    report.gates.iter().map(|gate| gate.usage.spent_usd).sum::<Option<Usd>>()
}

#[cfg(test)]
mod tests;
