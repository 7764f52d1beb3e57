//! The two streams: people's output and machine forms on stdout, progress and diagnostics on stderr.

use super::args::{ColorChoice, Global};
use crate::domain::{Diagnostic, RelPath};
use crate::report::diagnostics::{self, Charset, Style};
use crate::report::formats::{Format, Target};
use crate::report::table::{Color, Options};
use std::io::{self, IsTerminal, Write};

/// What is known of the terminal, and how to write to it. A closed pipe ends the output, not the program.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Whether to colour stdout.
    pub color_out: bool,
    /// Whether to colour stderr.
    pub color_err: bool,
    /// Columns of stdout; 100 where it is not a terminal.
    pub width: u16,
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
}

impl Terminal {
    /// Looks at the streams and at `NO_COLOR`, given as whether it is set.
    pub fn new(global: &Global, no_color: bool, columns: Option<u16>) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let colour = |terminal: bool| match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !no_color,
        };
        let measured = columns.or_else(|| comfy_table_width().filter(|_| out));
        Self {
            color_out: colour(out),
            color_err: colour(err),
            width: measured.unwrap_or(100).clamp(60, 160),
            progress: err && !global.quiet,
            quiet: global.quiet,
            verbose: global.verbose,
            json: global.json,
            aside: false,
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
        let mut out = io::stdout().lock();
        // Whoever closed the pipe has read enough.
        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }

    /// Standard output for a machine form that is written in parts.
    pub fn pipe() -> impl Write {
        Pipe(io::stdout().lock())
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
