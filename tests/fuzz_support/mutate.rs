//! Mutations of bytes and of tokens, the same for the same seed on every machine.

/// Numbers that look random (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n.max(1)).expect("it fits")).expect("it fits")
    }
}

/// What breaks readers: ends of ranges, other alphabets, syntax in odd places.
const TREASURES: &[&str] = &[
    "",
    "\0",
    "\u{feff}",
    "\r\n",
    "\n",
    "\t",
    " ",
    "\u{a0}",
    "\u{2028}",
    "é",
    "😀",
    "e\u{301}",
    "\u{202e}",
    "\\",
    "\\u0000",
    "\\ud83d",
    "\"",
    "'",
    "`",
    "{",
    "}",
    "[",
    "]",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "<<: *a",
    "&a ",
    "*a",
    "!!binary ",
    "!x ",
    "? ",
    ": ",
    "- ",
    "--- ",
    "...",
    "|",
    ">-",
    "|9",
    "#",
    ",",
    ";",
    "null",
    "~",
    "true",
    "yes",
    "NaN",
    ".nan",
    ".inf",
    "-.inf",
    "-0",
    "-1",
    "0",
    "00",
    "1e999",
    "-1e999",
    "1e-999",
    "0x1F",
    "0o17",
    "1_000",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "4294967296",
    "99999999999999999999999999999999",
    "0.1e1",
    "1.7976931348623157e308",
    "5e-324",
    "sha256:",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "file://",
    "http://",
    "\u{1b}[31m",
    "__proto__",
    "latest",
    "builtin/lexical",
    "%",
    "50%",
    "101%",
    "{\"a\":",
    "[[[[[[[[[[[[[[[[",
    "{{{{{{{{{{",
    "((((((((((",
    "a: b: c",
    "\u{7f}",
    "\u{85}",
    "2026-02-30",
    "2026-04-20T09:15:00Z",
    "(a+)+$",
    "[a-z",
    "{% for x in range(999999999) %}",
    "{% include input %}",
    "{{ x.y.z }}",
];

/// One to four changes of `seed`; now and then a piece of `other`.
pub fn mutate(random: &mut Random, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        change(random, &mut bytes, other);
        bytes.truncate(200_000);
    }
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(bytes.len() + 1);
    let end = (at + 1 + random.below(24)).min(bytes.len());
    match random.below(12) {
        0 => bytes.truncate(at),
        1 => drop(bytes.splice(at.min(end)..end, [])),
        2 => {
            let piece = bytes[at.min(end)..end].to_vec();
            bytes.splice(at..at, piece);
        }
        3 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        4 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).expect("a byte"),
        5 if !other.is_empty() => {
            let from = random.below(other.len());
            let piece = other[from..(from + random.below(64)).min(other.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        6 => {
            let piece = TREASURES[random.below(TREASURES.len())].as_bytes();
            let many = [1, 1, 1, 2, 40, 3_000][random.below(6)];
            bytes.splice(at..at, piece.repeat(many));
        }
        7 => {
            let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
            let (one, two) = (random.below(lines.len()), random.below(lines.len()));
            let mut lines = lines;
            match random.below(3) {
                _ if lines.is_empty() => {}
                0 => lines.swap(one, two),
                1 => drop(lines.remove(one)),
                _ => lines.insert(two, lines[one]),
            }
            *bytes = lines.concat();
        }
        _ => token(random, bytes),
    }
}

/// Replaces, removes, doubles or swaps a token: a run of letters and digits, or one other byte.
fn token(random: &mut Random, bytes: &mut Vec<u8>) {
    let mut tokens: Vec<Vec<u8>> = Vec::new();
    for byte in bytes.iter() {
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        match tokens.last_mut() {
            Some(last) if word(byte) && last.last().is_some_and(word) => last.push(*byte),
            _ => tokens.push(vec![*byte]),
        }
    }
    if tokens.is_empty() {
        return;
    }
    let (one, two) = (random.below(tokens.len()), random.below(tokens.len()));
    match random.below(5) {
        0 => drop(tokens.remove(one)),
        1 => tokens.swap(one, two),
        2 => tokens.insert(two, tokens[one].clone()),
        _ => tokens[one] = TREASURES[random.below(TREASURES.len())].as_bytes().to_vec(),
    }
    *bytes = tokens.concat();
}
