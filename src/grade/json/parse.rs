//! A strict JSON parser (RFC 8259) that refuses a key written twice and can stop after one value.

use super::{Decimal, Json};

/// Levels of nesting, as many as `serde_json` allows.
pub const MAX_DEPTH: usize = 127;

/// What is wrong with a text that should be JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// The grammar does not allow what stands there.
    Syntax,
    /// The text ends inside the value.
    End,
    /// An object has this key twice, so that readers differ in which one they take.
    Duplicate(String),
    /// Nested deeper than [`MAX_DEPTH`].
    Depth,
    /// A number whose exponent is beyond reason.
    Number,
}

/// Why a text is not JSON, and at which byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Byte offset in the text.
    pub at: usize,
}

impl Fault {
    /// A lower-case fragment, with the 1-based line and column in characters.
    pub fn describe(&self, text: &str) -> String {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
        let what = match &self.kind {
            FaultKind::Syntax => match text.get(self.at..).and_then(|rest| rest.chars().next()) {
                Some(c) => format!("unexpected {c:?}"),
                None => "unexpected end".to_owned(),
            },
            FaultKind::End => "the text ends too early".to_owned(),
            FaultKind::Duplicate(key) => format!("duplicate key {key:?}"),
            FaultKind::Depth => format!("nested deeper than {MAX_DEPTH} levels"),
            FaultKind::Number => "a number out of range".to_owned(),
        };
        format!("{what} at line {line}, column {column}")
    }
}

/// Reads the whole of `text` as one JSON value, with white space around it.
///
/// # Errors
/// The first [`Fault`].
pub fn parse(text: &str) -> Result<Json, Fault> {
    let mut parser = Parser { text, at: 0 };
    parser.space();
    let value = parser.value(0)?;
    parser.space();
    if parser.at < text.len() { Err(parser.fault(FaultKind::Syntax)) } else { Ok(value) }
}

