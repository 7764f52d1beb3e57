//! The keys that every manifest has: its version and its free texts.

use super::decode::{BAD_VALUE, Fields, Sink};
use super::prompt::About;
use super::yaml::Node;
use crate::domain::{Code, Diagnostic, ModelId, Place, ProviderName, RelPath, Span};

/// A file whose path is no name for what it holds.
pub const BAD_FILE_NAME: Code = Code("bad-file-name");

/// `version`, as written.
pub fn version(fields: &Fields<'_>) -> Option<String> {
    let node = fields.require("version", "\"1.0.0\"")?;
    let version = fields.sink().written(node, "`version`")?;
    if version.chars().any(char::is_control) {
        fields.sink().error(
            BAD_VALUE,
            node.span,
            "`version` holds a character that does not print",
            "write one line",
        );
        return None;
    }
    Some(version)
}

/// The free texts.
pub fn about(fields: &Fields<'_>) -> About {
    let sink = fields.sink();
    let text = |key: &'static str| fields.given(key).and_then(|node| sink.written(node, key));
    About {
        author: text("author"),
        created: text("created"),
        changelog: text("changelog"),
        description: text("description"),
        owners: fields.given("owners").map(|node| sink.texts(node, "`owners`", true)).unwrap_or_default(),
    }
}

/// A model or provider as named, with its place.
pub fn named<T: From<String>>(sink: &Sink, node: &Node, what: &str) -> Option<(T, Span)> {
    let text = sink.written(node, what)?;
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        sink.error(BAD_VALUE, node.span, format!("{what} holds white space"), "write the id alone");
        return None;
    }
    Some((T::from(text), node.span))
}

/// [`named`] for the value of a key that may be absent.
pub fn provider(fields: &Fields<'_>) -> Option<(ProviderName, Span)> {
    fields.get("provider").and_then(|node| named(fields.sink(), node, "`provider`"))
}

/// [`named`] for a model.
pub fn model(sink: &Sink, node: &Node, what: &str) -> Option<(ModelId, Span)> {
    named(sink, node, what)
}

/// Where the value of `key` stands, or else the file.
pub fn place_of(fields: &Fields<'_>, key: &'static str) -> Place {
    fields.get(key).map_or_else(|| Place::file(fields.sink().path()), |node| fields.sink().place(node.span))
}

/// What a name may be made of: names become file names and words of a shell's command line, and file names of a
/// repository are written by whoever sent it.
const LETTERS: &str = "letters, digits, `_`, `-`, `.` and `/`";

/// Whether a text is a path inside a folder, of plain letters only.
fn fits(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    RelPath::new(text).is_some_and(|path| path.as_str() == text) && text.chars().all(plain)
}

/// Reads a name of the author's choice.
pub fn own_name(sink: &Sink, node: &Node) -> Option<String> {
    let text = sink.written(node, "`name`")?;
    if fits(&text) {
        return Some(text);
    }
    sink.error(
        BAD_VALUE,
        node.span,
        format!("`name` has to be made of {LETTERS}"),
        "write a name such as `customer_support` or `support/refunds`",
    );
    None
}

/// Whether the name that a file has from its path is one, else an error; `help` says how to give it another.
pub fn path_name(sink: &Sink, name: &str, help: &str) -> bool {
    let sound = fits(name);
    if !sound {
        let message = format!("the path of this file is its name, which has to be made of {LETTERS}");
        sink.push(
            Diagnostic::error(BAD_FILE_NAME, message).at(Place::file(sink.path())).help(help.to_owned()),
        );
    }
    sound
}
