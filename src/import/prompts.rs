//! Prompts of promptfoo: inline, chat as JSON, and files.

use super::losses::Losses;
use super::output::{Message, Prompt};
use super::tree::{self, Tree};
use super::{Source, slug, template};
use serde_json::Value;

/// Ends of files whose text is a prompt.
const TEXTS: &[&str] = &[".txt", ".md", ".json", ".jsonl", ".yaml", ".yml", ".j2", ".csv"];
/// Ends of files that are run to make one.
const PROGRAMS: &[&str] = &[
    ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".py", ".sh", ".bash", ".zsh", ".ps1", ".bat", ".cmd",
    ".exe", ".rb", ".pl", ".php", ".go",
];

/// A text of a prompt, and where it stands.
struct Text {
    text: String,
    label: Option<String>,
    place: Losses,
}

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
        let (raw, label) = entry(item, losses);
        let Some((raw, written)) = raw.and_then(|raw| Some((raw, raw.text()?))) else {
            losses.dropped(item.line(), "prompts", "an entry without text");
            continue;
        };
        for Text { text, label: own, place } in texts(source, written, &raw.place(losses)) {
            let label = own.as_deref().or(label);
            let name = match label {
                Some(label) => format!("{base}_{}", slug(label)),
                None if several => format!("{base}_{}", index + 1),
                None => base.to_owned(),
            };
            let messages = messages(&text, &place);
            if !messages.is_empty() {
                let description = label.map(str::to_owned);
                found.push(Prompt { description, ..Prompt::new(name, messages, (1, place)) });
            }
        }
    }
    found
}

/// The text of one entry of `prompts`, and its label.
fn entry<'a>(item: Tree<'a>, losses: &Losses) -> (Option<Tree<'a>>, Option<&'a str>) {
    if !item.is_map() {
        return (Some(item), None);
    }
    for (key, line, _) in item.entries() {
        if !["id", "raw", "label", "file", "display"].contains(&key) {
            losses.dropped(line, format!("prompts.{key}"), "this key of a prompt has no counterpart");
        }
    }
    let raw = ["raw", "file", "id"].iter().find_map(|key| item.get(key));
    (raw, item.text_of("label"))
}

/// The texts that one entry stands for.
fn texts(source: Source<'_>, raw: &str, place: &Losses) -> Vec<Text> {
    let whole = || vec![Text { text: raw.to_owned(), label: None, place: place.clone() }];
    let line = raw.trim();
    if let Some(command) = line.strip_prefix("exec:").filter(|_| !line.contains('\n')) {
        place.dropped(1, format!("exec:{command}"), "a prompt made by a program; write down what it makes");
        return Vec::new();
    }
    let Some(file) = line.strip_prefix("file://") else {
        if is_address(line) {
            place.dropped(1, line, "a prompt that is kept elsewhere; save its text as a file");
            return Vec::new();
        }
        let (path, _) = function(line);
        let plain = !line.contains(['\n', '{']);
        if !plain || !TEXTS.iter().chain(PROGRAMS).any(|end| path.ends_with(end)) {
            return whole();
        }
        // Prose may end like the name of a file.
        if line.contains(' ') && !line.contains('*') && (source.read)(line).is_err() {
            let why =
                "it looks like the name of a file that is not there; it was taken as the text of a prompt";
            place.approximated(1, line, why);
            return whole();
        }
        return of_file(source, line, place);
    };
    of_file(source, file, place)
}

/// Whether a text is an address with a scheme, such as `langfuse://name`.
fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        !scheme.is_empty()
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && !rest.contains(char::is_whitespace)
    })
}

/// A path without the name of a function in it: `make.py:prompt`.
fn function(file: &str) -> (&str, Option<&str>) {
    match file.rsplit_once(':') {
        Some((path, name)) if name.chars().all(|c| c.is_alphanumeric() || c == '_') => (path, Some(name)),
        _ => (file, None),
    }
}

