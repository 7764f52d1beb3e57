//! YAML as a tree in which every node knows its place. Limits on size, depth and aliases make it safe to read
//! a file that somebody else wrote.

use super::scalar::{Scalar, Style};
use crate::domain::Span;
use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marked};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Nesting that no manifest needs.
const MAX_DEPTH: usize = 64;
/// Nodes that the aliases of a file may expand to.
const MAX_ALIAS_NODES: usize = 100_000;
/// Keys of one mapping: they are compared with one another.
pub const MAX_KEYS: usize = 2_000;

/// A key of a mapping.
#[derive(Clone, PartialEq, Debug)]
pub struct Key {
    /// The key as text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// What a node is.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// Text, number, boolean or null.
    Scalar(Scalar),
    /// A list.
    List(Vec<Arc<Node>>),
    /// A mapping, in the order of the file, without duplicate keys.
    Map(Vec<(Key, Arc<Node>)>),
}

/// A node and where it starts.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// Where it starts. For a block scalar the first line of its text.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// A fault of the YAML itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Which sort.
    pub kind: FaultKind,
    /// Where.
    pub span: Span,
    /// A lower-case fragment.
    pub message: String,
}

/// Which sort of fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// Not YAML.
    Syntax,
    /// One key twice in one mapping.
    DuplicateKey,
    /// Too deep, or too much once its aliases are expanded.
    Limit,
}

/// Parses one document. An empty file is `None`.
///
/// # Errors
/// Every duplicate key of the file, or the first fault that makes it unreadable.
pub fn parse(text: &str) -> Result<Option<Node>, Vec<Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder {
        stack: Vec::new(),
        anchors: HashMap::new(),
        alias_nodes: 0,
        duplicates: Vec::new(),
        root: None,
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let mark = error.marker();
            let limit = error.info().contains("recursion limit");
            let tab = error.info().contains("start with a tab");
            let span = Span::new(number(mark.line()), number(mark.col()) + 1, 1);
            vec![Fault {
                kind: if limit { FaultKind::Limit } else { FaultKind::Syntax },
                span: if tab { indented(text, mark.line()).unwrap_or(span) } else { span },
                message: error.info().to_owned(),
            }]
        })?;
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                return Err(vec![Fault {
                    kind: FaultKind::Syntax,
                    span: place(&span),
                    message: "more than one document in the file".to_owned(),
                }]);
            }
        }
        builder.take(event, &span).map_err(|fault| vec![fault])?;
    }
    if builder.duplicates.is_empty() { Ok(builder.root) } else { Err(builder.duplicates) }
}

/// The first tab before the text of a line behind this one: the parser names the `|` above it.
fn indented(text: &str, line: usize) -> Option<Span> {
    text.lines().enumerate().skip(line).find_map(|(index, line)| {
        let before = &line[..line.len() - line.trim_start().len()];
        let tab = before.chars().position(|c| c == '\t')?;
        Some(Span::new(number(index) + 1, number(tab) + 1, 1))
    })
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn place(span: &Marked) -> Span {
    let (start, end) = (span.start, span.end);
    let length = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 1 };
    Span::new(number(start.line()), number(start.col()) + 1, number(length))
}

enum Frame {
    List { items: Vec<Arc<Node>>, span: Span, anchor: usize, nodes: usize },
    Map { items: Vec<(Key, Arc<Node>)>, key: Option<Key>, span: Span, anchor: usize, nodes: usize },
}

