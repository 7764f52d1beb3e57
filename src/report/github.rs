//! GitHub's workflow commands: annotations on the files of a pull request. GitHub shows at most ten per level and
//! step, so that no more are written; the last says how many were left out.
//!
//! They work only on the standard output of a step. The step summary is the Markdown report.

use super::document::{Document, from_top};
use super::found;
use super::json::unwritten;
use super::text::{clip, short, visible};
use super::v1::Verdict;
use crate::domain::{Result, Severity};
use std::io::Write;

/// Annotations that GitHub shows per level.
const MOST: usize = 10;

/// Cases that the annotation of a gate tells of.
const MOST_CASES: usize = 3;

/// One annotation.
struct Annotation {
    level: &'static str,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    title: String,
    message: String,
}

/// Writes the annotations of the whole run: gates that did not pass, then findings. Files are named from the top of the
/// repository, `within` which the root lies.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn write(document: &Document<'_>, within: &str, out: &mut dyn Write) -> Result<()> {
    let mut all = gates(document)?.into_iter().chain(findings(document)).collect::<Vec<_>>();
    for file in all.iter_mut().filter_map(|one| one.file.as_mut()) {
        *file = from_top(within, file);
    }
    for level in ["error", "warning", "notice"] {
        let of_level: Vec<&Annotation> = all.iter().filter(|one| one.level == level).collect();
        let shown = if of_level.len() > MOST { MOST - 1 } else { of_level.len() };
        for one in &of_level[..shown] {
            writeln!(out, "{}", command(one)).map_err(unwritten)?;
        }
        if shown < of_level.len() {
            let rest = of_level.len() - shown;
            writeln!(out, "::{level} title=llmops::and {rest} more, in the report").map_err(unwritten)?;
        }
    }
    Ok(())
}

fn gates(document: &Document<'_>) -> Result<Vec<Annotation>> {
    let mut found = Vec::new();
    for (index, gate) in document.report.gates.iter().enumerate() {
        let what = match gate.verdict {
            Verdict::Passed | Verdict::Unaffected => continue,
            Verdict::Failed => "failed",
            Verdict::Inconclusive => "no verdict",
        };
        let view = document.views.get(index);
        found.push(Annotation {
            level: "error",
            file: Some(view.and_then(|view| view.path.clone()).unwrap_or_else(|| gate.prompt.path.clone())),
            line: Some(view.and_then(|view| view.line).unwrap_or(1)),
            column: None,
            title: format!("{what}: {} {}", gate.prompt.name, gate.prompt.version),
            message: {
                let further =
                    document.further(index).into_iter().map(|breach| format!("- {}", breach.message));
                let lines = std::iter::once(document.sentence(index)).chain(further);
                lines.chain(retrieved(document, index)?).collect::<Vec<_>>().join("\n")
            },
        });
    }
    Ok(found)
}

/// Of the worst cases, what retrieval has to do with them.
fn retrieved(document: &Document<'_>, gate: usize) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for case in document.worst(gate, MOST_CASES)? {
        let said = document.detail(gate, &case)?.as_ref().and_then(found::sentence);
        lines.extend(said.map(|said| format!("{}: {}", case.id, short(&said, 300))));
    }
    Ok(lines)
}

fn findings(document: &Document<'_>) -> Vec<Annotation> {
    let annotate = |one: &super::v1::Diagnostic| Annotation {
        level: match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        },
        file: one.path.clone(),
        line: one.line,
        column: one.column,
        title: one.code.clone(),
        message: one.help.as_ref().map_or(one.message.clone(), |help| format!("{}\n{help}", one.message)),
    };
    document.report.diagnostics.iter().map(annotate).collect()
}

fn command(one: &Annotation) -> String {
    let mut properties = Vec::new();
    if let Some(file) = &one.file {
        properties.push(format!("file={}", property(file)));
        properties.extend(one.line.map(|line| format!("line={line}")));
        properties.extend(one.column.map(|column| format!("col={column}")));
    }
    properties.push(format!("title={}", property(&clip(&visible(&one.title), 120))));
    format!("::{} {}::{}", one.level, properties.join(","), data(&clip(&visible(&one.message), 2000)))
}

/// The text of a command, escaped as the runner unescapes it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's property, escaped as the runner unescapes it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::Cases;
    use crate::report::{sample, v1};

    fn written(report: &v1::Report) -> String {
        let cases = sample::cases();
        let stream = |gate: usize| sample::stream(&cases, gate);
        let views = sample::views();
        let mut out = Vec::new();
        write(&Document::new(report, Cases(&stream)).views(&views), "", &mut out).expect("written");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_gate_that_did_not_pass_is_an_error_on_its_manifest() {
        insta::assert_snapshot!(written(&sample::report()), @r#"
        ::error file=prompts/customer_support.yaml,line=6,title=failed%3A customer_support 3.1.0::failed: score 4.199 is below the required 4.20; `faithfulness` 3.91 is below the required 4.00; and 1 more reason%0A- 98.7 %25 of the asserts passed, and 100 %25 have to
        ::error file=prompts/invoice.yaml,line=1,title=no verdict%3A invoice 3.1.0::It cannot be told: 1 of 1 cases has no grade, because the provider failed.
        ::warning file=evals/invoice.yaml,line=3,col=8,title=few-cases::the suite has 1 case%0Aadd cases: below 15 an interval says little
        "#);
    }

    #[test]
    fn a_root_within_a_repository_is_part_of_the_path() {
        let (report, cases) = (sample::report(), sample::cases());
        let stream = |gate: usize| sample::stream(&cases, gate);
        let mut out = Vec::new();
        write(&Document::new(&report, Cases(&stream)), "apps/shop", &mut out).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        assert!(text.contains("::error file=apps/shop/prompts/customer_support.yaml,"), "{text}");
        assert!(text.contains("::warning file=apps/shop/evals/invoice.yaml,line=3,"), "{text}");
    }

    #[test]
    fn at_most_ten_per_level() {
        let mut report = sample::report();
        report.gates = vec![sample::gate(); 25];
        let text = written(&report);
        assert_eq!(text.lines().filter(|line| line.starts_with("::error ")).count(), 10);
        assert!(text.contains("::and 16 more"), "{text}");
        report.gates.truncate(10);
        assert!(!written(&report).contains("in the report"));
    }

    #[test]
    fn no_text_starts_a_command_or_a_property_of_its_own() {
        let mut report = sample::report();
        report.gates.clear();
        report.diagnostics[0].message = format!("100 % {}\r\n::set-output name=x::y", sample::HOSTILE);
        report.diagnostics[0].path = Some("a,line=9::b\n::error::c".into());
        let text = written(&report);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("::warning file=a%2Cline=9%3A%3Ab%0A%3A%3Aerror%3A%3Ac,line=3,"), "{text}");
        assert!(text.contains("100 %25 "));
    }
}
