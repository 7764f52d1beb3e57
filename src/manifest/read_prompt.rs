//! Reads a prompt manifest or a judge manifest.

use super::decode::{BAD_VALUE, Fields, MISSING_KEY, Sink};
use super::dimensions;
use super::files::Files;
use super::project::Api;
use super::prompt::{Dimension, Input, MessageTemplate, Output, Prompt, PromptPlaces, RetrievalUse};
use super::providers::{Providers, Purpose};
use super::template::Template;
use super::yaml::Node;
use super::{head, inputs, pin, read_parameters, schema, tools};
use crate::domain::{PromptName, Role};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The user message of a prompt that writes none.
const DEFAULT_USER: &str = "{{ input }}";

/// Reads the manifest in `node`; `name` is its name where it gives itself none. `None` after an error.
pub fn read(
    files: Files<'_>,
    node: &Node,
    name: &str,
    providers: &Providers<'_>,
    today: Option<&str>,
) -> Option<Prompt> {
    let sink = files.sink;
    let fields = sink.fields(node, "a prompt manifest")?;
    let version = head::version(&fields);
    let own_name = fields.get("name").and_then(|node| head::own_name(sink, node));
    let about = head::about(&fields);
    let dimensions = fields.get("dimensions").map(|node| judged(sink, node)).unwrap_or_default();
    let model = fields
        .require("model_target", "claude-sonnet-4-5-20250929")
        .and_then(|node| head::model(sink, node, "`model_target`"));
    let named = head::provider(&fields);
    let purpose = if fields.get("dimensions").is_some() { Purpose::Judge } else { Purpose::Prompt };
    let provider = model.as_ref().and_then(|(model, at)| {
        let named = named.as_ref().map(|(name, span)| (name, *span));
        let provider = providers.choose(sink, (model, *at), named, purpose)?;
        pin::check(model, provider, today, &sink.place(*at)).into_iter().for_each(|found| sink.push(found));
        Some(provider)
    });
    let messages = messages(&fields);
    let required =
        fields.get("eval_score_required").and_then(|node| sink.number(node, "`eval_score_required`"));
    // A judge's parameters are for whichever model a suite lets judge; the built-in one has no use for any.
    let takes = provider.filter(|provider| !(purpose == Purpose::Judge && provider.api == Api::Builtin));
    let parameters =
        fields.get("parameters").map(|node| read_parameters::read(sink, node, takes)).unwrap_or_default();
    let inputs = fields.get("inputs").map(|node| inputs::read(sink, node)).unwrap_or_default();
    let few_shot = fields.get("few_shot").map(|node| inputs::few_shot(files, node)).unwrap_or_default();
    let output = fields.get("output").map(|node| output(files, node)).unwrap_or_default();
    let api = provider.map(|provider| provider.api);
    hold_object(&fields, api, &output);
    let tools = fields.get("tools").map(|node| tools::read(files, node, api)).unwrap_or_default();
    let retrieval = fields.get("retrieval").and_then(|node| retrieval(files, node));
    hold_query(&fields, retrieval.as_ref(), &inputs);
    let budget = fields.get("budget").map(|node| read_parameters::budget(sink, node)).unwrap_or_default();
    if purpose == Purpose::Judge {
        hold_derived(&fields);
    }
    let places = PromptPlaces {
        version: head::place_of(&fields, "version"),
        model_target: head::place_of(&fields, "model_target"),
        provider: head::place_of(&fields, "provider"),
        parameters: head::place_of(&fields, "parameters"),
        eval_score_required: head::place_of(&fields, "eval_score_required"),
        output: head::place_of(&fields, "output"),
        tools: head::place_of(&fields, "tools"),
        inputs: head::place_of(&fields, "inputs"),
    };
    fields.finish(true);
    Some(Prompt {
        name: PromptName::from(own_name.unwrap_or_else(|| name.to_owned())),
        path: sink.path().clone(),
        version: version?,
        model: model?.0,
        provider: provider?.name.clone(),
        messages,
        required,
        parameters,
        inputs,
        few_shot,
        output,
        tools,
        retrieval,
        budget,
        about,
        dimensions,
        places,
    })
    .filter(|_| !sink.has_errors())
}

/// Anthropic's structured output is the input of a tool, which is an object.
fn hold_object(fields: &Fields<'_>, api: Option<Api>, output: &Output) {
    let is_object = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "object");
    if api == Some(Api::Anthropic) && output.schema.as_ref().is_some_and(|schema| !is_object(schema)) {
        fields.sink().error(
            schema::BAD_SCHEMA,
            fields.key_span("output"),
            "the API `anthropic` takes only a schema of type `object`",
            "add `type: object`, and put lists and scalars under a key",
        );
    }
}

/// Of several inputs, none says by itself that it is what to search for.
fn hold_query(fields: &Fields<'_>, used: Option<&RetrievalUse>, inputs: &BTreeMap<String, Input>) {
    let unasked = used.is_some_and(|used| used.query.is_none());
    if unasked && inputs.len() > 1 && !inputs.contains_key("input") {
        fields.sink().error(
            MISSING_KEY,
            fields.key_span("retrieval"),
            "`retrieval` needs a `query`: none of the inputs is `input`, and there are several",
            "write `retrieval: {use: PATH, query: \"{{ question }}\"}`",
        );
    }
}

