//! What asserts look at: the answer, and what several of them need of it, derived once.

use super::fault::AssertFault;
use super::json::{self, Json};
use crate::domain::{Case, Chunk, Reply, Usd};
use crate::manifest::assert::{Assert, JsonText, Text};
use crate::manifest::template::Template;
use crate::render::Renderer;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::OnceLock;

/// An answer to grade.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The reply of the model under test.
    pub reply: &'a Reply,
    /// How long it took, in milliseconds; `None` for answers that were not called for, such as those of
    /// `--outputs`.
    pub latency_ms: Option<u64>,
    /// Its price as if live; `None` when the model has no price.
    pub cost: Option<Usd>,
    /// What the model was shown as context.
    pub context: &'a [Chunk],
    /// The case it answers.
    pub case: &'a Case,
}

/// One decision, before `not-`.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Whether what the assert says is so.
    pub holds: bool,
    /// From 0 to 1 for graded asserts, the measured value for measured ones.
    pub score: Option<f64>,
    /// What it was held against.
    pub threshold: Option<f64>,
    /// One line that says what was found.
    pub reason: String,
    /// The texts that were looked for and are not there: of each group, one would do.
    pub lacking: Vec<Vec<String>>,
}

impl Finding {
    /// A decision without a number.
    pub fn new(holds: bool, reason: impl Into<String>) -> Self {
        Self { holds, score: None, threshold: None, reason: reason.into(), lacking: Vec::new() }
    }

    /// The same, with texts that are not there.
    #[must_use]
    pub fn lacks(self, lacking: Vec<Vec<String>>) -> Self {
        Self { lacking, ..self }
    }
}

/// The answer as JSON, twice: exact for comparisons, and as a value for the libraries that take one.
#[derive(Debug)]
pub struct Document {
    /// With exact numbers.
    pub exact: Json,
    /// For schemas and paths; `None` when a number does not fit a float.
    pub value: Option<Value>,
}

impl Document {
    /// Reads the whole of `text`.
    ///
    /// # Errors
    /// A lower-case fragment that says why it is not JSON.
    pub fn read(text: &str) -> Result<Self, String> {
        let exact = json::parse(text).map_err(|fault| fault.describe(text))?;
        Ok(Self { exact, value: serde_json::from_str(text).ok() })
    }
}

/// The answer under one set of asserts.
pub struct Material<'a> {
    /// The answer.
    pub answer: Answer<'a>,
    renderer: &'a Renderer,
    folded: OnceLock<String>,
    document: OnceLock<Result<Document, String>>,
}

impl<'a> Material<'a> {
    /// Nothing is derived yet.
    pub fn new(answer: Answer<'a>, renderer: &'a Renderer) -> Self {
        Self { answer, renderer, folded: OnceLock::new(), document: OnceLock::new() }
    }

    /// The text of the answer.
    pub fn text(&self) -> &'a str {
        &self.answer.reply.text
    }

    /// The text of the answer, folded by [`fold`].
    pub fn folded(&self) -> &str {
        self.folded.get_or_init(|| fold(self.text()))
    }

    /// The whole answer as JSON, or why it is none.
    pub fn document(&self) -> Result<&Document, &str> {
        self.document.get_or_init(|| Document::read(self.text())).as_ref().map_err(String::as_str)
    }

    /// The value of an assert for this case.
    pub fn render<'t>(&self, assert: &Assert, text: &'t Text) -> Result<Cow<'t, str>, AssertFault> {
        match text {
            Text::Literal(text) => Ok(Cow::Borrowed(text)),
            Text::Template(template) => self.rendered(assert, template).map(Cow::Owned),
        }
    }

    /// The JSON value of an assert for this case. A template is read exactly as it renders; text that is not JSON
    /// is an error of the input.
    pub fn json(&self, assert: &Assert, value: &JsonText) -> Result<Json, AssertFault> {
        match value {
            JsonText::Json(value) => Ok(Json::from(value)),
            JsonText::Template(template) => {
                let text = self.rendered(assert, template)?;
                json::parse(&text).map_err(|fault| {
                    wrong(assert, format!("its value is not JSON: {}", fault.describe(&text)))
                })
            }
        }
    }

    /// As [`Material::json`], but a template that renders to something else than JSON stands for that text: an
    /// `expected` of `Berlin` is meant as the text, not as broken JSON.
    pub fn json_or_text(&self, assert: &Assert, value: &JsonText) -> Result<Json, AssertFault> {
        match value {
            JsonText::Json(value) => Ok(Json::from(value)),
            JsonText::Template(template) => {
                let text = self.rendered(assert, template)?;
                Ok(json::parse(&text).unwrap_or(Json::Text(text)))
            }
        }
    }

    fn rendered(&self, assert: &Assert, template: &Template) -> Result<String, AssertFault> {
        let case = self.answer.case;
        self.renderer.text(template, &case.vars, case.expected.as_ref()).map_err(|source| {
            AssertFault::Render {
                kind: assert.written.clone(),
                source: Box::new(source),
                place: assert.place.clone(),
            }
        })
    }
}

/// The fault of an assert that cannot be used.
pub fn wrong(assert: &Assert, message: impl Into<String>) -> AssertFault {
    AssertFault::Value { kind: assert.written.clone(), message: message.into(), place: assert.place.clone() }
}

/// `text` without case, character by character: to upper case, then to lower. So `straße` matches `STRASSE` as full
/// case folding has it, a final sigma matches any other, and no neighbour changes a character's form. The dotless
/// `ı` matches `i`, in which it differs from Unicode's folding.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}
