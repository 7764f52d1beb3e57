//! What the models would read, case by case: which cases differ, and which of them differ in the same way.

use super::Side;
use super::cost::{self, Cost};
use crate::domain::edits::{Edit, Edits, lines};
use crate::domain::{CaseId, Chunk, Message};
use crate::manifest::cases::CaseRow;
use crate::manifest::prompt::Prompt;
use crate::render::CaseSubject;
use std::collections::BTreeMap;

/// Stands for what retrieval would bring, which is not known without searching.
const RETRIEVED: &str = "(retrieved context)";
/// Stands for where that would come from.
const SOURCE: &str = "(its source)";
/// Unchanged lines around a change: none, because what stands around it is often the case's own data, and the same
/// change in two cases is one hunk.
const AROUND: usize = 0;

/// A line of a hunk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Line {
    /// It stands in both.
    Same(String),
    /// It went.
    Removed(String),
    /// It came.
    Added(String),
}

/// A change of the rendered messages, and the cases in which it appears.
#[derive(Clone, PartialEq, Debug)]
pub struct Hunk {
    /// The role of the message that it is in.
    pub role: &'static str,
    /// Its lines.
    pub lines: Vec<Line>,
    /// The cases, in the order of the suites.
    pub cases: Vec<CaseId>,
}

/// The rendered messages of every case, compared.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rendered {
    /// Cases of the prompt's suites.
    pub cases: usize,
    /// Cases whose messages are the same, byte for byte.
    pub identical: usize,
    /// Cases that one side cannot render, each with why.
    pub failed: Vec<(CaseId, String)>,
    /// The changes, those in most cases first.
    pub hunks: Vec<Hunk>,
    /// Tokens, money and the cache.
    pub cost: Option<Cost>,
}

/// Renders the cases of the second side's suites on both sides. `None` where no suite tests the prompt.
pub fn compare(before: (&Side<'_>, &Prompt), after: (&Side<'_>, &Prompt)) -> Option<Rendered> {
    let suites = after.0.sources.manifests.suites.values().filter(|suite| suite.prompt == after.1.name);
    let mut rendered = Rendered::default();
    let mut hunks: BTreeMap<(&'static str, Vec<Line>), Vec<CaseId>> = BTreeMap::new();
    let mut measured = cost::Measured::new(before, after);
    for suite in suites {
        for row in suite.cases.iter() {
            rendered.cases += 1;
            let (old, new) = match (messages(before.0, before.1, &row), messages(after.0, after.1, &row)) {
                (Ok(old), Ok(new)) => (old, new),
                (Err(why), _) => {
                    rendered.failed.push((row.case.id.clone(), format!("before: {why}")));
                    continue;
                }
                (_, Err(why)) => {
                    rendered.failed.push((row.case.id.clone(), format!("after: {why}")));
                    continue;
                }
            };
            let stands_in = |prompt: &Prompt| row.case.context.is_none() && prompt.retrieval.is_some();
            measured.add(&old, &new, stands_in(before.1) || stands_in(after.1));
            if old == new {
                rendered.identical += 1;
                continue;
            }
            for hunk in changes(&old, &new) {
                let cases = hunks.entry(hunk).or_default();
                if cases.last() != Some(&row.case.id) {
                    cases.push(row.case.id.clone());
                }
            }
        }
    }
    if rendered.cases == 0 {
        return None;
    }
    rendered.hunks = hunks.into_iter().map(|((role, lines), cases)| Hunk { role, lines, cases }).collect();
    rendered.hunks.sort_by_key(|hunk| std::cmp::Reverse(hunk.cases.len()));
    rendered.cost = measured.done();
    Some(rendered)
}

fn messages(side: &Side<'_>, prompt: &Prompt, row: &CaseRow) -> Result<Vec<Message>, String> {
    let (text, source) = (RETRIEVED.to_owned(), Some(SOURCE.to_owned()));
    let stand_in = [Chunk { text, source, score: None, last_updated: None }];
    let context =
        row.case.context.as_deref().unwrap_or(if prompt.retrieval.is_some() { &stand_in } else { &[] });
    let renderer = side.sources.renderer;
    let rendered = if prompt.is_judge() {
        let subject = CaseSubject::new(&row.case.vars, context);
        renderer.judge(prompt, &subject.subject(), &prompt.dimensions, crate::domain::Scale::default())
    } else {
        renderer.messages(prompt, &row.case.vars, context)
    };
    rendered.map_err(|fault| fault.message)
}

/// The hunks between two lists of messages, message by message.
fn changes(old: &[Message], new: &[Message]) -> Vec<(&'static str, Vec<Line>)> {
    let mut found = Vec::new();
    for index in 0..old.len().max(new.len()) {
        let (before, after) = (old.get(index), new.get(index));
        let role = after.or(before).map_or("user", |message| message.role.as_str());
        let text =
            |message: Option<&Message>| message.map(|message| message.content.clone()).unwrap_or_default();
        let (was, is) = (text(before), text(after));
        if was == is && before.map(|message| message.role) == after.map(|message| message.role) {
            continue;
        }
        for hunk in Edits::between(lines(&was), lines(&is)).hunks(AROUND) {
            let lines = hunk.into_iter().map(|(edit, text)| {
                let text = text.trim_end_matches('\n').to_owned();
                match edit {
                    Edit::Same => Line::Same(text),
                    Edit::Removed => Line::Removed(text),
                    Edit::Added => Line::Added(text),
                }
            });
            found.push((role, lines.collect()));
        }
        if was == is {
            found.push((role, vec![Line::Same("the role of this message changed".to_owned())]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;

    #[test]
    fn a_hunk_names_its_message_and_holds_nothing_around() {
        let old = [Message::new(Role::System, "a\nb\nc\nd\ne"), Message::new(Role::User, "x")];
        let new = [Message::new(Role::System, "a\nb\nC\nd\ne"), Message::new(Role::User, "x")];
        let lines = vec![Line::Removed("c".into()), Line::Added("C".into())];
        assert_eq!(changes(&old, &new), [("system", lines)]);
        assert_eq!(changes(&old, &old), []);
        assert_eq!(changes(&old[..1], &old), [("user", vec![Line::Added("x".into())])]);
    }
}
