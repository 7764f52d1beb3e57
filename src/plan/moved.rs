//! What a change has to be asked about: content that moved without its version, and whatever makes a gate easier to
//! pass together with what it gates.

use super::Sources;
use super::eased;
use super::identities::{Identities, identities, readable};
use crate::domain::{Code, Diagnostic, Digest, Place, PromptName, RelPath, Result};
use crate::manifest::retrieval::Retrieval;
use std::collections::BTreeMap;

/// The content moved and the version did not.
pub const VERSION_NOT_RAISED: Code = Code("version-not-raised");
/// The version moved and the content did not.
pub const CONTENT_NOT_MOVED: Code = Code("version-without-change");
/// A threshold is lower than it was, or gone.
pub const THRESHOLD_LOWERED: Code = Code("threshold-lowered");
/// A suite and the prompt that it tests changed together.
pub const CHANGED_TOGETHER: Code = Code("suite-and-prompt-changed-together");
/// What is recorded of a prompt moved: whoever wrote the change wrote the answers that `--offline` sees.
pub const RECORDINGS_CHANGED: Code = Code("recordings-changed");
/// The index was made for another embedding model or other chunks.
pub const INDEX_NOT_REBUILT: Code = Code("index-not-rebuilt");

/// A prompt or a suite of the base is no more.
pub const DELETED: Code = Code("deleted-since-base");

/// The base's version of a manifest cannot be read, so that nothing tells what moved.
pub const BASE_UNREADABLE: Code = Code("base-unreadable");

/// Bytes of a file of recordings that are compared.
const RECORDINGS_LIMIT: u64 = 256 << 20;

/// Everything that moved from `base` to `head` and has to be said. `renamed` has the prompts that the base calls
/// otherwise: the new name with the old one.
///
/// # Errors
/// When a digest of the head cannot be computed.
pub fn moved(
    base: &Sources<'_>,
    head: &Sources<'_>,
    renamed: &BTreeMap<PromptName, PromptName>,
) -> Result<Vec<Diagnostic>> {
    let (old, new) = (readable(base), identities(head)?);
    let mut found = Vec::new();
    prompts((base, &old), (head, &new), renamed, &mut found);
    retrievals((base, &old), (head, &new), &mut found);
    suites((base, &old), (head, &new), renamed, &mut found);
    found.extend(deleted(base, head, renamed));
    recordings((base, &old), (head, &new), &mut found);
    Ok(found)
}

/// A revision with its digests.
type Side<'a> = (&'a Sources<'a>, &'a Identities);

fn suites(
    (base, old): Side<'_>,
    (head, new): Side<'_>,
    renamed: &BTreeMap<PromptName, PromptName>,
    found: &mut Vec<Diagnostic>,
) {
    for (name, suite) in &head.manifests.suites {
        let (Some(before), Some((then, _))) = (base.manifests.suites.get(name), old.suites.get(name)) else {
            found.extend(unreadable(base, &suite.path, &format!("suite `{name}`")));
            continue;
        };
        let Some((now, _)) = new.suites.get(name) else { continue };
        let what = format!("suite `{name}`");
        found.extend(version(&what, &suite.path, (&before.version, then), (&suite.version, now)));
        found.extend(
            eased::of_suite(before, suite).into_iter().map(|what| {
                lowered(format!("suite `{name}` demands less: {what}"), suite.gate_place.clone())
            }),
        );
        let digest = |side: &Identities, name| side.prompts.get(name).map(|(digest, _)| *digest);
        let called = renamed.get(&suite.prompt).unwrap_or(&suite.prompt);
        let (Some(prompt_then), Some(prompt_now)) = (digest(old, called), digest(new, &suite.prompt)) else {
            continue;
        };
        if then != now && prompt_then != prompt_now {
            let message = format!(
                "suite `{name}` and the prompt `{}` that it tests changed together: a better score may come from easier questions",
                suite.prompt
            );
            let help =
                "change the suite on its own first, so that old and new prompt are judged on the same one";
            found
                .push(Diagnostic::warning(CHANGED_TOGETHER, message).at(Place::file(&suite.path)).help(help));
        }
    }
}

/// Suites that are no more: of prompts that still are, and together with them.
fn deleted(
    base: &Sources<'_>,
    head: &Sources<'_>,
    renamed: &BTreeMap<PromptName, PromptName>,
) -> Vec<Diagnostic> {
    let (old, new) = (base.manifests, head.manifests);
    let gone = old
        .suites
        .iter()
        .filter(|(name, suite)| !new.suites.contains_key(*name) && !head.snapshot.is_file(&suite.path));
    let lost = gone.filter_map(|(name, suite)| {
        let of = |prompt: &&PromptName| renamed.get(*prompt).unwrap_or(prompt) == &suite.prompt;
        let Some(prompt) = new.prompts.keys().find(of).and_then(|prompt| new.prompts.get(prompt)) else {
            let message = format!("prompt `{}` and its suite `{name}` were deleted", suite.prompt);
            let help = "if what it says is still sent from elsewhere, nothing holds it any more";
            return Some(Diagnostic::warning(DELETED, message).at(Place::file(&suite.path)).help(help));
        };
        // Under another name it may test the prompt as before.
        let moved = new
            .suites
            .values()
            .any(|other| other.prompt == prompt.name && !old.suites.contains_key(&other.name));
        (!moved).then(|| {
            let message =
                format!("suite `{name}` was deleted: nothing holds what it demanded of `{}`", prompt.name);
            lowered(message, Place::file(&prompt.path))
        })
    });
    lost.collect()
}

