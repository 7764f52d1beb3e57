//! The two streams: people's output and machine forms on stdout, progress and diagnostics on stderr.

use super::args::{ColorChoice, Global};
use crate::domain::{Diagnostic, RelPath};
use crate::report::diagnostics::{self, Charset, Style};
use crate::report::formats::{Format, Target};
use crate::report::table::{Color, Options};
use crate::report::text::{harmless, wrap};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// What the environment says of the two streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Surroundings {
    /// `NO_COLOR` is set, or the terminal says that it is dumb.
    pub plain: bool,
    /// `COLUMNS`.
    pub columns: Option<u16>,
    /// A CI host keeps the output as a log, and may read it for commands.
    pub ci: bool,
}

impl Surroundings {
    /// Reads them from the environment.
    pub fn of(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).is_some_and(|value| !value.is_empty());
        Self {
            plain: set("NO_COLOR") || get("TERM").as_deref() == Some("dumb"),
            columns: get("COLUMNS").and_then(|columns| columns.parse().ok()),
            ci: ["CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD"].into_iter().any(set),
        }
    }
}

/// What is known of the terminal, and how to write to it. A closed pipe ends the output, not the program.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Whether to colour stdout.
    pub color_out: bool,
    /// Whether to colour stderr.
    pub color_err: bool,
    /// Columns of stdout; 100 where it is not a terminal.
    pub width: u16,
    /// Columns of stdout where they are known: text of free length is broken there, and nowhere else.
    pub columns: Option<usize>,
    /// Whether to draw progress.
    pub progress: bool,
    /// Print only what fails.
    pub quiet: bool,
    /// Say more.
    pub verbose: bool,
    /// Only machine forms go to stdout.
    pub json: bool,
    /// People's output goes to stderr, because a report has stdout for itself.
    pub aside: bool,
    /// The folder that was named to work in: paths are shown from there, or from the top of its repository.
    pub root: Option<PathBuf>,
    /// Whether text of a model could act where stdout goes: on a terminal, or in a log that is read for commands.
    acts: bool,
    /// Why stdout could not be written.
    unwritten: Arc<OnceLock<io::Error>>,
}

impl Terminal {
    /// Looks at the streams.
    pub fn new(global: &Global, around: Surroundings) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let colour = |terminal: bool| match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !around.plain,
        };
        let measured = around.columns.or_else(|| comfy_table_width().filter(|_| out));
        Self {
            color_out: colour(out),
            color_err: colour(err),
            width: measured.unwrap_or(100).clamp(60, 160),
            columns: measured.map(|columns| usize::from(columns.max(40))),
            progress: err && !global.quiet,
            quiet: global.quiet,
            verbose: global.verbose,
            json: global.json,
            aside: false,
            root: global.root.clone(),
            acts: out || around.ci,
            unwritten: Arc::default(),
        }
    }

    /// The same beside these reports. Workflow commands are read out of everything that a step prints; any other format
    /// on stdout has it for itself.
    pub fn beside(&self, reports: &[Target]) -> Self {
        let aside = reports.iter().any(|target| target.is_stdout() && target.format != Format::Github);
        Self { aside, ..self.clone() }
    }

    /// Writes people's output to stdout; nothing with `--json`.
    pub fn people(&self, text: &str) {
        if self.aside {
            drop(io::stderr().lock().write_all(text.as_bytes()));
        } else if !self.json {
            self.stdout(text);
        }
    }

    /// Writes to stdout.
    pub fn stdout(&self, text: &str) {
        let mut out = Self::pipe();
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // The first failure is the cause of all others.
            drop(self.unwritten.set(error));
        }
    }

    /// Why something that was written to stdout did not arrive; whoever closed a pipe has read enough.
    pub fn unwritten(&self) -> Option<&io::Error> {
        self.unwritten.get()
    }

    /// Text that somebody else wrote, for stdout: as it is, byte by byte, unless it could act where it goes.
    pub fn harmless(&self, text: &str) -> String {
        if self.acts { harmless(text) } else { text.to_owned() }
    }

    /// Standard output for a machine form that is written in parts.
    pub fn pipe() -> impl Write {
        Pipe(io::stdout().lock())
    }

    /// Text of free length in lines that do not act, broken where the terminal ends less an `indent`.
    pub fn broken(&self, text: &str, indent: usize) -> Vec<String> {
        match self.columns {
            Some(columns) => wrap(text, columns.saturating_sub(indent), usize::from(u8::MAX)),
            None => harmless(text).lines().map(str::to_owned).collect(),
        }
    }

    /// Writes a line to stderr.
    pub fn say(&self, line: &str) {
        let mut err = io::stderr().lock();
        drop(writeln!(err, "{line}"));
    }

    /// Writes a line to stderr from where no terminal is at hand.
    pub fn aside(line: &str) {
        drop(writeln!(io::stderr().lock(), "{line}"));
    }

    /// Draws findings on stderr.
    pub fn draw(&self, found: &[Diagnostic], source: &dyn Fn(&RelPath) -> Option<String>) {
        let style = Style {
            color: self.colour(self.color_err),
            charset: Charset::Unicode,
            width: usize::from(self.width),
        };
        let mut text = Vec::new();
        if diagnostics::write(found, source, style, &mut text).is_ok() {
            drop(io::stderr().lock().write_all(&text));
        }
    }

    /// How to draw tables on stdout.
    pub fn table(&self) -> Options {
        Options { color: self.colour(self.color_out), width: usize::from(self.width), worst: 5 }
    }

    fn colour(&self, on: bool) -> Color {
        if on { Color::On } else { Color::Off }
    }

    /// Writes a line to stderr with `-v`.
    pub fn detail(&self, line: &str) {
        if self.verbose {
            self.say(line);
        }
    }
}

/// A pipe whose reader may leave: whoever closed it has read enough, and how the run ended stays what it is.
struct Pipe<W>(W);

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

/// The width that the table library measures.
fn comfy_table_width() -> Option<u16> {
    let mut table = comfy_table::Table::new();
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dumb_terminal_gets_no_colours_and_a_ci_host_is_known_by_its_variable() {
        let around = |pairs: &'static [(&'static str, &'static str)]| {
            Surroundings::of(|name| {
                pairs.iter().find(|(have, _)| *have == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(around(&[("TERM", "xterm"), ("NO_COLOR", ""), ("CI", "")]), Surroundings::default());
        assert!(around(&[("TERM", "dumb")]).plain && around(&[("NO_COLOR", "1")]).plain);
        assert!(around(&[("TF_BUILD", "True")]).ci && around(&[("GITHUB_ACTIONS", "true")]).ci);
        assert_eq!(around(&[("COLUMNS", "70")]).columns, Some(70));
    }
}
