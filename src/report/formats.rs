//! The formats of `--report FORMAT=PATH`.

use super::document::Document;
use super::{csv, github, html, json, jsonl, junit, markdown};
use crate::domain::{Error, Result};
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

/// A format that a run can be reported in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Format {
    /// `llmops/report/v1`, one object.
    Json,
    /// `llmops/report/v1`, one line per trial.
    Jsonl,
    /// JUnit XML.
    Junit,
    /// Markdown for a pull request or a step summary.
    Markdown,
    /// One self-contained page.
    Html,
    /// One row per trial.
    Csv,
    /// Workflow commands, for the standard output of a step on GitHub.
    Github,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Json, Self::Jsonl, Self::Junit, Self::Markdown, Self::Html, Self::Csv, Self::Github];

    /// The word for it on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Csv => "csv",
            Self::Github => "github",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Endings of what is evaluated and of what holds it, which no format has: a report over a prompt would be the end of it.
const READ: [&str; 6] = ["yaml", "yml", "j2", "jinja", "jinja2", "lock"];

/// A format and the file to write: `FORMAT=PATH`, where `-` is the standard output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The format.
    pub format: Format,
    /// The file.
    pub path: PathBuf,
}

impl Target {
    /// Whether it goes to the standard output.
    pub fn is_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let words = Format::ALL.map(Format::as_str);
        let known = words.join(", ");
        let Some((word, path)) = text.split_once('=') else {
            return Err(Error::input(format!("the report {text:?} names no file"))
                .hint(format!("write FORMAT=PATH, with one of {known}; the path - is the standard output")));
        };
        let Some(format) = Format::ALL.into_iter().find(|format| format.as_str() == word) else {
            let near = words.into_iter().find(|have| {
                have.len().abs_diff(word.len()) <= 2 && strsim::damerau_levenshtein(have, word) <= 2
            });
            let hint =
                near.map_or(format!("the formats are {known}"), |near| format!("did you mean {near}?"));
            return Err(Error::input(format!("there is no report format {word:?}")).hint(hint));
        };
        if path.is_empty() {
            return Err(Error::input(format!("the report {text:?} names no file"))
                .hint(format!("write {word}=PATH; the path - is the standard output")));
        }
        let path = PathBuf::from(path);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if READ.contains(&ending) {
            return Err(Error::input(format!(
                "a report is no .{ending} file, and {} may be one that is read",
                path.display()
            ))
            .hint(format!("give it another ending, as in {word}=report.{word}")));
        }
        Ok(Self { format, path })
    }
}

/// Writes a run in one format.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn write(format: Format, document: &Document<'_>, out: &mut dyn Write) -> Result<()> {
    write_within(format, "", document, out)
}

/// The same for a root that lies `within` a repository: a host knows files from the top of that.
///
/// # Errors
/// As [`write()`].
pub fn write_within(
    format: Format,
    within: &str,
    document: &Document<'_>,
    out: &mut dyn Write,
) -> Result<()> {
    match format {
        Format::Json => json::write(document.report, &document.cases, out),
        Format::Jsonl => jsonl::write(document.report, &document.cases, out),
        Format::Junit => junit::write(document, out),
        Format::Markdown => markdown::write(document, out),
        Format::Html => html::write(document, out),
        Format::Csv => csv::write(document.report, &document.cases, out),
        Format::Github => github::write(document, within, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Kind;
    use crate::report::document::{CaseStream, Cases};
    use crate::report::sample;

    #[test]
    fn a_target_is_a_format_and_a_file() {
        for format in Format::ALL {
            let target: Target = format!("{format}=out/a=b.x").parse().expect("a target");
            assert_eq!((target.format, target.path), (format, PathBuf::from("out/a=b.x")));
        }
        assert!("github=-".parse::<Target>().expect("a target").is_stdout());
    }

    #[test]
    fn a_wrong_target_says_what_to_type() {
        for (text, hint) in [
            ("html", "FORMAT=PATH"),
            ("htlm=x", "did you mean html?"),
            ("pdf=x", "json, jsonl"),
            ("csv=", "csv=PATH"),
            ("json=prompts/p.yaml", "json=report.json"),
        ] {
            let error = text.parse::<Target>().expect_err(text);
            assert_eq!(error.kind(), Kind::Input);
            assert!(error.hint_text().is_some_and(|have| have.contains(hint)), "{text}: {error:?}");
        }
    }

    #[test]
    fn every_format_writes_a_run_without_gates_and_a_hostile_one() {
        let cases = sample::cases();
        let stream = |gate: usize| sample::stream(&cases, gate);
        let report = sample::report();
        let empty = crate::report::v1::Report { gates: vec![], run: None, verdict: None, ..report.clone() };
        for format in Format::ALL {
            for report in [&report, &empty] {
                let mut out = Vec::new();
                write(format, &Document::new(report, Cases(&stream)), &mut out)
                    .unwrap_or_else(|_| panic!("{}", format.as_str()));
                assert!(!out.is_empty() && !out.contains(&0x1b) && !out.contains(&0), "{format}");
                assert!(!String::from_utf8(out).expect("UTF-8").contains("\x1b"), "{format}");
            }
        }
    }

    #[test]
    fn no_format_hides_a_case_that_cannot_be_read() {
        let stream = |_: usize| {
            Box::new(std::iter::once(Err(Error::new(Kind::Storage, "read a case")))) as CaseStream<'_>
        };
        let report = sample::report();
        // Annotations are about gates: they read no cases.
        for format in Format::ALL.into_iter().filter(|format| *format != Format::Github) {
            let document = Document::new(&report, Cases(&stream));
            let error = write(format, &document, &mut Vec::new()).expect_err(format.as_str());
            assert_eq!(error.kind(), Kind::Storage);
        }
    }
}
