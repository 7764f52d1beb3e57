//! What a promotion changes against what is live.

use crate::domain::{Digest, ModelId};
use crate::manifest::deployment::Deployment;

/// What moves in one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Nothing was live.
    First,
    /// The very same prompt is live.
    Nothing,
    /// The prompt alone.
    Prompt,
    /// The model alone.
    Model,
    /// Both, so that neither can be blamed for what follows.
    Both,
}

/// Tells what moves. `now` is the digest of what is promoted, with its `model`; `on_live_model` is the digest that the
/// same prompt has on the model that is live.
pub fn step(live: Option<&Deployment>, model: &ModelId, now: &Digest, on_live_model: &Digest) -> Step {
    let Some(live) = live else { return Step::First };
    if live.prompt_digest == *now {
        return Step::Nothing;
    }
    match (live.model != *model, live.prompt_digest != *on_live_model) {
        (true, true) => Step::Both,
        (true, false) => Step::Model,
        (false, _) => Step::Prompt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_change_of_model_and_prompt_is_told_from_either_alone() {
        let digest = Digest::of_text;
        let live = Deployment {
            model: "a".into(),
            prompt_version: "1".into(),
            retrieval_config_version: None,
            promoted_at: String::new(),
            promoted_by: String::new(),
            eval_score_at_promotion: None,
            prompt_digest: digest("old on a"),
            retrieval_digest: None,
            suites: BTreeMap::new(),
            source_commit: String::new(),
            previous: None,
        };
        let of = |model: &str, now: &str, on_live: &str| {
            step(Some(&live), &model.into(), &digest(now), &digest(on_live))
        };
        assert_eq!(of("a", "old on a", "old on a"), Step::Nothing);
        assert_eq!(of("a", "new on a", "new on a"), Step::Prompt);
        assert_eq!(of("b", "old on b", "old on a"), Step::Model);
        assert_eq!(of("b", "new on b", "new on a"), Step::Both);
        assert_eq!(step(None, &"a".into(), &digest("x"), &digest("x")), Step::First);
    }
}
