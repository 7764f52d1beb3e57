//! What a change of wording does, told by the words alone: no judgement, so that the same change always gets the
//! same tags.

use crate::domain::edits::Edits;
use std::collections::BTreeMap;
use unicode_segmentation::UnicodeSegmentation;

/// A sort of words whose coming or going deserves a second look.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Tag {
    /// How binding an instruction is: must, should, may, always, never.
    Modality,
    /// Whether something holds or does not: not, no, without.
    Negation,
    /// A number, a percentage, an amount.
    Number,
    /// A bound: at most, only, until, within.
    Limit,
}

impl Tag {
    /// The word for it in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Modality => "modality",
            Self::Negation => "negation",
            Self::Number => "number",
            Self::Limit => "limit",
        }
    }
}

const MODALITY: [&str; 21] = [
    "must", "shall", "should", "may", "might", "can", "could", "will", "would", "ought", "need", "needs",
    "required", "optional", "always", "never", "please", "prefer", "avoid", "cannot", "can't",
];
const NEGATION: [&str; 13] = [
    "not", "no", "never", "none", "nothing", "nobody", "nor", "neither", "without", "cannot", "except",
    "refuse", "unless",
];
const LIMIT: [&str; 23] = [
    "most", "least", "maximum", "minimum", "max", "min", "only", "within", "before", "after", "until",
    "than", "more", "less", "fewer", "above", "below", "under", "over", "exactly", "every", "any", "older",
];

/// The sorts whose words differ between two texts, as multisets: words that only moved change nothing.
pub fn tags(before: &str, after: &str) -> Vec<Tag> {
    [Tag::Modality, Tag::Negation, Tag::Number, Tag::Limit]
        .into_iter()
        .filter(|tag| bag(before, *tag) != bag(after, *tag))
        .collect()
}

fn bag(text: &str, tag: Tag) -> BTreeMap<String, usize> {
    let mut bag = BTreeMap::new();
    let lower = text.to_lowercase().replace('’', "'");
    let words = lower
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '.' | ',' | '%')))
        .map(|word| word.trim_matches(['\'', '.', ',']))
        .filter(|word| !word.is_empty());
    for word in words {
        let is = match tag {
            Tag::Modality => MODALITY.contains(&word),
            Tag::Negation => NEGATION.contains(&word) || word.ends_with("n't"),
            Tag::Number => word.chars().any(char::is_numeric),
            Tag::Limit => LIMIT.contains(&word),
        };
        if is {
            *bag.entry(word.to_owned()).or_insert(0) += 1;
        }
    }
    bag
}

/// How alike two texts are by their words, 0 to 1: twice the words in common over the words of both.
pub fn likeness(before: &str, after: &str) -> f32 {
    Edits::between(before.unicode_words().collect(), after.unicode_words().collect()).likeness()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sort_is_found_and_a_move_is_none() {
        assert_eq!(tags("You may refuse.", "You must refuse."), [Tag::Modality]);
        assert_eq!(tags("Do reply.", "Do not reply."), [Tag::Negation]);
        assert_eq!(tags("It isn't so.", "It is so."), [Tag::Negation]);
        assert_eq!(tags("within 30 days", "within 31 days"), [Tag::Number]);
        assert_eq!(tags("for 30 days", "only for 30 days"), [Tag::Limit]);
        assert_eq!(tags("You must not. We may.", "We may. You must not."), []);
        assert_eq!(tags("Be kind.", "Be friendly."), []);
    }
}
