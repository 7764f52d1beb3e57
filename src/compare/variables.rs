//! Variables that came, went or changed, and the cases that lack a new one.

use super::Side;
use crate::domain::CaseId;
use crate::manifest::prompt::Prompt;
use crate::render;
use std::collections::BTreeMap;

/// What a variable is to its prompt.
#[derive(Clone, PartialEq, Debug)]
pub struct Declared {
    /// Whether every case has to supply it.
    pub required: bool,
    /// Its schema and default as JSON text; empty where it is not declared.
    pub text: String,
}

/// A variable that differs.
#[derive(Clone, PartialEq, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Before; `None` when it is new.
    pub before: Option<Declared>,
    /// After; `None` when it is gone.
    pub after: Option<Declared>,
    /// The cases of the prompt's suites that do not supply it although it is required.
    pub lacking: Vec<CaseId>,
}

/// The variables that differ, by name.
pub fn compare(before: (&Side<'_>, &Prompt), after: (&Side<'_>, &Prompt)) -> Vec<Variable> {
    let (mut old, new) = (declared(before.0, before.1), declared(after.0, after.1));
    let mut found = Vec::new();
    for (name, now) in new {
        let was = old.remove(&name);
        if was.as_ref() != Some(&now) {
            let lacking = if now.required { lacking(after.0, after.1, &name) } else { Vec::new() };
            found.push(Variable { name, before: was, after: Some(now), lacking });
        }
    }
    found.extend(old.into_iter().map(|(name, was)| Variable {
        name,
        before: Some(was),
        after: None,
        lacking: Vec::new(),
    }));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn declared(side: &Side<'_>, prompt: &Prompt) -> BTreeMap<String, Declared> {
    if !prompt.inputs.is_empty() {
        return prompt
            .inputs
            .iter()
            .map(|(name, input)| {
                let default = input.default.as_ref().map(|value| format!(" = {value}")).unwrap_or_default();
                let text = format!("{}{default}", input.schema);
                (name.clone(), Declared { required: input.required, text })
            })
            .collect();
    }
    let folder = &side.sources.manifests.project.folders.prompts;
    prompt
        .messages
        .iter()
        // A template that cannot be read is reported by whoever renders it.
        .filter_map(|message| render::variables(side.sources.snapshot, folder, &message.content).ok())
        .flatten()
        .map(|name| (name, Declared { required: true, text: String::new() }))
        .collect()
}

fn lacking(side: &Side<'_>, prompt: &Prompt, name: &str) -> Vec<CaseId> {
    let suites = side.sources.manifests.suites.values().filter(|suite| suite.prompt == prompt.name);
    let mut found = Vec::new();
    for suite in suites {
        found.extend(
            suite.cases.iter().filter(|row| !row.case.vars.contains_key(name)).map(|row| row.case.id),
        );
    }
    found
}
