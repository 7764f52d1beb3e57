//! A Markdown report as the picture of a comment: an SVG that reads well by day and by night. It knows the Markdown that
//! reports are written in, and nothing else.

const WIDTH: usize = 920;
/// Characters of a line of text.
const COLUMNS: usize = 134;
/// Folded cases that are shown; the first stands open.
const CASES: usize = 3;

const STYLE: &str = "\
text{font:14px -apple-system,BlinkMacSystemFont,'Segoe UI','Noto Sans',Helvetica,Arial,sans-serif;fill:#1f2328}\
.b{font-weight:600}.h{font-size:20px;font-weight:600}.s{font-size:16px;font-weight:600}.q{fill:#59636e}\
.m{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}.bad{fill:#d1242f;font-weight:600}\
.card{fill:#fff;stroke:#d1d9e0}.bar{fill:#f6f8fa;stroke:#d1d9e0}.line{stroke:#d1d9e0}.code{fill:#f6f8fa}.quote{fill:#d1d9e0}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.q{fill:#9198a1}.bad{fill:#f85149}.card{fill:#0d1117;stroke:#3d444d}\
.bar{fill:#151b23;stroke:#3d444d}.line{stroke:#3d444d}.code{fill:#151b23}.quote{fill:#3d444d}}";

/// The picture of `report` (Markdown) as a comment under `title`, with the check's line below it.
pub fn picture(title: &str, report: &str, check: &str) -> String {
    let mut page = Page { body: String::new(), y: 76 };
    let mut cases = 0;
    let mut lines = report.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(text) = line.strip_prefix("### ") {
            page.y += 14;
            page.text(&plain(text), "s", 24, 26);
        } else if let Some(text) = line.strip_prefix("## ") {
            page.text(&plain(text), "h", 24, 30);
        } else if let Some(text) = line.strip_prefix("> ") {
            let top = page.y - 14;
            page.wrapped(&plain(text), "q", 40);
            let height = page.y - top - 12;
            page.body.push_str(&format!(
                "<rect class=\"quote\" x=\"24\" y=\"{top}\" width=\"4\" height=\"{height}\"/>\n"
            ));
            page.y += 6;
        } else if line.starts_with('|') {
            let mut rows = vec![line];
            while let Some(row) = lines.next_if(|next| next.starts_with('|')) {
                rows.push(row);
            }
            page.table(&rows);
        } else if let Some(text) = line.strip_prefix("- ") {
            // Times differ from run to run.
            if !text.starts_with("time:") {
                page.wrapped(&format!("•  {}", plain(text)), "", 28);
            }
        } else if let Some(text) = line.strip_prefix("<details><summary>") {
            let inner: Vec<&str> = lines.by_ref().take_while(|line| *line != "</details>").collect();
            if cases < CASES {
                page.case(&plain(text.trim_end_matches("</summary>")), &inner, cases == 0);
            }
            cases += 1;
        } else if !line.is_empty() && !line.starts_with('<') {
            page.wrapped(&plain(line), if line.starts_with("**") { "b" } else { "" }, 24);
            page.y += 4;
        }
    }
    if cases > CASES {
        page.text(&format!("…  and {} more", cases - CASES), "q", 28, 24);
    }
    let (bottom, height) = (page.y + 4, page.y + 60);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"A pull request that is blocked\">\n\
         <style>{STYLE}</style>\n\
         <rect class=\"card\" x=\".5\" y=\".5\" width=\"{card}\" height=\"{bottom}\" rx=\"6\"/>\n\
         <path class=\"bar\" d=\"M.5 40.5v-34a6 6 0 0 1 6-6h{bar}a6 6 0 0 1 6 6v34z\"/>\n\
         <text class=\"q\" x=\"24\" y=\"26\"><tspan class=\"b\">github-actions</tspan> commented on “{title}”</text>\n\
         {body}<text class=\"bad\" x=\"8\" y=\"{check_at}\">✗  {check}</text>\n</svg>\n",
        card = WIDTH - 1,
        bar = WIDTH - 13,
        title = escaped(title),
        body = page.body,
        check_at = height - 20,
        check = escaped(check),
    )
}

struct Page {
    body: String,
    y: usize,
}

impl Page {
    fn text(&mut self, text: &str, class: &str, x: usize, height: usize) {
        let text = escaped(text);
        self.body.push_str(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{}\">{text}</text>\n", self.y));
        self.y += height;
    }

    fn wrapped(&mut self, text: &str, class: &str, x: usize) {
        let mut line = String::new();
        for word in text.split(' ') {
            if !line.is_empty() && line.chars().count() + word.chars().count() >= COLUMNS - x / 8 {
                self.text(&std::mem::take(&mut line), class, x, 21);
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.text(&line, class, x, 21);
    }

    fn table(&mut self, rows: &[&str]) {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.trim_matches('|').split('|').map(|cell| plain(cell.trim())).collect())
            .collect();
        let columns = cells[0].len();
        let longest = |column: usize| {
            let of = cells.iter().enumerate().filter(|(at, _)| *at != 1);
            of.map(|(_, row)| row[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(|column| longest(column) * 7 + 24).collect();
        let width: usize = widths.iter().sum();
        for (at, row) in cells.iter().enumerate().filter(|(at, _)| *at != 1) {
            let mut x = 24;
            for (column, cell) in row.iter().enumerate() {
                let right = cells[1][column].ends_with(':');
                let class = if at == 0 || (column == 0 && columns > 4) { "b" } else { "" };
                let (place, anchor) =
                    if right { (x + widths[column] - 13, " text-anchor=\"end\"") } else { (x + 13, "") };
                let cell = escaped(cell);
                self.body.push_str(&format!(
                    "<text class=\"{class}\" x=\"{place}\" y=\"{}\"{anchor}>{cell}</text>\n",
                    self.y
                ));
                x += widths[column];
            }
            let below = self.y + 10;
            self.body.push_str(&format!("<path class=\"line\" d=\"M24 {below}.5h{width}\"/>\n"));
            self.y += 30;
        }
        self.y += 2;
    }

    fn case(&mut self, title: &str, inner: &[&str], open: bool) {
        self.text(&format!("{}  {title}", if open { "▾" } else { "▸" }), "", 28, 24);
        if !open {
            return;
        }
        let mut code = false;
        for line in inner.iter().filter(|line| !line.is_empty()) {
            if line.starts_with("```") {
                code = !code;
            } else if code {
                let top = self.y - 16;
                self.body.push_str(&format!(
                    "<rect class=\"code\" x=\"44\" y=\"{top}\" width=\"{}\" height=\"24\" rx=\"4\"/>\n",
                    WIDTH - 68
                ));
                self.text(line, "m", 54, 28);
            } else {
                self.wrapped(&plain(line), "", 48);
            }
        }
    }
}

/// What a reader sees of Markdown: without its signs, its entities and what keeps mentions from being ones.
fn plain(text: &str) -> String {
    let mut plain = text
        .replace("**", "")
        .replace("<code>", "")
        .replace("</code>", "")
        .replace('\u{200b}', "")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    while let Some((before, rest)) = plain.split_once("&#") {
        let Some((number, after)) = rest.split_once(';') else { break };
        let c = number.parse().ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
        plain = format!("{before}{c}{after}");
    }
    plain.replace("&amp;", "&")
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // Not every machine has the emoji, and those that have draw it as they like.
    text.replace('❌', "<tspan class=\"bad\">✗</tspan>")
}
