//! Prompts of promptfoo: inline, chat as JSON, and files.

use super::output::{Message, Prompt};
use super::tree::{self, Tree};
use super::{Losses, Source, slug, template};
use serde_json::Value;

/// Every prompt of the `prompts` key.
pub fn read(source: Source<'_>, node: Tree<'_>, base: &str, losses: &Losses) -> Vec<Prompt> {
    let mut found: Vec<Prompt> = Vec::new();
    let items: Vec<Tree<'_>> = if node.is_map() {
        node.entries().into_iter().map(|(_, _, item)| item).collect()
    } else {
        node.items()
    };
    let several = items.len() > 1;
    for (index, item) in items.into_iter().enumerate() {
        let (raw, label) = if item.is_map() {
            for (key, line, _) in item.entries() {
                if !["id", "raw", "label", "file", "display"].contains(&key) {
                    losses.dropped(line, format!("prompts.{key}"), "this key of a prompt has no counterpart");
                }
            }
            (
                item.text_of("raw").or_else(|| item.text_of("file")).or_else(|| item.text_of("id")),
                item.text_of("label"),
            )
        } else {
            (item.text(), None)
        };
        let Some(raw) = raw else {
            losses.dropped(item.line(), "prompts", "an entry without text");
            continue;
        };
        let name = match label {
            Some(label) => format!("{base}_{}", slug(label)),
            None if several => format!("{base}_{}", index + 1),
            None => base.to_owned(),
        };
        for text in texts(source, raw, item.line(), losses) {
            let messages = messages(&text, item.line(), losses);
            if !messages.is_empty() {
                found.push(Prompt {
                    name: name.clone(),
                    messages,
                    line: item.line(),
                    description: label.map(str::to_owned),
                    author: None,
                });
            }
        }
    }
    found
}

/// The texts that one entry stands for.
fn texts(source: Source<'_>, raw: &str, line: u32, losses: &Losses) -> Vec<String> {
    let named = raw.strip_prefix("file://");
    let looks = !raw.contains(['\n', '{', ' '])
        && [".txt", ".md", ".json", ".yaml", ".yml", ".j2", ".js", ".py", ".ts", ".csv"]
            .iter()
            .any(|end| raw.contains(end));
    let Some(file) = named.or(looks.then_some(raw)) else { return vec![raw.to_owned()] };
    let code = [".js", ".mjs", ".cjs", ".ts", ".py"]
        .iter()
        .any(|end| file.ends_with(end) || file.contains(&format!("{end}:")));
    if code {
        losses.dropped(line, file, "a prompt made by a program; write down what it makes");
        return Vec::new();
    }
    if file.contains('*') {
        let files = (source.list)(file);
        if files.is_empty() {
            losses.dropped(line, file, "no file fits this glob");
        }
        return files
            .iter()
            .flat_map(|file| texts(source, &format!("file://{file}"), line, losses))
            .collect();
    }
    let Some(text) = (source.read)(file) else {
        losses.dropped(line, file, "the file is not there, or cannot be read");
        return Vec::new();
    };
    if file.ends_with(".txt") && text.lines().any(|line| line.trim() == "---") {
        return text
            .split("\n---\n")
            .map(|part| part.trim().to_owned())
            .filter(|part| !part.is_empty())
            .collect();
    }
    vec![text]
}

/// The messages of a prompt: a chat as JSON or YAML, else one user message.
fn messages(text: &str, line: u32, losses: &Losses) -> Vec<Message> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        losses.dropped(line, "prompts", "an empty prompt");
        return Vec::new();
    }
    if trimmed.starts_with('[') || trimmed.starts_with("- role") {
        match tree::parse("prompt", trimmed)
            .ok()
            .filter(|tree| tree.is_list() && tree.items().iter().all(|item| item.is_map()))
        {
            Some(chat) => {
                return settled(
                    chat.items().into_iter().filter_map(|item| one(item, losses)).collect(),
                    line,
                    losses,
                );
            }
            None if trimmed.starts_with("[{") || trimmed.starts_with("[\n") => {
                losses.approximated(
                    line,
                    "prompts",
                    "a chat that is JSON only once it is rendered; it became one user message",
                );
            }
            None => {}
        }
    }
    vec![("user".to_owned(), template::jinja(trimmed, line, losses))]
}

/// One message of a chat.
pub fn one(node: Tree<'_>, losses: &Losses) -> Option<(String, String)> {
    let role = match node.text_of("role").unwrap_or("user") {
        "system" | "developer" => "system",
        "assistant" | "model" => "assistant",
        "user" | "human" => "user",
        other => {
            losses.dropped(
                node.line(),
                format!("role {other}"),
                "messages are the system's, the user's or the assistant's",
            );
            return None;
        }
    };
    let content = node.get("content")?;
    let text = match content.value() {
        Value::String(text) => text,
        Value::Array(_) => {
            let mut parts = Vec::new();
            for part in content.items() {
                match part.text_of("text").or_else(|| part.text()) {
                    Some(text) => parts.push(text.to_owned()),
                    None => losses.dropped(part.line(), "content", "only text can be sent"),
                }
            }
            parts.join("\n")
        }
        other => other.to_string(),
    };
    if text.trim().is_empty() {
        losses.dropped(node.line(), "content", "an empty message");
        return None;
    }
    Some((role.to_owned(), template::jinja(&text, node.line(), losses)))
}

/// Messages in the order that providers take: one system message, at the start; the user's, at the end.
pub fn settled(messages: Vec<Message>, line: u32, losses: &Losses) -> Vec<Message> {
    let mut system: Vec<String> = Vec::new();
    let mut rest: Vec<Message> = Vec::new();
    for (role, text) in messages {
        if role != "system" {
            rest.push((role, text));
            continue;
        }
        if !rest.is_empty() || !system.is_empty() {
            losses.approximated(line, "messages", "system messages were brought together at the start");
        }
        system.push(text);
    }
    while rest.last().is_some_and(|(role, _)| role == "assistant") {
        losses.dropped(
            line,
            "messages",
            "an answer begun for the assistant; the last message is the user's here",
        );
        rest.pop();
    }
    if rest.is_empty() {
        if system.is_empty() {
            return Vec::new();
        }
        rest.push(("user".to_owned(), "{{ input }}".to_owned()));
        losses.approximated(line, "messages", "there is no user message; the case's `input` became one");
    }
    if !system.is_empty() {
        rest.insert(0, ("system".to_owned(), system.join("\n\n")));
    }
    rest
}
