//! One row per trial, for spreadsheets. A cell that a spreadsheet would run as a formula is quoted by a leading
//! apostrophe (OWASP, "CSV Injection").

use super::document::Cases;
use super::json::unwritten;
use super::text::visible;
use super::v1::{Case, Gate, Report};
use crate::domain::{Error, Result};
use std::collections::BTreeSet;
use std::io::Write;

const COLUMNS: [&str; 18] = [
    "prompt",
    "prompt_version",
    "suite",
    "model",
    "id",
    "trial",
    "status",
    "unscored_reason",
    "score",
    "judge_reason",
    "asserts_passed",
    "asserts_failed",
    "failed_asserts",
    "output",
    "source",
    "latency_ms",
    "cost_usd",
    "weight",
];

/// Writes a header and one row per trial. Dimensions are columns `dimension.<name>`; the labels of a case stand in
/// the last column as `key=value` separated by `; `. What is unknown is empty.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn write(report: &Report, cases: &Cases<'_>, out: &mut dyn Write) -> Result<()> {
    let mut seen = BTreeSet::new();
    let dimensions: Vec<&str> = report
        .gates
        .iter()
        .flat_map(|gate| &gate.dimensions)
        .map(|dimension| dimension.name.as_str())
        .filter(|name| seen.insert(*name))
        .collect();
    let mut writer = ::csv::Writer::from_writer(out);
    let named = dimensions.iter().map(|name| format!("dimension.{name}"));
    let header: Vec<String> =
        COLUMNS.iter().map(|name| (*name).to_owned()).chain(named).chain(["tags".to_owned()]).collect();
    writer.write_record(header.iter().map(|name| guarded(name))).map_err(broken)?;
    for (index, gate) in report.gates.iter().enumerate() {
        for case in cases.of(index) {
            writer.write_record(row(gate, &case?, &dimensions)).map_err(broken)?;
        }
    }
    writer.flush().map_err(unwritten)
}

fn row(gate: &Gate, case: &Case, dimensions: &[&str]) -> Vec<String> {
    let failed: Vec<String> = case
        .asserts
        .iter()
        .filter(|assert| !assert.passed)
        .map(|assert| format!("{}: {}", assert.kind, assert.reason))
        .collect();
    let passed = case.asserts.iter().filter(|assert| assert.passed).count();
    let tags: Vec<String> = case.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut cells = vec![
        guarded(&gate.prompt.name),
        guarded(&gate.prompt.version),
        guarded(&gate.suite.name),
        guarded(&gate.model.target),
        guarded(&case.id),
        case.trial.to_string(),
        case.status.as_str().to_owned(),
        case.unscored_reason.map_or(String::new(), |reason| reason.as_str().to_owned()),
        number(case.score),
        guarded(case.judge_reason.as_deref().unwrap_or_default()),
        passed.to_string(),
        failed.len().to_string(),
        guarded(&failed.join("\n")),
        guarded(case.output.as_deref().unwrap_or_default()),
        source(case),
        case.latency_ms.map_or(String::new(), |ms| ms.to_string()),
        case.cost_usd.map_or(String::new(), |cost| cost.to_string()),
        case.weight.to_string(),
    ];
    cells.extend(dimensions.iter().map(|name| number(case.dimensions.get(*name).copied().flatten())));
    cells.push(guarded(&tags.join("; ")));
    cells
}

fn source(case: &Case) -> String {
    use crate::domain::exchange::Source;
    match case.source {
        Some(Source::Live) => "live",
        Some(Source::Cached) => "cached",
        Some(Source::Recorded) => "recorded",
        None => "",
    }
    .to_owned()
}

fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or(String::new(), |value| value.to_string())
}

/// Text that no spreadsheet runs and no terminal obeys. Full-width signs start a formula in some locales too.
fn guarded(text: &str) -> String {
    let text = visible(text);
    let first = text
        .trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}')
        .chars()
        .next();
    let starts = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    if first.is_some_and(starts) || text.starts_with(['\t', '\r', '\n']) { format!("'{text}") } else { text }
}

fn broken(error: ::csv::Error) -> Error {
    Error::storage("write the report as CSV", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{sample, v1};

    fn written(report: &v1::Report, cases: &[Vec<Case>]) -> String {
        let stream = |gate: usize| sample::stream(cases, gate);
        let mut out = Vec::new();
        write(report, &Cases(&stream), &mut out).expect("written");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_row_per_trial() {
        let cases = vec![sample::cases()[0][..2].to_vec(), sample::cases()[1].clone()];
        insta::assert_snapshot!(written(&sample::report(), &cases), @r#"
        prompt,prompt_version,suite,model,id,trial,status,unscored_reason,score,judge_reason,asserts_passed,asserts_failed,failed_asserts,output,source,latency_ms,cost_usd,weight,dimension.faithfulness,dimension.relevance,dimension.tone,tags
        customer_support,3.1.0,customer_support,claude-sonnet-4-20250514,greeting,0,passed,,4.5,The answer follows the context.,1,0,,You can return it within 30 days.,live,812,0.0021,1,5,4,,topic=refunds
        customer_support,3.1.0,customer_support,claude-sonnet-4-20250514,refund-window,0,failed,,2,"The answer promises a refund within 60 days, while the context says 30 days. It also names a phone number that stands nowhere in the context, so that a customer would be misled twice.",1,1,rouge-l: 0.31 is below 0.5,Of course! You can return anything within 60 days. Just call 555-0100.,live,812,0.0024,1,1,3,4,topic=refunds
        invoice,3.1.0,invoice,claude-sonnet-4-20250514,invoice-copy,0,unscored,provider_error,,429 after 6 retries: rate limited,0,0,,,,,,1,,,,topic=refunds
        "#);
    }

    #[test]
    fn no_cell_is_a_formula() {
        let text = written(&sample::report(), &sample::cases());
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let mut guarded_ids = 0;
        for record in reader.records() {
            let record = record.expect("a row");
            assert_eq!(record.len(), 22);
            for cell in &record {
                let number = cell.parse::<f64>().is_ok();
                assert!(number || !cell.trim_start().starts_with(['=', '+', '-', '@']), "{cell}");
                assert!(!cell.contains('\0'));
            }
            guarded_ids += usize::from(&record[4] == "'=cmd|'/C calc'!A0");
        }
        assert_eq!(guarded_ids, 1);
        assert_eq!(guarded(" \t=1+1"), "' \t=1+1");
        assert_eq!(guarded("\r\n@x"), "'\n@x");
        assert_eq!(guarded("a=1"), "a=1");
    }
}
