//! How deeply the expressions of a template nest: told before they are parsed, because the engine bounds brackets and
//! blocks, but neither chains of operators nor of `elif`, each of which takes a piece of the stack.

/// Operators that may stand inside each other. People write a handful; the stack of a thread holds some thousands.
const DEEPEST: usize = 200;

/// Bytes of a line. The engine counts columns to 65,535 and does not withstand a fault beyond them.
const WIDEST: usize = 60_000;

/// What is said of either.
pub const TOO_DEEP: &str = "the template nests too deeply, or has a line of more than 60,000 bytes";

/// The 1-based line at which a template nests too deeply or is too wide; `None` where it is neither.
pub fn too_deep(text: &str) -> Option<u32> {
    let (mut at, mut branches) = (0, 0);
    if text.len() > WIDEST
        && find(text, 0).is_some()
        && let Some(wide) = text.split('\n').position(|line| line.len() > WIDEST)
    {
        return Some(u32::try_from(wide + 1).unwrap_or(u32::MAX));
    }
    while let Some(open) = find(text, at) {
        let body = open + 2;
        let line = || {
            let line = text[..open].bytes().filter(|byte| *byte == b'\n').count() + 1;
            u32::try_from(line).unwrap_or(u32::MAX)
        };
        at = match &text[open..body] {
            "{#" => text[body..].find("#}").map_or(text.len(), |end| body + end + 2),
            mark => {
                let tag = Tag::read(&text[body..], if mark == "{{" { "}}" } else { "%}" });
                branches += usize::from(tag.branches);
                if tag.deepest > DEEPEST || branches > DEEPEST {
                    return Some(line());
                }
                body + tag.length
            }
        };
    }
    None
}

/// Where the next tag or comment begins.
fn find(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let begins = |at: &usize| matches!(bytes.get(at + 1), Some(b'{' | b'%' | b'#'));
    text[from..].match_indices('{').map(|(at, _)| from + at).find(begins)
}

/// One tag, read as far as it matters.
struct Tag {
    /// Bytes, its end included.
    length: usize,
    /// The most operators that stand inside each other.
    deepest: usize,
    /// Whether it is an `elif`.
    branches: bool,
}

impl Tag {
    /// Reads up to `end`. Every bracket has the operators of its current part on top of those around it; a comma begins
    /// a new part.
    fn read(text: &str, end: &str) -> Self {
        let mut open: Vec<usize> = vec![0];
        let (mut deepest, mut sum) = (0, 0);
        let mut words = text.char_indices().peekable();
        let branches = text.trim_start_matches(['-', '+', ' ', '\n', '\t']).starts_with("elif");
        while let Some((at, c)) = words.next() {
            if open.len() == 1 && text[at..].starts_with(end) || end == "%}" && text[at..].starts_with(end) {
                return Self { length: at + end.len(), deepest, branches };
            }
            let mut count = 0;
            match c {
                '"' | '\'' => {
                    let mut escaped = false;
                    for (_, inside) in words.by_ref() {
                        if inside == c && !escaped {
                            break;
                        }
                        escaped = inside == '\\' && !escaped;
                    }
                }
                '(' | '[' | '{' => {
                    // Both inside of it and, as a link of a chain, beside it.
                    if let Some(last) = open.last_mut() {
                        *last += 1;
                    }
                    sum += 1;
                    open.push(0);
                }
                ')' | ']' | '}' if open.len() > 1 => sum -= open.pop().unwrap_or_default(),
                ',' => {
                    if let Some(last) = open.last_mut() {
                        sum -= std::mem::take(last);
                    }
                }
                '-' | '+' | '*' | '/' | '%' | '~' | '=' | '<' | '>' | '!' | '.' | '|' => count = 1,
                c if c.is_alphabetic() || c == '_' => {
                    let rest = &text[at..];
                    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                    let operator =
                        matches!(&rest[..length], "not" | "and" | "or" | "if" | "else" | "in" | "is");
                    count = usize::from(operator);
                    while words.next_if(|(next, _)| *next < at + length).is_some() {}
                }
                _ => {}
            }
            if let Some(last) = open.last_mut() {
                *last += count;
            }
            sum += count;
            deepest = deepest.max(sum);
        }
        Self { length: text.len(), deepest, branches }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_every_operator_are_bounded() {
        for link in [
            "-",
            "not ",
            "a + ",
            "a ** ",
            "a ~ ",
            "a and ",
            "a if b else ",
            "(",
            "[",
            "a == ",
            "-(",
            "f(1, -",
        ] {
            let chain = |n: usize| format!("text\n{{{{ {}a }}}}", link.repeat(n));
            assert_eq!(too_deep(&chain(5_000)), Some(2), "{link}");
            assert_eq!(too_deep(&chain(40)), None, "{link}");
        }
        for link in [".a", "|upper", "[0]", "()"] {
            let chain = |n: usize| format!("{{% set x = a{} %}}", link.repeat(n));
            assert_eq!((too_deep(&chain(5_000)), too_deep(&chain(40))), (Some(1), None), "{link}");
        }
        let branches = format!("{{% if a %}}{}{{% endif %}}", "\n{% elif b %}".repeat(3_000));
        assert_eq!(too_deep(&branches), Some(202));
    }

    #[test]
    fn long_is_not_deep() {
        let numbers = vec!["-1.5"; 5_000].join(", ");
        let far = format!("{}{{{{ a }}}}", "x".repeat(70_000));
        assert_eq!((too_deep(&far), too_deep(&far.replace("xx", "x\n"))), (Some(1), None));
        for text in [
            format!("{{% set x = [{numbers}] %}}"),
            format!("{{{{ f({numbers}) }}}}"),
            "{{ a.b | upper }} - text -- with --- dashes\n".repeat(5_000),
            format!("{{# {} #}}", "-".repeat(5_000)),
            format!("{{{{ \"{}\" }}}}", "-\\\"(".repeat(2_000)),
            format!("{{{{ {{\"a\": {{\"b\": [1]}}}} }}}}{}", "-".repeat(5_000)),
            "-".repeat(5_000),
        ] {
            assert_eq!(too_deep(&text), None, "{}", &text[..60.min(text.len())]);
        }
    }
}
