//! The files that programs declare as their inputs: they stand for the program in every digest, so that a glob that
//! matches none would let a changed program pass for the one that was evaluated.

use super::Sources;
use crate::domain::{Code, Diagnostic, Place};
use crate::manifest::assert::{Assert, Check};
use std::collections::BTreeSet;

/// A glob of a program's `inputs` matches no file.
pub const NO_INPUTS: Code = Code("inputs-no-match");

/// Globs that match nothing, also beside others that match.
pub(super) struct Unmatched<'a> {
    sources: &'a Sources<'a>,
    /// Assert programs that were looked at: those of the cases stand there again and again.
    seen: BTreeSet<Vec<String>>,
    found: Vec<Diagnostic>,
}

impl<'a> Unmatched<'a> {
    /// Begins with those of the providers.
    pub fn of_providers(sources: &'a Sources<'a>) -> Self {
        let mut all = Self { sources, seen: BTreeSet::new(), found: Vec::new() };
        for provider in sources.manifests.project.providers.values() {
            let what = format!("provider `{}`", provider.name);
            all.hold(&provider.inputs, &what, provider.place.as_ref());
        }
        all
    }

    /// Looks at the program of an assert, if it is one.
    pub fn assert(&mut self, assert: &Assert) {
        if let Check::Exec(program) = &assert.check
            && !program.inputs.is_empty()
            && self.seen.insert(program.inputs.clone())
        {
            self.hold(&program.inputs, "an assert", Some(&assert.place));
        }
    }

    /// What was found.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found
    }

    fn hold(&mut self, globs: &[String], what: &str, place: Option<&Place>) {
        let messages = match self.sources.snapshot.glob_all(globs) {
            Ok(matched) => {
                let said = |glob| format!("no file matches `{glob}` among the `inputs` of {what}");
                matched.idle.into_iter().map(said).collect()
            }
            Err(error) => vec![format!("the `inputs` of {what} cannot be read: {error}")],
        };
        self.found.extend(messages.into_iter().map(|message| {
            let finding = Diagnostic::error(NO_INPUTS, message);
            Diagnostic { place: place.cloned(), ..finding }.help(
                "correct it: that a program changed is known by the files that are named, and by nothing else",
            )
        }));
    }
}
