//! Asserts: which family decides, what is compiled once, and what `not-` means.

use super::fault::AssertFault;
use super::material::{Answer, Finding, Material, wrong};
use super::program::Outside;
use super::structure::{CompiledPath, Schema};
use super::{context, measured, program, say, similar, structure, text};
use crate::domain::AssertOutcome;
use crate::manifest::assert::{Assert, Check, PathTest, StructureAssert, Text, TextAssert};
use crate::manifest::template::Template;
use crate::render::Renderer;
use regex::Regex;
use serde_json::Value;

/// What is compiled of an assert before its first answer.
#[derive(Debug, Default)]
pub struct Compiled {
    /// The pattern of a `regex` or of `matches`, where it is not a template.
    pub pattern: Option<Regex>,
    /// Its schemas, in the order of the assert.
    pub schemas: Vec<Schema>,
    /// The path of a `json-path`.
    pub path: Option<CompiledPath>,
}

impl Compiled {
    fn of(assert: &Assert) -> Result<Self, AssertFault> {
        let mut compiled = Self::default();
        let mut schemas: Vec<&Value> = Vec::new();
        match &assert.check {
            Check::Text(TextAssert::Regex(value)) => compiled.pattern = literal_pattern(assert, value)?,
            Check::Structure(test) => match test {
                StructureAssert::IsJson { schema } | StructureAssert::ContainsJson { schema } => {
                    schemas.extend(schema);
                }
                StructureAssert::JsonPath { path, test } => {
                    compiled.path = Some(CompiledPath::compile(path).map_err(|why| wrong(assert, why))?);
                    if let PathTest::Matches(value) = test {
                        compiled.pattern = literal_pattern(assert, value)?;
                    }
                }
                StructureAssert::ToolCall(calls) => {
                    schemas.extend(calls.iter().filter_map(|call| call.schema.as_ref()));
                }
                StructureAssert::JsonEquals(_) | StructureAssert::JsonSubset(_) => {}
            },
            Check::Text(_)
            | Check::Graded { .. }
            | Check::Context(_)
            | Check::Measured(_)
            | Check::Exec(_) => {}
        }
        for schema in schemas {
            compiled.schemas.push(Schema::compile(schema).map_err(|why| wrong(assert, why))?);
        }
        Ok(compiled)
    }
}

fn literal_pattern(assert: &Assert, value: &Text) -> Result<Option<Regex>, AssertFault> {
    let text = match value {
        Text::Literal(text) => text,
        Text::Template(template) if !template.is_dynamic() => &template.text,
        Text::Template(Template { .. }) => return Ok(None),
    };
    text::pattern(assert, text).map(Some)
}

/// The asserts of a suite, with their patterns, schemas and paths compiled once.
#[derive(Debug, Default)]
pub struct Checker {
    asserts: Vec<(Assert, Compiled)>,
}

impl Checker {
    /// Compiles the asserts of a suite, which are then shared by all of its cases.
    ///
    /// # Errors
    /// [`AssertFault::Value`] for a pattern, a schema or a path that does not compile.
    pub fn new(asserts: &[Assert]) -> Result<Self, AssertFault> {
        let asserts = asserts.iter().map(|assert| Ok((assert.clone(), Compiled::of(assert)?)));
        Ok(Self { asserts: asserts.collect::<Result<_, AssertFault>>()? })
    }

    /// Every assert of the suite, then those of the case alone, on one answer.
    ///
    /// # Errors
    /// The first fault: an assert that cannot decide leaves the whole trial without a grade.
    pub async fn grade(
        &self,
        own: &[Assert],
        answer: Answer<'_>,
        renderer: &Renderer,
        outside: &Outside<'_>,
    ) -> Result<Vec<AssertOutcome>, AssertFault> {
        let material = Material::new(answer, renderer);
        let mut outcomes = Vec::with_capacity(self.asserts.len() + own.len());
        for (assert, compiled) in &self.asserts {
            outcomes.push(decide(assert, compiled, &material, outside).await?);
        }
        for assert in own {
            outcomes.push(decide(assert, &Compiled::of(assert)?, &material, outside).await?);
        }
        Ok(outcomes)
    }
}

