//! What can go wrong while rendering, with its place in the user's files.

use super::engine::FILTERS;
use crate::domain::{Code, Diagnostic, Place, RelPath, Span};
use crate::manifest::closest;
use crate::manifest::template::Template;
use minijinja::ErrorKind;

/// A template that is not one.
pub const TEMPLATE_SYNTAX: Code = Code("template-syntax");
/// A name that nothing defines.
pub const UNDEFINED: Code = Code("undefined-variable");
/// An include or import that is not there, leaves the repository, or is computed.
pub const BAD_INCLUDE: Code = Code("bad-include");
/// A template that runs too long or writes too much.
pub const TEMPLATE_LIMIT: Code = Code("template-limit");
/// A query without a word.
pub const QUERY_EMPTY: Code = Code("query-empty");
/// Any other failure of a template.
pub const TEMPLATE_FAILED: Code = Code("template-failed");

/// Why something could not be rendered.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    /// The stable code.
    pub code: Code,
    /// A lower-case fragment.
    pub message: String,
    /// Where in the user's files.
    pub place: Option<Place>,
    /// What to type next.
    pub help: Option<String>,
}

impl RenderError {
    /// An error without place or help yet.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), place: None, help: None }
    }

    /// The same as a diagnostic.
    pub fn into_diagnostic(self) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.code, self.message);
        diagnostic.place = self.place;
        diagnostic.help = self.help;
        diagnostic
    }

    /// Reads an error of the engine. `inline` is the template of the manifest, if the error is in it; otherwise
    /// the error's name is the path of an include under `folder`.
    ///
    /// The engine's own debug output is never used: it would print the values of variables.
    pub(super) fn read(
        error: &minijinja::Error,
        inline: Option<&Template>,
        folder: &RelPath,
        include: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        // The innermost error is the cause; an include wraps it in one of its own.
        let mut inner = error;
        while let Some(next) =
            std::error::Error::source(inner).and_then(|next| next.downcast_ref::<minijinja::Error>())
        {
            inner = next;
        }
        let detail = inner.detail().map_or_else(|| inner.kind().to_string(), str::to_owned);
        let name = inner.name().unwrap_or("");
        let in_manifest = inline.filter(|_| name.is_empty() || name.starts_with('\0'));
        let source = in_manifest.map(|template| template.text.clone()).or_else(|| include(name));
        let (code, message, help) = match inner.kind() {
            ErrorKind::SyntaxError => (TEMPLATE_SYNTAX, detail, "write it as Jinja does".to_owned()),
            ErrorKind::UndefinedError => {
                let name = undefined_name(inner, source.as_deref());
                let message = match &name {
                    Some(name) if in_manifest.is_some_and(Template::is_built_in) => {
                        format!(
                            "`{name}` is not defined, which the user message is where a manifest writes none"
                        )
                    }
                    Some(name) => format!("`{name}` is not defined"),
                    None => detail,
                };
                (
                    UNDEFINED,
                    message,
                    "name a variable of the cases, or give it a default under `inputs:`".to_owned(),
                )
            }
            ErrorKind::TemplateNotFound => {
                (BAD_INCLUDE, detail, format!("includes are paths under `{folder}/`"))
            }
            ErrorKind::OutOfFuel => {
                (TEMPLATE_LIMIT, "the template runs too long".to_owned(), "shorten its loops".to_owned())
            }
            ErrorKind::WriteFailure => {
                (TEMPLATE_LIMIT, "the template writes too much".to_owned(), "shorten its loops".to_owned())
            }
            ErrorKind::UnknownFilter => (TEMPLATE_FAILED, detail.clone(), filter(&detail)),
            ErrorKind::UnknownFunction | ErrorKind::UnknownTest | ErrorKind::UnknownMethod => {
                (TEMPLATE_FAILED, detail, "use one of Jinja's own".to_owned())
            }
            _ => (TEMPLATE_FAILED, detail, "see the expression at this place".to_owned()),
        };
        Self { code, message, place: place(inner, in_manifest, source.as_deref(), folder), help: Some(help) }
    }
}

/// The filter that was most likely meant.
fn filter(detail: &str) -> String {
    let name = detail.strip_prefix("filter ").and_then(|rest| rest.split_whitespace().next());
    match name.and_then(|name| closest(name, FILTERS.iter().copied())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "use one of Jinja's own".to_owned(),
    }
}

/// The text of the expression that was undefined, as the template spells it.
fn undefined_name(error: &minijinja::Error, source: Option<&str>) -> Option<String> {
    let text = source?.get(error.range()?)?.trim();
    (!text.is_empty() && text.len() <= 80 && !text.contains('\n')).then(|| text.to_owned())
}

/// The place of an error: in the manifest that holds the template, or in an include.
fn place(
    error: &minijinja::Error,
    in_manifest: Option<&Template>,
    source: Option<&str>,
    folder: &RelPath,
) -> Option<Place> {
    let (line, column, length) = match (error.range(), source) {
        (Some(range), Some(source)) => position(source, range),
        _ => (u32::try_from(error.line().unwrap_or(1)).unwrap_or(1), 1, 1),
    };
    match in_manifest {
        Some(template) => Some(Place::at(&template.path, template.locate(line, column, length))),
        None => Some(Place::at(&folder.join(error.name()?)?, Span::new(line, column, length))),
    }
}

/// The 1-based line and column, in characters, of a byte range, and its length on that line.
pub(super) fn position(source: &str, range: std::ops::Range<usize>) -> (u32, u32, u32) {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let mut start = range.start.min(source.len());
    while !source.is_char_boundary(start) {
        start -= 1;
    }
    let before = &source[..start];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = source[start..].find('\n').map_or(source.len(), |newline| start + newline);
    let mut end = range.end.clamp(start, line_end);
    while !source.is_char_boundary(end) {
        end -= 1;
    }
    (
        number(before.matches('\n').count() + 1),
        number(source[line_start..start].chars().count() + 1),
        number(source[start..end].chars().count().max(1)),
    )
}