fn of_file(source: Source<'_>, file: &str, place: &Losses) -> Vec<Text> {
    if PROGRAMS.iter().any(|end| function(file).0.ends_with(end)) {
        place.dropped(1, file, "a prompt made by a program; write down what it makes");
        return Vec::new();
    }
    if file.contains('*') {
        return match (source.list)(file) {
            Ok(files) if files.is_empty() => {
                place.dropped(1, file, "no file fits this glob");
                Vec::new()
            }
            Ok(files) => files.iter().flat_map(|file| of_file(source, file, place)).collect(),
            Err(why) => {
                place.dropped(1, file, why);
                Vec::new()
            }
        };
    }
    let text = match (source.read)(file) {
        Ok(text) => text,
        Err(why) => {
            place.dropped(1, file, why);
            return Vec::new();
        }
    };
    let place = place.in_file(file);
    if file.ends_with(".csv") {
        return of_sheet(&text, &place);
    }
    let part = |line: u32, text: &str| Text {
        text: text.trim().to_owned(),
        label: None,
        place: place.starting_at(line.saturating_add(u32::try_from(blank_lines(text)).unwrap_or(0))),
    };
    let parts: Vec<Text> = if file.ends_with(".jsonl") {
        (1..).zip(text.lines()).map(|(line, text)| part(line, text)).collect()
    } else if file.ends_with(".txt") {
        let mut line = 1_u32;
        text.split("\n---\n")
            .map(|text| {
                let found = part(line, text);
                let lines = u32::try_from(text.matches('\n').count()).unwrap_or(0);
                line = line.saturating_add(lines).saturating_add(2);
                found
            })
            .collect()
    } else {
        return vec![Text { text, label: None, place }];
    };
    parts.into_iter().filter(|part| !part.text.is_empty()).collect()
}

/// A sheet with a column `prompt`, and perhaps one `label`; without such a header its first column are prompts.
fn of_sheet(text: &str, place: &Losses) -> Vec<Text> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let mut rows = reader.records();
    let mut found = Vec::new();
    let (mut column, mut labels) = (0, None);
    let mut first = true;
    for row in &mut rows {
        let Ok(row) = row else {
            place.dropped(0, "prompts", "a row that cannot be read");
            continue;
        };
        let line = row.position().map_or(1, |at| u32::try_from(at.line()).unwrap_or(1));
        if std::mem::take(&mut first) {
            let at = |name: &str| row.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
            if let Some(prompt) = at("prompt") {
                (column, labels) = (prompt, at("label"));
                for (_, name) in row.iter().enumerate().filter(|(at, _)| *at != prompt && Some(*at) != labels)
                {
                    place.dropped(line, name, "this column of a prompt has no counterpart");
                }
                continue;
            }
        }
        if let Some(text) = row.get(column).filter(|text| !text.trim().is_empty()) {
            let label = labels.and_then(|at| row.get(at)).filter(|label| !label.trim().is_empty());
            found.push(Text {
                text: text.to_owned(),
                label: label.map(str::to_owned),
                place: place.on_line(line),
            });
        }
    }
    found
}

/// Lines before the first that holds anything.
fn blank_lines(text: &str) -> usize {
    text.lines().take_while(|line| line.trim().is_empty()).count()
}

/// The messages of a prompt: a chat as JSON or YAML, else one user message.
fn messages(text: &str, place: &Losses) -> Vec<Message> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        place.dropped(1, "prompts", "an empty prompt");
        return Vec::new();
    }
    let place = place.starting_at(u32::try_from(blank_lines(text)).unwrap_or(0).saturating_add(1));
    if trimmed.starts_with('[') || trimmed.starts_with("- role") {
        let chat = tree::parse(trimmed)
            .ok()
            .filter(|tree| tree.is_list() && tree.items().iter().all(|item| item.is_map()));
        if let Some(chat) = chat {
            let messages = chat.items().into_iter().filter_map(|item| one(item, &place)).collect();
            return settled(messages, 1, &place);
        }
        if trimmed.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(['{', ']'])) {
            let why = "a chat that is JSON only once it is rendered; it became one user message";
            place.approximated(1, "prompts", why);
        }
    }
    vec![("user".to_owned(), template::jinja(trimmed, 1, &place))]
}

/// One message of a chat.
fn one(node: Tree<'_>, losses: &Losses) -> Option<Message> {
    let (role, text) = said(node, losses)?;
    Some((role, template::jinja(&text, node.line(), losses)))
}

/// The role and the text of a message, as they stand.
pub fn said(node: Tree<'_>, losses: &Losses) -> Option<Message> {
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
    for (key, line, value) in node.entries() {
        if !["role", "content"].contains(&key) && !value.0.is_null() {
            let why =
                "a message is a role and a text here; what a tool was asked or answered cannot be sent back";
            losses.dropped(line, format!("messages.{key}"), why);
        }
    }
    let Some(content) = node.get("content") else {
        losses.dropped(node.line(), "content", "a message without text");
        return None;
    };
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
    Some((role.to_owned(), text))
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
