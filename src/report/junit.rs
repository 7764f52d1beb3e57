//! JUnit XML: a suite per gate, a case per trial, and one case more per gate for its verdict, so that a viewer is
//! red where the gate is although every case passed. Failed is `failure`, unscored is `error`; a case that a cost
//! limit kept from being tried is `skipped`.
//!
//! The cases are read twice, to be counted and to be written, and never held: totals stand before what they count.
//! What is written fits the schema that Jenkins and most viewers share, which for example knows no `skipped` of the
//! whole; `tests/schemas/junit.xsd` restates it.

use super::document::{Detail, Document};
use super::found;
use super::json::unwritten;
use super::text::{head, one_line, short, visible};
use super::v1::{Case, Diagnostic, Gate, Status, Verdict};
use crate::domain::{Result, Severity, Unscored};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::io::Write;

/// At most this many bytes of an answer stand under a failed case.
const MOST_OUTPUT: usize = 8 * 1024;

/// Writes the whole run.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn write(document: &Document<'_>, out: &mut dyn Write) -> Result<()> {
    let gates = &document.report.gates;
    let counts: Vec<Counts> = gates
        .iter()
        .enumerate()
        .map(|(index, gate)| Counts::of(document, index, gate))
        .collect::<Result<_>>()?;
    let run = document.report.run.as_ref();
    let mut all = Counts::default();
    counts.iter().for_each(|one| all.add(one));
    let nothing =
        (document.report.verdict.is_none()).then(|| Counts { tests: 1, errors: 1, ..Counts::default() });
    all.add(nothing.as_ref().unwrap_or(&Counts::default()));
    let mut root = BytesStart::new("testsuites");
    root.push_attribute(("name", "llmops"));
    all.write_to(&mut root);
    if let Some(ms) = run.and_then(|run| run.duration_ms) {
        root.push_attribute(("time", seconds(ms).as_str()));
    }
    let mut xml = Xml(Writer::new_with_indent(out, b' ', 4));
    xml.put(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.put(Event::Start(root))?;
    if let Some(counts) = nothing {
        xml.nothing(&counts, &document.report.diagnostics)?;
    }
    for (index, gate) in gates.iter().enumerate() {
        let mut suite = BytesStart::new("testsuite");
        suite.push_attribute(("name", suite_name(gate).as_str()));
        counts[index].write_to(&mut suite);
        suite.push_attribute(("skipped", counts[index].skipped.to_string().as_str()));
        if let Some(run) = run {
            suite.push_attribute(("timestamp", clean(&run.started_at).as_str()));
        }
        xml.put(Event::Start(suite))?;
        xml.properties(gate)?;
        let class = suite_name(gate);
        let reason = verdict_of(gate, &document.sentence(index));
        let reason = reason.map(|reason| Reason { details: reasons(gate), ..reason });
        xml.element("gate", &class, None, reason, None)?;
        for case in document.cases.of(index) {
            let case = case?;
            let output = case.output.as_deref().filter(|_| case.status == Status::Failed);
            let detail = if case.status == Status::Failed { document.detail(index, &case)? } else { None };
            xml.element(&name(&case), &class, case.latency_ms, outcome(&case, detail.as_ref()), output)?;
        }
        xml.put(Event::End(BytesEnd::new("testsuite")))?;
    }
    xml.put(Event::End(BytesEnd::new("testsuites")))?;
    xml.0.write_indent().map_err(unwritten)
}

/// What did not succeed: the element it is, with its attributes and text.
struct Reason {
    element: &'static str,
    kind: Option<String>,
    message: String,
    details: String,
}

impl Reason {
    fn new(element: &'static str, kind: &str, message: &str) -> Self {
        Self { element, kind: Some(kind.to_owned()), message: message.to_owned(), details: String::new() }
    }
}

/// How many of each there are below an element.
#[derive(Default)]
struct Counts {
    tests: u64,
    failures: u64,
    errors: u64,
    skipped: u64,
}

impl Counts {
    fn of(document: &Document<'_>, index: usize, gate: &Gate) -> Result<Self> {
        let mut counts = Self::default();
        counts.see(verdict_of(gate, "").as_ref().map(|reason| reason.element));
        for case in document.cases.of(index) {
            counts.see(element(&case?));
        }
        Ok(counts)
    }

    fn see(&mut self, element: Option<&str>) {
        self.tests += 1;
        match element {
            Some(FAILURE) => self.failures += 1,
            Some(ERROR) => self.errors += 1,
            Some(_) => self.skipped += 1,
            None => {}
        }
    }

    fn add(&mut self, other: &Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.skipped += other.skipped;
    }

    fn write_to(&self, element: &mut BytesStart<'_>) {
        for (name, count) in [("tests", self.tests), ("failures", self.failures), ("errors", self.errors)] {
            element.push_attribute((name, count.to_string().as_str()));
        }
    }
}

const FAILURE: &str = "failure";
const ERROR: &str = "error";
const SKIPPED: &str = "skipped";

/// XML as it is written, with the errors of this room.
struct Xml<W: Write>(Writer<W>);

