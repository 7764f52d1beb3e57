//! The template engine and its limits.

use super::context;
use super::fault::{BAD_INCLUDE, QUERY_EMPTY, RenderError, TEMPLATE_FAILED};
use super::judged::{self, Subject};
use super::limits;
use crate::domain::{Chunk, Message, RelPath, Role, Scale};
use crate::manifest::prompt::{Dimension, Prompt};
use crate::manifest::template::Template;
use crate::repo::{ReadError, Snapshot};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes that a template file may have.
pub(super) const MAX_TEMPLATE: u64 = 1 << 20;
/// Bytes that one rendered text may have.
const MAX_OUTPUT: usize = 16 << 20;
/// Instructions that one template may execute: a loop over 100,000 items fits, one over a billion does not.
const FUEL: u64 = 5_000_000;

/// Jinja's own delimiters and white space rules.
pub(super) fn syntax() -> SyntaxConfig {
    SyntaxConfig::default()
}

/// The file that an include names: a path under the prompts folder.
pub(super) fn include_path(folder: &RelPath, name: &str) -> Option<RelPath> {
    let path = folder.join(name)?;
    path.is_under(folder.as_str()).then_some(path)
}

/// Renders the templates of one snapshot. Compiled templates are kept; it can be shared between threads.
#[derive(Debug)]
pub struct Renderer {
    env: Environment<'static>,
    /// Templates of manifests under the names by which the engine asks for them.
    inline: Arc<RwLock<HashMap<String, Template>>>,
    folder: RelPath,
    snapshot: Snapshot,
}

/// The filters of [`environment`]; a test holds that the engine has each.
pub const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "json",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// The engine as templates know it, with nothing to include.
pub fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_syntax(syntax());
    env.set_auto_reload(false);
    env.set_debug(false);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_fuel(Some(FUEL));
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    // The engine's own `tojson` escapes `<` and `'` for HTML, which would change what a model reads.
    env.add_filter("tojson", json);
    env.add_filter("json", json);
    env
}

impl Renderer {
    /// A renderer whose includes are read from `folder` of `snapshot`.
    pub fn new(snapshot: &Snapshot, folder: &RelPath) -> Self {
        let inline: Arc<RwLock<HashMap<String, Template>>> = Arc::default();
        let mut env = environment();
        let (sources, files, root) = (Arc::clone(&inline), snapshot.clone(), folder.clone());
        env.set_loader(move |name: &str| load(&sources, &files, &root, name));
        Self { env, inline, folder: folder.clone(), snapshot: snapshot.clone() }
    }

    /// The messages of a prompt for one case, few-shot examples included. Inputs that the case does not supply
    /// take their default; optional ones without a default are none.
    ///
    /// # Errors
    /// An undefined name, a failing template, a text beyond the limits.
    pub fn messages(
        &self,
        prompt: &Prompt,
        vars: &Map<String, Json>,
        context: &[Chunk],
    ) -> Result<Vec<Message>, RenderError> {
        let mut scope = scope(prompt, vars);
        scope.insert("context".to_owned(), context::value(context, context::plain, context::plain));
        self.all(prompt, &Value::from(scope))
    }

    /// The messages of a rubric. What is judged is delimited, and delimiters inside it are neutralised.
    ///
    /// # Errors
    /// As [`Renderer::messages`].
    pub fn judge(
        &self,
        rubric: &Prompt,
        subject: &Subject<'_>,
        asked: &[Dimension],
        scale: Scale,
    ) -> Result<Vec<Message>, RenderError> {
        self.all(rubric, &Value::from(judged::scope(subject, asked, scale)))
    }

    /// One template over a case's variables and its `expected`, such as the value of an assert.
    ///
    /// # Errors
    /// As [`Renderer::messages`].
    pub fn text(
        &self,
        template: &Template,
        vars: &Map<String, Json>,
        expected: Option<&Json>,
    ) -> Result<String, RenderError> {
        let mut scope = values(vars);
        // Without one the name is undefined: rendered as nothing, it would be found in every answer.
        if let Some(expected) = expected {
            scope.insert("expected".to_owned(), Value::from(Serde(expected)));
        }
        self.one(template, &Value::from(scope))
    }

    /// What a prompt's retrieval is asked for a case: its query, else `input`, else the only variable.
    ///
    /// # Errors
    /// As [`Renderer::messages`].
    pub fn query(&self, prompt: &Prompt, vars: &Map<String, Json>) -> Result<String, RenderError> {
        let template = prompt.retrieval.as_ref().and_then(|retrieval| retrieval.query.as_ref());
        let query = match template {
            Some(template) => self.one(template, &Value::from(scope(prompt, vars)))?,
            None => judged::question(vars),
        };
        if query.trim().is_empty() {
            let place = prompt.retrieval.as_ref().map(|retrieval| retrieval.place.clone());
            let help = "give the case an input, or pin its `context`; `query:` says what is searched for";
            let fault = RenderError::new(
                QUERY_EMPTY,
                "the query renders to nothing, so that nothing can be searched for",
            );
            return Err(RenderError { place, help: Some(help.to_owned()), ..fault });
        }
        Ok(query)
    }

