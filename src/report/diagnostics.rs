//! Findings about inputs, drawn with the offending line.

use super::json::{to_line, unwritten};
use super::numbers::counted;
pub use super::paint::Color;
use super::text::{ELLIPSIS, inert, one_line, visible};
use super::v1;
use crate::domain::{Diagnostic, RelPath, Result, Severity, Span};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;

/// The characters that the drawing is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charset {
    /// Box-drawing characters.
    Unicode,
    /// ASCII, for terminals that have nothing else.
    Ascii,
}

/// How to draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Whether to write ANSI colours.
    pub color: Color,
    /// The characters to draw with.
    pub charset: Charset,
    /// Columns to fill.
    pub width: usize,
}

/// A line of a source is shown with at most this many characters around what is wrong.
const WINDOW: usize = 96;

/// Draws every finding and the summary line. `source` gives the text of a file as it was read; a finding in a
/// file without one is drawn without its line.
///
/// # Errors
/// When the target cannot be written.
pub fn write(
    found: &[Diagnostic],
    source: &dyn Fn(&RelPath) -> Option<String>,
    style: Style,
    out: &mut dyn Write,
) -> Result<()> {
    let handler = handler(style);
    for diagnostic in found {
        let drawn = draw(diagnostic, source, &handler);
        for line in drawn.lines() {
            writeln!(out, "{}", inert(line.trim_end())).map_err(unwritten)?;
        }
        writeln!(out).map_err(unwritten)?;
    }
    if !found.is_empty() {
        writeln!(out, "{}", summary(found)).map_err(unwritten)?;
    }
    Ok(())
}

/// The findings as a JSON array, as under `diagnostics` of a report.
///
/// # Errors
/// When the target cannot be written.
pub fn write_json(found: &[Diagnostic], out: &mut dyn Write) -> Result<()> {
    let found: Vec<v1::Diagnostic> = found.iter().map(v1::Diagnostic::from).collect();
    writeln!(out, "{}", to_line(&found)?).map_err(unwritten)
}

/// One line: `3 errors, 1 warning in 2 files`.
pub fn summary(found: &[Diagnostic]) -> String {
    let of = |severity| found.iter().filter(|one| one.severity == severity).count() as u64;
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(severity, _)| of(*severity) > 0)
        .map(|(severity, noun)| counted(of(severity), noun))
        .collect();
    if counts.is_empty() {
        return "no findings".to_owned();
    }
    let files: BTreeSet<&RelPath> =
        found.iter().filter_map(|one| one.place.as_ref().map(|place| &place.path)).collect();
    match files.len() as u64 {
        0 => counts.join(", "),
        files => format!("{} in {}", counts.join(", "), counted(files, "file")),
    }
}

fn handler(style: Style) -> GraphicalReportHandler {
    let theme = match (style.charset, style.color) {
        (Charset::Unicode, Color::On) => GraphicalTheme::unicode(),
        (Charset::Unicode, Color::Off) => GraphicalTheme::unicode_nocolor(),
        (Charset::Ascii, Color::On) => GraphicalTheme::ascii(),
        (Charset::Ascii, Color::Off) => GraphicalTheme::none(),
    };
    GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_width(style.width.clamp(40, 140))
        .with_context_lines(1)
        .without_primary_span_start()
        .without_syntax_highlighting()
}

/// Says how grave a finding is to a reader who sees neither colour nor symbols.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn draw(
    diagnostic: &Diagnostic,
    source: &dyn Fn(&RelPath) -> Option<String>,
    handler: &GraphicalReportHandler,
) -> String {
    let excerpt = diagnostic.place.as_ref().and_then(|place| {
        let span = place.span?;
        Excerpt::of(&source(&place.path)?, place.path.as_str(), span)
    });
    // Without its line, the place stands before the message.
    let at = match (&diagnostic.place, &excerpt) {
        (Some(place), None) => match place.span {
            Some(span) => format!("{}:{}:{}: ", place.path, span.line, span.column),
            None => format!("{}: ", place.path),
        },
        _ => String::new(),
    };
    let shown = Shown {
        code: format!("{} [{}]", word(diagnostic.severity), diagnostic.code),
        message: one_line(&format!("{at}{}", diagnostic.message)),
        help: diagnostic.help.as_deref().map(visible),
        severity: diagnostic.severity,
        excerpt,
    };
    let mut text = String::new();
    if handler.render_report(&mut text, &shown).is_err() {
        return format!("{}: {}", shown.code, shown.message);
    }
    text
}

/// The offending line and its neighbours, windowed and harmless, with the byte range to underline.
#[derive(Debug)]
struct Excerpt {
    text: String,
    name: String,
    start: usize,
    length: usize,
    /// 0-based number of its first line.
    line: usize,
}

impl Excerpt {
    fn of(source: &str, path: &str, span: Span) -> Option<Self> {
        let target = usize::try_from(span.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(span.column).ok()?.saturating_sub(1);
        let wanted = usize::try_from(span.length).ok()?.max(1);
        let first = target.saturating_sub(1);
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        let mut text = String::new();
        let (mut start, mut length) = (None, 0);
        for (index, line) in source.lines().enumerate().skip(first).take(target + 2 - first) {
            let from = if index == target { column.saturating_sub(WINDOW / 3) } else { 0 };
            let before = if from > 0 { ELLIPSIS } else { "" };
            let mut rest = line.chars().skip(from);
            let window: String = rest.by_ref().take(WINDOW).collect();
            let after = if rest.next().is_some() { ELLIPSIS } else { "" };
            if index == target {
                let at = |chars: usize| visible_prefix(&window, chars);
                let offset = text.len() + before.len();
                start = Some(offset + at(column - from));
                length = at((column - from).saturating_add(wanted)) - at(column - from);
            }
            text.push_str(before);
            text.push_str(&visible_line(&window));
            text.push_str(after);
            text.push('\n');
        }
        let name = format!("{path}:{}:{}", span.line, span.column);
        Some(Self { text, name, start: start?, length: length.max(1), line: first })
    }
}

/// A source line made harmless; every character stays one character, so that columns hold.
fn visible_line(line: &str) -> String {
    visible(line).replace('\t', " ").replace('\n', "␊")
}

/// The bytes of the first `chars` characters once the line is made harmless.
fn visible_prefix(line: &str, chars: usize) -> usize {
    visible_line(line).chars().take(chars).map(char::len_utf8).sum()
}

#[derive(Debug)]
struct Shown {
    code: String,
    message: String,
    help: Option<String>,
    severity: Severity,
    excerpt: Option<Excerpt>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown {}

impl miette::Diagnostic for Shown {
    fn code(&self) -> Option<Box<dyn fmt::Display + '_>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|excerpt| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = self.excerpt.as_ref()?;
        let label = LabeledSpan::new_primary_with_span(None, (excerpt.start, excerpt.length));
        Some(Box::new(std::iter::once(label)))
    }
}

/// The excerpt keeps the line numbers of the file that it was cut from.
impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> std::result::Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let contents = self.text.read_span(span, before, after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.name.clone(),
            contents.data(),
            *contents.span(),
            self.line + contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests;
