//! Suites meet their prompts and judges: what one manifest alone cannot tell.

use super::decode::{BAD_VALUE, MISSING_KEY, Sink, closest};
use super::pin;
use super::prompt::{Dimension, Prompt};
use super::providers::{Providers, Purpose, family};
use super::read_suite::{ReadJudge, ReadSuite, RubricName};
use super::rubrics;
use super::suite::{Judge, Suite};
use crate::domain::{Code, Diagnostic, ModelId, Place, PromptName, ProviderName, RelPath, Scale, Span};
use crate::repo::Snapshot;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A suite of a prompt that does not exist.
pub const UNKNOWN_PROMPT: Code = Code("unknown-prompt");
/// A limit on a metric that no assert names.
pub const UNKNOWN_METRIC: Code = Code("unknown-metric");
/// A model that judges itself.
pub const SELF_JUDGE: Code = Code("self-judge");
/// A judge of the same family as the model under test.
pub const SAME_FAMILY_JUDGE: Code = Code("same-family-judge");
/// A threshold off the judge's scale.
pub const THRESHOLD_OFF_SCALE: Code = Code("threshold-off-scale");
/// A prompt that no suite tests.
pub const PROMPT_WITHOUT_SUITE: Code = Code("prompt-without-suite");
/// A threshold that no judge's score is compared with.
pub const THRESHOLD_WITHOUT_JUDGE: Code = Code("threshold-without-judge");

/// Everything that links refer to.
pub struct Linker<'a> {
    /// For built-in rubrics.
    pub snapshot: &'a Snapshot,
    /// The sound prompts.
    pub prompts: &'a BTreeMap<PromptName, Arc<Prompt>>,
    /// Names of prompts with errors: nothing more is said of them.
    pub broken: &'a BTreeSet<PromptName>,
    /// Judge manifests by file; `None` for files with errors.
    pub rubrics: &'a HashMap<RelPath, Option<Arc<Prompt>>>,
    /// The providers of the project.
    pub providers: &'a Providers<'a>,
    /// Whether the project's default judge has errors.
    pub judge_broken: bool,
    /// The built-in rubrics that were read already.
    pub built_in: RefCell<HashMap<String, Arc<Prompt>>>,
    /// The date, for models that are switched off.
    pub today: Option<&'a str>,
}

