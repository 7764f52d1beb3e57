//! One self-contained page. It loads nothing, and its content security policy allows only its own script and style
//! by their hashes, so that nothing that a model wrote could run even if it came through as markup. Every case is
//! in the page as HTML, written as a stream, and can be read without the script.

mod case;
mod charts;
mod scan;

use super::document::Document;
use super::json::unwritten;
use super::numbers::{against, counted, delta, duration_ms, percent, score, threshold};
use super::table::{cases, counted_facts, model, narrowed, since};
use super::text::{one_line, short};
use super::v1::{Gate, Measure, Report, Status, Verdict};
use crate::domain::score::reaches;
use crate::domain::{Error, Exit, Kind, Result, Severity};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use scan::{Changes, Scan};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::io::Write;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const TEMPLATES: [(&str, &str); 4] = [
    ("findings.html", include_str!("findings.html")),
    ("head.html", include_str!("head.html")),
    ("gate.html", include_str!("gate.html")),
    ("case.html", include_str!("case.html")),
];
/// The messages of the cases that passed, and of those that did not, are in the page up to this many bytes each.
const MOST_SAID: usize = 8 << 20;
/// Tags that can be chosen from, and ids that are listed per direction.
const MOST_CHOICES: usize = 500;

/// Writes the page.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn write(document: &Document<'_>, out: &mut dyn Write) -> Result<()> {
    let mut page = Page { environment: environment()?, out, room: [MOST_SAID; 2] };
    page.put("head.html", head(document.report))?;
    if document.report.gates.is_empty() {
        page.put("findings.html", context! { diagnostics => findings(document.report) })?;
    }
    for (index, gate) in document.report.gates.iter().enumerate() {
        let changes = Changes::of(gate);
        let scan = Scan::of(document, index, &changes)?;
        page.put("gate.html", gate_values(document, index, gate, &scan))?;
        for (row, found) in document.cases.of(index).enumerate() {
            let found = found?;
            let detail = match &document.details {
                Some(details) => (details.0)(index, &found)?,
                None => None,
            };
            let told = document.tells.map(|tells| (tells.0)(index, &found)).unwrap_or_default();
            let change = changes.of_case(&found);
            let room = &mut page.room[usize::from(found.status == Status::Passed)];
            let row = case::Row::of((index, row), &found, detail.as_ref(), &told, change, room);
            page.put("case.html", Serde(row))?;
        }
        page.raw("</div>\n</div>\n</section>\n")?;
    }
    if !document.report.gates.is_empty() {
        page.put("findings.html", context! { diagnostics => findings(document.report) })?;
    }
    page.raw(&format!(
        "</main>\n<footer>{}</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        footer(document.report)
    ))
}

struct Page<'a> {
    environment: Environment<'static>,
    out: &'a mut dyn Write,
    room: [usize; 2],
}

impl Page<'_> {
    fn put(&mut self, template: &str, values: impl Into<minijinja::Value>) -> Result<()> {
        let text = self
            .environment
            .get_template(template)
            .and_then(|template| template.render(values))
            .map_err(|error| Error::new(Kind::Storage, "draw the page").because(error))?;
        self.raw(&text)
    }

    fn raw(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes()).map_err(unwritten)
    }
}

fn environment() -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("prose", |text: &str| minijinja::Value::from_safe_string(prose(text)));
    for (name, source) in TEMPLATES {
        environment
            .add_template(name, source)
            .map_err(|error| Error::new(Kind::Storage, "read the page's template").because(error))?;
    }
    Ok(environment)
}

/// How a whole run is shown. A wrong input blocks as a failed gate does: it has to be mended, not tried again.
fn tone_of_run(report: &Report) -> (&'static str, &'static str, &'static str) {
    match tone(report.verdict) {
        (_, _, word) if report.verdict.is_none() && report.exit_code == Exit::Input.code() => {
            ("bad", "✗", word)
        }
        shown => shown,
    }
}

fn tone(verdict: Option<Verdict>) -> (&'static str, &'static str, &'static str) {
    match verdict {
        Some(Verdict::Passed) => ("good", "✓", "Passed"),
        Some(Verdict::Failed) => ("bad", "✗", "Failed"),
        Some(Verdict::Inconclusive) => ("unsure", "?", "No verdict"),
        Some(Verdict::Unaffected) => ("good", "✓", "Unaffected"),
        None => ("unsure", "?", "Nothing was evaluated"),
    }
}

