//! What is likely wrong with retrieval and can be known before anything is searched.

use super::corpus;
use super::index::embeds;
use super::local::StaticModel;
use crate::domain::model::facts;
use crate::domain::{Case, Code, Diagnostic, Place, RelPath, Span, date};
use crate::manifest::closest;
use crate::manifest::prompt::Prompt;
use crate::manifest::retrieval::{ChunkUnit, Retrieval};
use crate::render;
use crate::repo::{Repository, Snapshot};
use std::collections::BTreeSet;

/// A prompt retrieves and never shows what it retrieved.
pub const CONTEXT_UNUSED: Code = Code("context-unused");
/// What is retrieved does not fit the model.
pub const BEYOND_WINDOW: Code = Code("retrieval-beyond-window");
/// Nothing can be embedded.
pub const NO_EMBEDDER: Code = Code("embedding-provider-missing");
/// A case names a source as relevant that the corpus has not.
pub const RELEVANT_UNKNOWN: Code = Code("relevant-not-in-corpus");
/// Characters of a token, where they are not counted: that of English text.
const CHARACTERS: u32 = 4;

/// The corpus changed after the index was last rebuilt.
pub const CORPUS_NEWER: Code = Code("corpus-newer-than-index");

/// What a prompt and its retrieval say of each other. `in_messages` says whether the model sees messages alone: a
/// program gets the context beside them.
pub fn of_prompt(
    snapshot: &Snapshot,
    folder: &RelPath,
    prompt: &Prompt,
    retrieval: &Retrieval,
    in_messages: bool,
) -> Vec<Diagnostic> {
    let Some(using) = &prompt.retrieval else { return Vec::new() };
    let mut found = Vec::new();
    // A template that cannot be read is a fault of its own.
    let reads = |template| render::reads_context(snapshot, folder, template).unwrap_or(true);
    let shown = prompt.messages.iter().any(|message| reads(&message.content));
    if in_messages && !shown {
        found.push(
            Diagnostic::warning(CONTEXT_UNUSED, "the prompt retrieves, and no template shows `context`")
                .at(using.place.clone())
                .help("write {{ context }} where the model should read it"),
        );
    }
    let size = match retrieval.chunk_unit {
        ChunkUnit::Tokens => u64::from(retrieval.chunk_size),
        ChunkUnit::Characters => u64::from(retrieval.chunk_size.div_ceil(CHARACTERS)),
    };
    let asked = u64::from(retrieval.top_k) * size;
    if let Some(window) = facts(&prompt.model).and_then(|facts| facts.context_window)
        && retrieval.endpoint.is_none()
        && asked > window
    {
        let unit = match retrieval.chunk_unit {
            ChunkUnit::Tokens => "tokens",
            ChunkUnit::Characters => "characters, at four a token,",
        };
        let message = format!(
            "{} chunks of {} {} are {asked} tokens, and `{}` takes {window}",
            retrieval.top_k, retrieval.chunk_size, unit, prompt.model
        );
        found.push(
            Diagnostic::warning(BEYOND_WINDOW, message)
                .at(using.place.clone())
                .help("lower `top_k` or `chunk_size`"),
        );
    }
    if let Some(model) = embeds(retrieval).filter(|_| retrieval.provider.is_none()) {
        let message = format!("`{}` embeds with `{model}`, which no provider serves", retrieval.name);
        found.push(Diagnostic::warning(NO_EMBEDDER, message).at(using.place.clone()).help(format!(
            "add `provider: NAME` to {}; until then every case has to pin its `context`",
            retrieval.path
        )));
    }
    found
}

/// What reading a whole corpus brought.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Read {
    /// Everything that is wrong, file by file, rows included.
    pub diagnostics: Vec<Diagnostic>,
    /// The sources of its documents; `None` where an error leaves some of them unknown.
    pub sources: Option<BTreeSet<String>>,
}

/// Reads a whole corpus.
pub fn of_corpus(snapshot: &Snapshot, retrieval: &Retrieval) -> Read {
    let (paths, mut found) = match corpus::list(snapshot, retrieval) {
        Ok(listed) => (listed.paths, listed.warnings),
        Err(fault) => return Read { diagnostics: vec![fault], sources: None },
    };
    let (mut some, mut sources) = (false, BTreeSet::new());
    for path in &paths {
        match corpus::load(snapshot, path).and_then(|loaded| corpus::documents(path, &loaded.text)) {
            Ok(documents) if documents.is_empty() => found.push(corpus::empty(path)),
            Ok(documents) => {
                some = true;
                sources.extend(documents.into_iter().map(|document| document.source));
            }
            Err(fault) => {
                some = true;
                found.push(fault);
            }
        }
    }
    if !some {
        found.push(corpus::all_empty(retrieval));
    }
    let broken = found.iter().any(Diagnostic::is_error);
    Read { diagnostics: found, sources: (!broken).then_some(sources) }
}

