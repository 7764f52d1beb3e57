//! Two revisions of a repository's prompts, compared as what they are: not as lines of a file.
//!
//! Pure: it reads two snapshots and calls nothing. Reordered keys, comments and line endings are no difference,
//! because what is compared is what the manifests mean.

mod cost;
pub mod fields;
mod includes;
mod pairs;
pub mod prose;
mod rendered;
mod suites;
mod tags;
mod tools;
mod variables;

pub use cost::Cost;
pub use fields::{Field, Level, Way};
pub use includes::{Included, texts};
pub use pairs::renamed;
pub use prose::{Paragraph, Piece};
pub use rendered::{Hunk, Line, Rendered};
pub use suites::SuiteChange;
pub use tags::Tag;
pub use tools::Tool;
pub use variables::{Declared, Variable};

use crate::domain::model::Pin;
use crate::domain::{Digest, ModelId, PromptName, RelPath, Result};
use crate::ledger::Prices;
use crate::manifest::pin::pin;
use crate::manifest::prompt::Prompt;
use crate::plan::{Sources, identity};
use includes::Users;
use pairs::{Pair, pairs};

/// One revision.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Its files and what they define.
    pub sources: Sources<'a>,
    /// What its models cost.
    pub prices: &'a Prices,
}

/// What became of a prompt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// It has another name, or another file.
    Renamed {
        /// Its name before.
        name: PromptName,
        /// Its file before.
        path: RelPath,
    },
    /// It stands in both.
    Kept,
    /// One side has its file and cannot read it.
    Unreadable {
        /// Whether that is the second side.
        after: bool,
    },
}

/// A prompt as one side has it.
#[derive(Clone, PartialEq, Debug)]
pub struct Version {
    /// As written.
    pub version: String,
    /// The pinned model.
    pub model: ModelId,
    /// Its provider.
    pub provider: String,
    /// How it is pinned.
    pub pin: Option<Pin>,
    /// The identity of everything that can change an answer; `None` where it cannot be computed.
    pub digest: Option<Digest>,
}

/// The texts of one message, compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Section {
    /// `system`, `user`, or a role with its number.
    pub name: String,
    /// What differs.
    pub text: Vec<Paragraph>,
}

/// A prompt that differs. What does not differ is empty.
#[derive(Clone, PartialEq, Debug)]
pub struct PromptChange {
    /// Its name; of a deleted one the last.
    pub name: PromptName,
    /// Its file.
    pub path: RelPath,
    /// What became of it.
    pub fate: Fate,
    /// Before.
    pub before: Option<Version>,
    /// After.
    pub after: Option<Version>,
    /// Sampling parameters.
    pub parameters: Vec<Field>,
    /// Threshold and budget.
    pub demands: Vec<Field>,
    /// Output format, schema and examples.
    pub output: Vec<Field>,
    /// The retrieval manifest.
    pub retrieval: Vec<Field>,
    /// Author, changelog and other free texts.
    pub about: Vec<Field>,
    /// Variables.
    pub variables: Vec<Variable>,
    /// Tools.
    pub tools: Vec<Tool>,
    /// Messages.
    pub messages: Vec<Section>,
    /// Included files.
    pub includes: Vec<Included>,
    /// What models would read.
    pub rendered: Option<Rendered>,
    /// Its suites.
    pub suites: Vec<SuiteChange>,
}

/// Every prompt that differs, in the order of names. With `wanted`, those alone that it takes by name or path.
///
/// # Errors
/// When a digest cannot be computed although the manifests are sound.
pub fn compare(
    before: &Side<'_>,
    after: &Side<'_>,
    wanted: &dyn Fn(&Prompt) -> bool,
) -> Result<Vec<PromptChange>> {
    let users = Users::of(after);
    let mut found = Vec::new();
    for pair in pairs(&before.sources, &after.sources) {
        let (old, new) = match &pair {
            Pair::Unreadable { path, name, after } => {
                let mut change = empty(name.clone(), path.clone());
                change.fate = Fate::Unreadable { after: *after };
                found.push(change);
                continue;
            }
            Pair::Prompts(old, new) => (*old, *new),
        };
        if ![old, new].into_iter().flatten().any(wanted) {
            continue;
        }
        found.extend(one(before, after, old, new, &users)?);
    }
    Ok(found)
}

fn empty(name: PromptName, path: RelPath) -> PromptChange {
    PromptChange {
        name,
        path,
        fate: Fate::Kept,
        before: None,
        after: None,
        parameters: Vec::new(),
        demands: Vec::new(),
        output: Vec::new(),
        retrieval: Vec::new(),
        about: Vec::new(),
        variables: Vec::new(),
        tools: Vec::new(),
        messages: Vec::new(),
        includes: Vec::new(),
        rendered: None,
        suites: Vec::new(),
    }
}

