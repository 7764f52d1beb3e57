//! `llmops render`: the messages exactly as they would be sent.

use super::args::{Global, RenderArgs, Var};
use super::clock;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Chunk, Error, Exit, Kind, Request, Result};
use crate::manifest::prompt::Prompt;
use crate::plan::inputs_digest;
use crate::render::{RenderError, tokens};
use crate::run::request::Target;
use serde_json::{Map, Value, json};

/// Renders a prompt for one case, or for variables given on the command line.
///
/// # Errors
/// When the prompt is not there or broken, or its templates fail.
pub fn render(global: &Global, terminal: &Terminal, args: &RenderArgs) -> Result<Exit> {
    let today = clock::today();
    let here = Workspace::open(global.root.as_deref(), &today)?;
    let workspace = match &args.at {
        Some(revision) => here.at(revision, &today)?,
        None => here,
    };
    let prompt = workspace.prompt(&args.prompt)?;
    let (vars, context) = match &args.case {
        Some(id) => of_case(&workspace, prompt, id.as_str())?,
        None => (of_vars(prompt, &args.vars), Vec::new()),
    };
    let request = request(&workspace, prompt, &vars, &context)?;
    let count = tokens::of_request(&request);
    if terminal.json {
        let document = json!({
            "schema": "llmops/render/v1", "exit_code": 0,
            "prompt": {"name": prompt.name, "version": prompt.version, "path": prompt.path},
            "model": request.model, "provider": request.provider, "key": request.key(),
            "messages": request.messages, "tools": request.tools, "parameters": request.parameters,
            "output": request.output, "tokens": count.tokens, "tokens_estimated": count.estimate,
        });
        terminal.stdout(&format!("{document}\n"));
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for message in &request.messages {
        let tokens = tokens::count(&request.model, &message.content).tokens;
        text.push_str(&format!(
            "── {} ({tokens} tokens)\n{}\n\n",
            message.role.as_str(),
            message.content.trim_end_matches('\n')
        ));
    }
    let how = if count.estimate { "about " } else { "" };
    let why = if count.estimate { ", an estimate: this provider's tokenizer is not public" } else { "" };
    text.push_str(&format!(
        "{} {} · {} on {} · {how}{} tokens in{why}\n",
        prompt.name, prompt.version, request.model, request.provider, count.tokens
    ));
    terminal.people(&text);
    Ok(Exit::Done)
}

/// The request of a prompt for variables and context.
///
/// # Errors
/// When its provider is not defined or its templates fail.
pub fn request(
    workspace: &Workspace,
    prompt: &Prompt,
    vars: &Map<String, Value>,
    context: &[Chunk],
) -> Result<Request> {
    let provider = workspace.manifests.project.providers.get(&prompt.provider).ok_or_else(|| {
        Error::input(format!("no provider is named `{}`", prompt.provider)).hint("define it in llmops.yaml")
    })?;
    let program = inputs_digest(&workspace.snapshot, &provider.inputs)?;
    let target = Target { prompt, model: &prompt.model, provider, program };
    target
        .request(&workspace.renderer, vars, context, 0)
        .map_err(|fault: RenderError| Error::invalid(vec![fault.into_diagnostic()]))
}

/// Variables of the command line. An input that is declared as something else than text is read as JSON.
pub fn of_vars(prompt: &Prompt, vars: &[Var]) -> Map<String, Value> {
    vars.iter()
        .map(|var| {
            let declared = prompt.inputs.get(&var.name).and_then(|input| input.schema.get("type"));
            let text = declared.is_none_or(|kind| kind == "string");
            let parsed = if text { None } else { serde_json::from_str(&var.value).ok() };
            (var.name.clone(), parsed.unwrap_or_else(|| Value::String(var.value.clone())))
        })
        .collect()
}

fn of_case(workspace: &Workspace, prompt: &Prompt, id: &str) -> Result<(Map<String, Value>, Vec<Chunk>)> {
    let suites = workspace.manifests.suites.values().filter(|suite| suite.prompt == prompt.name);
    for suite in suites {
        if let Some(index) = (0..suite.cases.len()).find(|&index| suite.cases.id(index).as_str() == id) {
            let case = suite.cases.get(index).case;
            return Ok((case.vars, case.context.unwrap_or_default()));
        }
    }
    Err(Error::new(Kind::NoMatch, format!("no suite of `{}` has a case `{id}`", prompt.name))
        .hint("look into the suite's case files, or use --var NAME=VALUE"))
}
