//! The request of a trial: rendered messages, parameters, tools and schema, and for programs the data itself.

use crate::domain::exchange::OutputSchema;
use crate::domain::{Chunk, Digest, ModelId, Request, Scale};
use crate::grade::judge;
use crate::manifest::project::{Api, ProviderConfig};
use crate::manifest::prompt::{Dimension, Needs, Prompt};
use crate::plan::GatePlan;
use crate::render::{CaseSubject, RenderError, Renderer};
use serde_json::{Map, Value, json};

/// Whom a request is for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The prompt.
    pub prompt: &'a Prompt,
    /// The model: the prompt's pin, or a candidate.
    pub model: &'a ModelId,
    /// Its provider.
    pub provider: &'a ProviderConfig,
    /// Digest of the files that the provider's program declares.
    pub program: Option<Digest>,
}

impl<'a> From<&'a GatePlan> for Target<'a> {
    fn from(gate: &'a GatePlan) -> Self {
        Self { prompt: &gate.prompt, model: &gate.model, provider: &gate.provider, program: gate.program }
    }
}

impl Target<'_> {
    /// The request for one case.
    ///
    /// # Errors
    /// When a template fails.
    pub fn request(
        &self,
        renderer: &Renderer,
        vars: &Map<String, Value>,
        context: &[Chunk],
        trial: u32,
    ) -> Result<Request, RenderError> {
        let local = matches!(self.provider.api, Api::Exec | Api::Http | Api::Builtin);
        let (messages, output, data) = if self.prompt.is_judge() {
            let judged = CaseSubject::new(vars, context);
            let subject = judged.subject();
            let asked = applicable(&self.prompt.dimensions, !context.is_empty(), subject.expected.is_some());
            let scale = Scale::default();
            let messages = renderer.judge(self.prompt, &subject, &asked, scale)?;
            let data = if local { judge::data(&subject, &asked, scale) } else { Value::Null };
            (messages, Some(judge::schema(&asked, scale)), data)
        } else {
            let messages = renderer.messages(self.prompt, vars, context)?;
            let data = if local { json!({"vars": vars, "context": context}) } else { Value::Null };
            (messages, self.schema(), data)
        };
        let program = matches!(self.provider.api, Api::Exec | Api::Http);
        Ok(Request {
            provider: self.provider.name.clone(),
            api: self.provider.api.as_str().to_owned(),
            model: self.model.clone(),
            messages,
            tools: self.prompt.tools.clone(),
            parameters: self.prompt.parameters.clone(),
            json: self.prompt.output.json && output.is_none(),
            output,
            trial,
            data,
            inputs: self.program,
            cacheable: !program || self.program.is_some(),
        })
    }

    fn schema(&self) -> Option<OutputSchema> {
        let schema = self.prompt.output.schema.clone()?;
        let name: String = self
            .prompt
            .name
            .as_str()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
            .take(64)
            .collect();
        Some(OutputSchema { strict: is_strict(&schema), name, schema })
    }
}

fn applicable(dimensions: &[Dimension], has_context: bool, has_expected: bool) -> Vec<Dimension> {
    let met = |needs: &Needs| match needs {
        Needs::Context => has_context,
        Needs::Expected => has_expected,
    };
    dimensions.iter().filter(|dimension| dimension.needs.iter().all(met)).cloned().collect()
}

/// Whether a provider's strict mode would take the schema: every object is closed and requires all its keys.
fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            let closed = match map.get("properties").and_then(Value::as_object) {
                None => map.get("type").is_none_or(|kind| kind != "object"),
                Some(properties) => {
                    let required = map.get("required").and_then(Value::as_array);
                    map.get("additionalProperties") == Some(&Value::Bool(false))
                        && required.is_some_and(|required| {
                            properties.keys().all(|key| required.iter().any(|name| name == key.as_str()))
                        })
                }
            };
            closed && map.values().all(is_strict)
        }
        Value::Array(items) => items.iter().all(is_strict),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_mode_is_asked_for_only_where_a_provider_would_take_the_schema() {
        let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
        assert!(is_strict(&closed));
        assert!(!is_strict(&json!({"type": "object", "properties": {"a": {}}, "required": ["a"]})));
        assert!(!is_strict(
            &json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"], "additionalProperties": false})
        ));
        assert!(!is_strict(&json!({"type": "array", "items": {"type": "object", "properties": {"a": {}}}})));
    }
}