impl<W: Write> Xml<W> {
    fn put(&mut self, event: Event<'_>) -> Result<()> {
        self.0.write_event(event).map_err(unwritten)
    }

    fn text(&mut self, element: BytesStart<'_>, text: &str) -> Result<()> {
        if text.is_empty() {
            return self.put(Event::Empty(element));
        }
        let end = element.to_end().into_owned();
        self.put(Event::Start(element))?;
        self.put(Event::Text(BytesText::new(text)))?;
        self.put(Event::End(end))
    }

    /// A run that did not come about: without a test in it, a viewer would be green.
    fn nothing(&mut self, counts: &Counts, diagnostics: &[Diagnostic]) -> Result<()> {
        let mut suite = BytesStart::new("testsuite");
        suite.push_attribute(("name", "llmops"));
        counts.write_to(&mut suite);
        self.put(Event::Start(suite))?;
        let mut found: Vec<&Diagnostic> = diagnostics.iter().collect();
        // What keeps it from being run comes first.
        found.sort_by_key(|one| one.severity != Severity::Error);
        let said: Vec<String> = found
            .into_iter()
            .map(|one| {
                let place = one.path.as_ref().map_or(String::new(), |path| format!("{path}: "));
                one_line(&format!("{place}{}", one.message))
            })
            .collect();
        let message = format!("nothing was evaluated: {}", said.first().map_or("", String::as_str));
        let reason = Reason { details: said.join("\n"), ..Reason::new(ERROR, "inputs", &message) };
        self.element("inputs", "llmops", None, Some(reason), None)?;
        self.put(Event::End(BytesEnd::new("testsuite")))
    }

    fn properties(&mut self, gate: &Gate) -> Result<()> {
        self.put(Event::Start(BytesStart::new("properties")))?;
        for (name, value) in properties(gate) {
            let property = BytesStart::new("property");
            let property = property.with_attributes([("name", name), ("value", value.as_str())]);
            self.put(Event::Empty(property))?;
        }
        self.put(Event::End(BytesEnd::new("properties")))
    }

    fn element(
        &mut self,
        name: &str,
        class: &str,
        latency_ms: Option<u64>,
        reason: Option<Reason>,
        output: Option<&str>,
    ) -> Result<()> {
        let mut case = BytesStart::new("testcase");
        case.push_attribute(("name", name));
        case.push_attribute(("classname", class));
        if let Some(ms) = latency_ms {
            case.push_attribute(("time", seconds(ms).as_str()));
        }
        if reason.is_none() && output.is_none() {
            return self.put(Event::Empty(case));
        }
        self.put(Event::Start(case))?;
        if let Some(reason) = reason {
            let mut element = BytesStart::new(reason.element);
            element.push_attribute(("message", clean(&short(&reason.message, 300)).as_str()));
            if let Some(kind) = &reason.kind {
                element.push_attribute(("type", kind.as_str()));
            }
            self.text(element, &clean(head(&reason.details, MOST_OUTPUT)))?;
        }
        if let Some(output) = output {
            self.text(BytesStart::new("system-out"), &clean(head(output, MOST_OUTPUT)))?;
        }
        self.put(Event::End(BytesEnd::new("testcase")))
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

fn suite_name(gate: &Gate) -> String {
    clean(&one_line(&format!("{} on {}", gate.prompt.name, gate.suite.name)))
}

fn name(case: &Case) -> String {
    let trial = if case.trial > 0 { format!(" [trial {}]", case.trial + 1) } else { String::new() };
    clean(&format!("{}{trial}", one_line(&case.id)))
}

/// XML 1.0 has no control characters and no non-characters at all, not even escaped.
fn clean(text: &str) -> String {
    visible(text).chars().map(|c| if matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c }).collect()
}

fn properties(gate: &Gate) -> Vec<(&'static str, String)> {
    vec![
        ("prompt_version", clean(&gate.prompt.version)),
        ("prompt_digest", clean(&gate.prompt.digest)),
        ("suite_version", clean(&gate.suite.version)),
        ("model", clean(&gate.model.target)),
        ("verdict", gate.verdict.as_str().to_owned()),
        ("score", gate.score.as_ref().map_or(String::new(), |score| score.mean.to_string())),
        ("required", gate.required.map_or(String::new(), |required| required.to_string())),
    ]
}

fn verdict_of(gate: &Gate, sentence: &str) -> Option<Reason> {
    match gate.verdict {
        Verdict::Passed | Verdict::Unaffected => None,
        Verdict::Failed => Some(Reason::new(FAILURE, "gate", sentence)),
        Verdict::Inconclusive => Some(Reason::new(ERROR, "gate", sentence)),
    }
}

/// All reasons of a gate, one a line; nothing where the message is the only one.
fn reasons(gate: &Gate) -> String {
    if gate.breaches.len() < 2 {
        return String::new();
    }
    let lines = gate.breaches.iter().map(|breach| one_line(&format!("{}: {}", breach.code, breach.message)));
    lines.collect::<Vec<_>>().join("\n")
}

fn element(case: &Case) -> Option<&'static str> {
    match (case.status, case.unscored_reason) {
        (Status::Passed, _) => None,
        (Status::Failed, _) => Some(FAILURE),
        (Status::Unscored, Some(Unscored::CostLimit)) => Some(SKIPPED),
        (Status::Unscored, _) => Some(ERROR),
    }
}

