//! Template texts, and where each of their lines stands in the YAML file.

use super::scalar::Style;
use super::yaml::{Kind, Node};
use crate::domain::{RelPath, Span};

/// How the lines of a template text map to lines of its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layout {
    /// Line n of the text is line n of the block, after an indent.
    Block { indent: u32 },
    /// The first line starts here; nothing is known of further lines.
    Inline,
    /// The text is the file.
    WholeFile,
    /// No file holds it: it stands for a key that a manifest leaves out.
    BuiltIn,
}

/// The source of a template, with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// The source, with `\n` line ends.
    pub text: String,
    /// The file it stands in.
    pub path: RelPath,
    start: Span,
    layout: Layout,
}

impl Template {
    /// The template that a scalar of a manifest holds; `None` when `node` is no scalar.
    pub fn from_node(path: &RelPath, node: &Node) -> Option<Self> {
        let Kind::Scalar(scalar) = &node.kind else { return None };
        let mut start = node.span;
        let layout = match scalar.style {
            Style::Literal { indent } => Layout::Block { indent },
            Style::Plain | Style::Folded => Layout::Inline,
            Style::Quoted => {
                start.column += 1;
                Layout::Inline
            }
        };
        Some(Self { text: scalar.text.clone(), path: path.clone(), start, layout })
    }

    /// A template that is a file of its own.
    pub fn whole_file(path: &RelPath, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        Self { text, path: path.clone(), start: Span::new(1, 1, 1), layout: Layout::WholeFile }
    }

    /// A template that no file holds, such as the default user message of the manifest at `path`.
    pub fn built_in(path: &RelPath, text: &str) -> Self {
        let start = Span::new(1, 1, 1);
        Self { text: text.to_owned(), path: path.clone(), start, layout: Layout::BuiltIn }
    }

    /// Whether no file holds it.
    pub fn is_built_in(&self) -> bool {
        self.layout == Layout::BuiltIn
    }

    /// Whether anything in it is to be rendered.
    pub fn is_dynamic(&self) -> bool {
        ["{{", "{%", "{#"].iter().any(|mark| self.text.contains(mark))
    }

    /// Where the template starts in its file.
    pub fn start(&self) -> Span {
        self.start
    }

    /// The place in the file of a 1-based line and column of the text, both counted in characters.
    pub fn locate(&self, line: u32, column: u32, length: u32) -> Span {
        match self.layout {
            Layout::WholeFile => Span::new(line, column, length),
            Layout::Block { indent } => Span::new(self.start.line + line - 1, column + indent, length),
            Layout::Inline if line == 1 => Span::new(self.start.line, self.start.column + column - 1, length),
            Layout::Inline | Layout::BuiltIn => self.start,
        }
    }
}
