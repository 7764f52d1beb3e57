//! JUnit XML: a suite per gate, a case per trial, and one case more per gate for its verdict, so that a viewer is
//! red where the gate is although every case passed. Failed is `failure`, unscored is `error`; a case that a cost
//! limit kept from being tried is `skipped`.

use super::document::Document;
use super::json::unwritten;
use super::text::{head, one_line, short, visible};
use super::v1::{Case, Gate, Status, Verdict};
use crate::domain::{Error, Kind, Result, Unscored};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::io::Write;
use std::time::Duration;

/// At most this many bytes of an answer stand under a failed case.
const MOST_OUTPUT: usize = 8 * 1024;

/// Writes the whole run.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn write(document: &Document<'_>, out: &mut dyn Write) -> Result<()> {
    let mut report = Report::new("llmops");
    if let Some(ms) = document.report.run.as_ref().and_then(|run| run.duration_ms) {
        report.set_time(Duration::from_millis(ms));
    }
    for (index, gate) in document.report.gates.iter().enumerate() {
        let mut suite = TestSuite::new(suite_name(gate));
        for (name, value) in properties(gate) {
            suite.add_property((name, value.as_str()));
        }
        suite.add_test_case(verdict_case(gate, &document.sentence(index)));
        for case in document.cases.of(index) {
            suite.add_test_case(test_case(gate, &case?));
        }
        report.add_test_suite(suite);
    }
    let text = report
        .to_string()
        .map_err(|error| Error::new(Kind::Storage, "write the report as XML").because(error))?;
    out.write_all(text.as_bytes()).map_err(unwritten)
}

fn suite_name(gate: &Gate) -> String {
    clean(&format!("{} on {}", gate.prompt.name, gate.suite.name))
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

fn verdict_case(gate: &Gate, sentence: &str) -> TestCase {
    let status = match gate.verdict {
        Verdict::Passed | Verdict::Unaffected => TestCaseStatus::success(),
        Verdict::Failed => non_success(NonSuccessKind::Failure, "gate", sentence, ""),
        Verdict::Inconclusive => non_success(NonSuccessKind::Error, "gate", sentence, ""),
    };
    let mut case = TestCase::new("gate", status);
    case.set_classname(suite_name(gate));
    case
}

fn test_case(gate: &Gate, case: &Case) -> TestCase {
    let status = match (case.status, case.unscored_reason) {
        (Status::Passed, _) => TestCaseStatus::success(),
        (Status::Unscored, Some(Unscored::CostLimit)) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("not tried: the cost limit was reached before");
            status
        }
        (Status::Unscored, reason) => {
            let kind = reason.map_or("unscored", Unscored::as_str);
            let why = case.judge_reason.as_deref().unwrap_or(kind);
            non_success(NonSuccessKind::Error, kind, &format!("{kind}: {why}"), "")
        }
        (Status::Failed, _) => {
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
            let judge =
                case.judge_reason.as_deref().map_or(String::new(), |reason| format!("judge: {reason}"));
            let details: Vec<String> =
                failed.into_iter().chain((!judge.is_empty()).then_some(judge)).collect();
            non_success(NonSuccessKind::Failure, kind, &message, &details.join("\n"))
        }
    };
    let trial = if case.trial > 0 { format!(" [trial {}]", case.trial + 1) } else { String::new() };
    let mut test = TestCase::new(clean(&format!("{}{trial}", one_line(&case.id))), status);
    test.set_classname(suite_name(gate));
    if let Some(ms) = case.latency_ms {
        test.set_time(Duration::from_millis(ms));
    }
    if case.status == Status::Failed
        && let Some(output) = &case.output
    {
        test.set_system_out(clean(head(output, MOST_OUTPUT)));
    }
    test
}

fn non_success(kind: NonSuccessKind, ty: &str, message: &str, details: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(ty).set_message(clean(&short(message, 300)));
    if !details.is_empty() {
        status.set_description(clean(head(details, MOST_OUTPUT)));
    }
    status
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
        <testsuites name="llmops" tests="4" skipped="1" failures="2" errors="1" time="12.340">
            <testsuite name="customer_support on customer_support" tests="4" skipped="1" errors="1" failures="2">
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
                    <failure message="The judge score 4.199 is below the 4.2 that the prompt requires, and faithfulness 3.91 is below 4." type="gate"/>
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
