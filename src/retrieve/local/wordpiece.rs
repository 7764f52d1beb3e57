//! The tokenizer of most static models: BERT's normaliser, words split at white space and punctuation, and WordPiece
//! (Schuster and Nakajima 2012). A `tokenizer.json` of another kind is refused rather than approximated.

use icu_normalizer::DecomposingNormalizerBorrowed;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use unicode_general_category::{GeneralCategory, get_general_category};

/// The tokenizer, ready to be asked.
#[derive(Debug)]
pub struct WordPiece {
    vocabulary: HashMap<Box<str>, u32>,
    /// The id of what is not in the vocabulary, which has no meaning and is left out.
    unknown: Option<u32>,
    prefix: String,
    longest: usize,
    normaliser: Bert,
    /// Tokens that are found as they are written, before anything is normalised.
    verbatim: Vec<(String, u32)>,
}

#[derive(Deserialize)]
struct File {
    normalizer: Option<Value>,
    pre_tokenizer: Option<Value>,
    model: Value,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    normalized: bool,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<Box<str>, u32>,
    #[serde(default = "unknown")]
    unk_token: String,
    #[serde(default = "prefix")]
    continuing_subword_prefix: String,
    #[serde(default = "longest")]
    max_input_chars_per_word: usize,
}

fn unknown() -> String {
    "[UNK]".to_owned()
}

fn prefix() -> String {
    "##".to_owned()
}

fn longest() -> usize {
    100
}

/// BERT's normaliser. Accents go where it says so, else where letters become small ones.
#[derive(Clone, Copy, Deserialize, Debug)]
struct Bert {
    clean_text: bool,
    handle_chinese_chars: bool,
    strip_accents: Option<bool>,
    lowercase: bool,
}

impl WordPiece {
    /// Reads `tokenizer.json`.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let file: File =
            serde_json::from_slice(bytes).map_err(|error| format!("it is no tokenizer: {error}"))?;
        kind(&file.model, "model", "WordPiece")?;
        let normaliser = file.normalizer.unwrap_or(Value::Null);
        kind(&normaliser, "normalizer", "BertNormalizer")?;
        kind(&file.pre_tokenizer.unwrap_or(Value::Null), "pre_tokenizer", "BertPreTokenizer")?;
        let odd = file.added_tokens.iter().find(|token| token.single_word || token.normalized);
        if let Some(token) = odd {
            return Err(format!(
                "its added token `{}` is found in another way than as it is written",
                token.content
            ));
        }
        let normaliser =
            serde_json::from_value(normaliser).map_err(|error| format!("its `normalizer`: {error}"))?;
        let model: Model =
            serde_json::from_value(file.model).map_err(|error| format!("its `model`: {error}"))?;
        let mut verbatim: Vec<(String, u32)> = file
            .added_tokens
            .into_iter()
            .filter(|token| !token.content.is_empty())
            .map(|token| (token.content, token.id))
            .collect();
        // Of two that begin at one place the longer is meant.
        verbatim.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        Ok(Self {
            unknown: model.vocab.get(model.unk_token.as_str()).copied(),
            vocabulary: model.vocab,
            prefix: model.continuing_subword_prefix,
            longest: model.max_input_chars_per_word,
            normaliser,
            verbatim,
        })
    }

    /// The largest id that a text can have.
    pub fn largest(&self) -> Option<u32> {
        self.vocabulary.values().chain(self.verbatim.iter().map(|(_, id)| id)).copied().max()
    }

    /// The tokens of a text, without those that are not in the vocabulary.
    pub fn ids(&self, text: &str, each: &mut impl FnMut(u32)) {
        let mut known = |id: u32| {
            if Some(id) != self.unknown {
                each(id);
            }
        };
        let mut rest = text;
        while let Some((at, token, id)) = self.next_verbatim(rest) {
            self.words(&rest[..at], &mut known);
            known(id);
            rest = &rest[at + token..];
        }
        self.words(rest, &mut known);
    }

    fn next_verbatim(&self, text: &str) -> Option<(usize, usize, u32)> {
        let found =
            self.verbatim.iter().filter_map(|(token, id)| Some((text.find(token)?, token.len(), *id)));
        found.min_by_key(|(at, length, _)| (*at, std::cmp::Reverse(*length)))
    }

    fn words(&self, text: &str, each: &mut impl FnMut(u32)) {
        let text = self.normaliser.normalised(text);
        let mut start = None;
        for (at, c) in text.char_indices() {
            let apart = is_punctuation(c);
            if (apart || c.is_whitespace())
                && let Some(start) = start.take()
            {
                self.pieces(&text[start..at], each);
            }
            if apart {
                self.pieces(&text[at..at + c.len_utf8()], each);
            } else if !c.is_whitespace() {
                start.get_or_insert(at);
            }
        }
        if let Some(start) = start {
            self.pieces(&text[start..], each);
        }
    }

    /// The longest pieces that the vocabulary holds, from the left; nothing of a word that it does not hold whole.
    fn pieces(&self, word: &str, each: &mut impl FnMut(u32)) {
        if word.chars().count() > self.longest {
            return;
        }
        let (mut found, mut from, mut piece) = (Vec::new(), 0, String::new());
        while from < word.len() {
            let ends = word[from..].char_indices().map(|(at, c)| from + at + c.len_utf8()).rev();
            let longest = ends.into_iter().find_map(|end| {
                piece.clear();
                if from > 0 {
                    piece.push_str(&self.prefix);
                }
                piece.push_str(&word[from..end]);
                Some((end, *self.vocabulary.get(piece.as_str())?))
            });
            let Some((end, id)) = longest else { return };
            found.push(id);
            from = end;
        }
        found.into_iter().for_each(each);
    }
}