impl Linker<'_> {
    /// Links a suite. `None` after an error, and where its prompt has errors of its own.
    pub fn link(&self, suite: ReadSuite, sink: &Sink) -> Option<Suite> {
        let (name, at) = &suite.prompt;
        let prompt = self.prompts.get(name);
        if prompt.is_none() && !self.broken.contains(name) {
            let known = self.prompts.keys().chain(self.broken).map(PromptName::as_str);
            let help = match closest(name.as_str(), known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name a prompt: its `name`, or its path under the prompts folder without extension"
                    .to_owned(),
            };
            sink.error(UNKNOWN_PROMPT, *at, format!("there is no prompt `{name}`"), help);
        }
        self.metrics(&suite, sink);
        let judge = match &suite.judge {
            None => {
                for (key, span) in &suite.gate.judged {
                    sink.error(
                        BAD_VALUE,
                        *span,
                        format!("`{key}` has no effect: this suite has no judge"),
                        "add `judge: {}`, or remove the key",
                    );
                }
                None
            }
            Some(read) => {
                let judge = self.judge(read, prompt.map(AsRef::as_ref), sink);
                if let Some(judge) = &judge {
                    floor(&suite, judge.scale, sink);
                }
                Some(judge)
            }
        };
        let prompt_place = sink.place(*at);
        if sink.has_errors() || prompt.is_none() {
            return None;
        }
        Some(Suite {
            name: suite.name,
            path: suite.path,
            version: suite.version,
            prompt: suite.prompt.0,
            cases: suite.cases,
            trials: suite.trials,
            sample: suite.sample,
            asserts: suite.asserts,
            judge: match judge {
                Some(judge) => Some(judge?),
                None => None,
            },
            gate: suite.gate.terms,
            about: suite.about,
            prompt_place,
            gate_place: suite.gate_place,
        })
    }

    fn metrics(&self, suite: &ReadSuite, sink: &Sink) {
        for (name, span) in &suite.gate.metrics {
            let mut known: Vec<&str> =
                suite.asserts.iter().filter_map(|assert| assert.metric.as_deref()).collect();
            known.extend(suite.cases.metrics().iter().map(String::as_str));
            known.push("refusal_rate");
            if known.contains(&name.as_str()) {
                continue;
            }
            let help = match closest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add `metric: {name}` to an assert"),
            };
            sink.error(UNKNOWN_METRIC, *span, format!("no assert has the metric `{name}`"), help);
        }
    }

    fn judge(&self, read: &ReadJudge, prompt: Option<&Prompt>, sink: &Sink) -> Option<Judge> {
        let (rubric_name, at) = &read.rubric;
        let rubric = match rubric_name {
            RubricName::Builtin(name) => self.built_in(name, sink, *at),
            RubricName::Path(path) => match self.rubrics.get(path) {
                Some(Some(rubric)) if rubric.is_judge() => Some(Arc::clone(rubric)),
                Some(Some(_)) => {
                    let message = format!("`{path}` is no judge manifest: it has no `dimensions`");
                    sink.error(
                        rubrics::UNKNOWN_RUBRIC,
                        *at,
                        message,
                        "add `dimensions:` to it, or name another",
                    );
                    None
                }
                _ => None,
            },
        };
        let dimensions = rubric.as_ref().map(|rubric| dimensions(read, rubric, sink));
        let chosen = self.model(read, rubric.as_deref(), sink);
        for dimension in dimensions.iter().flatten() {
            if let Some(required) = dimension.required
                && !read.scale.spans(required)
            {
                let found = off_scale(&format!("`required` of `{}`", dimension.name), required, read.scale);
                sink.push(found.at(dimension.place.clone().unwrap_or_else(|| sink.place(read.span))));
            }
        }
        let (model, provider) = chosen?;
        if let Some(prompt) = prompt {
            let place = sink.place(read.model.as_ref().map_or(read.span, |(_, span)| *span));
            relation(prompt, &model, read.allow_self, &place, sink);
        }
        Some(Judge {
            model,
            provider,
            rubric: rubric?,
            dimensions: dimensions?,
            scale: read.scale,
            repeats: read.repeats,
            allow_self: read.allow_self,
            place: sink.place(read.span),
        })
    }

    fn built_in(&self, name: &str, sink: &Sink, at: Span) -> Option<Arc<Prompt>> {
        if let Some(known) = self.built_in.borrow().get(name) {
            return Some(Arc::clone(known));
        }
        let rubric = rubrics::built_in(self.snapshot, self.providers, name, sink, at)?;
        self.built_in.borrow_mut().insert(name.to_owned(), Arc::clone(&rubric));
        Some(rubric)
    }

    /// The judge's model: the suite's, else the project's, else the rubric's.
    fn model(
        &self,
        read: &ReadJudge,
        rubric: Option<&Prompt>,
        sink: &Sink,
    ) -> Option<(ModelId, ProviderName)> {
        let named = read.provider.as_ref().map(|(name, span)| (name, *span));
        if let Some((model, span)) = &read.model {
            let provider = self.providers.choose(sink, (model, *span), named, Purpose::Judge)?;
            pin::check(model, provider, self.today, &sink.place(*span))
                .into_iter()
                .for_each(|found| sink.push(found));
            return Some((model.clone(), provider.name.clone()));
        }
        if self.judge_broken {
            return None;
        }
        if let Some(default) = &self.providers.project.judge {
            // What is wrong with the project's own judge is said once, at the project file.
            let quiet = Sink::new(sink.path());
            let of_project = default.provider.as_ref().map(|name| (name, read.span));
            let target = if named.is_some() { sink } else { &quiet };
            let provider = self.providers.choose(
                target,
                (&default.model, read.span),
                named.or(of_project),
                Purpose::Judge,
            )?;
            return Some((default.model.clone(), provider.name.clone()));
        }
        let rubric = rubric?;
        let Some(named) = named else { return Some((rubric.model.clone(), rubric.provider.clone())) };
        let provider =
            self.providers.choose(sink, (&rubric.model, read.span), Some(named), Purpose::Judge)?;
        Some((rubric.model.clone(), provider.name.clone()))
    }

    /// Checks the project's own judge, once.
    pub fn default_judge(&self, sink: &Sink) {
        let Some(default) = &self.providers.project.judge else { return };
        let Some(span) = default.place.span else { return };
        let named = default.provider.as_ref().map(|name| (name, span));
        if let Some(provider) = self.providers.choose(sink, (&default.model, span), named, Purpose::Judge) {
            pin::check(&default.model, provider, self.today, &default.place)
                .into_iter()
                .for_each(|found| sink.push(found));
        }
    }
}

/// The suite's dimensions, each completed from the rubric's of the same name; all of the rubric's where it
/// names none.
fn dimensions(read: &ReadJudge, rubric: &Prompt, sink: &Sink) -> Vec<Dimension> {
    let Some(written) = &read.dimensions else { return rubric.dimensions.clone() };
    let mut found = Vec::new();
    for written in written {
        let base = rubric.dimensions.iter().find(|base| base.name == written.name);
        match written.complete(base, sink) {
            Some(dimension) => found.push(dimension),
            None => {
                let known = rubric.dimensions.iter().map(|known| known.name.as_str());
                let help = match closest(written.name.as_str(), known) {
                    Some(near) => format!("did you mean `{near}`? otherwise add a `description`"),
                    None => "add a `description`: the judge reads it".to_owned(),
                };
                let message =
                    format!("the rubric has no dimension `{}`, and none is described here", written.name);
                sink.error(MISSING_KEY, written.span, message, help);
            }
        }
    }
    found
}