/// Reads one JSON value at the start of `text`, and says how many bytes it took.
///
/// # Errors
/// The first [`Fault`].
pub fn parse_prefix(text: &str) -> Result<(Json, usize), Fault> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    Ok((value, parser.at))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn fault(&self, kind: FaultKind) -> Fault {
        let kind =
            if kind == FaultKind::Syntax && self.at >= self.text.len() { FaultKind::End } else { kind };
        Fault { kind, at: self.at }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), Fault> {
        if self.byte() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.fault(FaultKind::Syntax))
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, Fault> {
        match self.byte() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(self.fault(FaultKind::Depth)),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(self.fault(FaultKind::Syntax)),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Fault> {
        for byte in word.bytes() {
            self.take(byte)?;
        }
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Json, Fault> {
        self.take(b'{')?;
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.space();
        if self.byte() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let start = self.at;
            let key = self.string()?;
            if !seen.insert(key.clone()) {
                return Err(Fault { kind: FaultKind::Duplicate(key), at: start });
            }
            self.space();
            self.take(b':')?;
            self.space();
            let value = self.value(depth)?;
            members.push((key, value));
            self.space();
            match self.byte() {
                Some(b',') => self.at += 1,
                _ => {
                    self.take(b'}')?;
                    return Ok(Json::Object(members));
                }
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, Fault> {
        self.take(b'[')?;
        let mut items = Vec::new();
        self.space();
        if self.byte() == Some(b']') {
            self.at += 1;
            return Ok(Json::List(items));
        }
        loop {
            self.space();
            items.push(self.value(depth)?);
            self.space();
            match self.byte() {
                Some(b',') => self.at += 1,
                _ => {
                    self.take(b']')?;
                    return Ok(Json::List(items));
                }
            }
        }
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let start = self.at;
        let digits = |parser: &mut Self| {
            let from = parser.at;
            while matches!(parser.byte(), Some(b'0'..=b'9')) {
                parser.at += 1;
            }
            if parser.at == from { Err(parser.fault(FaultKind::Syntax)) } else { Ok(()) }
        };
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
            if matches!(self.byte(), Some(b'0'..=b'9')) {
                return Err(self.fault(FaultKind::Syntax));
            }
        } else {
            digits(self)?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            digits(self)?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            digits(self)?;
        }
        let text = &self.text[start..self.at];
        Decimal::parse(text).map(Json::Number).ok_or(Fault { kind: FaultKind::Number, at: start })
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.take(b'"')?;
        let mut out = String::new();
        loop {
            let from = self.at;
            while matches!(self.byte(), Some(byte) if byte != b'"' && byte != b'\\' && byte >= 0x20) {
                self.at += 1;
            }
            out.push_str(&self.text[from..self.at]);
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.push(c);
                }
                _ => return Err(self.fault(FaultKind::Syntax)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let plain = match self.byte() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.fault(FaultKind::Syntax)),
        };
        self.at += 1;
        Ok(plain)
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return Err(self.fault(FaultKind::Syntax)) };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    /// A character, or a pair of surrogates; one alone stands for no text.
    fn unicode(&mut self) -> Result<char, Fault> {
        let start = self.at;
        let high = self.hex()?;
        let code = if (0xD800..0xDC00).contains(&high) {
            self.take(b'\\')?;
            self.take(b'u')?;
            let low = self.hex()?;
            if !(0xDC00..0xE000).contains(&low) {
                return Err(Fault { kind: FaultKind::Syntax, at: start });
            }
            0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        } else {
            high
        };
        char::from_u32(code).ok_or(Fault { kind: FaultKind::Syntax, at: start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind(text: &str) -> FaultKind {
        parse(text).expect_err(text).kind
    }

    #[test]
    fn the_grammar_is_strict() {
        for text in [
            "{'a': 1}",
            "[1,]",
            "{\"a\":1,}",
            "NaN",
            "[Infinity]",
            "04",
            "\"\t\"",
            "1 2",
            "// x\n1",
            "\u{feff}1",
        ] {
            assert_eq!(kind(text), FaultKind::Syntax, "{text}");
        }
        for text in ["", "  ", "{\"a\": 4", "[1", "\"abc", "tru", "-"] {
            assert_eq!(kind(text), FaultKind::End, "{text}");
        }
        assert_eq!(kind("\"\\ud800x\""), FaultKind::Syntax);
        assert_eq!(kind("\"\\udc00\""), FaultKind::Syntax);
    }

    #[test]
    fn a_key_is_written_once() {
        assert_eq!(kind(r#"{"a": 1, "a": 1}"#), FaultKind::Duplicate("a".into()));
        assert_eq!(kind(r#"[{"x": {"a": 1, "\u0061": 2}}]"#), FaultKind::Duplicate("a".into()));
    }

    #[test]
    fn a_pit_is_refused() {
        assert_eq!(kind(&"[".repeat(100_000)), FaultKind::Depth);
        assert!(parse(&format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH))).is_ok());
    }

    #[test]
    fn a_fault_names_line_and_column() {
        let text = "{\n  \"ä\": x}";
        let fault = parse(text).expect_err("a fault");
        assert_eq!(fault.describe(text), "unexpected 'x' at line 2, column 8");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = parse(&text).map_err(|fault| fault.describe(&text));
        }

        #[test]
        fn what_it_takes_is_what_serde_json_takes(text in "[\\[\\]{}:,\"\\\\a0-9.eE+\\- tn]{0,24}") {
            let own = parse(&text);
            let other = serde_json::from_str::<serde_json::Value>(&text);
            match own {
                Ok(value) => if let Ok(other) = other {
                    prop_assert_eq!(value.noun(), Json::from(&other).noun());
                } else {
                    // Only a float out of range is JSON that it does not take.
                    prop_assert!(text.contains(['e', 'E']), "{}", text);
                },
                Err(fault) => prop_assert!(
                    other.is_err() || matches!(fault.kind, FaultKind::Duplicate(_) | FaultKind::Number)
                ),
            }
        }
    }
}
