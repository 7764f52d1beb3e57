//! Which variables a template reads.

use super::engine;
use super::fault::RenderError;
use super::includes::closure;
use crate::domain::RelPath;
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
