//! XML against a schema: the parts of XML Schema that `tests/schemas` uses. A schema that uses another part is refused,
//! so that nothing is taken for checked that was not.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use regex::Regex;
use std::collections::BTreeMap;

/// An element with everything in it.
#[derive(Debug, Default)]
pub struct Node {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    pub children: Vec<Node>,
    pub text: String,
}

impl Node {
    /// Every element of this name, at any depth.
    pub fn all<'a>(&'a self, name: &str, found: &mut Vec<&'a Node>) {
        for child in &self.children {
            if child.name == name {
                found.push(child);
            }
            child.all(name, found);
        }
    }

    /// The children of this name.
    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// Reads a document that is well-formed XML 1.0 in UTF-8.
pub fn parse(text: &str) -> Result<Node, String> {
    if let Some(c) = text.chars().find(|c| !allowed(*c)) {
        return Err(format!("{c:?} is no character of XML"));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut open = vec![Node::default()];
    loop {
        let event =
            reader.read_event().map_err(|error| format!("at {}: {error}", reader.error_position()))?;
        match event {
            Event::Start(start) => open.push(element(&start)?),
            Event::Empty(start) => {
                let node = element(&start)?;
                last(&mut open)?.children.push(node);
            }
            Event::End(_) => {
                let node = open.pop().ok_or("an end without a start")?;
                last(&mut open)?.children.push(node);
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|error| error.to_string())?;
                if text.contains("]]>") || text.contains('<') {
                    return Err(format!("text may not hold {text:?}"));
                }
                last(&mut open)?.text.push_str(&text);
            }
            Event::GeneralRef(name) => {
                let c = match name.resolve_char_ref().map_err(|error| error.to_string())? {
                    Some(c) => c,
                    None => predefined(&name.decode().map_err(|error| error.to_string())?)?,
                };
                if !allowed(c) {
                    return Err(format!("{c:?} is no character of XML, not even as a reference"));
                }
                last(&mut open)?.text.push(c);
            }
            Event::CData(data) => {
                last(&mut open)?.text.push_str(&data.decode().map_err(|error| error.to_string())?);
            }
            Event::Comment(_) | Event::Decl(_) => {}
            Event::PI(_) | Event::DocType(_) => return Err("only elements are known here".to_owned()),
            Event::Eof => break,
        }
    }
    let mut whole = open.pop().filter(|_| open.is_empty()).ok_or("an element is not closed")?;
    match (whole.children.len(), whole.text.trim()) {
        (1, "") => Ok(whole.children.remove(0)),
        (roots, text) => Err(format!("{roots} roots, and {text:?} beside them")),
    }
}

fn last(open: &mut [Node]) -> Result<&mut Node, String> {
    open.last_mut().ok_or_else(|| "an end without a start".to_owned())
}

fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn predefined(name: &str) -> Result<char, String> {
    [("lt", '<'), ("gt", '>'), ("amp", '&'), ("apos", '\''), ("quot", '"')]
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, c)| c)
        .ok_or_else(|| format!("the entity {name} is not defined"))
}

fn element(start: &BytesStart<'_>) -> Result<Node, String> {
    let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
    let mut node = Node { name, ..Node::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let name = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let raw = String::from_utf8_lossy(&attribute.value).into_owned();
        if raw.contains('<') {
            return Err(format!("the attribute {name} holds a bare <"));
        }
        let value = quick_xml::escape::unescape(&raw).map_err(|error| error.to_string())?.into_owned();
        if let Some(c) = value.chars().find(|c| !allowed(*c)) {
            return Err(format!("{c:?} in the attribute {name} is no character of XML"));
        }
        node.attributes.insert(name, value);
    }
    Ok(node)
}

/// A schema that was read.
pub struct Schema(Node);

impl Schema {
    /// Reads a schema.
    pub fn new(text: &str) -> Result<Self, String> {
        let root = parse(text)?;
        if root.name != "xs:schema" {
            return Err(format!("{} is no schema", root.name));
        }
        Ok(Self(root))
    }

    /// Everything about a document that does not fit.
    pub fn faults(&self, text: &str) -> Vec<String> {
        match parse(text) {
            Err(fault) => vec![fault],
            Ok(root) => match self.global("xs:element", &root.name) {
                None => vec![format!("no element {} is declared", root.name)],
                Some(declared) => {
                    let mut faults = Vec::new();
                    self.element(declared, &root, &mut faults);
                    faults
                }
            },
        }
    }

