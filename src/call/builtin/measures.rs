//! The measures behind `builtin/lexical`, each a share from 0 to 1 with the words that explain it.

use super::words;
use std::collections::BTreeSet;

/// A measured share, already mapped to the ends of the scale: 0 is its lowest level, 1 its highest.
pub(super) struct Measure {
    /// From 0 to 1.
    pub(super) share: f64,
    /// What was counted.
    pub(super) why: String,
}

impl Measure {
    fn new(share: f64, why: impl Into<String>) -> Self {
        Self { share: share.clamp(0.0, 1.0), why: why.into() }
    }

    /// `counted` out of `whole`, spread so that `low` and less is 0, and `high` and more is 1.
    fn spread(counted: usize, whole: usize, low: f64, high: f64, what: &str) -> Self {
        let share = (ratio(counted, whole) - low) / (high - low);
        Self::new(share, format!("{counted} of {whole} {what}"))
    }

    /// The same measure, not above `most`, with the reason for it.
    fn at_most(mut self, most: f64, why: &str) -> Self {
        self.share = self.share.min(most);
        self.why = format!("{}, {why}", self.why);
        self
    }
}

/// What there is to judge.
pub(super) struct Subject<'a> {
    pub(super) question: &'a str,
    pub(super) answer: &'a str,
    pub(super) context: Vec<&'a str>,
    pub(super) expected: Option<String>,
}

fn ratio(part: usize, whole: usize) -> f64 {
    let count = |number: usize| u32::try_from(number).map_or(f64::from(u32::MAX), f64::from);
    if whole == 0 { 0.0 } else { count(part) / count(whole) }
}

/// How far a contradiction lets a share rise: to "several claims are not supported".
const CONTRADICTED: f64 = 0.3;

const NOT_KNOWING: [&str; 16] = [
    "do not know",
    "don't know",
    "do not have",
    "don't have",
    "cannot help",
    "can't help",
    "cannot answer",
    "can't answer",
    "unable to answer",
    "not able to",
    "no information",
    "not sure",
    "cannot find",
    "can't find",
    "could not find",
    "not something i can",
];

/// Whether a sentence only says that the answer is not known. One that states a number states something.
fn abstains(sentence: &str) -> bool {
    let lower = sentence.to_lowercase().replace('’', "'");
    NOT_KNOWING.iter().any(|words| lower.contains(words)) && words::numbers(sentence).is_empty()
}

/// The sentences that state something.
fn claims(text: &str) -> Vec<String> {
    words::sentences(text).into_iter().filter(|sentence| !abstains(sentence)).collect()
}

/// Whether a text says that the answer is not known, and states nothing beside that.
fn is_abstention(text: &str) -> bool {
    claims(text).is_empty() && words::sentences(text).iter().any(|sentence| abstains(sentence))
}

/// Whether some sentence of `text` says no more or less often than the most similar sentence of `truth`. Sentences are similar when they share at least 0.6 of their words.
fn turns_round(text: &[String], truth: &[String]) -> bool {
    text.iter().any(|sentence| {
        let own = words::topics(sentence);
        let near = |other: &&String| {
            let other = words::topics(other);
            ratio(own.intersection(&other).count(), own.union(&other).count())
        };
        truth
            .iter()
            .map(|other| (near(&other), other))
            .filter(|(near, _)| *near >= 0.6)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .is_some_and(|(_, other)| words::negations(other) != words::negations(sentence))
    })
}

fn quoted(words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<String> = words.into_iter().take(3).map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}

/// Share of the answer's content words that stand in the context: up to 0.3 is the lowest level, from 0.95 on
/// the highest. A number that the context does not have, or a statement turned round, keeps it low.
pub(super) fn faithfulness(subject: &Subject<'_>) -> Measure {
    let claims = claims(subject.answer);
    if is_abstention(subject.answer) {
        return Measure::new(1.0, "it makes no claim");
    }
    let said: Vec<String> = claims.iter().flat_map(|claim| words::content(claim)).collect();
    let context = subject.context.join("\n\n");
    let known = words::topics(&context);
    let supported = said.iter().filter(|word| known.contains(*word)).count();
    let measure = Measure::spread(supported, said.len(), 0.3, 0.95, "content words stand in the context");
    let numbers = words::numbers(&claims.join(" "));
    let strange: Vec<String> = numbers.difference(&words::numbers(&context)).cloned().collect();
    if !strange.is_empty() {
        return measure.at_most(CONTRADICTED, &format!("the number {} does not", quoted(strange)));
    }
    if turns_round(&claims, &words::sentences(&context)) {
        return measure.at_most(CONTRADICTED, "a statement of the context is turned round");
    }
    measure
}

/// Share of the question's content words that the answer takes up, of those that the context or the expected
/// answer have at all; or, if that is more, the share of the expected answer's words. Up to 0.1 is the lowest
/// level, from 0.7 on the highest.
///
/// Not to know is relevant as far as the context does not hold the question's words, or where it is expected.
pub(super) fn relevance(subject: &Subject<'_>) -> Measure {
    let asked = words::topics(subject.question);
    let said = words::topics(subject.answer);
    let expected = subject.expected.as_deref().unwrap_or("");
    if is_abstention(subject.answer) {
        return declining(subject, &asked);
    }
    let target = words::topics(expected);
    let mut known = words::topics(&subject.context.join("\n\n"));
    known.extend(target.iter().cloned());
    let mut open: BTreeSet<&String> = asked.intersection(&known).collect();
    if known.is_empty() {
        open = asked.iter().collect();
    }
    let taken = open.iter().filter(|word| said.contains(**word)).count();
    let held = target.intersection(&said).count();
    if is_abstention(expected) {
        return Measure::new(0.0, "it answers what was not to be answered");
    }
    if ratio(held, target.len()) > ratio(taken, open.len()) {
        return Measure::spread(held, target.len(), 0.1, 0.7, "words of the expected answer are said");
    }
    Measure::spread(taken, open.len(), 0.1, 0.7, "content words of the question are taken up")
}