/// Behind another provider a model is the same one.
fn relation(prompt: &Prompt, model: &ModelId, allow_self: bool, place: &Place, sink: &Sink) {
    if prompt.model == *model {
        if !allow_self {
            sink.push(
                Diagnostic::error(SELF_JUDGE, format!("`{model}` would judge its own answers"))
                    .at(place.clone())
                    .help("name another model under `judge:`, or write `allow_self: true`"),
            );
        }
        return;
    }
    if let (Some(judge), Some(judged)) = (family(model), family(&prompt.model))
        && judge == judged
    {
        sink.push(
            Diagnostic::warning(
                SAME_FAMILY_JUDGE,
                format!("the judge `{model}` and the model under test `{}` are of one family", prompt.model),
            )
            .at(place.clone())
            .help("models tend to favour answers of their own family; prefer a judge of another vendor"),
        );
    }
}

fn floor(suite: &ReadSuite, scale: Scale, sink: &Sink) {
    if let (Some(floor), Some(span)) = (suite.gate.terms.case_floor, suite.gate.case_floor)
        && !scale.spans(floor)
    {
        sink.push(off_scale("`case_floor`", floor, scale).at(sink.place(span)));
    }
}

fn off_scale(what: &str, threshold: f64, scale: Scale) -> Diagnostic {
    let Scale { min, max, .. } = scale;
    Diagnostic::error(
        THRESHOLD_OFF_SCALE,
        format!("{what} is {threshold}, off the judge's scale {min} to {max}"),
    )
    .help(format!("use a number from {min} to {max}"))
}

/// Of so many prompts without a suite each is told by itself.
const TOLD: usize = 3;

/// Says of prompts without a suite that nothing gates them; of many in one finding. A rubric is tested by whoever uses it,
/// and one that nobody uses is no gate's concern.
pub fn without_suite(prompts: &[&Prompt]) -> Vec<Diagnostic> {
    let found = |message: String, prompt: &Prompt| {
        Diagnostic::warning(PROMPT_WITHOUT_SUITE, message)
            .at(Place::file(&prompt.path))
            .help(format!("write a suite with `prompt: {}`", prompt.name))
    };
    match prompts {
        [first, ..] if prompts.len() > TOLD => {
            let names: Vec<String> =
                prompts.iter().take(TOLD).map(|prompt| format!("`{}`", prompt.name)).collect();
            let message = format!(
                "no suite tests {} prompts: {} and {} more: nothing holds their changes",
                prompts.len(),
                names.join(", "),
                prompts.len() - TOLD
            );
            vec![found(message, first)]
        }
        few => few
            .iter()
            .map(|prompt| {
                found(format!("no suite tests prompt `{}`: nothing holds its changes", prompt.name), prompt)
            })
            .collect(),
    }
}

/// Checks the threshold of a prompt against its sound suites: there is one with a judge, and the threshold
/// lies on its scale. `excused` says that a suite of the prompt has errors, so that nothing is said of a
/// missing judge.
pub fn threshold(prompt: &Prompt, suites: &[&Suite], excused: bool) -> Option<Diagnostic> {
    let required = prompt.required?;
    let place = prompt.places.eval_score_required.clone();
    let judged = suites.iter().filter_map(|suite| Some((suite, suite.judge.as_ref()?)));
    if let Some((suite, judge)) = judged.clone().find(|(_, judge)| !judge.scale.spans(required)) {
        let what = format!("`eval_score_required` (judged by {})", suite.path);
        return Some(off_scale(&what, required, judge.scale).at(place));
    }
    if judged.count() > 0 || excused {
        return None;
    }
    let message = if suites.is_empty() {
        "`eval_score_required` demands a judge's score, and no suite tests this prompt"
    } else {
        "`eval_score_required` demands a judge's score, and no suite of this prompt has a judge"
    };
    let help = if suites.is_empty() {
        format!(
            "write a suite with `prompt: {}` where `paths.evals` is (`evals/`), or remove the threshold",
            prompt.name
        )
    } else {
        format!("add `judge: {{}}` to a suite with `prompt: {}`, or remove the threshold", prompt.name)
    };
    Some(Diagnostic::error(THRESHOLD_WITHOUT_JUDGE, message).at(place).help(help))
}
