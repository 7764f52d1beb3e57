//! A YAML tree with shorthand for reading somebody else's keys.

use crate::domain::{Error, Result};
use crate::manifest::yaml::{self, Kind, Node};
use serde_json::Value;

/// A node of a source.
#[derive(Clone, Copy, Debug)]
pub struct Tree<'a>(pub &'a Node);

/// A parsed file.
pub fn parse(path: &str, text: &str) -> Result<Tree<'static>> {
    match yaml::parse(text) {
        // A handful of files per import, kept until the program ends.
        Ok(Some(node)) => Ok(Tree(Box::leak(Box::new(node)))),
        Ok(None) => Err(Error::input(format!("{path} holds nothing"))),
        Err(faults) => {
            let first =
                faults.first().map(|fault| format!(" on line {}: {}", fault.span.line, fault.message));
            Err(Error::input(format!("{path} is not YAML{}", first.unwrap_or_default())))
        }
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

    /// Its line.
    pub fn line(self) -> u32 {
        self.0.span.line
    }
}
