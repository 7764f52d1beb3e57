//! What the engine does not withstand in a template, told before it is parsed: it bounds brackets and blocks, but neither
//! chains of operators nor of `elif`, each of which takes a piece of the stack; it counts columns in 16 bits; and it
//! reads outside of what it slices backwards.

/// Operators that may stand inside each other. People write a handful; the stack of a thread holds some thousands.
const DEEPEST: usize = 200;

/// Bytes of a line. The engine counts columns to 65,535 and does not withstand a fault beyond them.
const WIDEST: usize = 60_000;

/// What is wrong with a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Excess {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub message: &'static str,
    /// What to write instead.
    pub help: &'static str,
}

/// The first thing in a template that the engine does not withstand; `None` where there is none.
pub fn excess(text: &str) -> Option<Excess> {
    let (mut at, mut branches) = (0, 0);
    if text.len() > WIDEST
        && find(text, 0).is_some()
        && let Some(wide) = text.split('\n').position(|line| line.len() > WIDEST)
    {
        return Some(Excess {
            line: u32::try_from(wide + 1).unwrap_or(u32::MAX),
            message: "the template has a line of more than 60,000 bytes",
            help: "break the line",
        });
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
                if tag.backwards {
                    return Some(Excess {
                        line: line(),
                        message: "a slice goes backwards, or by a step that is computed",
                        help: "write the step as a number above 0, or use the filter `reverse`",
                    });
                }
                if tag.deepest > DEEPEST || branches > DEEPEST {
                    return Some(Excess {
                        line: line(),
                        message: "the template nests too deeply",
                        help: "write it in several steps, with `set`",
                    });
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
    /// Whether it slices by a step that is not written as a number above 0.
    backwards: bool,
}

/// A bracket that is open.
#[derive(Default)]
struct Open {
    /// Operators of its current part.
    operators: usize,
    /// Whether it is a square one.
    square: bool,
    /// Colons directly in it.
    colons: usize,
}

/// Whether what follows a slice's second colon is a step that the engine takes: none, or a number.
fn steps_forwards(rest: &str) -> bool {
    let step = rest.split(']').next().unwrap_or_default().trim();
    step.bytes().all(|byte| byte.is_ascii_digit())
}

impl Tag {
    /// Reads up to `end`. Every bracket has the operators of its current part on top of those around it; a comma begins
    /// a new part.
    fn read(text: &str, end: &str) -> Self {
        let mut open = vec![Open::default()];
        let (mut deepest, mut sum, mut backwards) = (0, 0, false);
        let mut words = text.char_indices().peekable();
        let branches = text.trim_start_matches(['-', '+', ' ', '\n', '\t']).starts_with("elif");
        while let Some((at, c)) = words.next() {
            if open.len() == 1 && text[at..].starts_with(end) || end == "%}" && text[at..].starts_with(end) {
                return Self { length: at + end.len(), deepest, branches, backwards };
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
                        last.operators += 1;
                    }
                    sum += 1;
                    open.push(Open { square: c == '[', ..Open::default() });
                }
                ')' | ']' | '}' if open.len() > 1 => sum -= open.pop().unwrap_or_default().operators,
                ',' => {
                    if let Some(last) = open.last_mut() {
                        sum -= std::mem::take(&mut last.operators);
                    }
                }
                ':' => {
                    if let Some(last) = open.last_mut() {
                        last.colons += 1;
                        backwards |= last.square && last.colons == 2 && !steps_forwards(&text[at + 1..]);
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
                last.operators += count;
            }
            sum += count;
            deepest = deepest.max(sum);
        }
        Self { length: text.len(), deepest, branches, backwards }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_deep(text: &str) -> Option<u32> {
        excess(text).map(|excess| excess.line)
    }

    #[test]
    fn slices_go_forwards_by_a_number() {
        for text in [
            "{{ a[::-1] }}",
            "{{ a[1:-1:-1] }}",
            "{{ a[:: n] }}",
            "{% if a[b[0]: f(1):-2] %}",
            "{{ a[::1-2] }}",
        ] {
            let said = excess(&format!("text\n{text}")).map(|excess| (excess.line, excess.message));
            assert_eq!(said, Some((2, "a slice goes backwards, or by a step that is computed")), "{text}");
        }
        for text in [
            "{{ a[1:-1] }}",
            "{{ a[::2] }}",
            "{{ a[-3::] }}",
            "{{ [{1: 2, 3: 4}] }}",
            "{{ a['::-1'] }}",
            "a[::-1]",
            "{{ a[:2][1:] }}",
        ] {
            assert_eq!(excess(text), None, "{text}");
        }
    }

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
