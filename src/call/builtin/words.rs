//! Words, stems and sentences: what the built-in models see of a text.

use std::collections::BTreeSet;
use unicode_segmentation::UnicodeSegmentation as _;

/// English words that carry no topic, questions' own words among them. Texts in other languages keep all of
/// their words.
const STOP_WORDS: &str = "a about above after again against ain all also am an and any anybody anyone anything \
    are aren as ask at b be because been before being below between both but by c can cannot could couldn d \
    did didn do does doesn doing don done down during e each else etc even ever every few for from further g \
    get gets getting give given go going gonna got had hadn has hasn have haven having he hello help her here \
    hers herself hey hi him himself his how however i if in into is isn it its itself j just k kind know l let \
    like ll long m made make many may maybe me might mine more most much must mustn my myself n need needn no \
    nor not now o of off often ok okay on once one only onto or other our ours ourselves out over own p per \
    perhaps please possible q quite r rather re really right s said same say see shall shan she should \
    shouldn since so some somebody someone something soon still such sure t take tell than thank thanks that \
    the their theirs them themselves then there these they thing things this those though through to too u \
    under until up upon us use used using usually v ve very via w want wanted was wasn way we well were weren \
    what when where whether which while who whom whose why will wish with within without won would wouldn x y \
    yes yet you your yours yourself z";

/// Number words that are read as digits, so that "two years" and "2 years" are the same.
const NUMBERS: [(&str, &str); 18] = [
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("fourteen", "14"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("sixty", "60"),
    ("ninety", "90"),
    ("hundred", "100"),
    ("thousand", "1000"),
];

/// Words that turn a statement round.
const NEGATIONS: [&str; 8] = ["not", "no", "never", "cannot", "none", "nothing", "neither", "without"];

fn is_stop_word(word: &str) -> bool {
    use std::sync::LazyLock;
    static WORDS: LazyLock<BTreeSet<&'static str>> =
        LazyLock::new(|| STOP_WORDS.split_ascii_whitespace().collect());
    WORDS.contains(word)
}

/// Lower-cased words as Unicode segments them; a contraction is split at its apostrophe.
pub(super) fn all(text: &str) -> impl Iterator<Item = String> + '_ {
    text.unicode_words()
        .flat_map(|word| word.split(['\'', '’']))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// The stems of the words that carry a topic, in order, repeats included.
pub(super) fn content(text: &str) -> Vec<String> {
    all(text).filter(|word| !is_stop_word(word)).map(|word| stem(&word)).collect()
}

/// The stems of the words that carry a topic, each once.
pub(super) fn topics(text: &str) -> BTreeSet<String> {
    content(text).into_iter().collect()
}

/// The numbers of a text, number words read as digits.
pub(super) fn numbers(text: &str) -> BTreeSet<String> {
    all(text).map(|word| stem(&word)).filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).collect()
}

/// How often the text says no: English negations, and contractions with `n't`.
pub(super) fn negations(text: &str) -> usize {
    let words = text.unicode_words().map(|word| word.to_lowercase().replace('’', "'"));
    words.filter(|word| word.ends_with("n't") || NEGATIONS.contains(&word.as_str())).count()
}

/// A light stem of an English word: number words become digits; plural, `-ing`, `-ed`, `-ment`, `-ation`, final
/// `-e` and `-y` go. Words with letters beyond ASCII stay as they are.
pub(super) fn stem(word: &str) -> String {
    if let Some((_, digits)) = NUMBERS.iter().find(|(name, _)| *name == word) {
        return (*digits).to_owned();
    }
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let mut stem = singular(word);
    for (ending, least) in [("ation", 5), ("ment", 3), ("ing", 3), ("ed", 3)] {
        let rest = stem.strip_suffix(ending).unwrap_or("");
        if rest.len() >= least && rest.contains(['a', 'e', 'i', 'o', 'u', 'y']) {
            stem = undoubled(rest).to_owned();
            break;
        }
    }
    if stem.len() > 4 && stem.ends_with(['e', 'y']) {
        stem.pop();
    }
    stem
}

