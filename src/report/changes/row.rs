//! One labelled line on a terminal: broken where it is too long, its further lines below its text.

use crate::report::paint::{Color, Tone};
use crate::report::text::{inert, width};

/// Text in tones that grows from left to right.
pub(super) struct Row {
    indent: usize,
    /// Columns to fill; `None` never breaks.
    most: Option<usize>,
    lines: Vec<Vec<(Option<Tone>, String)>>,
    column: usize,
    /// Whether something before the text keeps its first line from being a command.
    labelled: bool,
}

impl Row {
    /// An empty line whose text starts at column `indent`, behind a label or behind nothing.
    pub(super) fn new(indent: usize, labelled: bool, most: Option<usize>) -> Self {
        Self { indent, most, lines: vec![Vec::new()], column: indent, labelled }
    }

    /// Adds text, which may have lines of its own.
    pub(super) fn put(&mut self, tone: Option<Tone>, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.end();
            }
            for word in line.split_inclusive(' ') {
                let wide = width(word.trim_end());
                if self.most.is_some_and(|most| self.column + wide > most) && self.column > self.indent {
                    self.end();
                }
                self.column += width(word);
                let Some(last) = self.lines.last_mut() else { return };
                match last.last_mut().filter(|(have, _)| *have == tone) {
                    Some((_, text)) => text.push_str(word),
                    None => last.push((tone, word.to_owned())),
                }
            }
        }
    }

    fn end(&mut self) {
        self.lines.push(Vec::new());
        self.column = self.indent;
    }

    /// The text with its line feeds; the label is not part of it.
    pub(super) fn drawn(self, color: Color) -> String {
        let last = self.lines.len() - 1;
        let mut out = String::new();
        for (at, line) in self.lines.into_iter().enumerate() {
            if at > 0 {
                out.push_str(&" ".repeat(self.indent));
            }
            let mut starts = at > 0 || !self.labelled;
            let pieces = line.len();
            for (piece, (tone, text)) in line.into_iter().enumerate() {
                // What a host would read as a command starts its line, whatever is blank before it.
                let text = if starts {
                    inert(&text)
                } else {
                    inert(&format!("·{text}"))['·'.len_utf8()..].to_owned()
                };
                starts = starts && text.trim().is_empty();
                let ends = at < last && piece + 1 == pieces;
                let text = if ends { text.trim_end() } else { &text };
                out.push_str(&tone.map_or_else(|| text.to_owned(), |tone| color.paint(tone, text)));
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(most: Option<usize>, parts: &[(Option<Tone>, &str)]) -> String {
        let mut row = Row::new(4, false, most);
        parts.iter().for_each(|(tone, text)| row.put(*tone, text));
        row.drawn(Color::Off)
    }

    #[test]
    fn further_lines_stand_below_the_text() {
        assert_eq!(drawn(None, &[(None, "a "), (Some(Tone::Good), "{+b\nc+}")]), "a {+b\n    c+}\n");
        let wrapped = drawn(Some(14), &[(None, "one two three "), (Some(Tone::Bad), "four five")]);
        assert_eq!(wrapped, "one two\n    three four\n    five\n");
        assert_eq!(drawn(Some(6), &[(None, "unbreakable")]), "unbreakable\n", "not broken within a word");
    }

    #[test]
    fn no_line_is_a_command() {
        assert_eq!(
            drawn(None, &[(None, "a\n::error::b\n  ##[error]c")]),
            "a\n    : :error::b\n      # #[error]c\n"
        );
        assert_eq!(drawn(None, &[(None, " "), (Some(Tone::Good), "::error::b")]), " : :error::b\n");
        assert_eq!(drawn(None, &[(None, "a"), (Some(Tone::Good), "::b ##[x]")]), "a::b # #[x]\n");
    }

    #[test]
    fn each_line_has_its_own_colour() {
        let mut row = Row::new(2, true, None);
        row.put(Some(Tone::Good), "a\nb");
        assert_eq!(row.drawn(Color::On), "\x1b[32ma\x1b[0m\n  \x1b[32mb\x1b[0m\n");
    }
}