/// Recordings are believed as code is, and are too long to be read: that they moved has to be seen.
fn recordings((base, old): Side<'_>, (head, new): Side<'_>, found: &mut Vec<Diagnostic>) {
    for name in head.manifests.prompts.keys() {
        let file = format!("recordings/{name}.jsonl");
        let Some(path) = head.manifests.project.folders.evals.join(&file) else { continue };
        let text = |side: &Sources<'_>| side.snapshot.read(&path, RECORDINGS_LIMIT).ok();
        let (before, now) = (text(base), text(head));
        if before == now || now.is_none() {
            continue;
        }
        let prompt = |side: &Identities| side.prompts.get(name).map(|(digest, _)| *digest);
        let suite = |side: &Identities, suite| side.suites.get(suite).map(|(digest, _)| *digest);
        let mut suites = head.manifests.suites.iter().filter(|(_, suite)| suite.prompt == *name);
        let together =
            prompt(old) != prompt(new) || suites.any(|(name, _)| suite(old, name) != suite(new, name));
        let message = if together {
            format!(
                "the recordings of prompt `{name}` changed together with it or its suite: `--offline` sees the answers that the change brings along"
            )
        } else {
            format!(
                "the recordings of prompt `{name}` changed, and neither it nor its suite did: the same questions have other answers now"
            )
        };
        let help = "run the gate once with keys of your own: `llmops eval --no-cache`";
        found.push(Diagnostic::warning(RECORDINGS_CHANGED, message).at(Place::file(&path)).help(help));
    }
}

/// Nothing where the base has no such file: what it defines is new.
fn unreadable(base: &Sources<'_>, path: &RelPath, what: &str) -> Option<Diagnostic> {
    base.snapshot.is_file(path).then(|| {
        Diagnostic::warning(
            BASE_UNREADABLE,
            format!("the base's version of {what} cannot be read: whether it moved without its version, or was eased, is not known"),
        )
        .at(Place::file(path))
        .help("compare by eye: `git diff` with the base shows the file")
    })
}

fn prompts(
    (base, old): Side<'_>,
    (head, new): Side<'_>,
    renamed: &BTreeMap<PromptName, PromptName>,
    found: &mut Vec<Diagnostic>,
) {
    for (name, prompt) in &head.manifests.prompts {
        let called = renamed.get(name).unwrap_or(name);
        let (Some(before), Some((then, _))) = (base.manifests.prompts.get(called), old.prompts.get(called))
        else {
            found.extend(unreadable(base, &prompt.path, &format!("prompt `{name}`")));
            continue;
        };
        let Some((now, _)) = new.prompts.get(name) else { continue };
        let what = format!("prompt `{name}`");
        let moved = version(&what, &prompt.path, (&before.version, then), (&prompt.version, now));
        found.extend(moved.map(|finding| finding.at(prompt.places.version.clone())));
        found.extend(eased::of_prompt(before, prompt).into_iter().map(|what| {
            lowered(
                format!("prompt `{name}` demands less: {what}"),
                prompt.places.eval_score_required.clone(),
            )
        }));
    }
}

fn lowered(message: String, place: Place) -> Diagnostic {
    Diagnostic::warning(THRESHOLD_LOWERED, message)
        .at(place)
        .help("raise it again, or say in the change why less is enough")
}

fn retrievals((base, old): Side<'_>, (head, new): Side<'_>, found: &mut Vec<Diagnostic>) {
    for (name, retrieval) in &head.manifests.retrievals {
        let (Some(before), Some(then)) = (base.manifests.retrievals.get(name), old.retrievals.get(name))
        else {
            found.extend(unreadable(base, &retrieval.path, &format!("retrieval `{name}`")));
            continue;
        };
        if let Some(now) = new.retrievals.get(name) {
            let what = format!("retrieval `{name}`");
            found.extend(version(&what, &retrieval.path, (&before.version, then), (&retrieval.version, now)));
        }
        if of_index(before) != of_index(retrieval) && !rebuilt(before, retrieval) {
            let message = format!(
                "retrieval `{name}` has another embedding model or other chunks than its index was made with"
            );
            let finding = Diagnostic::warning(INDEX_NOT_REBUILT, message).at(retrieval.place.clone());
            found.push(finding.help("rebuild the index, and set `index_last_rebuilt` to that day"));
        }
    }
}

/// What an index is made with.
fn of_index(retrieval: &Retrieval) -> impl PartialEq {
    let unit = retrieval.chunk_unit;
    (retrieval.embedding_model.clone(), retrieval.chunk_size, retrieval.chunk_overlap, unit)
}

/// Whether the day of the index is later than it was. ISO 8601 days compare as text.
fn rebuilt(before: &Retrieval, now: &Retrieval) -> bool {
    match (&before.index_last_rebuilt, &now.index_last_rebuilt) {
        (Some(then), Some(now)) => now > then,
        (None, now) => now.is_some(),
        (Some(_), None) => false,
    }
}

fn version(what: &str, path: &RelPath, then: (&str, &Digest), now: (&str, &Digest)) -> Option<Diagnostic> {
    let finding = match (then.0 == now.0, then.1 == now.1) {
        (true, false) => Diagnostic::error(
            VERSION_NOT_RAISED,
            format!("{what} changed and its version is still {}", now.0),
        )
        .help("raise `version`"),
        (false, true) => Diagnostic::warning(
            CONTENT_NOT_MOVED,
            format!("{what} went from version {} to {} and nothing of it changed", then.0, now.0),
        )
        .help("a version that stands for nothing new misleads: take it back"),
        _ => return None,
    };
    Some(finding.at(Place::file(path)))
}
