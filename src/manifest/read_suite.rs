//! Reads a suite, up to what other manifests have to tell: its prompt and its judge.

use super::assert::Assert;
use super::cases::CaseSet;
use super::decode::{BAD_VALUE, Fields, Sink};
use super::dimensions::{self, Written};
use super::files::Files;
use super::project::Project;
use super::prompt::About;
use super::providers::Providers;
use super::read_assert::{self, Scope};
use super::read_gate::{self, ReadGate};
use super::suite::Sample;
use super::yaml::{Kind, Node};
use super::{case_files, head};
use crate::domain::{ModelId, Place, PromptName, ProviderName, RelPath, Scale, Span, SuiteName};
use std::sync::Arc;

/// Which rubric a suite names.
#[derive(Clone, Debug)]
pub enum RubricName {
    /// One of this binary, such as `builtin/rag`.
    Builtin(String),
    /// A judge manifest.
    Path(RelPath),
}

/// `judge`, as written.
#[derive(Clone, Debug)]
pub struct ReadJudge {
    /// `model`.
    pub model: Option<(ModelId, Span)>,
    /// `provider`.
    pub provider: Option<(ProviderName, Span)>,
    /// `rubric`, with its place.
    pub rubric: (RubricName, Span),
    /// `dimensions`; `None` for the rubric's.
    pub dimensions: Option<Vec<Written>>,
    /// `scale` and `step`.
    pub scale: Scale,
    /// `repeats`.
    pub repeats: u32,
    /// `allow_self`.
    pub allow_self: bool,
    /// Where it stands.
    pub span: Span,
}

/// A suite that is sound by itself.
#[derive(Clone, Debug)]
pub struct ReadSuite {
    /// Its name.
    pub name: SuiteName,
    /// Its file.
    pub path: RelPath,
    /// As written.
    pub version: String,
    /// The prompt it names, and where.
    pub prompt: (PromptName, Span),
    /// Its cases.
    pub cases: CaseSet,
    /// Trials per case.
    pub trials: u32,
    /// Which cases to take.
    pub sample: Option<Sample>,
    /// Asserts for every case.
    pub asserts: Vec<Assert>,
    /// `judge`, if there is one.
    pub judge: Option<ReadJudge>,
    /// `gate`.
    pub gate: ReadGate,
    /// Where `gate` stands, or else the file.
    pub gate_place: Place,
    /// Free texts.
    pub about: About,
}

/// Reads the suite in `node`. `None` after an error.
pub fn read(
    files: Files<'_>,
    node: &Node,
    name: &str,
    providers: &Providers<'_>,
    project: &Arc<Project>,
) -> Option<ReadSuite> {
    let sink = files.sink;
    let fields = sink.fields(node, "a suite")?;
    let version = head::version(&fields);
    let about = head::about(&fields);
    let prompt = fields.require("prompt", "customer_support").and_then(|node| {
        let text = sink.written(node, "`prompt`")?;
        Some((PromptName::from(text), node.span))
    });
    let cases = fields
        .require("cases", "cases/customer_support.jsonl")
        .map(|node| case_files::read(files, node, providers, project));
    let trials = match fields.get("trials") {
        Some(node) => sink.integer(node, "`trials`", 1),
        None => Some(1),
    };
    let sample = fields.get("sample").and_then(|node| read_gate::sample(sink, node, cases.as_ref()));
    let scope = Scope { sink, files: Some(files), providers };
    let asserts = fields.get("assert").map(|node| read_assert::read(scope, node)).unwrap_or_default();
    // `judge:` with nothing behind it asks for a judge as much as `judge: {}` does.
    let judge = fields.even_null("judge").and_then(|node| judge(files, node));
    let gate = fields.get("gate").map(|node| read_gate::read(sink, node)).unwrap_or_default();
    let gate_place = head::place_of(&fields, "gate");
    fields.finish(true);
    Some(ReadSuite {
        name: SuiteName::from(name),
        path: sink.path().clone(),
        version: version?,
        prompt: prompt?,
        cases: cases?,
        trials: trials?,
        sample,
        asserts,
        judge,
        gate,
        gate_place,
        about,
    })
    .filter(|_| !sink.has_errors())
}

fn judge(files: Files<'_>, node: &Arc<Node>) -> Option<ReadJudge> {
    let sink = files.sink;
    let empty = Node { span: node.span, kind: Kind::Map(Vec::new()) };
    let fields = sink.fields(if node.is_null() { &empty } else { node }, "`judge`")?;
    let model = fields.get("model").and_then(|node| head::model(sink, node, "`model`"));
    let provider = head::provider(&fields);
    let rubric = match fields.get("rubric") {
        None => Some((RubricName::Builtin(super::rubrics::DEFAULT.to_owned()), fields.span())),
        Some(node) => match node.as_written() {
            Some(text) if text.starts_with("builtin/") => {
                Some((RubricName::Builtin(text.to_owned()), node.span))
            }
            _ => files.path(node, "`rubric`").map(|path| (RubricName::Path(path), node.span)),
        },
    };
    let dimensions = fields.get("dimensions").map(|node| dimensions::read(sink, node));
    let scale = scale(&fields);
    let repeats = match fields.get("repeats") {
        Some(node) => sink.integer(node, "`repeats`", 1),
        None => Some(1),
    };
    let allow_self = match fields.get("allow_self") {
        Some(node) => sink.boolean(node, "`allow_self`"),
        None => Some(false),
    };
    fields.finish(false);
    Some(ReadJudge {
        model,
        provider,
        rubric: rubric?,
        dimensions,
        scale: scale?,
        repeats: repeats?,
        allow_self: allow_self?,
        span: node.span,
    })
}

fn scale(fields: &Fields<'_>) -> Option<Scale> {
    let sink: &Sink = fields.sink();
    let mut scale = Scale::default();
    let at = fields.get("scale").or_else(|| fields.get("step")).map_or(fields.span(), |node| node.span);
    let step = match fields.get("step") {
        Some(node) => sink.number(node, "`step`")?,
        None => scale.step,
    };
    if let Some(node) = fields.get("scale") {
        let ends: Option<Vec<f64>> = sink
            .list(node, "`scale`", false)
            .into_iter()
            .map(|item| sink.number(item, "an end of `scale`"))
            .collect();
        let [min, max] = ends?[..] else {
            sink.error(BAD_VALUE, node.span, "`scale` is not a list of two numbers", "write `scale: [1, 5]`");
            return None;
        };
        (scale.min, scale.max) = (min, max);
    }
    scale.step = step;
    if scale.min < scale.max && step > 0.0 && scale.holds(scale.max) {
        return Some(scale);
    }
    let (message, help) = if scale.min >= scale.max {
        ("the lower end of `scale` is not below the upper one", "write `scale: [1, 5]`")
    } else {
        ("`step` does not lead from one end of `scale` to the other", "use a step such as 1 or 0.5")
    };
    sink.error(BAD_VALUE, at, message, help);
    None
}
