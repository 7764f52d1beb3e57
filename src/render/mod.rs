//! A template and its inputs become messages.

use crate::domain::{Chunk, Message, Place, Scale};
use crate::manifest::prompt::{Dimension, Prompt};
use crate::manifest::template::Template;
use serde_json::{Map, Value};

/// Why something could not be rendered.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    /// A lower-case fragment.
    pub message: String,
    /// Where in the user's files.
    pub place: Option<Place>,
    /// What to type next.
    pub help: Option<String>,
}

/// What a judge judges.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The case's variables; `input` is one of them.
    pub vars: &'a Map<String, Value>,
    /// What the model was shown.
    pub context: &'a [Chunk],
    /// The expected answer.
    pub expected: Option<&'a Value>,
    /// The answer.
    pub output: &'a str,
}

/// Renders the templates of one snapshot.
#[derive(Debug)]
pub struct Renderer {}

impl Renderer {
    /// The messages of a prompt for one case, few-shot examples included.
    ///
    /// # Errors
    /// An undefined name, a failing template, a text beyond the limits.
    pub fn messages(
        &self,
        _prompt: &Prompt,
        _vars: &Map<String, Value>,
        _context: &[Chunk],
    ) -> Result<Vec<Message>, RenderError> {
        Ok(Vec::new())
    }

    /// One template over a case's variables and its `expected`, such as the value of an assert.
    ///
    /// # Errors
    /// As [`Renderer::messages`].
    pub fn text(
        &self,
        template: &Template,
        _vars: &Map<String, Value>,
        _expected: Option<&Value>,
    ) -> Result<String, RenderError> {
        Ok(template.text.clone())
    }

    /// The messages of a rubric. What is judged is delimited, and delimiters inside it are neutralised.
    ///
    /// # Errors
    /// As [`Renderer::messages`].
    pub fn judge(
        &self,
        _rubric: &Prompt,
        _subject: &Subject<'_>,
        _asked: &[Dimension],
        _scale: Scale,
    ) -> Result<Vec<Message>, RenderError> {
        Ok(Vec::new())
    }
}