    fn all(&self, prompt: &Prompt, scope: &Value) -> Result<Vec<Message>, RenderError> {
        let mut messages = Vec::with_capacity(prompt.messages.len() + 2 * prompt.few_shot.len());
        let first_turn = prompt.messages.iter().position(|message| message.role != Role::System);
        for (index, message) in prompt.messages.iter().enumerate() {
            if Some(index) == first_turn {
                for shot in &prompt.few_shot {
                    messages.push(Message::new(Role::User, shot.input.as_str()));
                    messages.push(Message::new(Role::Assistant, shot.output.as_str()));
                }
            }
            messages.push(Message::new(message.role, self.one(&message.content, scope)?));
        }
        Ok(messages)
    }

    fn one(&self, template: &Template, scope: &Value) -> Result<String, RenderError> {
        if !template.is_dynamic() {
            // Jinja drops one trailing line end of every template; a text without tags is no exception.
            return Ok(template.text.strip_suffix('\n').unwrap_or(&template.text).to_owned());
        }
        let name = self.register(template);
        let mut out = Bounded(Vec::new());
        let rendered = self
            .env
            .get_template(&name)
            .and_then(|compiled| compiled.render_captured_to(scope.clone(), &mut out).map(|_| ()));
        match rendered {
            Ok(()) => String::from_utf8(out.0).map_err(|_| {
                RenderError::new(TEMPLATE_FAILED, "the template wrote something that is not text")
            }),
            Err(error) => {
                let include = |name: &str| {
                    let path = include_path(&self.folder, name)?;
                    let text = self.snapshot.read_text(&path, MAX_TEMPLATE).ok()?;
                    Some(Template::whole_file(&path, &text).text)
                };
                Err(RenderError::read(&error, Some(template), &self.folder, &include))
            }
        }
    }

    /// Makes the template known to the loader under a name that no include can have.
    fn register(&self, template: &Template) -> String {
        let mut hasher = DefaultHasher::new();
        template.text.hash(&mut hasher);
        let name = format!("\0{:016x}", hasher.finish());
        let known = self.inline.read().unwrap_or_else(PoisonError::into_inner).contains_key(&name);
        if !known {
            let mut inline = self.inline.write().unwrap_or_else(PoisonError::into_inner);
            inline.insert(name.clone(), template.clone());
        }
        name
    }
}

/// What the engine asks for: a template of a manifest, or an include under the prompts folder.
fn load(
    inline: &RwLock<HashMap<String, Template>>,
    snapshot: &Snapshot,
    folder: &RelPath,
    name: &str,
) -> Result<Option<String>, Error> {
    let shallow = |text: String| match limits::excess(&text) {
        Some(excess) => {
            Err(Error::new(ErrorKind::SyntaxError, format!("{} (line {})", excess.message, excess.line)))
        }
        None => Ok(Some(text)),
    };
    if name.starts_with('\0') {
        let inline = inline.read().unwrap_or_else(PoisonError::into_inner);
        return inline.get(name).map_or(Ok(None), |template| shallow(template.text.clone()));
    }
    let Some(path) = include_path(folder, name) else {
        return Err(Error::new(ErrorKind::TemplateNotFound, format!("`{name}` leaves the prompts folder")));
    };
    match snapshot.read_text(&path, MAX_TEMPLATE) {
        Ok(text) => shallow(Template::whole_file(&path, &text).text),
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(Error::new(
            ErrorKind::TemplateNotFound,
            format!("{}: cannot include `{name}`: {error}", BAD_INCLUDE.0),
        )),
    }
}

/// JSON as it would be typed: nothing is escaped for HTML.
fn json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

fn values(vars: &Map<String, Json>) -> HashMap<String, Value> {
    vars.iter().map(|(name, value)| (name.clone(), Value::from(Serde(value)))).collect()
}

fn scope(prompt: &Prompt, vars: &Map<String, Json>) -> HashMap<String, Value> {
    let mut scope = values(vars);
    for (name, input) in &prompt.inputs {
        if !vars.contains_key(name) && !input.required {
            let default =
                input.default.as_ref().map_or(Value::from(()), |default| Value::from(Serde(default)));
            scope.insert(name.clone(), default);
        }
    }
    scope
}

/// A buffer that refuses to grow beyond the limit: fuel bounds time, not memory.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
