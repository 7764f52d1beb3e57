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
const OWN: [&str; 2] = ["context", "loop"];

/// The names that a template and what it includes read and do not define themselves, without `context`.
///
/// # Errors
/// Every fault of the template and of its includes.
pub fn variables(
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
    found.retain(|name| !OWN.contains(&name.as_str()) && !globals.contains(name));
    Ok(found)
}