fn one(
    before: &Side<'_>,
    after: &Side<'_>,
    old: Option<&Prompt>,
    new: Option<&Prompt>,
    users: &Users,
) -> Result<Option<PromptChange>> {
    let Some(shown) = new.or(old) else { return Ok(None) };
    let mut change = empty(shown.name.clone(), shown.path.clone());
    change.before = old.map(|prompt| version(before, prompt)).transpose()?;
    change.after = new.map(|prompt| version(after, prompt)).transpose()?;
    let (Some(old), Some(new)) = (old, new) else {
        change.fate = if new.is_some() { Fate::Added } else { Fate::Deleted };
        return Ok(Some(change));
    };
    if old.name != new.name || old.path != new.path {
        change.fate = Fate::Renamed { name: old.name.clone(), path: old.path.clone() };
    }
    change.demands = fields::differing(fields::demands(old), fields::demands(new));
    change.about = fields::differing(about(old), about(new));
    change.suites = suites::compare((before, &old.name), (after, &new.name));
    if change.before.as_ref().map(|side| side.digest) != change.after.as_ref().map(|side| side.digest) {
        let (was, is) = ((before, old), (after, new));
        change.parameters = fields::differing(fields::parameters(old), fields::parameters(new));
        change.output = fields::differing(fields::output(old), fields::output(new));
        change.retrieval = retrieval(was, is)?;
        change.variables = variables::compare(was, is);
        change.tools = tools::compare(&old.tools, &new.tools);
        change.messages = messages(old, new);
        change.includes = includes::compare(was, is, users);
        change.rendered = rendered::compare(was, is);
    }
    let same = change.fate == Fate::Kept
        && change.before == change.after
        && change.demands.is_empty()
        && change.about.is_empty()
        && change.suites.is_empty();
    Ok((!same).then_some(change))
}

fn version(side: &Side<'_>, prompt: &Prompt) -> Result<Version> {
    let provider = side.sources.manifests.project.providers.get(&prompt.provider);
    Ok(Version {
        version: prompt.version.clone(),
        model: prompt.model.clone(),
        provider: prompt.provider.to_string(),
        pin: provider.map(|provider| pin(&prompt.model, provider)),
        digest: Some(identity(&side.sources, prompt, &prompt.model)?.prompt),
    })
}

fn about(prompt: &Prompt) -> Vec<(String, Option<serde_json::Value>)> {
    let about = &prompt.about;
    let text = |text: &Option<String>| text.as_ref().map(|text| serde_json::json!(text));
    let owners = (!about.owners.is_empty()).then(|| serde_json::json!(about.owners));
    [
        ("author", text(&about.author)),
        ("created", text(&about.created)),
        ("changelog", text(&about.changelog)),
        ("description", text(&about.description)),
        ("owners", owners),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn retrieval(before: (&Side<'_>, &Prompt), after: (&Side<'_>, &Prompt)) -> Result<Vec<Field>> {
    let of = |side: (&Side<'_>, &Prompt)| -> Result<Vec<(String, Option<serde_json::Value>)>> {
        let identity = identity(&side.0.sources, side.1, &side.1.model)?;
        let mut rows = fields::retrieval(side.1, identity.manifest.as_deref());
        rows.push(("digest".to_owned(), identity.retrieval.map(|digest| serde_json::json!(digest.short()))));
        Ok(rows)
    };
    Ok(fields::differing(of(before)?, of(after)?))
}

/// The messages, paired by role and by their number within it.
fn messages(old: &Prompt, new: &Prompt) -> Vec<Section> {
    let named = |prompt: &Prompt| -> Vec<(String, String)> {
        let mut count = std::collections::BTreeMap::new();
        let mut rows = Vec::new();
        for message in &prompt.messages {
            let number = count.entry(message.role.as_str()).or_insert(0_usize);
            *number += 1;
            let role = message.role.as_str();
            let name = if *number == 1 { role.to_owned() } else { format!("{role} {number}") };
            rows.push((name, message.content.text.clone()));
        }
        rows
    };
    let (before, mut after) = (named(old), named(new));
    let mut found = Vec::new();
    for (name, was) in before {
        let same = after.iter().position(|(other, _)| *other == name);
        let is = same.map(|index| after.remove(index).1).unwrap_or_default();
        let text = prose::compare(&was, &is);
        if !text.is_empty() {
            found.push(Section { name, text });
        }
    }
    found.extend(after.into_iter().map(|(name, is)| Section { text: prose::compare("", &is), name }));
    found
}
