//! Markdown for a pull request: the verdict, a table with the change from the baseline, why, and the worst cases
//! folded. It always fits into a comment on GitHub, whatever the run: what does not fit is counted instead.

use super::document::{Detail, Document};
use super::found;
use super::json::unwritten;
use super::numbers::{UNKNOWN, against, counted, delta, duration_ms, interval, score};
use super::remarks::remarks;
use super::standing;
use super::table::{counted_facts, model, narrowed, since};
use super::text::{clip, head, one_line, short, visible};
use super::v1::{Case, Diagnostic, Gate, Report, Status, Verdict};
use crate::domain::{Exit, Result, Severity, Usd};
use std::io::Write;

/// The first line: by it a comment is found again and kept up to date.
pub const MARKER: &str = "<!-- llmops-report -->";

/// Most bytes: GitHub takes 65,536 characters, and whoever posts it may add a line.
const MOST: usize = 64_000;
/// Gates that the table names.
const MOST_ROWS: usize = 60;
/// Cases under each gate.
const MOST_CASES: usize = 10;

/// Writes the whole run.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn write(document: &Document<'_>, out: &mut dyn Write) -> Result<()> {
    let report = document.report;
    let mut text = format!("{MARKER}\n{}", heading(report));
    text.push_str(&overview(document));
    if let Some(narrowed) = narrowed(report) {
        text.push_str(&format!("\n> {}\n", escape(&narrowed)));
    }
    for remark in remarks(report).take(8) {
        text.push_str(&format!("\n> {}\n", prose(&short(remark, 500))));
    }
    let (mut left_out, mut most) = (0, MOST.saturating_sub(400));
    for (index, gate) in report.gates.iter().enumerate() {
        // With many gates, those that passed are in the table and nowhere else.
        if gate.verdict == Verdict::Passed && report.gates.len() > 3 {
            continue;
        }
        let room = most.saturating_sub(text.len());
        let fitting = if room == 0 { None } else { fit(section(document, index, gate)?, room) };
        let Some(fitting) = fitting else {
            left_out += 1;
            // Once a gate is left out the rest is too, so that what stands here has no holes.
            most = 0;
            continue;
        };
        text.push_str(&fitting);
    }
    if left_out > 0 {
        text.push_str(&format!("\n{} did not fit here.\n", counted(left_out, "more gate")));
    }
    text.push_str(&footer(report));
    out.write_all(text.as_bytes()).map_err(unwritten)
}

fn icon(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed | Verdict::Unaffected => "✅",
        Verdict::Failed => "❌",
        Verdict::Inconclusive => "⚠️",
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Inconclusive => "no verdict",
        Verdict::Unaffected => "unaffected",
    }
}

fn heading(report: &Report) -> String {
    let Some(verdict) = report.verdict else {
        // A wrong input blocks as a failed gate does: it has to be mended, not tried again.
        let icon = if report.exit_code == Exit::Input.code() { "❌" } else { "⚠️" };
        let mut text = format!("## {icon} llmops: nothing was evaluated\n\n");
        text.push_str(&listed(report.diagnostics.iter()));
        return text;
    };
    let note = if verdict == Verdict::Unaffected {
        let parts = ["Nothing that changed", &escape(&since(report)), "touches a gate."];
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        // Nothing else is shown that could say so.
        let warned = listed(report.diagnostics.iter().filter(|one| one.severity != Severity::Note));
        let between = if warned.is_empty() { "" } else { "\n" };
        format!("\n\n{}\n{between}{warned}", said.join(" "))
    } else {
        "\n".to_owned()
    };
    format!("## {} llmops: {}{note}", icon(verdict), word(verdict))
}

/// Findings, a line each.
fn listed<'d>(found: impl Iterator<Item = &'d Diagnostic>) -> String {
    let line = |one: &Diagnostic| {
        let place = one.path.as_ref().map_or(String::new(), |path| {
            let line = one.line.map_or(String::new(), |line| format!(":{line}"));
            format!("{}{line}: ", escape(path))
        });
        format!("- {place}{} ({})\n", escape(&short(&one.message, 300)), escape(&one.code))
    };
    found.take(20).map(line).collect()
}

fn overview(document: &Document<'_>) -> String {
    let gates = &document.report.gates;
    if gates.is_empty() {
        return String::new();
    }
    let based = document.has_baseline();
    let change = if based { " change |" } else { "" };
    let rule = if based { "---:|" } else { "" };
    let mut text = format!(
        "\n| | prompt | model | score | required |{change} cases | cost |\n|---|---|---|---:|---:|{rule}---:|---:|\n"
    );
    // What did not pass is never the row that is left out.
    let many = gates.len() > MOST_ROWS;
    let shown: Vec<&Gate> =
        gates.iter().filter(|gate| !many || gate.verdict != Verdict::Passed).take(MOST_ROWS).collect();
    for gate in &shown {
        text.push_str(&row(gate, based));
    }
    if shown.len() < gates.len() {
        let rest: Vec<String> = [Verdict::Failed, Verdict::Inconclusive, Verdict::Passed]
            .into_iter()
            .filter_map(|verdict| {
                let of = |gates: &mut dyn Iterator<Item = &Gate>| {
                    gates.filter(|gate| gate.verdict == verdict).count()
                };
                let hidden = of(&mut gates.iter()) - of(&mut shown.iter().copied());
                (hidden > 0).then(|| format!("{hidden} {}", word(verdict)))
            })
            .collect();
        text.push_str(&format!("\nNot in the table: {}.\n", rest.join(", ")));
    }
    text
}