fn declining(subject: &Subject<'_>, asked: &BTreeSet<String>) -> Measure {
    match subject.expected.as_deref() {
        Some(expected) if is_abstention(expected) => Measure::new(1.0, "it declines, as expected"),
        Some(expected) if !expected.trim().is_empty() => {
            Measure::new(0.0, "it declines, and an answer was expected")
        }
        _ if subject.context.is_empty() => {
            Measure::new(0.5, "it declines, and nothing says whether it had to")
        }
        _ => {
            let sentences = words::sentences(&subject.context.join("\n\n"));
            let held = |sentence: &String| words::topics(sentence).intersection(asked).count();
            let best = sentences.iter().map(held).max().unwrap_or(0);
            let why = format!("it declines, and the context holds {best} of {} words asked for", asked.len());
            Measure::new(1.0 - 2.0 * ratio(best, asked.len()), why)
        }
    }
}

/// F1 of the content words of answer and expected answer, as for SQuAD (Rajpurkar et al., 2016) but over stems:
/// up to 0.2 is the lowest level, from 0.7 on the highest. Other numbers, or a statement turned round, keep it low.
pub(super) fn correctness(subject: &Subject<'_>) -> Measure {
    let expected = subject.expected.as_deref().unwrap_or("");
    if is_abstention(expected) || is_abstention(subject.answer) {
        let same = is_abstention(expected) == is_abstention(subject.answer);
        let why =
            if same { "it declines, as expected" } else { "one of the two declines, the other does not" };
        return Measure::new(if same { 1.0 } else { 0.0 }, why);
    }
    let (said, wanted) = (words::content(subject.answer), words::content(expected));
    let mut left = wanted.clone();
    let shared = said
        .iter()
        .filter(|word| left.iter().position(|other| other == *word).map(|at| left.swap_remove(at)).is_some())
        .count();
    let measure = Measure::spread(
        2 * shared,
        said.len() + wanted.len(),
        0.2,
        0.7,
        "words of the answer and the expected answer are the same",
    );
    if words::numbers(subject.answer) != words::numbers(expected) {
        return measure.at_most(CONTRADICTED, "the numbers differ");
    }
    if turns_round(&words::sentences(subject.answer), &words::sentences(expected)) {
        return measure.at_most(CONTRADICTED, "it says the opposite");
    }
    measure
}

/// Whether the answer brings something: the lower of its relevance and of its content words that the question does
/// not have, of which four are enough.
pub(super) fn helpfulness(subject: &Subject<'_>) -> Measure {
    let asked = words::topics(subject.question);
    let new = words::topics(subject.answer).difference(&asked).count();
    lower(relevance(subject), Measure::spread(new.min(4), 4, 0.0, 1.0, "new words that help"))
}

/// Mean length of the sentences, up to 25 words is the highest level, from 60 on the lowest; less the share of
/// sentences that are said again, and of words that shout.
pub(super) fn clarity(subject: &Subject<'_>) -> Measure {
    let sentences = words::sentences(subject.answer);
    let count = words::all(subject.answer).count();
    if count == 0 {
        return Measure::new(0.0, "there is nothing to read");
    }
    let unique: BTreeSet<String> = sentences.iter().map(|sentence| sentence.to_lowercase()).collect();
    let again = ratio(sentences.len() - unique.len(), sentences.len());
    let mean = ratio(count, sentences.len().max(1));
    let loud = shouting(subject.answer);
    let share = 1.0 - (mean - 25.0).max(0.0) / 35.0 - again - loud;
    Measure::new(share, format!("{mean:.0} words a sentence, {} said again", sentences.len() - unique.len()))
}

const RUDE: [&str; 20] = [
    "stupid",
    "idiot",
    "idiots",
    "dumb",
    "moron",
    "ridiculous",
    "nonsense",
    "pathetic",
    "useless",
    "lazy",
    "whatever",
    "obviously",
    "shut",
    "hate",
    "annoying",
    "silly",
    "fool",
    "foolish",
    "whining",
    "duh",
];

/// The highest level, less half of the scale for each rude word, and for shouting.
pub(super) fn tone(subject: &Subject<'_>) -> Measure {
    let rude: Vec<String> = words::all(subject.answer).filter(|word| RUDE.contains(&word.as_str())).collect();
    let loud = shouting(subject.answer) > 0.3 || subject.answer.contains("!!");
    if words::all(subject.answer).next().is_none() {
        return Measure::new(0.0, "there is nothing to read");
    }
    let faults = rude.len() + usize::from(loud);
    let why = match (rude.is_empty(), loud) {
        (true, false) => "no rude word".to_owned(),
        (true, true) => "it shouts".to_owned(),
        (false, _) => format!("rude: {}", quoted(rude)),
    };
    Measure::new(1.0 - ratio(faults, 2), why)
}

/// Share of the words of at least four letters that are all in capitals.
fn shouting(text: &str) -> f64 {
    let long: Vec<&str> = text
        .split_whitespace()
        .filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= 4)
        .collect();
    let loud = long.iter().filter(|word| !word.chars().any(char::is_lowercase)).count();
    ratio(loud, long.len())
}

/// Any other dimension: the lower of relevance and clarity, since word overlap knows nothing of its meaning.
pub(super) fn other(subject: &Subject<'_>) -> Measure {
    lower(relevance(subject), clarity(subject))
}

fn lower(a: Measure, b: Measure) -> Measure {
    if b.share < a.share { b } else { a }
}
