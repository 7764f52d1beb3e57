//! How marked text is written: with colour, plainly, or as Markdown.

use super::Scored;
use super::lines::{Mark, lines};
use super::row::Row;
use crate::report::paint::{Color, Tone};
use crate::report::text::visible;

/// Where the text goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marks {
    /// A terminal of so many columns; lines are as long as they are where it has none.
    Terminal(Color, Option<usize>),
    /// A review comment.
    Markdown,
}

/// Most characters of a review comment: GitHub takes 65,536.
const MAX_COMMENT: usize = 60_000;

/// Writes a comparison; `range` names the two sides.
pub fn write(changes: &[Scored], range: &str, marks: Marks) -> String {
    match marks {
        Marks::Terminal(color, columns) => terminal(changes, range, color, columns),
        Marks::Markdown => markdown(changes, range),
    }
}

/// Where text starts, behind its label.
const INDENT: usize = 11;

fn terminal(changes: &[Scored], range: &str, color: Color, columns: Option<usize>) -> String {
    let mut out = String::new();
    for scored in changes {
        for line in lines(scored, range) {
            let mut row = Row::new(if line.head { 0 } else { INDENT }, !line.label.is_empty(), columns);
            if !line.head {
                let label = format!("{:<1$}", line.label, INDENT);
                out.push_str(&color.paint(Tone::Quiet, &label));
            }
            for (mark, text) in &line.parts {
                let text = visible(text);
                match mark {
                    Mark::Plain => row.put(None, &text),
                    Mark::Removed => row.put(Some(Tone::Bad), &format!("[-{text}-]")),
                    Mark::Added => row.put(Some(Tone::Good), &format!("{{+{text}+}}")),
                    Mark::RemovedLine => row.put(Some(Tone::Bad), &format!("- {text}")),
                    Mark::AddedLine => row.put(Some(Tone::Good), &format!("+ {text}")),
                    Mark::Strong => row.put(Some(Tone::Strong), &text),
                    Mark::Warn => row.put(Some(Tone::Unsure), &text),
                }
            }
            out.push_str(&row.drawn(color));
        }
        out.push('\n');
    }
    if changes.is_empty() {
        out.push_str(&format!("{range}: no prompt differs\n"));
    }
    out
}

fn markdown(changes: &[Scored], range: &str) -> String {
    let mut out = format!("### llmops diff `{range}`\n\n");
    if changes.is_empty() {
        out.push_str("No prompt differs.\n");
    }
    for (index, scored) in changes.iter().enumerate() {
        let mut section = String::new();
        for line in lines(scored, range) {
            let text: String = line
                .parts
                .iter()
                .map(|(mark, text)| {
                    let text = escaped(&visible(text));
                    match mark {
                        Mark::Plain => text,
                        Mark::Removed | Mark::RemovedLine => format!("<del>{text}</del>"),
                        Mark::Added | Mark::AddedLine => format!("<ins><b>{text}</b></ins>"),
                        Mark::Strong | Mark::Warn => format!("<b>{text}</b>"),
                    }
                })
                .collect();
            if line.head {
                section.push_str(&format!("#### {text}\n\n| | |\n|---|---|\n"));
            } else {
                section.push_str(&format!("| {} | {} |\n", line.label, text.trim()));
            }
        }
        section.push('\n');
        if out.len() + section.len() > MAX_COMMENT {
            out.push_str(&format!("… and {} more prompts: see `llmops diff`.\n", changes.len() - index));
            break;
        }
        out.push_str(&section);
    }
    out
}

/// Text that Markdown and HTML leave as it is, on one line of a table.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' => out.push_str("<br>"),
            '|' | '*' | '_' | '`' | '[' | ']' | '#' | '\\' | '~' | '@' | '!' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_cannot_write_markdown_of_its_own() {
        let text = escaped("<img src=x> | **b** `c` @team [l](u)\nn");
        for raw in ["<img", "**", "`", "@team", "](", "\n", " | "] {
            assert!(!text.contains(raw), "{raw} in {text}");
        }
    }
}