fn outcome(case: &Case, detail: Option<&Detail>) -> Option<Reason> {
    let element = element(case)?;
    if element == SKIPPED {
        let message = "not tried: the cost limit was reached before".to_owned();
        return Some(Reason { element, kind: None, message, details: String::new() });
    }
    if element == ERROR {
        let kind = case.unscored_reason.map_or("unscored", Unscored::as_str);
        let why = case.judge_reason.as_deref().unwrap_or(kind);
        return Some(Reason::new(element, kind, &format!("{kind}: {why}")));
    }
    let failed: Vec<String> = case
        .asserts
        .iter()
        .filter(|assert| !assert.passed)
        .map(|assert| format!("{}: {}", assert.kind, assert.reason))
        .collect();
    let kind = if failed.is_empty() { "case_floor" } else { "assert" };
    let message = match (failed.first(), case.score) {
        (Some(first), _) => first.clone(),
        (None, Some(score)) => format!("score {score} is below the case floor"),
        (None, None) => "failed".to_owned(),
    };
    let judge = case.judge_reason.as_deref().filter(|reason| !reason.is_empty());
    let judge = judge.map(|reason| format!("judge: {reason}"));
    let context = detail.and_then(found::sentence).map(|found| format!("context: {found}"));
    let chunks = detail.map(found::listed).unwrap_or_default();
    let chunks = chunks.into_iter().map(|chunk| format!("retrieved: {chunk}"));
    let details: Vec<String> = failed.into_iter().chain(judge).chain(context).chain(chunks).collect();
    Some(Reason { details: details.join("\n"), ..Reason::new(element, kind, &message) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::Cases;
    use crate::report::{sample, v1};

    fn written(report: &v1::Report, cases: &[Vec<Case>]) -> String {
        let stream = |gate: usize| sample::stream(cases, gate);
        let views = sample::views();
        let mut out = Vec::new();
        write(&Document::new(report, Cases(&stream)).views(&views), &mut out).expect("written");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn failed_and_unscored_and_not_tried_are_three_things() {
        let limited = Case {
            unscored_reason: Some(Unscored::CostLimit),
            judge_reason: None,
            ..sample::cases()[1][0].clone()
        };
        let mut report = sample::report();
        report.gates.truncate(1);
        let cases = vec![vec![sample::cases()[0][1].clone(), sample::cases()[0][4].clone(), limited]];
        insta::assert_snapshot!(written(&report, &cases), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="llmops" tests="4" failures="2" errors="1" time="12.340">
            <testsuite name="customer_support on customer_support" tests="4" failures="2" errors="1" skipped="1" timestamp="2026-04-20T09:15:00Z">
                <properties>
                    <property name="prompt_version" value="3.1.0"/>
                    <property name="prompt_digest" value="sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"/>
                    <property name="suite_version" value="1.4.0"/>
                    <property name="model" value="claude-sonnet-4-20250514"/>
                    <property name="verdict" value="failed"/>
                    <property name="score" value="4.199"/>
                    <property name="required" value="4.2"/>
                </properties>
                <testcase name="gate" classname="customer_support on customer_support">
                    <failure message="failed: score 4.199 is below the required 4.20; `faithfulness` 3.91 is below the required 4.00; and 1 more reason" type="gate">score-below-threshold: score 4.199 is below the required 4.20
        dimension-below-required: `faithfulness` 3.91 is below the required 4.00
        asserts-failed: 98.7 % of the asserts passed, and 100 % have to</failure>
                </testcase>
                <testcase name="refund-window" classname="customer_support on customer_support" time="0.812">
                    <failure message="rouge-l: 0.31 is below 0.5" type="assert">rouge-l: 0.31 is below 0.5
        judge: The answer promises a refund within 60 days, while the context says 30 days. It also names a phone number that stands nowhere in the context, so that a customer would be misled twice.</failure>
                    <system-out>Of course! You can return anything within 60 days. Just call 555-0100.</system-out>
                </testcase>
                <testcase name="invoice-copy" classname="customer_support on customer_support">
                    <error message="provider_error: 429 after 6 retries: rate limited" type="provider_error"/>
                </testcase>
                <testcase name="invoice-copy" classname="customer_support on customer_support">
                    <skipped message="not tried: the cost limit was reached before"/>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn a_gate_that_fails_with_only_good_cases_is_red() {
        let mut report = sample::report();
        report.gates.truncate(1);
        let text = written(&report, &[vec![sample::case("fine")]]);
        assert!(text.contains("failures=\"1\"") && text.contains("type=\"gate\""), "{text}");
    }

    #[test]
    fn what_a_model_wrote_stays_text() {
        let text = written(&sample::report(), &sample::cases());
        assert!(!text.contains("<script") && !text.contains('\x1b') && !text.contains('\0'), "{text}");
        assert!(!text.contains("]]>") && !text.contains('\u{202e}'));
    }
}
