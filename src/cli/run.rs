//! `llmops run`: one live call, printed.

use super::args::{Global, RunArgs};
use super::asking::{Asking, limits};
use super::clock;
use super::render::{context, of_vars, request};
use super::retrieve::show;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::call::desk::Policy;
use crate::domain::{Error, Exit, Kind, Result};
use serde_json::json;

/// Calls the prompt's model once. The reply is neither stored nor graded.
///
/// # Errors
/// When the prompt cannot be rendered, a key is missing, or the provider failed.
pub fn run(global: &Global, terminal: &Terminal, args: &RunArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    let prompt = workspace.prompt(&args.prompt)?;
    let vars = of_vars(&workspace, prompt, &args.vars)?;
    let limits = limits(&workspace, args.timeout, args.retries, args.no_exec);
    let asking = Asking::new(&workspace, terminal, limits, Policy::Normal)?;
    asking.desk.providers.ready(&prompt.provider)?;
    let shown = asking.shown(&workspace, terminal, prompt, &vars)?;
    let request = request(&workspace, prompt, &vars, &context(shown.as_ref()))?;
    let answer = asking.call(&request).map_err(|failure| Error::new(Kind::NoVerdict, failure.detail))?;
    let reply = &answer.reply;
    let cost = asking.desk.prices.cost(&request.model, &request.provider, &reply.usage);
    if terminal.json {
        let document = json!({
            "schema": "llmops/run/v1", "exit_code": 0,
            "prompt": {"name": prompt.name, "version": prompt.version},
            "model": {"target": request.model, "provider": request.provider, "reported": reply.model},
            "output": reply.text, "tool_calls": reply.tool_calls, "refusal": reply.refusal, "finish_reason": reply.finish.as_str(),
            "usage": reply.usage, "latency_ms": answer.latency_ms, "cost_usd": cost,
            "retrieval": shown.as_ref().map(show::shown),
        });
        terminal.stdout(&format!("{document}\n"));
        return Ok(Exit::Done);
    }
    terminal.people(&format!("{}\n", terminal.harmless(reply.text.trim_end_matches('\n'))));
    for call in &reply.tool_calls {
        terminal.people(&terminal.harmless(&format!("→ {}({})\n", call.name, call.arguments)));
    }
    if let Some(shown) = shown.as_ref().filter(|_| !terminal.quiet) {
        terminal.say(show::places(shown).trim_end());
    }
    if !terminal.quiet {
        let count = |tokens: Option<u64>| tokens.map_or_else(|| "?".to_owned(), |tokens| tokens.to_string());
        let price = cost.map_or_else(|| "unpriced".to_owned(), |cost| cost.display());
        terminal.say(&format!(
            "{} · {} · {} tokens in, {} out · {price} · {} ms",
            request.model,
            reply.finish.as_str(),
            count(reply.usage.input),
            count(reply.usage.output),
            answer.latency_ms
        ));
    }
    Ok(Exit::Done)
}