fn head(report: &Report) -> minijinja::Value {
    let (tone_name, mark, word) = tone_of_run(report);
    let gates: Vec<minijinja::Value> = report
        .gates
        .iter()
        .enumerate()
        .map(|(index, gate)| {
            let (tone_name, _, word) = tone(Some(gate.verdict));
            let mean = gate.score.as_ref().map(|score| score.mean);
            context! { index, tone => tone_name, word, name => short(&gate.prompt.name, 100),
            score => mean.map_or(String::new(), |mean| super::numbers::against(Some(mean), gate.required)) }
        })
        .collect();
    let of = |wanted: Verdict| report.gates.iter().filter(|gate| gate.verdict == wanted).count() as u64;
    let counts = [
        (Verdict::Failed, "failed"),
        (Verdict::Inconclusive, "without a verdict"),
        (Verdict::Passed, "passed"),
    ];
    let mut parts: Vec<String> = counts
        .into_iter()
        .filter(|(verdict, _)| of(*verdict) > 0)
        .map(|(verdict, word)| format!("{} {word}", counted(of(verdict), "gate")))
        .collect();
    if report.verdict == Some(Verdict::Unaffected) {
        parts.push(format!("nothing that changed{} touches a gate", since(report)));
    }
    if let Some(run) = &report.run {
        parts.push(minute(&run.started_at));
        if run.duration_ms.is_some() {
            parts.push(duration_ms(run.duration_ms));
        }
    }
    context! {
        style => STYLE, style_hash => hash(STYLE), script_hash => hash(SCRIPT),
        title => format!("{word}: llmops report"), tone => tone_name, mark, headline => word,
        summary => parts.join(" · "), narrowed => narrowed(report).unwrap_or_default(), gates,
        warned => warned(report),
    }
}

/// A sentence as HTML, with what stands between backticks as code.
fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return minijinja::HtmlEscape(text).to_string();
    }
    let escaped = parts.iter().map(|part| minijinja::HtmlEscape(part).to_string()).enumerate();
    escaped.map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part }).collect()
}

