//! Which variables a template reads.

use super::engine;
use super::fault::{RenderError, position};
use super::includes::closure;
use crate::domain::{Place, RelPath};
use crate::manifest::template::Template;
use crate::repo::Snapshot;
use minijinja::Environment;
use std::collections::BTreeSet;

/// What every template has besides the case's own variables.
const OWN: [&str; 2] = [CONTEXT, "loop"];
/// What is retrieved.
const CONTEXT: &str = "context";

/// The names that a template and what it includes read and do not define themselves, without `context`.
///
/// # Errors
/// Every fault of the template and of its includes.
pub fn variables(
    snapshot: &Snapshot,
    folder: &RelPath,
    template: &Template,
) -> Result<BTreeSet<String>, Vec<RenderError>> {
    let mut found = names(snapshot, folder, template)?;
    found.retain(|name| !OWN.contains(&name.as_str()));
    Ok(found)
}

/// Where a name is read first in a template; the template's own place where that is in what it includes.
pub fn place_of(template: &Template, name: &str) -> Place {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let found = template.text.match_indices(name).find(|(at, _)| {
        let (before, after) = (&template.text[..*at], &template.text[at + name.len()..]);
        !before.ends_with(is_word) && !after.starts_with(is_word) && opens_last(before)
    });
    let span = found.map_or_else(
        || template.start(),
        |(at, _)| {
            let (line, column, length) = position(&template.text, at..at + name.len());
            template.locate(line, column, length)
        },
    );
    Place::at(&template.path, span)
}

/// Whether a text ends inside of an expression.
fn opens_last(text: &str) -> bool {
    let last = |marks: [&str; 2]| marks.iter().filter_map(|mark| text.rfind(mark)).max();
    last(["{{", "{%"]) > last(["}}", "%}"])
}

/// Whether a template, or what it includes, reads `context`: a comment or a word of its text does not.
///
/// # Errors
/// As [`variables`].
pub fn reads_context(
    snapshot: &Snapshot,
    folder: &RelPath,
    template: &Template,
) -> Result<bool, Vec<RenderError>> {
    Ok(names(snapshot, folder, template)?.contains(CONTEXT))
}

/// Every name that is read and not defined.
fn names(
    snapshot: &Snapshot,
    folder: &RelPath,
    template: &Template,
) -> Result<BTreeSet<String>, Vec<RenderError>> {
    if !template.is_dynamic() {
        return Ok(BTreeSet::new());
    }
    let includes = closure(snapshot, folder, template)?;
    let mut env = Environment::new();
    env.set_syntax(engine::syntax());
    let globals: BTreeSet<String> = env.globals().map(|(name, _)| name.to_owned()).collect();
    let mut found = BTreeSet::new();
    for text in std::iter::once(&template.text).chain(includes.iter().map(|include| &include.text)) {
        // What cannot be parsed was a fault of the closure already.
        if let Ok(parsed) = env.template_from_str(text) {
            found.extend(parsed.undeclared_variables(false));
        }
    }
    found.retain(|name| !globals.contains(name));
    Ok(found)
}
