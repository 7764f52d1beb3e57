//! The rubrics of this binary: judge manifests of this project's own repository.

use super::decode::{Sink, closest};
use super::files::{Files, tree};
use super::prompt::Prompt;
use super::providers::Providers;
use super::read_prompt;
use crate::domain::{Code, RelPath, Span};
use crate::repo::Snapshot;
use std::sync::Arc;

/// A rubric that does not exist.
pub const UNKNOWN_RUBRIC: Code = Code("unknown-rubric");

/// The rubric of suites that name none.
pub const DEFAULT: &str = "builtin/rag";

/// Name, path in this project's repository, text.
const BUILT_IN: &[(&str, &str, &str)] =
    &[("builtin/rag", "prompts/judges/rag.yaml", include_str!("../../prompts/judges/rag.yaml"))];

/// The built-in rubric of that name; its absence is an error at `span`.
pub fn built_in(
    snapshot: &Snapshot,
    providers: &Providers<'_>,
    name: &str,
    sink: &Sink,
    span: Span,
) -> Option<Arc<Prompt>> {
    let Some((name, path, text)) = BUILT_IN.iter().find(|(known, _, _)| *known == name) else {
        let help = match closest(name, BUILT_IN.iter().map(|(name, _, _)| *name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use `{DEFAULT}`, or the path of a judge manifest"),
        };
        sink.error(UNKNOWN_RUBRIC, span, format!("there is no built-in rubric `{name}`"), help);
        return None;
    };
    let inner = Sink::new(&RelPath::new(path)?);
    let node = tree(text, &inner)?;
    let files = Files { snapshot, sink: &inner };
    read_prompt::read(files, &node, name, providers, None).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::project::Project;
    use std::collections::BTreeSet;

    #[test]
    fn every_built_in_rubric_is_sound() {
        let (project, broken) = (Project::default(), BTreeSet::new());
        let providers = Providers { project: &project, broken: &broken, unreadable: false };
        let folder = tempfile::tempdir().expect("a folder");
        let snapshot = Snapshot::working_tree(folder.path()).expect("a snapshot");
        let sink = Sink::new(&RelPath::root());
        for (name, _, _) in BUILT_IN {
            let rubric = built_in(&snapshot, &providers, name, &sink, Span::new(1, 1, 1)).expect("a rubric");
            assert!(rubric.is_judge(), "{name}");
        }
        assert!(built_in(&snapshot, &providers, "builtin/rga", &sink, Span::new(1, 1, 1)).is_none());
        assert_eq!(sink.into_found()[0].help.as_deref(), Some("did you mean `builtin/rag`?"));
    }
}
