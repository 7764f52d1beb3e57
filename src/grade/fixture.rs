//! What the tests of this room grade.

use super::material::Answer;
use super::program::{EmbedDenied, Embeddings, Outside};
use super::{AssertFault, Checker};
use crate::domain::Unscored;
use crate::domain::{AssertOutcome, Case, CaseId, Chunk, FinishReason, Place, RelPath, Reply, Usage, Usd};
use crate::manifest::assert::{Assert, Check, Text};
use crate::render::Renderer;
use crate::repo::Snapshot;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// A renderer; the asserts of these tests have literal values.
pub fn renderer() -> Renderer {
    let folder = RelPath::root();
    let nothing = Snapshot::working_tree(&std::env::temp_dir()).expect("a folder");
    Renderer::new(&nothing, &folder)
}

pub fn literal(text: &str) -> Text {
    Text::Literal(text.to_owned())
}

/// An assert, with `not-` where `written` begins so.
pub fn assert(written: &str, check: Check) -> Assert {
    Assert {
        check,
        negated: written.starts_with("not-"),
        written: written.to_owned(),
        metric: Some("m".to_owned()),
        weight: 2.0,
        source: Value::Null,
        place: Place::file(&RelPath::root()),
    }
}

/// An answer that owns all of its parts, and what lies outside of it.
pub struct Given {
    pub reply: Reply,
    pub case: Case,
    pub context: Vec<Chunk>,
    pub latency_ms: Option<u64>,
    pub cost: Option<Usd>,
    pub embeddings: Result<Vec<Vec<f32>>, String>,
    pub root: PathBuf,
    pub no_exec: bool,
}

impl Given {
    pub fn new(text: &str) -> Self {
        let mut vars = Map::new();
        vars.insert("input".into(), json!("a question"));
        Self {
            reply: Reply {
                text: text.to_owned(),
                tool_calls: Vec::new(),
                refusal: None,
                finish: FinishReason::Stop,
                usage: Usage::default(),
                model: None,
                context: None,
            },
            case: Case {
                id: CaseId::from("case-1"),
                vars,
                expected: Some(json!("the expected")),
                context: None,
                relevant: Vec::new(),
                tags: std::collections::BTreeMap::new(),
                weight: 1.0,
                critical: false,
                file: RelPath::root(),
                line: 1,
            },
            context: Vec::new(),
            latency_ms: Some(250),
            cost: "0.002".parse().ok(),
            embeddings: Err("no embedding model in this test".to_owned()),
            root: PathBuf::from("."),
            no_exec: false,
        }
    }

    pub fn answer(&self) -> Answer<'_> {
        Answer {
            reply: &self.reply,
            latency_ms: self.latency_ms,
            cost: self.cost,
            context: &self.context,
            case: &self.case,
        }
    }

    /// One assert without anything outside.
    pub fn check(&self, written: &str, check: Check) -> Result<AssertOutcome, AssertFault> {
        super::check(&assert(written, check), self.answer(), &renderer())
    }

    /// One assert of the case's own, with what lies outside.
    pub async fn grade(&self, written: &str, check: Check) -> Result<AssertOutcome, AssertFault> {
        let embed = |_: &_, _: &_, _: Vec<String>| -> BoxFuture<'_, Embeddings> {
            let embeddings = self
                .embeddings
                .clone()
                .map_err(|detail| EmbedDenied::Unscored { reason: Unscored::JudgeError, detail });
            Box::pin(async move { embeddings })
        };
        let outside = Outside {
            embed: &embed,
            root: &self.root,
            no_exec: self.no_exec,
            redact: &|text| text.replace("sk-secret", "[redacted]"),
        };
        let own = [assert(written, check)];
        let checker = Checker::new(&[])?;
        let outcomes = checker.grade(&own, self.answer(), &renderer(), &outside).await?;
        Ok(outcomes.into_iter().next().expect("one outcome"))
    }
}
