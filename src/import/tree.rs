//! A YAML tree with shorthand for reading somebody else's keys.

use super::losses::Losses;
use crate::manifest::yaml::{self, Kind, Node};
use serde_json::Value;
use std::fmt;

/// A node of a source.
#[derive(Clone, Copy, Debug)]
pub struct Tree<'a>(pub &'a Node);

/// Why a text is no tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Its line; 0 where the text as a whole is meant.
    pub line: u32,
    /// Its column, or 0.
    pub column: u32,
    message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}: {}", self.message),
        }
    }
}

/// A parsed text.
pub fn parse(text: &str) -> Result<Tree<'static>, Fault> {
    match yaml::parse(text) {
        // A handful of files per import, kept until the program ends.
        Ok(Some(node)) => Ok(Tree(Box::leak(Box::new(node)))),
        Ok(None) => Err(Fault { line: 0, column: 0, message: "it holds nothing".to_owned() }),
        Err(faults) => Err(faults.first().map_or_else(
            || Fault { line: 0, column: 0, message: "it cannot be read".to_owned() },
            |fault| Fault {
                line: fault.span.line,
                column: fault.span.column,
                message: fault.message.clone(),
            },
        )),
    }
}

impl<'a> Tree<'a> {
    /// The value of a key; a null counts as absent.
    pub fn get(self, key: &str) -> Option<Tree<'a>> {
        self.entries()
            .into_iter()
            .find(|(have, _, _)| *have == key)
            .map(|(_, _, node)| node)
            .filter(|node| !node.0.is_null())
    }

    /// Every entry of a mapping: key, line, value.
    pub fn entries(self) -> Vec<(&'a str, u32, Tree<'a>)> {
        match &self.0.kind {
            Kind::Map(items) => {
                items.iter().map(|(key, node)| (key.text.as_str(), key.span.line, Tree(node))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The items of a list; anything else is a list of itself.
    pub fn items(self) -> Vec<Tree<'a>> {
        match &self.0.kind {
            Kind::List(items) => items.iter().map(|node| Tree(node)).collect(),
            _ if self.0.is_null() => Vec::new(),
            _ => vec![self],
        }
    }

    /// Whether it is a list.
    pub fn is_list(self) -> bool {
        matches!(self.0.kind, Kind::List(_))
    }

    /// Whether it is a mapping.
    pub fn is_map(self) -> bool {
        matches!(self.0.kind, Kind::Map(_))
    }

    /// A scalar as written.
    pub fn text(self) -> Option<&'a str> {
        self.0.as_written().filter(|_| !self.0.is_null())
    }

    /// The scalar under a key.
    pub fn text_of(self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(Tree::text)
    }

    /// As JSON.
    pub fn value(self) -> Value {
        self.0.value()
    }

    /// A finite number.
    pub fn number(self) -> Option<f64> {
        self.value().as_f64().filter(|number| number.is_finite())
    }

    /// Where the lines of its text stand.
    pub fn place(self, losses: &Losses) -> Losses {
        match &self.0.kind {
            Kind::Scalar(scalar) if scalar.is_line_by_line() => losses.starting_at(self.line()),
            _ => losses.on_line(self.line()),
        }
    }

    /// Its line.
    pub fn line(self) -> u32 {
        self.0.span.line
    }
}
