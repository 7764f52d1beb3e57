//! How marked text is written: with colour, plainly, or as Markdown.

use super::Scored;
use super::lines::{Mark, lines};
use crate::report::paint::{Color, Tone};
use crate::report::text::visible;

/// Where the text goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marks {
    /// A terminal.
    Terminal(Color),
    /// A review comment.
    Markdown,
}

/// Most characters of a review comment: GitHub takes 65,536.
const MAX_COMMENT: usize = 60_000;

/// Writes a comparison; `range` names the two sides.
pub fn write(changes: &[Scored], range: &str, marks: Marks) -> String {
    match marks {
        Marks::Terminal(color) => terminal(changes, range, color),
        Marks::Markdown => markdown(changes, range),
    }
}

fn terminal(changes: &[Scored], range: &str, color: Color) -> String {
    let mut out = String::new();
    for scored in changes {
        for line in lines(scored, range) {
            let label = format!("{:<10} ", line.label);
            out.push_str(&if line.head { String::new() } else { color.paint(Tone::Quiet, &label) });
            for (mark, text) in &line.parts {
                let text = visible(text);
                out.push_str(&match mark {
                    Mark::Plain => text,
                    Mark::Removed => color.paint(Tone::Bad, &format!("[-{text}-]")),
                    Mark::Added => color.paint(Tone::Good, &format!("{{+{text}+}}")),
                    Mark::RemovedLine => color.paint(Tone::Bad, &format!("- {text}")),
                    Mark::AddedLine => color.paint(Tone::Good, &format!("+ {text}")),
                    Mark::Strong => color.paint(Tone::Strong, &text),
                    Mark::Warn => color.paint(Tone::Unsure, &text),
                });
            }
            out.push('\n');
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