struct Builder {
    stack: Vec<Frame>,
    anchors: HashMap<usize, (Arc<Node>, usize)>,
    alias_nodes: usize,
    duplicates: Vec<Fault>,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Marked) -> Result<(), Fault> {
        match event {
            Event::SequenceStart(anchor, _) => {
                self.deepen(span)?;
                self.stack.push(Frame::List { items: Vec::new(), span: place(span), anchor, nodes: 1 });
            }
            Event::MappingStart(anchor, _) => {
                self.deepen(span)?;
                self.stack.push(Frame::Map {
                    items: Vec::new(),
                    key: None,
                    span: place(span),
                    anchor,
                    nodes: 1,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(frame) = self.stack.pop() {
                    let (kind, span, anchor, nodes) = match frame {
                        Frame::List { items, span, anchor, nodes } => {
                            (Kind::List(items), span, anchor, nodes)
                        }
                        Frame::Map { items, span, anchor, nodes, .. } => {
                            (Kind::Map(items), span, anchor, nodes)
                        }
                    };
                    self.add(Arc::new(Node { span, kind }), anchor, nodes)?;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, span, tag.is_some_and(|tag| tag.suffix == "str"));
                self.add(Arc::new(node), anchor, 1)?;
            }
            Event::Alias(anchor) => {
                let Some((node, nodes)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Fault {
                        kind: FaultKind::Syntax,
                        span: place(span),
                        message: "an alias to an anchor that is not complete here".to_owned(),
                    });
                };
                self.alias_nodes = self.alias_nodes.saturating_add(nodes);
                if self.alias_nodes > MAX_ALIAS_NODES {
                    return Err(Fault {
                        kind: FaultKind::Limit,
                        span: place(span),
                        message: format!("its aliases expand to more than {MAX_ALIAS_NODES} nodes"),
                    });
                }
                self.add(node, 0, nodes)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn deepen(&self, span: &Marked) -> Result<(), Fault> {
        if self.stack.len() < MAX_DEPTH {
            return Ok(());
        }
        Err(Fault {
            kind: FaultKind::Limit,
            span: place(span),
            message: format!("nested deeper than {MAX_DEPTH} levels"),
        })
    }

    fn scalar(&self, text: &str, style: ScalarStyle, span: &Marked, tagged_text: bool) -> Node {
        let mut at = place(span);
        let style = match style {
            ScalarStyle::Plain if tagged_text => Style::Quoted,
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal | ScalarStyle::Folded => {
                // The marker stands at the first line that is not blank.
                let blank = text.len() - text.trim_start_matches('\n').len();
                let indent = number(span.start.col());
                at = Span::new(number(span.start.line().saturating_sub(blank)), indent + 1, 1);
                if style == ScalarStyle::Literal { Style::Literal { indent } } else { Style::Folded }
            }
        };
        Node { span: at, kind: Kind::Scalar(Scalar { text: text.to_owned(), style }) }
    }

    fn add(&mut self, node: Arc<Node>, anchor: usize, nodes: usize) -> Result<(), Fault> {
        if anchor > 0 {
            self.anchors.insert(anchor, (Arc::clone(&node), nodes));
        }
        match self.stack.last_mut() {
            None => self.root = Some(Arc::unwrap_or_clone(node)),
            Some(Frame::List { items, nodes: total, .. }) => {
                *total = total.saturating_add(nodes);
                items.push(node);
            }
            Some(Frame::Map { items, key, nodes: total, .. }) => {
                *total = total.saturating_add(nodes);
                match key.take() {
                    None => {
                        let Kind::Scalar(scalar) = &node.kind else {
                            return Err(Fault {
                                kind: FaultKind::Syntax,
                                span: node.span,
                                message: "a key has to be plain text".to_owned(),
                            });
                        };
                        *key = Some(Key { text: scalar.text.clone(), span: node.span });
                    }
                    Some(key) => insert(items, key, node, &mut self.duplicates)?,
                }
            }
        }
        Ok(())
    }
}

/// Adds one entry: `<<` merges mappings, whose keys never override those written out.
fn insert(
    items: &mut Vec<(Key, Arc<Node>)>,
    key: Key,
    node: Arc<Node>,
    duplicates: &mut Vec<Fault>,
) -> Result<(), Fault> {
    if key.text == "<<" {
        let sources: Vec<Arc<Node>> = match &node.kind {
            Kind::List(list) => list.clone(),
            _ => vec![node],
        };
        for source in sources {
            let Kind::Map(entries) = &source.kind else {
                return Err(Fault {
                    kind: FaultKind::Syntax,
                    span: key.span,
                    message: "a merge key takes a mapping or a list of mappings".to_owned(),
                });
            };
            for (merged, value) in entries {
                if !items.iter().any(|(have, _)| have.text == merged.text) {
                    // A span of zero length marks the entry as merged: a key written out replaces it.
                    let span = Span { length: 0, ..merged.span };
                    items.push((Key { text: merged.text.clone(), span }, Arc::clone(value)));
                }
            }
        }
        return Ok(());
    }
    let full = items.len() >= MAX_KEYS;
    match items.iter_mut().find(|(have, _)| have.text == key.text) {
        None if full => {
            return Err(Fault {
                kind: FaultKind::Limit,
                span: key.span,
                message: format!("a mapping of more than {MAX_KEYS} keys"),
            });
        }
        None => items.push((key, node)),
        Some(entry) if entry.0.span.length == 0 => *entry = (key, node),
        Some((first, _)) => duplicates.push(Fault {
            kind: FaultKind::DuplicateKey,
            span: key.span,
            message: format!("duplicate key `{}`, first on line {}", key.text, first.span.line),
        }),
    }
    Ok(())
}

impl Node {
    /// The node as JSON, keys in the order of the file.
    pub fn value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.value(),
            Kind::List(items) => Value::Array(items.iter().map(|item| item.value()).collect()),
            Kind::Map(items) => Value::Object(
                items.iter().map(|(key, value)| (key.text.clone(), value.value())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// Whether it is null or written as nothing.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.value().is_null())
    }

    /// The text of a scalar as it was written, so that `2.10` stays `2.10`.
    pub fn as_written(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub fn noun(&self) -> &'static str {
        match &self.kind {
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Scalar(scalar) => match scalar.value() {
                Value::Null => "nothing",
                Value::Bool(_) => "a boolean",
                Value::Number(_) => "a number",
                _ => "text",
            },
        }
    }
}

#[cfg(test)]
mod tests;