/// Holds that a part of the file is of the only kind that is understood.
fn kind(part: &Value, name: &str, expected: &str) -> Result<(), String> {
    match part.get("type").and_then(Value::as_str) {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(format!("its `{name}` is of the type {found}, and only {expected} is understood")),
        None => Err(format!("it has no `{name}` with a type, and only {expected} is understood")),
    }
}

impl Bert {
    fn normalised(self, text: &str) -> String {
        let mut cleaned = String::with_capacity(text.len());
        for c in text.chars() {
            if self.clean_text && c.is_whitespace() {
                cleaned.push(' ');
            } else if self.clean_text && is_noise(c) {
                continue;
            } else if self.handle_chinese_chars && is_ideograph(c) {
                cleaned.extend([' ', c, ' ']);
            } else {
                cleaned.push(c);
            }
        }
        if self.strip_accents.unwrap_or(self.lowercase) && !cleaned.is_ascii() {
            let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize_iter(cleaned.chars());
            cleaned =
                decomposed.filter(|c| get_general_category(*c) != GeneralCategory::NonspacingMark).collect();
        }
        if self.lowercase { cleaned.chars().flat_map(char::to_lowercase).collect() } else { cleaned }
    }
}

/// Control characters, and what stands for a character that was lost.
fn is_noise(c: char) -> bool {
    use GeneralCategory::{Control, Format, PrivateUse, Unassigned};
    c == '\u{fffd}'
        || !(' '..'\u{7f}').contains(&c)
            && matches!(get_general_category(c), Control | Format | PrivateUse | Unassigned)
}

fn is_punctuation(c: char) -> bool {
    use GeneralCategory::{
        ClosePunctuation, ConnectorPunctuation, DashPunctuation, FinalPunctuation, InitialPunctuation,
        OpenPunctuation, OtherPunctuation,
    };
    c.is_ascii_punctuation()
        || !c.is_ascii()
            && matches!(
                get_general_category(c),
                ClosePunctuation
                    | ConnectorPunctuation
                    | DashPunctuation
                    | FinalPunctuation
                    | InitialPunctuation
                    | OpenPunctuation
                    | OtherPunctuation
            )
}

/// The blocks that BERT's normaliser sets apart.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2a6df}' | '\u{2a700}'..='\u{2b81f}' | '\u{2b920}'..='\u{2ceaf}' | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(vocabulary: &[&str], change: impl FnOnce(&mut Value)) -> Result<WordPiece, String> {
        let vocabulary: serde_json::Map<String, Value> =
            vocabulary.iter().enumerate().map(|(id, token)| ((*token).to_owned(), json!(id))).collect();
        let mut file = json!({
            "added_tokens": [{"id": 0, "content": "[PAD]", "special": true, "normalized": false}],
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 12, "vocab": vocabulary},
        });
        change(&mut file);
        WordPiece::read(file.to_string().as_bytes())
    }

    const WORDS: &[&str] =
        &["[PAD]", "[UNK]", "re", "##fund", "##s", "refund", "cafe", "!", "退", "款", "##fun", "##d", "ꙮ"];

    fn ids(tokenizer: &WordPiece, text: &str) -> Vec<u32> {
        let mut found = Vec::new();
        tokenizer.ids(text, &mut |id| found.push(id));
        found
    }

    #[test]
    fn words_become_the_longest_pieces_from_the_left() {
        let tokenizer = file(WORDS, |_| {}).expect("a tokenizer");
        assert_eq!(ids(&tokenizer, "Refunds!"), [5, 4, 7]);
        assert_eq!(ids(&tokenizer, "REFUND, refund"), [5, 5]);
        assert_eq!(ids(&tokenizer, " Café\tcafe\u{301}\u{200b} "), [6, 6]);
        assert_eq!(ids(&tokenizer, "退款"), [8, 9]);
        // A word of which the vocabulary does not hold every piece, and one that is too long, are nothing.
        assert_eq!(ids(&tokenizer, "refundx unheard refundrefundrefund"), Vec::<u32>::new());
        assert_eq!(ids(&tokenizer, "[UNK] a[PAD]refund"), [0, 5]);
        assert_eq!(tokenizer.largest(), Some(12));
    }

    #[test]
    fn case_and_accents_stay_where_the_file_says_so() {
        let cased = file(&["[UNK]", "Café", "cafe"], |file| {
            file["normalizer"]["lowercase"] = json!(false);
        });
        assert_eq!(ids(&cased.expect("a tokenizer"), "Café cafe Cafe"), [1, 2]);
        let accents = file(&["[UNK]", "café", "cafe"], |file| {
            file["normalizer"]["strip_accents"] = json!(false);
        });
        assert_eq!(ids(&accents.expect("a tokenizer"), "Café CAFE"), [1, 2]);
    }

    #[test]
    fn a_tokenizer_of_another_kind_is_named_and_not_approximated() {
        for (part, value, why) in [
            ("model", json!({"type": "Unigram"}), "`model` is of the type Unigram"),
            ("model", json!({"type": "BPE"}), "`model` is of the type BPE"),
            ("normalizer", json!({"type": "NFKC"}), "`normalizer` is of the type NFKC"),
            ("normalizer", Value::Null, "no `normalizer`"),
            ("pre_tokenizer", json!({"type": "Metaspace"}), "`pre_tokenizer` is of the type Metaspace"),
            ("added_tokens", json!([{"id": 1, "content": "x", "normalized": true}]), "added token `x`"),
        ] {
            let fault = file(WORDS, |file| file[part] = value).expect_err(why);
            assert!(fault.contains(why), "{fault}");
        }
        assert!(WordPiece::read(b"[]").expect_err("no tokenizer").contains("no tokenizer"));
    }
}