/// What a judge answers and sees follows from its dimensions.
fn hold_derived(fields: &Fields<'_>) {
    for key in ["output", "tools", "retrieval", "few_shot"] {
        if fields.get(key).is_some() {
            let message = format!("a judge manifest has no `{key}`");
            let help = "remove it: it is derived from the dimensions";
            fields.sink().error(BAD_VALUE, fields.key_span(key), message, help);
        }
    }
}

fn judged(sink: &Sink, node: &Node) -> Vec<Dimension> {
    let mut found = Vec::new();
    for written in dimensions::read(sink, node) {
        match written.complete(None, sink) {
            Some(dimension) => found.push(dimension),
            None => sink.error(
                MISSING_KEY,
                written.span,
                format!("the dimension `{}` needs a `description`", written.name),
                "say what it means and what each level stands for",
            ),
        }
    }
    found
}

/// The messages, system first; the last one is the user's.
fn messages(fields: &Fields<'_>) -> Vec<MessageTemplate> {
    let sink = fields.sink();
    let (system, user, listed) = (fields.get("system"), fields.get("user"), fields.get("messages"));
    if system.is_none() && user.is_none() && listed.is_none() {
        sink.error(
            MISSING_KEY,
            fields.span(),
            "a prompt manifest needs `system`, `user` or `messages`",
            "add `system: |` and the instructions below it",
        );
        return Vec::new();
    }
    if user.is_some() && listed.is_some() {
        sink.error(
            BAD_VALUE,
            fields.key_span("user"),
            "`user` and `messages` say the same thing twice",
            "keep one of them",
        );
    }
    let mut messages = Vec::new();
    let mut add = |role, node: &Arc<Node>, what: &str| {
        if let Some(content) = template(sink, node, what) {
            messages.push(MessageTemplate { role, content });
        }
    };
    if let Some(node) = system {
        add(Role::System, node, "`system`");
    }
    match (user, listed) {
        (Some(node), _) => add(Role::User, node, "`user`"),
        (None, Some(node)) => return listed_messages(sink, node, messages),
        (None, None) => {
            messages.push(MessageTemplate {
                role: Role::User,
                content: Template::built_in(sink.path(), DEFAULT_USER),
            });
        }
    }
    messages
}

fn listed_messages(
    sink: &Sink,
    node: &Arc<Node>,
    mut messages: Vec<MessageTemplate>,
) -> Vec<MessageTemplate> {
    const ROLES: &[(&str, Role)] =
        &[("system", Role::System), ("user", Role::User), ("assistant", Role::Assistant)];
    let has_system = !messages.is_empty();
    let mut last = None;
    for (index, item) in sink.list(node, "`messages`", false).into_iter().enumerate() {
        let Some(fields) = sink.fields(item, "a message") else { continue };
        let role = fields.require("role", "user").and_then(|node| {
            let role = sink.one_of(node, "`role`", ROLES)?;
            if role == Role::System && (index > 0 || has_system) {
                sink.error(
                    BAD_VALUE,
                    node.span,
                    "a system message stands behind another message",
                    "keep one system message, at the start",
                );
            }
            Some(role)
        });
        let content = fields.require("content", "\"…\"").and_then(|node| template(sink, node, "`content`"));
        fields.finish(false);
        last = role;
        if let (Some(role), Some(content)) = (role, content) {
            messages.push(MessageTemplate { role, content });
        }
    }
    if last != Some(Role::User) && !sink.has_errors() {
        sink.error(
            BAD_VALUE,
            node.span,
            "the last of `messages` is not the user's",
            "end with `{role: user, content: \"{{ input }}\"}`",
        );
    }
    messages
}

fn template(sink: &Sink, node: &Node, what: &str) -> Option<Template> {
    sink.text(node, what)?;
    let template = Template::from_node(sink.path(), node)?;
    if template.text.trim().is_empty() {
        sink.error(BAD_VALUE, node.span, format!("{what} is empty"), "write the text, or remove the key");
        return None;
    }
    Some(template)
}

fn output(files: Files<'_>, node: &Node) -> Output {
    let sink = files.sink;
    let Some(fields) = sink.fields(node, "`output`") else { return Output::default() };
    let format = fields
        .get("format")
        .and_then(|node| sink.one_of(node, "`format`", &[("text", false), ("json", true)]));
    let schema = fields.get("schema").and_then(|node| schema::read(sink, Some(files), node, "`schema`"));
    if format == Some(false) && fields.get("schema").is_some() {
        sink.error(
            BAD_VALUE,
            fields.key_span("schema"),
            "`schema` has no effect on `format: text`",
            "write `format: json`, or remove the schema",
        );
    }
    let json = format.unwrap_or(fields.get("schema").is_some());
    fields.finish(false);
    Output { json, schema }
}

fn retrieval(files: Files<'_>, node: &Arc<Node>) -> Option<RetrievalUse> {
    let sink = files.sink;
    let place = sink.place(node.span);
    if node.as_written().is_some() {
        return Some(RetrievalUse { path: files.path(node, "`retrieval`")?, query: None, place });
    }
    let fields = sink.fields(node, "`retrieval`")?;
    let named = fields.require("use", "../retrieval/kb.yaml");
    let path = named.and_then(|node| files.path(node, "`use`"));
    let query = fields.get("query").and_then(|node| template(sink, node, "`query`"));
    fields.finish(false);
    Some(RetrievalUse { path: path?, query, place: named.map_or(place, |node| sink.place(node.span)) })
}
