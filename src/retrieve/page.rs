//! The text of an HTML page, as Markdown as far as headings, lists and code go: what a reader would see, and nothing
//! that was drawn around it.

use html2text::render::TextDecorator;
use std::fmt::Write as _;

/// Lines are not wrapped: a chunk is what a reader would see as a paragraph.
const WIDTH: usize = 1 << 20;
/// Stands before a heading while a page is read, so that a `#` of its text is not taken for one. No character that a
/// page may hold.
const HEADING: char = '\u{fdd0}';
/// Stands before each cell of a table while a page is read. No character that a page may hold either.
const CELL: char = '\u{fdd1}';

/// The text of a page. Scripts and styles are no text; the row of a table is a line, with ` | ` between its cells.
///
/// # Errors
/// When the page cannot be read.
pub(super) fn text(page: &str) -> Result<String, html2text::Error> {
    let lines = html2text::config::with_decorator(Reader).lines_from_read(flat(page).as_bytes(), WIDTH)?;
    let (mut text, mut code) = (String::new(), Vec::new());
    for line in lines {
        let mut words = String::new();
        let mut kind = Kind::Text;
        for part in line.tagged_strings() {
            words.push_str(&part.s);
            kind = if part.tag.contains(&Kind::Code) { Kind::Code } else { kind };
        }
        if kind == Kind::Code || (!code.is_empty() && words.trim().is_empty()) {
            code.push(words);
            continue;
        }
        fence(&mut text, &mut code);
        if let Some(line) = plain(&words) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    fence(&mut text, &mut code);
    Ok(match title(page)? {
        // A page mostly says its title again, as its first heading.
        Some(title) if !text.lines().any(|line| line.trim_start_matches(['#', ' ']) == title) => {
            format!("{title}\n\n{text}")
        }
        _ => text,
    })
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Kind {
    #[default]
    Text,
    Code,
}

/// A line that is no code; `None` for a row of empty cells.
fn plain(line: &str) -> Option<String> {
    let line = match line.split_once(CELL) {
        None => line.to_owned(),
        Some((before, row)) => {
            let cells: Vec<&str> = row.split(CELL).map(str::trim).collect();
            let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
            let row = cells[..used].join(" | ");
            Some(format!("{before}{row}")).filter(|line| !line.trim().is_empty())?
        }
    };
    if line.contains(HEADING) {
        return Some(line.replace(HEADING, ""));
    }
    let words = line.trim_start();
    let is_marked = ["```", "~~~"].iter().any(|mark| words.starts_with(mark))
        || words.trim_start_matches('#').len() < words.len();
    if is_marked {
        let (indent, words) = line.split_at(line.len() - words.len());
        return Some(format!("{indent}\\{words}"));
    }
    Some(line)
}

/// Puts lines of code into a fence that nothing in them can end.
fn fence(text: &mut String, code: &mut Vec<String>) {
    let Some(last) = code.iter().rposition(|line| !line.trim().is_empty()) else { return code.clear() };
    let behind = code.len() - last - 1;
    code.truncate(last + 1);
    let run = |line: &String| line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let mark = "`".repeat(code.iter().map(run).max().unwrap_or(0).max(2) + 1);
    let lines = code.join("\n");
    // Writing to a text cannot fail.
    let _ = write!(text, "{mark}\n{lines}\n{mark}\n{}", "\n".repeat(behind));
    code.clear();
}

/// The title of a page, as one line.
fn title(page: &str) -> Result<Option<String>, html2text::Error> {
    let lower = page.to_ascii_lowercase();
    let inner = || {
        let open = lower.find("<title")?;
        let start = open + lower[open..].find('>')? + 1;
        Some(&page[start..start + lower[start..].find("</title")?])
    };
    let Some(inner) = inner() else { return Ok(None) };
    // A title is text: what looks like a tag in it is none.
    let read = html2text::config::with_decorator(Reader)
        .string_from_read(format!("<p>{}</p>", inner.replace('<', "&lt;")).as_bytes(), WIDTH)?;
    let words: Vec<&str> = read.split_whitespace().collect();
    Ok((!words.is_empty()).then(|| words.join(" ")))
}

/// The page with its tables as lines: columns of equal width are drawn for the eye, and in a chunk are only padding.
fn flat(page: &str) -> String {
    let mut flat = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        flat.push_str(&rest[..at]);
        rest = &rest[at..];
        let closing = rest[1..].starts_with('/');
        let name_at = if closing { 2 } else { 1 };
        let behind = &rest[name_at..];
        let length = behind.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(behind.len());
        let ends = behind[length..].starts_with(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/');
        let tag = match behind[..length].to_ascii_lowercase().as_str() {
            "table" | "thead" | "tbody" | "tfoot" | "tr" | "caption" if ends => "div",
            "td" | "th" if ends => "span",
            _ => {
                flat.push('<');
                rest = &rest[1..];
                continue;
            }
        };
        if tag == "span" && !closing {
            flat.push(CELL);
        }
        flat.push_str(if closing { "</" } else { "<" });
        flat.push_str(tag);
        rest = &behind[length..];
    }
    flat.push_str(rest);
    flat
}

/// Writes the words alone; of what is around them only what a chunk needs to be cut well.
#[derive(Clone, Debug)]
struct Reader;

impl Reader {
    fn nothing() -> (String, Kind) {
        (String::new(), Kind::Text)
    }
}

impl TextDecorator for Reader {
    type Annotation = Kind;

    fn decorate_link_start(&mut self, _url: &str) -> (String, Kind) {
        Self::nothing()
    }
    fn decorate_link_end(&mut self) -> String {
        String::new()
    }
    fn decorate_em_start(&self) -> (String, Kind) {
        Self::nothing()
    }
    fn decorate_em_end(&self) -> String {
        String::new()
    }
    fn decorate_strong_start(&self) -> (String, Kind) {
        Self::nothing()
    }
    fn decorate_strong_end(&self) -> String {
        String::new()
    }
    fn decorate_strikeout_start(&self) -> (String, Kind) {
        Self::nothing()
    }
    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }
    fn decorate_code_start(&self) -> (String, Kind) {
        Self::nothing()
    }
    fn decorate_code_end(&self) -> String {
        String::new()
    }
    fn decorate_preformat_first(&self) -> Kind {
        Kind::Code
    }
    fn decorate_preformat_cont(&self) -> Kind {
        Kind::Code
    }
    fn decorate_image(&mut self, _src: &str, title: &str) -> (String, Kind) {
        (title.to_owned(), Kind::Text)
    }
    fn header_prefix(&self, level: usize) -> String {
        format!("{HEADING}{} ", "#".repeat(level))
    }
    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }
    fn unordered_item_prefix(&self) -> String {
        "* ".to_owned()
    }
    fn ordered_item_prefix(&self, i: i64) -> String {
        format!("{i}. ")
    }
    fn make_subblock_decorator(&self) -> Self {
        self.clone()
    }
    fn decorate_superscript_start(&self) -> (String, Kind) {
        ("^".to_owned(), Kind::Text)
    }
    fn decorate_superscript_end(&self) -> String {
        String::new()
    }
    fn finalise(&mut self, _urls: Vec<String>) -> Vec<html2text::render::TaggedLine<Kind>> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(page: &str, expected: &str) {
        assert_eq!(text(page).expect("a page").trim(), expected);
    }

    #[test]
    fn a_table_is_rows_and_a_link_is_its_text() {
        let table = "<table><caption>Prices</caption><thead><tr><th>Parcel</th><th>Price</th></tr></thead><tbody>\
            <tr><td>small</td><td><a href='/s'>4.90</a></td></tr><tr><td>large<td>12.90</table><p>After.</p>";
        reads(table, "Prices\nParcel | Price\nsmall | 4.90\nlarge | 12.90\n\nAfter.");
        reads("<p>See <a href='x'>the <b>rules</b></a><sup>2</sup>.</p>", "See the rules².");
        reads("<p>a</p><tdx>b</tdx><p>1 < 2</p>", "a\n\nb\n\n1 < 2");
        let wide = format!("<table>{}</table>", "<tr><td>a</td><td>some longer words</td></tr>".repeat(40));
        let found = text(&wide).expect("a page");
        assert!(found.len() < wide.len() && !found.contains(['│', '─']), "{found}");
    }

    #[test]
    fn a_title_is_kept_once() {
        reads(
            "<html><head><TITLE>Tom &amp; Co</TITLE></head><body><p>Hi.</p></body></html>",
            "Tom & Co\n\nHi.",
        );
        reads("<head><title>Shop</title></head><h1>Shop</h1><p>Hi.</p>", "# Shop\n\nHi.");
    }

    #[test]
    fn code_and_marks_are_no_headings() {
        let page = "<h2>Setup</h2><pre># install\n\n```\nrun</pre><p># not one</p><p>end</p>";
        reads(page, "## Setup\n\n````\n# install\n\n```\nrun\n````\n\n\\# not one\n\nend");
        reads("<p>~~~ wave</p><ul><li>one</li><li>two</li></ul>", "\\~~~ wave\n* one\n* two");
    }

    #[test]
    fn torn_pages_are_read() {
        for page in
            ["<", "</", "<td", "<title>", "<title", "<table><tr", "<p>\u{fdd1}\u{fdd0}", "<TITLE>é</title"]
        {
            text(page).expect(page);
        }
    }
}