    fn global(&self, kind: &str, name: &str) -> Option<&Node> {
        self.0.children.iter().find(|node| node.name == kind && node.get("name") == Some(name))
    }

    fn element(&self, declared: &Node, node: &Node, faults: &mut Vec<String>) {
        let inline = declared.named("xs:complexType").next();
        let complex = inline.or_else(|| self.global("xs:complexType", declared.get("type")?));
        match (complex, declared.get("type")) {
            (Some(complex), _) => self.complex(complex, node, faults),
            (None, Some(simple)) => {
                if !node.children.is_empty() || !node.attributes.is_empty() {
                    faults.push(format!("{} holds text alone", node.name));
                }
                self.simple(simple, &node.text, &node.name, faults);
            }
            (None, None) => faults.push(format!("the schema says nothing of {}", node.name)),
        }
    }

    fn complex(&self, complex: &Node, node: &Node, faults: &mut Vec<String>) {
        let name = &node.name;
        let declared: Vec<&Node> = complex.named("xs:attribute").collect();
        for attribute in &declared {
            let key = attribute.get("name").unwrap_or_default();
            match (node.get(key), attribute.get("use")) {
                (Some(value), _) => {
                    let kind = attribute.get("type").unwrap_or("xs:string");
                    self.simple(kind, value, &format!("{name}@{key}"), faults);
                }
                (None, Some("required")) => faults.push(format!("{name} lacks {key}")),
                (None, _) => {}
            }
        }
        for key in node.attributes.keys() {
            if !declared.iter().any(|attribute| attribute.get("name") == Some(key)) {
                faults.push(format!("{name} may not have {key}"));
            }
        }
        if complex.get("mixed") != Some("true") && !node.text.trim().is_empty() {
            faults.push(format!("{name} may not hold the text {:?}", node.text.trim()));
        }
        let model: String = complex.children.iter().map(|part| particle(part, faults)).collect();
        let children: String = node.children.iter().map(|child| format!("<{}>", child.name)).collect();
        match Regex::new(&format!("^(?:{model})$")) {
            Ok(model) if model.is_match(&children) => {}
            Ok(_) => faults.push(format!("{name} may not hold {}", shortened(&children))),
            Err(error) => faults.push(error.to_string()),
        }
        for child in &node.children {
            match self.global("xs:element", &child.name) {
                Some(declared) => self.element(declared, child, faults),
                None => faults.push(format!("no element {} is declared", child.name)),
            }
        }
    }

    fn simple(&self, kind: &str, value: &str, place: &str, faults: &mut Vec<String>) {
        let pattern = match kind {
            "xs:string" => return,
            "xs:nonNegativeInteger" => Some("[0-9]+"),
            named => self
                .global("xs:simpleType", named)
                .and_then(|simple| simple.named("xs:restriction").next())
                .filter(|restriction| restriction.get("base") == Some("xs:string"))
                .and_then(|restriction| restriction.named("xs:pattern").next()?.get("value")),
        };
        match pattern.map(|pattern| Regex::new(&format!("^(?:{pattern})$"))) {
            Some(Ok(pattern)) if pattern.is_match(value) => {}
            Some(Ok(_)) => faults.push(format!("{place} may not be {value:?}")),
            Some(Err(error)) => faults.push(error.to_string()),
            None => faults.push(format!("the schema's type {kind} is not known here")),
        }
    }
}

/// A content model as a regular expression over `<name>`.
fn particle(part: &Node, faults: &mut Vec<String>) -> String {
    let inner = match part.name.as_str() {
        "xs:attribute" => return String::new(),
        "xs:element" => format!("<{}>", regex::escape(part.get("ref").unwrap_or("?"))),
        "xs:sequence" => part.children.iter().map(|child| particle(child, faults)).collect(),
        "xs:choice" => {
            part.children.iter().map(|child| particle(child, faults)).collect::<Vec<_>>().join("|")
        }
        other => {
            faults.push(format!("the schema's {other} is not known here"));
            String::new()
        }
    };
    let most = part.get("maxOccurs").unwrap_or("1");
    let most = if most == "unbounded" { "" } else { most };
    format!("(?:{inner}){{{},{most}}}", part.get("minOccurs").unwrap_or("1"))
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