/// The sources that a case names as relevant and that no document of the corpus has: the case would count as a miss
/// however well is searched. A case that pins its context names sources of that.
pub fn of_relevant(case: &Case, sources: &BTreeSet<String>) -> Vec<Diagnostic> {
    if case.context.is_some() {
        return Vec::new();
    }
    let unknown = case.relevant.iter().filter(|source| !sources.contains(*source));
    unknown
        .map(|source| {
            let message = format!(
                "`relevant` of case `{}` names {source}, which is no document of the corpus",
                case.id
            );
            Diagnostic::error(RELEVANT_UNKNOWN, message)
                .at(Place::at(&case.file, Span::new(case.line, 1, 1)))
                .help(nearest(source, sources))
        })
        .collect()
}

/// What to write instead of a source that there is not.
fn nearest(source: &str, sources: &BTreeSet<String>) -> String {
    let rows = format!("{source}#");
    if let Some(row) = sources.range(rows.clone()..).next().filter(|row| row.starts_with(&rows)) {
        return format!("each row of that file is a document: did you mean `{row}`?");
    }
    if source.contains(['*', '?', '[', '{']) {
        return "name each document: `relevant` takes no globs".to_owned();
    }
    match closest(source, sources.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write its path from the root, and for a row `#` and its id, as `retrieve --query` shows it"
            .to_owned(),
    }
}

/// What is wrong with an embedding model in a folder.
pub fn of_model(snapshot: &Snapshot, folder: &RelPath) -> Option<Diagnostic> {
    StaticModel::load(snapshot, folder).err()
}

/// The file of the corpus that changed after `index_last_rebuilt`, if there is one: the newest. What is not committed
/// changed today.
pub fn newer(
    snapshot: &Snapshot,
    git: &Repository,
    retrieval: &Retrieval,
    today: &str,
) -> Option<Diagnostic> {
    let rebuilt = date(retrieval.index_last_rebuilt.as_deref()?)?;
    let paths = corpus::list(snapshot, retrieval).ok()?.paths;
    let dates = super::freshness::of_files(git, &paths, today).ok()?;
    let (day, path) = dates.into_iter().map(|(path, day)| (day, path)).max()?;
    (date(&day)? > rebuilt).then(|| {
        let message = format!("{path} changed on {day}, and the index was last rebuilt on {rebuilt}");
        Diagnostic::warning(CORPUS_NEWER, message)
            .at(retrieval.rebuilt_place.clone())
            .help("rebuild the index, and set `index_last_rebuilt`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifests;
    use std::fs;

    fn found(prompt: &str, retrieval: &str) -> Vec<&'static str> {
        let folder = tempfile::tempdir().expect("a folder");
        let files =
            [("prompts/p.yaml", prompt), ("prompts/c.j2", "{{ context }}"), ("retrieval/kb.yaml", retrieval)];
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
            fs::write(path, text).expect("the file");
        }
        let snapshot = Snapshot::working_tree(folder.path()).expect("a folder");
        let manifests = Manifests::load(&snapshot, None);
        let (prompt, kb) = (&manifests.prompts["p"], &manifests.retrievals["kb"]);
        let prompts = &manifests.project.folders.prompts;
        of_prompt(&snapshot, prompts, prompt, kb, true).iter().map(|one| one.code.0).collect()
    }

    const PROMPT: &str = "version: 1\nmodel_target: gpt-4o-2024-11-20\nretrieval: ../retrieval/kb.yaml\n";
    const KB: &str = "version: 1\ncorpus: ['kb/*.md']\n";

    #[test]
    fn each_lint_blocks_what_it_is_for() {
        let fine = format!("{KB}embedding_model: builtin/hashing-256\ntop_k: 4\n");
        assert!(found(&format!("{PROMPT}system: '{{{{ context }}}}'\n"), &fine).is_empty());
        for template in
            ["hello", "the context of it", "{# context #} hello", "{% set context = 1 %}{{ context }}"]
        {
            assert_eq!(
                found(&format!("{PROMPT}system: '{template}'\n"), &fine),
                ["context-unused"],
                "{template}"
            );
        }
        for template in ["{% for chunk in context %}{{ chunk.text }}{% endfor %}", "{% include \"c.j2\" %}"] {
            assert!(found(&format!("{PROMPT}system: '{template}'\n"), &fine).is_empty(), "{template}");
        }
        let large = format!("{KB}embedding_model: builtin/hashing-256\ntop_k: 400\n");
        let shown = format!("{PROMPT}system: '{{{{ context }}}}'\n");
        assert_eq!(found(&shown, &large), ["retrieval-beyond-window"]);
        let characters = |size: u32| format!("{large}chunk_unit: characters\nchunk_size: {size}\n");
        assert_eq!(found(&shown, &characters(2000)), ["retrieval-beyond-window"]);
        assert!(found(&shown, &characters(1000)).is_empty());
        let unserved = format!("{KB}embedding_model: databricks-gte-large-en\ntop_k: 4\n");
        assert_eq!(found(&shown, &unserved), ["embedding-provider-missing"]);
    }
}
