//! Tool definitions, with the field names of MCP.

use super::capabilities::refuses_tool_name;
use super::decode::Sink;
use super::files::Files;
use super::project::Api;
use super::schema;
use super::yaml::{Kind, Node};
use crate::domain::{Code, Diagnostic, ToolDefinition};
use serde_json::Value;
use std::sync::Arc;

/// A tool definition that no model can use, or only badly.
pub const BAD_TOOL: Code = Code("bad-tool");

/// Reads the files that `tools` lists; a file holds one tool or a list of them.
pub fn read(files: Files<'_>, node: &Arc<Node>, api: Option<Api>) -> Vec<ToolDefinition> {
    let mut tools: Vec<ToolDefinition> = Vec::new();
    for item in files.sink.list(node, "`tools`", false) {
        let Some((tree, inner)) = files.tree(item, "a tool") else { continue };
        let nodes: Vec<&Node> = match &tree.kind {
            Kind::List(items) => items.iter().map(AsRef::as_ref).collect(),
            _ => vec![&tree],
        };
        if nodes.is_empty() {
            inner.error(
                BAD_TOOL,
                tree.span,
                "the file holds no tool",
                "write one, or remove the file from `tools`",
            );
        }
        for node in nodes {
            let Some(tool) = tool(&inner, node, api) else { continue };
            if tools.iter().any(|other| other.name == tool.name) {
                inner.error(
                    BAD_TOOL,
                    node.span,
                    format!("two tools are named `{}`", tool.name),
                    "rename one, or name its file once",
                );
            }
            tools.push(tool);
        }
        files.adopt(inner);
    }
    tools
}

fn tool(sink: &Sink, node: &Node, api: Option<Api>) -> Option<ToolDefinition> {
    let fields = sink.fields(node, "a tool definition")?;
    let name = fields.require("name", "search").and_then(|node| {
        let name = sink.written(node, "`name`")?;
        check_name(sink, node, &name, api);
        Some(name)
    });
    let description = fields
        .require("description", "\"Searches the knowledge base\"")
        .and_then(|node| sink.written(node, "`description`"));
    let schema = fields.require("inputSchema", "{type: object, properties: {}}").and_then(|node| {
        let schema = node.value();
        schema::compile(sink, node.span, &schema).then(|| {
            lint(sink, node, &schema);
            schema
        })
    });
    // What MCP has beside these three is for clients: no model sees it.
    for key in ["title", "annotations", "outputSchema", "icons", "execution", "_meta"] {
        let _ = fields.given(key);
    }
    fields.finish(false);
    Some(ToolDefinition { name: name?, description: description?, input_schema: schema? })
}

fn check_name(sink: &Sink, node: &Node, name: &str, api: Option<Api>) {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let rule = if name.len() > 128 || !name.bytes().all(fits) {
        Some("1 to 128 of A-Z a-z 0-9 _ . -")
    } else {
        api.and_then(|api| refuses_tool_name(api, name))
    };
    if let Some(rule) = rule {
        sink.error(
            BAD_TOOL,
            node.span,
            "this name of a tool is refused by the provider",
            format!("use {rule}"),
        );
    }
}

/// What MCP demands of an input schema, and what a model needs to fill it in.
fn lint(sink: &Sink, node: &Node, schema: &Value) {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        sink.error(BAD_TOOL, node.span, "`inputSchema` is not of type object", "add `type: object`");
        return;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for name in
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    {
        if !properties.is_some_and(|properties| properties.contains_key(name)) {
            sink.error(
                BAD_TOOL,
                node.span,
                format!("`{name}` is required and is not one of the properties"),
                "add it to `properties`, or remove it from `required`",
            );
        }
    }
    for (name, property) in properties.into_iter().flatten() {
        if property.is_object() && property.get("description").is_none() && property.get("$ref").is_none() {
            sink.push(
                Diagnostic::warning(BAD_TOOL, format!("the argument `{name}` has no description"))
                    .at(sink.place(node.span))
                    .help("say what it is: the model reads it"),
            );
        }
    }
}
