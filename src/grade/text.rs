//! Asserts on the text of an answer.

use super::asserts::Compiled;
use super::fault::AssertFault;
use super::material::{Finding, Material, fold, wrong};
use super::{refusal, say};
use crate::manifest::assert::{Assert, Bounds, Text, TextAssert};
use regex::Regex;
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;

/// Decides one text assert.
///
/// Text is compared as it stands: no trimming, no Unicode normalisation. The `i` forms ignore case (see
/// [`fold`]). `regex` searches anywhere; its `$` is the very end of the answer, not a place before a last line
/// break, unless the pattern says `(?m)`.
pub fn check(
    assert: &Assert,
    test: &TextAssert,
    compiled: &Compiled,
    material: &Material<'_>,
) -> Result<Finding, AssertFault> {
    let text = material.text();
    let finding = match test {
        TextAssert::Equals(value) => {
            let value = material.render(assert, value)?;
            let holds = text == value;
            let verb = if holds { "equals" } else { "does not equal" };
            Finding::new(holds, format!("{verb} {}; {}", say::quote(&value), say::answer(text)))
        }
        TextAssert::Contains(value) => contains(text, &material.render(assert, value)?, text),
        TextAssert::IContains(value) => {
            contains(material.folded(), &fold(&material.render(assert, value)?), text)
        }
        TextAssert::ContainsAny(values) => any(text, &all_of(assert, values, material)?, text),
        TextAssert::ContainsAll(values) => all(text, &all_of(assert, values, material)?, text),
        TextAssert::IContainsAny(values) => {
            any(material.folded(), &folded(all_of(assert, values, material)?), text)
        }
        TextAssert::IContainsAll(values) => {
            all(material.folded(), &folded(all_of(assert, values, material)?), text)
        }
        TextAssert::StartsWith(value) => {
            let value = material.render(assert, value)?;
            let holds = text.starts_with(&*value);
            let verb = if holds { "starts with" } else { "does not start with" };
            Finding::new(holds, format!("{verb} {}; {}", say::quote(&value), say::answer(text)))
        }
        TextAssert::Regex(value) => {
            let rendered;
            let pattern = match &compiled.pattern {
                Some(pattern) => pattern,
                None => {
                    rendered = pattern(assert, &material.render(assert, value)?)?;
                    &rendered
                }
            };
            search(pattern, text)
        }
        TextAssert::WordCount(bounds) => within(text.unicode_words().count(), *bounds, "words"),
        TextAssert::Length(bounds) => within(text.chars().count(), *bounds, "characters"),
        TextAssert::IsRefusal => match refusal::found(material.answer.reply) {
            Some(why) => Finding::new(true, why),
            None => Finding::new(false, format!("no refusal; {}", say::answer(text))),
        },
        TextAssert::FinishReason(word) => {
            let found = material.answer.reply.finish.as_str();
            Finding::new(found == word, format!("finished with {}", say::quote(found)))
        }
    };
    Ok(finding)
}

/// A pattern of an assert, compiled.
pub fn pattern(assert: &Assert, text: &str) -> Result<Regex, AssertFault> {
    Regex::new(text).map_err(|error| {
        let error = error.to_string();
        // The last line of the message says what is wrong; the lines above draw it.
        let cause = error.lines().last().unwrap_or_default().trim();
        wrong(assert, format!("{} is no regular expression: {cause}", say::quote(text)))
    })
}

/// Whether a number is within bounds, with the number as the reason.
pub fn within(count: usize, bounds: Bounds, noun: &str) -> Finding {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let holds = bounds.min.is_none_or(|min| count >= min) && bounds.max.is_none_or(|max| count <= max);
    let wanted = match (bounds.min, bounds.max) {
        (Some(min), Some(max)) if min == max => format!("exactly {min}"),
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "any number".to_owned(),
    };
    Finding::new(holds, format!("{count} {noun}, {wanted} allowed"))
}

/// What `pattern` finds in `text`.
pub fn search(pattern: &Regex, text: &str) -> Finding {
    match pattern.find(text) {
        Some(found) => Finding::new(
            true,
            format!(
                "{} matches in {}",
                say::quote(pattern.as_str()),
                say::around(text, found.start(), found.end())
            ),
        ),
        None => Finding::new(
            false,
            format!("{} does not match; {}", say::quote(pattern.as_str()), say::answer(text)),
        ),
    }
}

fn all_of<'t>(
    assert: &Assert,
    values: &'t [Text],
    material: &Material<'_>,
) -> Result<Vec<Cow<'t, str>>, AssertFault> {
    values.iter().map(|value| material.render(assert, value)).collect()
}

fn folded(values: Vec<Cow<'_, str>>) -> Vec<Cow<'_, str>> {
    values.into_iter().map(|value| Cow::Owned(fold(&value))).collect()
}

/// `hay` is what is searched, `shown` the answer as people should see it.
fn contains(hay: &str, needle: &str, shown: &str) -> Finding {
    match hay.find(needle) {
        Some(at) => Finding::new(true, format!("contains {}", say::around(hay, at, at + needle.len()))),
        None => {
            Finding::new(false, format!("does not contain {}; {}", say::quote(needle), say::answer(shown)))
                .lacks(vec![vec![needle.to_owned()]])
        }
    }
}

fn any(hay: &str, needles: &[Cow<'_, str>], shown: &str) -> Finding {
    match needles.iter().find_map(|needle| hay.find(&**needle).map(|at| (at, at + needle.len()))) {
        Some((start, end)) => Finding::new(true, format!("contains {}", say::around(hay, start, end))),
        None => Finding::new(false, format!("contains none of {}; {}", listed(needles), say::answer(shown)))
            .lacks(vec![needles.iter().map(|needle| needle.clone().into_owned()).collect()]),
    }
}

fn all(hay: &str, needles: &[Cow<'_, str>], shown: &str) -> Finding {
    let missing: Vec<Cow<'_, str>> =
        needles.iter().filter(|needle| !hay.contains(&***needle)).cloned().collect();
    if missing.is_empty() {
        Finding::new(!needles.is_empty(), format!("contains {}", listed(needles)))
    } else {
        Finding::new(false, format!("does not contain {}; {}", listed(&missing), say::answer(shown)))
            .lacks(missing.into_iter().map(|needle| vec![needle.into_owned()]).collect())
    }
}

fn listed(values: &[Cow<'_, str>]) -> String {
    say::line(&values.iter().map(|value| say::quote(value)).collect::<Vec<_>>().join(", "), 90)
}
