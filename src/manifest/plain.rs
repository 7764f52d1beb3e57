//! A manifest as stable text: keys sorted, comments and quotes gone, texts written out line by line. Two manifests
//! that mean the same read the same.

use super::yaml::{self, Kind, Node};
use serde_json::Value;

/// The stable text of a manifest; `None` when it is no YAML mapping.
pub fn normalised(text: &str) -> Option<String> {
    let node = yaml::parse(text).ok()??;
    let Kind::Map(_) = &node.kind else { return None };
    let mut out = String::new();
    write(&node, 0, true, &mut out);
    Some(out)
}

fn write(node: &Node, depth: usize, top: bool, out: &mut String) {
    let indent = "  ".repeat(depth);
    match &node.kind {
        Kind::Map(items) => {
            let mut items: Vec<_> = items.iter().collect();
            items.sort_by(|a, b| a.0.text.cmp(&b.0.text));
            for (key, value) in items {
                out.push_str(&format!("{indent}{}:", key.text));
                // A version is read as it is written: `2.10` is not `2.1`.
                let written = if top && key.text == "version" { value.as_written() } else { None };
                match written {
                    Some(written) => out.push_str(&format!(" {written}\n")),
                    None => child(value, depth, out),
                }
            }
        }
        Kind::List(items) => {
            for item in items {
                out.push_str(&format!("{indent}-"));
                child(item, depth, out);
            }
        }
        Kind::Scalar(_) => child(node, depth, out),
    }
}

fn child(node: &Node, depth: usize, out: &mut String) {
    match &node.kind {
        Kind::Scalar(_) => match node.value() {
            Value::String(text) if text.contains('\n') => {
                out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
                for line in text.replace("\r\n", "\n").lines() {
                    out.push_str(&format!("{}{line}\n", "  ".repeat(depth + 1)));
                }
            }
            // Quoted, so that the text "1" is not the number 1.
            value => out.push_str(&format!(" {value}\n")),
        },
        Kind::Map(items) if items.is_empty() => out.push_str(" {}\n"),
        Kind::List(items) if items.is_empty() => out.push_str(" []\n"),
        _ => {
            out.push('\n');
            write(node, depth + 1, false, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_comments_quotes_and_line_ends_are_nothing_and_values_are_all() {
        let one = "# why\nversion: 2.10\nmodel_target: \"m\"\nparameters: {max_tokens: 8, temperature: 0.20}\nsystem: |\n  a\n  b\n";
        let two = "system: |\r\n  a\r\n  b\r\nparameters:\r\n  temperature: 0.2 # low\r\n  max_tokens: 8\r\nmodel_target: m\r\nversion: \"2.10\"\r\n";
        assert_eq!(normalised(one), normalised(two));
        for (from, to) in [("2.10", "2.1"), ("  b", "  c"), ("0.20", "0.3"), ("\"m\"", "\"n\"")] {
            assert_ne!(normalised(one), normalised(&one.replace(from, to)), "{from}");
        }
        assert_eq!(normalised("- a"), None);
        assert_eq!(normalised("a: ["), None);
    }
}