fn row(gate: &Gate, based: bool) -> String {
    let mean = gate.score.as_ref().map(|score| score.mean);
    let range = gate.score.as_ref().map_or(String::new(), |found| match (found.ci_low, found.ci_high) {
        (None, None) => String::new(),
        (low, high) => format!(" ({})", interval(low, high, gate.required)),
    });
    let bound = standing::bound(gate).map_or(String::new(), |bound| format!(", lower bound {bound}"));
    let planned = if gate.trials > 1 { trials(gate) } else { gate.cases_planned.to_string() };
    let change = if based {
        let cell = gate.baseline.as_ref().map_or(UNKNOWN.to_owned(), |base| delta(base.delta));
        format!(" {cell} |")
    } else {
        String::new()
    };
    format!(
        "| {} {} | {} {} | {} | **{}**{range}{bound} | {}{} |{change} {} of {planned} | {} |\n",
        icon(gate.verdict),
        word(gate.verdict),
        escape(&short(&gate.prompt.name, 60)),
        escape(&short(&gate.prompt.version, 20)),
        escape(&short(&gate.model.target, 50)),
        against(mean, gate.required),
        standing::demand_of_score(gate),
        standing::of_score(gate).sign(),
        gate.cases_scored,
        gate.usage.cost_usd.map_or("not known".to_owned(), Usd::display),
    )
}

/// "6 trials, 3 cases".
fn trials(gate: &Gate) -> String {
    let (all, each) = (gate.cases_planned, u64::from(gate.trials));
    let whole = all.is_multiple_of(each);
    let cases = if whole { format!(", {}", counted(all / each, "case")) } else { String::new() };
    format!("{}{cases}", counted(all, "trial"))
}

/// What stands under the table for one gate: its lead, and its cases one by one.
struct Section {
    lead: String,
    cases: Vec<String>,
}

fn section(document: &Document<'_>, index: usize, gate: &Gate) -> Result<Section> {
    let mut lead = format!(
        "\n### {} {} {}\n\n{}\n",
        icon(gate.verdict),
        escape(&short(&gate.prompt.name, 60)),
        escape(&short(&gate.prompt.version, 20)),
        prose(&short(&document.sentence(index), 1500)),
    );
    let further = document.further(index);
    for (at, breach) in further.iter().take(20).enumerate() {
        let gap = if at == 0 { "\n" } else { "" };
        lead.push_str(&format!("{gap}- {}\n", prose(&short(&breach.message, 500))));
    }
    if further.len() > 20 {
        lead.push_str(&format!("- and {}\n", counted((further.len() - 20) as u64, "more reason")));
    }
    for note in document.notes(index).iter().take(8) {
        lead.push_str(&format!("\n> {}\n", prose(&short(note, 500))));
    }
    if !gate.dimensions.is_empty() {
        lead.push_str("\n| dimension | score | interval | required |\n|---|---:|---:|---:|\n");
        for dimension in gate.dimensions.iter().take(20) {
            lead.push_str(&format!(
                "| {} | {} | {} | {}{} |\n",
                escape(&short(&dimension.name, 40)),
                against(dimension.mean, dimension.required),
                interval(dimension.ci_low, dimension.ci_high, dimension.required),
                standing::demand(dimension.required),
                standing::of_dimension(gate, dimension).sign(),
            ));
        }
    }
    if let Some(base) = &gate.baseline {
        lead.push_str(&format!(
            "\nAgainst {}: {} ({}); {} worse, {} better.",
            escape(&short(&base.rev, 40)),
            delta(base.delta),
            match (base.ci_low, base.ci_high) {
                (Some(_), Some(_)) => format!("{} to {}", delta(base.ci_low), delta(base.ci_high)),
                _ => "no interval".to_owned(),
            },
            base.worse.len(),
            base.better.len()
        ));
        if !base.worse.is_empty() {
            let ids: Vec<String> = base.worse.iter().take(20).map(|id| escape(&short(id, 60))).collect();
            let rest = base.worse.len().saturating_sub(ids.len());
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            lead.push_str(&format!(" Worse: {}{more}.", ids.join(", ")));
        }
        lead.push('\n');
    }
    lead.push_str(&format!("\n- model: {}\n", escape(&short(&model(gate), 300))));
    if !gate.retrieved().is_empty() {
        let n = gate.retrieval_metrics.as_ref().map_or(0, |found| found.n);
        let metrics = super::html::retrieved(gate);
        lead.push_str(&format!("- retrieved: {metrics}; over {}\n", counted(n, "case")));
    }
    for (label, line) in counted_facts(gate) {
        lead.push_str(&format!("- {label}: {}\n", escape(&line)));
    }
    let cases = document.worst(index, MOST_CASES)?;
    let folded = |case: &Case| Ok(folded(case, document.detail(index, case)?.as_ref()));
    Ok(Section { lead, cases: cases.iter().map(folded).collect::<Result<_>>()? })
}

