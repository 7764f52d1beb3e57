//! How reasons quote what was found: one line, short, never cut inside a character.

/// The longest reason, in characters.
pub const REASON: usize = 200;

/// Characters of a quoted text.
const QUOTE: usize = 60;

/// `text` on one line: white space and control characters become single spaces; beyond `most` characters it ends in
/// `…`.
pub fn line(text: &str, most: usize) -> String {
    let mut out = String::new();
    let (mut count, mut space) = (0, false);
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            space = count > 0;
            continue;
        }
        let more = 1 + usize::from(space);
        if count + more > most {
            // Room for the sign that something is missing.
            while count >= most && out.pop().is_some() {
                count -= 1;
            }
            out.push('…');
            return out;
        }
        if std::mem::take(&mut space) {
            out.push(' ');
        }
        out.push(c);
        count += more;
    }
    out
}

/// `text` in quotes, cut to what fits a reason beside other words.
pub fn quote(text: &str) -> String {
    format!("\"{}\"", line(text, QUOTE))
}

/// The start of an answer in quotes, or that it is empty.
pub fn answer(text: &str) -> String {
    if text.trim().is_empty() {
        "the answer is empty".to_owned()
    } else {
        format!("the answer is {}", quote(text))
    }
}

/// `text` around the bytes `start..end`, which are in the middle of the quote.
pub fn around(text: &str, start: usize, end: usize) -> String {
    let found = text.get(start..end).unwrap_or_default();
    let side = QUOTE.saturating_sub(found.chars().count()) / 2;
    let before = text.get(..start).unwrap_or_default();
    let from = before.char_indices().rev().take(side).last().map_or(start, |(at, _)| at);
    let after = text.get(end..).unwrap_or_default();
    let to = after.char_indices().nth(side).map_or(text.len(), |(at, _)| end + at);
    let cut = |is_cut: bool| if is_cut { "…" } else { "" };
    let middle = line(text.get(from..to).unwrap_or_default(), QUOTE);
    format!("\"{}{middle}{}\"", cut(from > 0), cut(to < text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_short() {
        assert_eq!(line(" a\n\tb\u{0}c ", 10), "a b c");
        assert_eq!(line("äöüß", 4), "äöüß");
        assert_eq!(line("äöüßx", 4), "äöü…");
        assert_eq!(line("ab cd", 3), "ab…");
        assert_eq!(line(&"x".repeat(500), REASON).chars().count(), REASON);
    }

    #[test]
    fn a_quote_shows_what_was_found() {
        let text = format!("{}needle{}", "ä".repeat(100), "ö".repeat(100));
        let start = 200;
        let shown = around(&text, start, start + 6);
        assert!(shown.contains("needle") && shown.starts_with("\"…ä") && shown.ends_with("ö…\""), "{shown}");
        assert_eq!(around("a needle", 2, 8), "\"a needle\"");
    }
}
