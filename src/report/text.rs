//! Text that a model, a judge or a file wrote, made harmless for the place where it is shown.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr;

/// Marks text that was cut off.
pub const ELLIPSIS: &str = "…";

/// The text with everything visible that would otherwise act: control characters become their pictures (`␛`),
/// characters that reorder text or hide in it become `�`. Line feeds and tabs stay.
pub fn visible(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\x7f' => '\u{2421}',
            c if acts(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// C1 controls, bidirectional overrides and isolates, line separators, invisible operators and tag characters.
/// What several scripts are written with stays: zero-width spaces and joiners, and the marks for a direction, which
/// reorder no other text than their neighbours.
fn acts(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}'
        | '\u{202a}'..='\u{202e}' | '\u{2061}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// [`visible`], and every line [`inert`]: text of somebody else, for a terminal or a log that is read for commands.
pub fn harmless(text: &str) -> String {
    visible(text).split('\n').map(inert).collect::<Vec<_>>().join("\n")
}

/// [`visible`] in one line: every run of white space is one space.
pub fn one_line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `most` characters as a reader counts them, with [`ELLIPSIS`] as the last where text was cut off.
pub fn clip(text: &str, most: usize) -> String {
    let mut at = text.grapheme_indices(true).map(|(at, _)| at);
    if at.clone().nth(most).is_none() {
        return text.to_owned();
    }
    let end = at.nth(most.saturating_sub(1)).unwrap_or(0);
    format!("{}{ELLIPSIS}", text[..end].trim_end())
}

/// [`one_line`], at most `most` characters long. Long text is cut before it is looked at.
pub fn short(text: &str, most: usize) -> String {
    clip(&one_line(head(text, most.saturating_mul(8).max(256))), most)
}

/// The first `most` bytes or a little less, cut between characters.
pub fn head(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// The columns that a terminal takes for `text`.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// A line for a log that a CI host reads for commands: what would be one, `::error::` at the start of a line or
/// `##[…]` and `##vso[…]` anywhere, is broken up and stays readable.
pub fn inert(line: &str) -> String {
    let line = line.replace("##[", "# #[").replace("##vso[", "# #vso[");
    if line.trim_start().starts_with("::") { line.replacen("::", ": :", 1) } else { line }
}

/// Breaks one line of text into at most `lines` of `columns`, at spaces where it can. What does not fit is cut
/// off with [`ELLIPSIS`].
pub fn wrap(text: &str, columns: usize, lines: usize) -> Vec<String> {
    // Breaking up a command adds one character.
    let columns = columns.max(8) - 1;
    let text = one_line(head(text, columns.saturating_mul(lines.saturating_add(1)).saturating_mul(4)));
    let mut wrapped: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').flat_map(|word| pieces(word, columns)) {
        let gap = usize::from(!line.is_empty());
        if width(&line) + gap + width(&word) > columns {
            wrapped.push(std::mem::take(&mut line));
        } else if gap == 1 {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        wrapped.push(line);
    }
    if wrapped.len() > lines {
        wrapped.truncate(lines);
        if let Some(last) = wrapped.last_mut() {
            while width(last) > columns {
                last.pop();
            }
            last.truncate(last.trim_end().len());
            last.push_str(ELLIPSIS);
        }
    }
    wrapped.iter().map(|line| inert(line)).collect()
}

/// A word in pieces of at most `columns`.
fn pieces(word: &str, columns: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut piece = String::new();
    for cluster in word.graphemes(true) {
        if width(&piece) + width(cluster) > columns {
            found.push(std::mem::take(&mut piece));
        }
        piece.push_str(cluster);
    }
    if !piece.is_empty() {
        found.push(piece);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_survives() {
        let shown = visible("a\x1b[31mred\x1b[0m\0\u{202e}gnp\u{7f}\u{9b}2J\u{feff}\r\nb\tc\rd");
        assert_eq!(shown, "a␛[31mred␛[0m␀\u{fffd}gnp␡\u{fffd}2J\u{fffd}\nb\tc␍d");
        assert!(shown.chars().all(|c| c == '\n' || c == '\t' || !(c.is_control() || acts(c))));
    }

    #[test]
    fn what_scripts_are_written_with_stays() {
        let kept = "می\u{200c}خواهم \u{200f}؟ ภาษา\u{200b}ไทย a\u{2060}b";
        assert_eq!(visible(kept), kept);
        for reorders in ['\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}'] {
            assert_eq!(visible(&reorders.to_string()), "\u{fffd}");
        }
    }

    #[test]
    fn no_line_of_a_text_acts() {
        assert_eq!(harmless("a\n::error::b\n\x1b[31mc ##[error]d\n"), "a\n: :error::b\n␛[31mc # #[error]d\n");
    }

    #[test]
    fn a_family_of_emoji_is_left_whole() {
        assert_eq!(visible("👩‍👧"), "👩‍👧");
        assert_eq!(clip("👩‍👧👩‍👧👩‍👧", 2), "👩‍👧…");
    }

    #[test]
    fn text_is_cut_where_it_is_too_long_and_only_there() {
        assert_eq!(
            (clip("abc", 3), clip("abcd", 3), clip("", 0)),
            ("abc".into(), "ab…".into(), String::new())
        );
        assert_eq!(short("one\n\n  two \u{202e}", 20), "one two \u{fffd}");
        assert_eq!(head("aé", 2), "a");
        assert!(short(&"x".repeat(5_000_000), 40).len() < 50);
    }

    #[test]
    fn no_line_is_a_command_to_a_ci_host() {
        assert_eq!(inert("  ::error::x"), "  : :error::x");
        assert_eq!(inert("a ##[error]b ##vso[task.x]"), "a # #[error]b # #vso[task.x]");
        assert_eq!(inert("a::b"), "a::b");
    }

    #[test]
    fn a_wrapped_line_is_never_wider_than_asked() {
        let text = format!("some words and one {} word, 日本語のテキスト too", "long".repeat(20));
        for columns in [8, 20, 33] {
            assert!(wrap(&text, columns, 50).iter().all(|line| width(line) <= columns), "{columns}");
        }
        assert_eq!(wrap("a b c d e f g h i j k", 9, 2), ["a b c d", "e f g h…"]);
        assert_eq!(wrap("12345678 a ::error::b", 9, 4), ["12345678", "a", ": :error:", ":b"]);
        assert_eq!(wrap("fits", 8, 1), ["fits"]);
    }
}