/// The section with as many of its cases as fit into `room` bytes; `None` when not even its lead does.
fn fit(section: Section, room: usize) -> Option<String> {
    let mut text = section.lead;
    if text.len() > room {
        return None;
    }
    for (index, case) in section.cases.iter().enumerate() {
        let title = if index == 0 { "\n**Worst cases**\n" } else { "" };
        if text.len() + title.len() + case.len() > room {
            break;
        }
        text.push_str(title);
        text.push_str(case);
    }
    Some(text)
}

fn folded(case: &Case, detail: Option<&Detail>) -> String {
    let mut text = format!("\n<details><summary>{}: {}", escape(&short(&case.id, 80)), case.status.as_str());
    if let Some(reason) = case.unscored_reason {
        text.push_str(&format!(" ({})", escape(reason.as_str())));
    }
    if case.score.is_some() {
        text.push_str(&format!(", score {}", score(case.score)));
    }
    text.push_str("</summary>\n\n");
    if let Some(reason) = case.judge_reason.as_deref().filter(|reason| !reason.trim().is_empty()) {
        let who = if case.status == Status::Unscored { "reason" } else { "judge" };
        text.push_str(&format!("**{who}:** {}\n\n", escape(&short(reason, 800))));
    }
    for assert in case.asserts.iter().filter(|assert| !assert.passed).take(5) {
        text.push_str(&format!(
            "**{}:** {}\n\n",
            escape(&short(&assert.kind, 60)),
            escape(&short(&assert.reason, 300))
        ));
    }
    if let Some(found) = detail.and_then(found::sentence) {
        text.push_str(&format!("**context:** {}\n\n", escape(&short(&found, 500))));
    }
    let chunks = detail.map(found::listed).unwrap_or_default();
    if !chunks.is_empty() {
        // A number and a dot would begin another list inside of the item.
        let item = |chunk: &String| format!("- {}\n", escape(&short(chunk, 160)).replacen('.', "&#46;", 1));
        text.push_str("**retrieved:**\n\n");
        text.push_str(&chunks.iter().map(item).collect::<String>());
        text.push('\n');
    }
    if let Some(output) = &case.output {
        text.push_str(&fenced(&clip(&visible(head(output, 8_000)), 1200)));
    }
    text.push_str("\n</details>\n");
    text
}

/// Text as a code block that nothing in it can end.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}

/// One line of text that stays text: no HTML, no Markdown, no table cell, no mention, no link, no formula.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in one_line(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '`' | '|' | '*' | '_' | '[' | ']' | '\\' | '~' | '$' | '!' => {
                escaped.push_str(&format!("&#{};", u32::from(c)));
            }
            // GitHub looks for mentions, issues and links in the finished text: an entity would not keep it off.
            '@' | '#' => {
                escaped.push(c);
                escaped.push('\u{200b}');
            }
            c => escaped.push(c),
        }
    }
    // `GH-1` is a reference like `#1`, in any case.
    let mut parted = String::with_capacity(escaped.len());
    for c in escaped.chars() {
        if c == '-' && parted.as_bytes().last_chunk::<2>().is_some_and(|two| two.eq_ignore_ascii_case(b"gh"))
        {
            parted.push('\u{200b}');
        }
        parted.push(c);
    }
    parted.replace("://", ":\u{200b}//").replace("www.", "www\u{200b}.")
}

/// [`escape`], with what stands between backticks as code.
fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    // The space around a part is its own: `escape` takes it off.
    let space = |found: bool| if found { " " } else { "" };
    let parts = parts.iter().enumerate().map(|(at, part)| {
        let (before, after) = (space(part.starts_with(' ')), space(part.ends_with(' ') && part.len() > 1));
        match at % 2 {
            1 => format!("<code>{}</code>", escape(part)),
            _ => format!("{before}{}{after}", escape(part)),
        }
    });
    parts.collect()
}

fn footer(report: &Report) -> String {
    let Some(run) = &report.run else { return String::new() };
    let mut parts = vec![format!("run {}", escape(&short(&run.id, 60)))];
    if let Some(git) = &run.git
        && let Some(commit) = &git.commit
    {
        let dirty = if git.dirty { ", with uncommitted changes" } else { "" };
        parts.push(format!("commit {}{dirty}", escape(&short(commit, 12))));
    }
    if run.duration_ms.is_some() {
        parts.push(duration_ms(run.duration_ms));
    }
    parts.push(format!("llmops {}", escape(&short(&run.tool_version, 20))));
    format!("\n<sub>{}</sub>\n", parts.join(" · "))
}

#[cfg(test)]
mod tests;
