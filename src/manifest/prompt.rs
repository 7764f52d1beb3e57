//! Prompt manifests and judge manifests, which are prompt manifests with dimensions.

use super::template::Template;
use crate::domain::{
    DimensionName, ModelId, Parameters, Place, PromptName, ProviderName, RelPath, Role, ToolDefinition, Usd,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// One message of a prompt, not yet rendered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageTemplate {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Template,
}

/// A declared input of a prompt.
#[derive(Clone, PartialEq, Debug)]
pub struct Input {
    /// Its JSON Schema, without `required` and `default`.
    pub schema: Value,
    /// Whether every case has to supply it.
    pub required: bool,
    /// What it is where a case does not supply it.
    pub default: Option<Value>,
}

/// One example of `few_shot`: a user message and the answer to it, sent between system and user messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FewShot {
    /// What the user said.
    pub input: String,
    /// What the model should have answered.
    pub output: String,
}

/// What the answer has to be.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Output {
    /// Whether a JSON object is asked for.
    pub json: bool,
    /// The JSON Schema that it has to fit, keys in the author's order.
    pub schema: Option<Value>,
}

/// Which retrieval manifest a prompt reads, and with which query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetrievalUse {
    /// The manifest's file.
    pub path: RelPath,
    /// The query; without one it is `input`, or the only input.
    pub query: Option<Template>,
    /// Where the prompt names it.
    pub place: Place,
}

/// Limits on what a case may cost.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Budget {
    /// USD per case, judge not included: mean over the cases.
    pub max_cost_usd_per_case: Option<Usd>,
    /// Milliseconds at the 95th percentile of the calls, stored ones as they were made, nearest rank.
    pub p95_latency_ms: Option<u64>,
    /// Input tokens of any one request.
    pub max_input_tokens: Option<u64>,
}

/// Free texts: in no digest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are the keys of the same names")]
pub struct About {
    pub author: Option<String>,
    pub created: Option<String>,
    pub changelog: Option<String>,
    pub description: Option<String>,
    pub owners: Vec<String>,
}

/// What a dimension cannot be judged without.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Needs {
    /// Retrieved or pinned context.
    Context,
    /// An expected answer.
    Expected,
}

/// One dimension that a judge scores.
#[derive(Clone, PartialEq, Debug)]
pub struct Dimension {
    /// Its name.
    pub name: DimensionName,
    /// What it means and what each level stands for; the judge reads this.
    pub description: String,
    /// Its weight in a trial's score; greater than 0.
    pub weight: f64,
    /// The least mean that the gate demands of it.
    pub required: Option<f64>,
    /// Without these it is not applicable to a case.
    pub needs: Vec<Needs>,
    /// Where it is defined.
    pub place: Option<Place>,
}

/// Where the values that other rooms check stand in the manifest; the file where a key is absent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the keys of the same names")]
pub struct PromptPlaces {
    pub version: Place,
    pub model_target: Place,
    pub provider: Place,
    pub parameters: Place,
    pub eval_score_required: Place,
    pub output: Place,
    pub tools: Place,
    pub inputs: Place,
}

/// A prompt manifest, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Prompt {
    /// `name`, else the path under the prompts folder without extension.
    pub name: PromptName,
    /// The manifest's file. For a rubric embedded in the binary: its path in this project's own repository.
    pub path: RelPath,
    /// As written.
    pub version: String,
    /// The pinned model. For judge manifests the default of suites that name none.
    pub model: ModelId,
    /// The provider, as named or as found from the model.
    pub provider: ProviderName,
    /// The messages; the last is a user message.
    pub messages: Vec<MessageTemplate>,
    /// `eval_score_required`, on the judge's scale.
    pub required: Option<f64>,
    /// Sampling parameters.
    pub parameters: Parameters,
    /// Declared inputs. Empty: every variable of the templates is a required string.
    pub inputs: BTreeMap<String, Input>,
    /// Examples.
    pub few_shot: Vec<FewShot>,
    /// What the answer has to be.
    pub output: Output,
    /// Tools, in the order of the manifest.
    pub tools: Vec<ToolDefinition>,
    /// Retrieval.
    pub retrieval: Option<RetrievalUse>,
    /// Limits.
    pub budget: Budget,
    /// Free texts.
    pub about: About,
    /// The dimensions of a judge manifest; empty for every other prompt.
    pub dimensions: Vec<Dimension>,
    /// Where things stand.
    pub places: PromptPlaces,
}

impl Prompt {
    /// Whether a user who writes `name` means this prompt: its name, or the path of its file with or without ending.
    pub fn is_called(&self, name: &str) -> bool {
        let path = name.strip_prefix("./").unwrap_or(name);
        self.name.as_str() == name || self.path.as_str() == path || self.path.stem() == path
    }

    /// Whether it is a judge manifest.
    pub fn is_judge(&self) -> bool {
        !self.dimensions.is_empty()
    }
}