/// One assert on one answer, where that takes nothing but the answer: everything but `exec`, and `similar` with a model
/// that has to be asked.
///
/// # Errors
/// Why it could not decide; for the two that reach outside, that they do.
pub fn check(assert: &Assert, answer: Answer<'_>, renderer: &Renderer) -> Result<AssertOutcome, AssertFault> {
    let material = Material::new(answer, renderer);
    let compiled = Compiled::of(assert)?;
    match pure(assert, &compiled, &material)? {
        Some(finding) => Ok(outcome(assert, &finding)),
        None => Err(match &assert.check {
            Check::Exec(_) => AssertFault::Program {
                kind: assert.written.clone(),
                message: "has to be run, which is not possible here".to_owned(),
            },
            _ => AssertFault::Embedding {
                kind: assert.written.clone(),
                message: "an embedding model has to be asked, which is not possible here".to_owned(),
            },
        }),
    }
}

/// Several asserts on one answer, in their order. [`Checker::grade`] does the same for many answers without compiling
/// twice.
///
/// # Errors
/// The first fault.
pub async fn check_all(
    asserts: &[&Assert],
    answer: Answer<'_>,
    renderer: &Renderer,
    outside: &Outside<'_>,
) -> Result<Vec<AssertOutcome>, AssertFault> {
    let material = Material::new(answer, renderer);
    let mut outcomes = Vec::with_capacity(asserts.len());
    for assert in asserts {
        outcomes.push(decide(assert, &Compiled::of(assert)?, &material, outside).await?);
    }
    Ok(outcomes)
}

async fn decide(
    assert: &Assert,
    compiled: &Compiled,
    material: &Material<'_>,
    outside: &Outside<'_>,
) -> Result<AssertOutcome, AssertFault> {
    let finding = match pure(assert, compiled, material)? {
        Some(finding) => finding,
        None => reach(assert, material, outside).await?,
    };
    Ok(outcome(assert, &finding))
}

/// What can be decided without reaching outside; `None` where it cannot.
fn pure(
    assert: &Assert,
    compiled: &Compiled,
    material: &Material<'_>,
) -> Result<Option<Finding>, AssertFault> {
    match &assert.check {
        Check::Text(test) => text::check(assert, test, compiled, material).map(Some),
        Check::Structure(test) => structure::check(assert, test, compiled, material).map(Some),
        Check::Context(test) => context::check(assert, test, material).map(Some),
        Check::Measured(test) => measured::check(assert, test, &material.answer).map(Some),
        Check::Graded { metric, value, threshold } => {
            let value = material.render(assert, value)?;
            let score = similar::pure(assert, metric, material, &value)?;
            Ok(score.map(|score| similar::finding(score, *threshold, material, &value)))
        }
        Check::Exec(_) => Ok(None),
    }
}

/// What has to reach outside.
async fn reach(
    assert: &Assert,
    material: &Material<'_>,
    outside: &Outside<'_>,
) -> Result<Finding, AssertFault> {
    match &assert.check {
        Check::Exec(exec) => program::check(assert, exec, &material.answer, outside).await,
        Check::Graded { metric, value, threshold } => {
            let value = material.render(assert, value)?;
            let score = similar::asked(assert, metric, material, &value, outside).await?;
            Ok(similar::finding(score, *threshold, material, &value))
        }
        Check::Text(_) | Check::Structure(_) | Check::Context(_) | Check::Measured(_) => {
            Err(wrong(assert, "it was not decided"))
        }
    }
}

/// The outcome of a decision: `not-` turns it around, and leaves what was found as it is.
fn outcome(assert: &Assert, finding: &Finding) -> AssertOutcome {
    AssertOutcome {
        kind: assert.written.clone(),
        passed: finding.holds != assert.negated,
        score: finding.score,
        threshold: finding.threshold,
        metric: assert.metric.clone(),
        weight: assert.weight,
        reason: say::line(&finding.reason, say::REASON),
        // What `not-` wishes away is not missed.
        lacking: if assert.negated { Vec::new() } else { finding.lacking.clone() },
    }
}

#[cfg(test)]
mod tests;