/// The sentence of a gate below a title that has said the verdict already.
fn why(sentence: &str) -> String {
    let rest = ["failed: ", "no verdict: ", "passed: "].iter().find_map(|word| sentence.strip_prefix(word));
    let mut letters = rest.unwrap_or(sentence).chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// `2026-11-21 06:26 UTC` of an instant in RFC 3339.
fn minute(instant: &str) -> String {
    match (instant.get(..10), instant.get(11..16)) {
        (Some(day), Some(time)) if instant.ends_with('Z') => one_line(&format!("{day} {time} UTC")),
        _ => one_line(instant),
    }
}

/// How many errors and warnings stand at the end of the page; empty where there are none, or nothing else to read.
fn warned(report: &Report) -> String {
    let of =
        |severity: Severity| report.diagnostics.iter().filter(|one| one.severity == severity).count() as u64;
    let counts = [(of(Severity::Error), "error"), (of(Severity::Warning), "warning")];
    let shown = counts.iter().filter(|(count, _)| *count > 0 && !report.gates.is_empty());
    shown.map(|(count, word)| counted(*count, word)).collect::<Vec<_>>().join(", ")
}

fn findings(report: &Report) -> Vec<minijinja::Value> {
    report
        .diagnostics
        .iter()
        .map(|one| {
            let severity = match one.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            let line = one.line.map_or(String::new(), |line| format!(":{line}"));
            let place = one.path.as_ref().map_or(String::new(), |path| format!("{}{line}: ", one_line(path)));
            context! { severity, place, message => one_line(&one.message), code => one_line(&one.code),
            help => one.help.as_deref().map(one_line).unwrap_or_default() }
        })
        .collect()
}

fn gate_values(document: &Document<'_>, index: usize, gate: &Gate, scan: &Scan) -> minijinja::Value {
    let (tone_name, mark, word) = tone(Some(gate.verdict));
    let (axis, bars) = charts::bars(gate).map_or((None, Vec::new()), |(axis, bars)| (Some(axis), bars));
    let noun = if gate.trials > 1 { "trial" } else { "case" };
    let histograms: Vec<charts::Histogram> =
        [charts::scores(&scan.scores, gate.required, noun), charts::latencies(&scan.latencies)]
            .into_iter()
            .flatten()
            .collect();
    let notes: Vec<String> = document.notes(index).iter().map(|note| why(&one_line(note))).collect();
    let sentence = one_line(&document.sentence(index));
    let breaches: Vec<minijinja::Value> = document
        .further(index)
        .into_iter()
        .map(|breach| context! { code => one_line(&breach.code), message => one_line(&breach.message) })
        .collect();
    context! {
        index, tone => tone_name, mark, word,
        name => one_line(&gate.prompt.name), version => one_line(&gate.prompt.version),
        sentence => why(&sentence), notes, breaches, facts => facts(gate),
        by_bound => gate.score.as_ref().is_some_and(|score| score.lower_bound.is_some()), bars => Serde(bars), axis_low => score(axis.map(|axis| axis.low)), axis_high => score(axis.map(|axis| axis.high)),
        baseline => baseline(index, gate, scan), compared => gate.baseline.is_some(),
        rows => if gate.trials > 1 { "Trials" } else { "Cases" },
        failures_first => matches!(gate.verdict, Verdict::Failed | Verdict::Inconclusive), histograms => Serde(histograms),
        tags => scan.tags.iter().map(|tag| one_line(tag)).collect::<Vec<_>>(),
    }
}

fn facts(gate: &Gate) -> Vec<(&'static str, String)> {
    let suite = format!("{} {}, {}", gate.suite.name, gate.suite.version, cases(gate));
    let mut facts = vec![("suite", one_line(&suite)), ("model", model(gate))];
    if let Some(judge) = &gate.judge {
        facts.push(("judge", super::table::judge(judge)));
    }
    if let Some(retrieval) = &gate.retrieval {
        facts.push(("retrieval", one_line(&format!("{} {}", retrieval.name, retrieval.version))));
    }
    facts.extend(counted_facts(gate));
    if !gate.metrics.is_empty() {
        let metrics: Vec<String> = gate
            .metrics
            .iter()
            .map(|(name, value)| format!("{} {}", one_line(name), score(*value)))
            .collect();
        facts.push(("metrics", metrics.join(", ")));
    }
    if !gate.retrieved().is_empty() {
        let n = gate.retrieval_metrics.as_ref().map_or(0, |found| found.n);
        facts.push(("retrieved", format!("{}; over {}", retrieved(gate), counted(n, "case"))));
    }
    if let Some(rate) = gate.score.as_ref().and_then(|score| score.rerun_disagreement) {
        facts.push(("if run again", format!("the chance of another verdict is {}", percent(Some(rate)))));
    }
    facts
}

/// The metrics of what was retrieved in one line, each with its change from the baseline.
pub(super) fn retrieved(gate: &Gate) -> String {
    let one = |found: Measure| {
        let (value, before) = (found.value, found.before);
        let change = value
            .zip(before)
            .map_or(String::new(), |(value, before)| format!(" ({})", delta(Some(value - before))));
        let limit = found.required.map_or(String::new(), |required| {
            let below = value.is_some_and(|value| !reaches(value, required));
            format!(", required ≥ {}{}", threshold(required), if below { ": below" } else { "" })
        });
        format!("{} {}{change}{limit}", found.name, against(value, found.required))
    };
    gate.retrieved().into_iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What the baseline gave, and which cases moved, each with the place to read it.
fn baseline(index: usize, gate: &Gate, scan: &Scan) -> Option<minijinja::Value> {
    let base = gate.baseline.as_ref()?;
    let range = match (base.ci_low, base.ci_high) {
        (Some(_), Some(_)) => format!(" ({} to {})", delta(base.ci_low), delta(base.ci_high)),
        _ => String::new(),
    };
    let sentence = if base.delta.is_none() {
        "Nothing was compared: too few cases have a score on both sides.".to_owned()
    } else {
        format!(
            "The mean changed by {}{range}, from {}. {} got worse, {} better.",
            delta(base.delta),
            score(base.mean),
            counted(base.worse.len() as u64, "case"),
            base.better.len()
        )
    };
    let group = |title: &str, ids: &[String]| {
        let one = |id: &String| {
            let found = scan.moved.get(id);
            let place = found.map_or(String::new(), |found| format!("#gate-{index}-{}", found.row));
            let scores = found.and_then(|found| Some((found.before?, found.now?)));
            // The first trial of several does not stand for its case.
            let scores = scores.filter(|(before, now)| gate.trials <= 1 && before != now);
            let scores = scores.map_or(String::new(), |(before, now)| {
                format!("{} → {}", score(Some(before)), score(Some(now)))
            });
            context! { id => one_line(id), place, scores }
        };
        let shown: Vec<minijinja::Value> = ids.iter().take(MOST_CHOICES).map(one).collect();
        context! { title => format!("{title} ({})", ids.len()), ids => shown }
    };
    let groups = [group("Worse", &base.worse), group("Better", &base.better)];
    let is_commit = base.rev.chars().all(|c| c.is_ascii_hexdigit());
    let rev = short(&base.rev, 60);
    Some(context! { rev => if is_commit { format!("the base, {rev}") } else { rev }, sentence, groups })
}

fn footer(report: &Report) -> String {
    let Some(run) = &report.run else { return String::new() };
    let commit = run
        .git
        .as_ref()
        .and_then(|git| git.commit.as_ref())
        .map_or(String::new(), |commit| format!(" · commit {}", short(commit, 12)));
    let text = format!("run {}{commit} · llmops {}", one_line(&run.id), one_line(&run.tool_version));
    minijinja::HtmlEscape(&text).to_string()
}

/// The hash by which a content security policy allows an inline script or style.
fn hash(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text.as_bytes())))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            (0..3).fold(0_u32, |group, at| group << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for digit in 0..4 {
            let index = (group >> (18 - 6 * digit)) & 63;
            text.push(if digit > chunk.len() { '=' } else { char::from(ALPHABET[index as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests;