fn singular(word: &str) -> String {
    if let Some(rest) = word.strip_suffix("ies")
        && rest.len() > 2
    {
        return format!("{rest}y");
    }
    if let Some(rest) = word.strip_suffix("es")
        && rest.len() > 2
        && ["s", "x", "z", "ch", "sh"].iter().any(|ending| rest.ends_with(ending))
    {
        return rest.to_owned();
    }
    match word.strip_suffix('s') {
        Some(rest) if !rest.ends_with(['s', 'u', 'i']) => rest.to_owned(),
        _ => word.to_owned(),
    }
}

/// `shipp` is `ship`; `ll`, `ss` and `zz` may be the word's own, but `cancell` is not.
fn undoubled(word: &str) -> &str {
    let mut last = word.chars().rev();
    match (last.next(), last.next()) {
        (Some(a), Some(b)) if a == b && !"aeiousz".contains(a) && word.len() > 4 => &word[..word.len() - 1],
        _ => word,
    }
}

/// The sentences of a text in order. Lines of one paragraph belong together; headings, and lines that only
/// announce something (`Articles:`), say nothing and are left out; list items stand for themselves.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut paragraph = String::new();
    for line in text.lines() {
        let line = line.trim();
        let item = ["- ", "* ", "• ", "> "].iter().find_map(|mark| line.strip_prefix(mark));
        if line.is_empty() || line.starts_with('#') || item.is_some() {
            split(&mut paragraph, &mut found);
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !paragraph.is_empty() {
            paragraph.push(' ');
        }
        paragraph.push_str(item.unwrap_or(line));
        if line.ends_with(':') {
            split(&mut paragraph, &mut found);
        }
    }
    split(&mut paragraph, &mut found);
    found
}

fn split(paragraph: &mut String, found: &mut Vec<String>) {
    for sentence in paragraph.unicode_sentences() {
        let sentence = sentence.trim();
        if !sentence.ends_with(':') {
            found.push(sentence.to_owned());
        }
    }
    paragraph.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for forms in [
            ["exchange", "exchanged", "exchanging", "exchanges"],
            ["ship", "shipping", "shipment", "ships"],
            ["deliver", "delivery", "deliveries", "delivered"],
            ["cancel", "cancelled", "cancelling", "cancellation"],
            ["replace", "replacement", "replaced", "replaces"],
            ["2", "two", "2", "two"],
        ] {
            let stems: BTreeSet<String> = forms.iter().map(|form| stem(form)).collect();
            assert_eq!(stems.len(), 1, "{stems:?}");
        }
        for (a, b) in [("refund", "return"), ("string", "strip"), ("bus", "bu"), ("größe", "größen")] {
            assert_ne!(stem(a), stem(b));
        }
    }

    #[test]
    fn questions_words_carry_no_topic() {
        assert_eq!(content("How long do I have to return a lamp?"), ["return", "lamp"]);
        assert_eq!(
            content("What's the refund for 12.50 on the two-year plan?"),
            ["refund", "12.50", "2", "year", "plan"]
        );
        assert!(content("Can you?").is_empty());
    }

    #[test]
    fn a_wrapped_paragraph_is_one_text_and_a_list_is_many() {
        let text = "# Returns\n\nYou have 30\ndays. Sale items too.\n\nWe need:\n- the receipt\n- the box\n";
        assert_eq!(sentences(text), ["You have 30 days.", "Sale items too.", "the receipt", "the box"]);
        assert!(sentences("# Only a heading\n").is_empty());
    }

    #[test]
    fn a_negation_is_seen_in_its_forms() {
        for text in ["It cannot be refunded.", "We don’t ship there.", "There is no charge."] {
            assert_eq!(negations(text), 1, "{text}");
        }
        assert_eq!(negations("Photos without flash are not allowed."), 2);
        assert_eq!(negations("Notes on shipping are free."), 0);
    }
}
