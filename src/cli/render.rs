//! `llmops render`: the messages exactly as they would be sent.

use super::args::{Global, RenderArgs, Var};
use super::asking::{Asking, Shown, limits};
use super::clock;
use super::retrieve::show;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::call::desk::Policy;
use crate::domain::{Chunk, Error, Exit, Kind, Request, Result};
use crate::manifest::closest;
use crate::manifest::project::Api;
use crate::manifest::prompt::Prompt;
use crate::plan::inputs_digest;
use crate::render::{RenderError, UNDEFINED, tokens, variables};
use crate::report::numbers::counted;
use crate::report::text::one_line;
use crate::run::request::Target;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Seconds of one attempt to embed a query.
const TIMEOUT_S: u64 = 30;
/// Attempts after the first.
const RETRIES: u32 = 2;

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
    let (vars, pinned) = match &args.case {
        Some(id) => of_case(&workspace, prompt, id.as_str())?,
        None => (of_vars(&workspace, prompt, &args.vars)?, None),
    };
    let shown = match (&pinned, &prompt.retrieval) {
        (None, Some(_)) => {
            let limits = limits(&workspace, TIMEOUT_S, RETRIES, args.no_exec);
            let asking = Asking::new(&workspace, terminal, limits, Policy::Normal)?;
            let asking = asking.with_recordings(&workspace, &prompt.name)?;
            asking.shown(&workspace, terminal, prompt, &vars)?
        }
        _ => None,
    };
    let context = pinned.unwrap_or_else(|| context(shown.as_ref()));
    let request = request(&workspace, prompt, &vars, &context)?;
    let count = tokens::of_request(&request);
    if terminal.json {
        let document = json!({
            "schema": "llmops/render/v1", "exit_code": 0,
            "prompt": {"name": prompt.name, "version": prompt.version, "path": prompt.path},
            "model": request.model, "provider": request.provider, "key": request.key(),
            "messages": request.messages, "tools": request.tools, "parameters": request.parameters,
            "output": request.output, "tokens": count.tokens, "tokens_estimated": count.estimate,
            "retrieval": shown.as_ref().map(show::shown),
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
            terminal.harmless(message.content.trim_end_matches('\n'))
        ));
    }
    if let Some(shown) = &shown {
        text.push_str(&format!("{}\n", show::places(shown)));
    }
    let how = if count.estimate { "about " } else { "" };
    let why = if count.estimate { ", an estimate: this provider's tokenizer is not public" } else { "" };
    text.push_str(&format!(
        "{} {} · {} on {} · {how}{} in{why}\n",
        prompt.name,
        one_line(&prompt.version),
        one_line(request.model.as_str()),
        request.provider,
        counted(count.tokens, "token")
    ));
    terminal.people(&text);
    Ok(Exit::Done)
}

/// The chunks of what was retrieved.
pub fn context(shown: Option<&Shown>) -> Vec<Chunk> {
    let hits = shown.map(|shown| shown.found.hits.as_slice()).unwrap_or_default();
    hits.iter().map(|hit| hit.chunk.clone()).collect()
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
    target.request(&workspace.renderer, vars, context, 0).map_err(|mut fault: RenderError| {
        if fault.code == UNDEFINED {
            fault.help =
                Some("give it with `--var NAME=VALUE`, or take a case's with `--case ID`".to_owned());
        }
        Error::invalid(vec![fault.into_diagnostic()])
    })
}

/// Variables of the command line. An input that is declared as something else than text is read as JSON.
///
/// # Errors
/// A name that the prompt does not read. A program is given every variable, whatever its name.
pub fn of_vars(workspace: &Workspace, prompt: &Prompt, vars: &[Var]) -> Result<Map<String, Value>> {
    let known = names(workspace, prompt);
    if let Some(names) = &known
        && let Some(other) = vars.iter().find(|var| !names.contains(&var.name))
    {
        let near = closest(&other.name, names.iter().map(String::as_str));
        let hint = near.map_or_else(
            || format!("it reads {}", names.iter().cloned().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(
            Error::input(format!("the prompt `{}` reads no `{}`", prompt.name, other.name)).hint(hint)
        );
    }
    let read = vars
        .iter()
        .map(|var| {
            let declared = prompt.inputs.get(&var.name).and_then(|input| input.schema.get("type"));
            let text = declared.is_none_or(|kind| kind == "string");
            let parsed = if text { None } else { serde_json::from_str(&var.value).ok() };
            (var.name.clone(), parsed.unwrap_or_else(|| Value::String(var.value.clone())))
        })
        .collect();
    Ok(read)
}

/// The variables that a prompt reads; `None` where that cannot be told.
fn names(workspace: &Workspace, prompt: &Prompt) -> Option<BTreeSet<String>> {
    let provider = workspace.manifests.project.providers.get(&prompt.provider)?;
    if matches!(provider.api, Api::Exec | Api::Http) || prompt.is_judge() {
        return None;
    }
    let folder = &workspace.manifests.project.folders.prompts;
    let query = prompt.retrieval.as_ref().and_then(|retrieval| retrieval.query.as_ref());
    let mut names: BTreeSet<String> = prompt.inputs.keys().cloned().collect();
    for template in prompt.messages.iter().map(|message| &message.content).chain(query) {
        names.extend(variables(&workspace.snapshot, folder, template).ok()?);
    }
    // What is asked for where a retrieval names no query.
    if prompt.retrieval.is_some() {
        names.insert("input".to_owned());
    }
    Some(names)
}

/// The variables of a case, and the context that it pins.
type OfCase = (Map<String, Value>, Option<Vec<Chunk>>);

/// The case of that id in one of the prompt's suites.
fn of_case(workspace: &Workspace, prompt: &Prompt, id: &str) -> Result<OfCase> {
    let suites = workspace.manifests.suites.values().filter(|suite| suite.prompt == prompt.name);
    for suite in suites {
        if let Some(index) = (0..suite.cases.len()).find(|&index| suite.cases.id(index).as_str() == id) {
            let case = suite.cases.get(index).case;
            return Ok((case.vars, case.context));
        }
    }
    Err(Error::new(Kind::NoMatch, format!("no suite of `{}` has a case `{id}`", prompt.name))
        .hint("look into the suite's case files, or use --var NAME=VALUE"))
}
