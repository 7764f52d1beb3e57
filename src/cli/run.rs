//! `llmops run`: one live call, printed.

use super::args::{Global, RunArgs};
use super::clock;
use super::eval::prices;
use super::render::{of_vars, request};
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::call::{Limits, Providers};
use crate::domain::{Error, Exit, Kind, Result};
use serde_json::json;
use std::time::Duration;

/// Calls the prompt's model once. The reply is neither stored nor graded.
///
/// # Errors
/// When the prompt cannot be rendered, a key is missing, or the provider failed.
pub fn run(global: &Global, terminal: &Terminal, args: &RunArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    let prompt = workspace.prompt(&args.prompt)?;
    let request = request(&workspace, prompt, &of_vars(prompt, &args.vars), &[])?;
    let limits = Limits {
        timeout: Duration::from_secs(args.timeout),
        retries: args.retries,
        concurrency: None,
        no_exec: args.no_exec,
        root: workspace.root.clone(),
    };
    let providers = Providers::new(&workspace.manifests.project, workspace.environment(terminal)?, limits);
    providers.ready(&request.provider)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::storage("cannot start the runtime", error))?;
    let answer = runtime
        .block_on(providers.call(&request))
        .result
        .map_err(|failure| Error::new(Kind::NoVerdict, failure.detail).hint("`-v` shows what was tried"))?;
    let reply = &answer.reply;
    let cost = prices(&workspace)?.cost(&request.model, &request.provider, &reply.usage);
    if terminal.json {
        let document = json!({
            "schema": "llmops/run/v1", "exit_code": 0,
            "prompt": {"name": prompt.name, "version": prompt.version},
            "model": {"target": request.model, "provider": request.provider, "reported": reply.model},
            "output": reply.text, "tool_calls": reply.tool_calls, "refusal": reply.refusal, "finish_reason": reply.finish.as_str(),
            "usage": reply.usage, "latency_ms": answer.latency_ms, "cost_usd": cost,
        });
        terminal.stdout(&format!("{document}\n"));
        return Ok(Exit::Done);
    }
    terminal.people(&format!("{}\n", reply.text.trim_end_matches('\n')));
    for call in &reply.tool_calls {
        terminal.people(&format!("→ {}({})\n", call.name, call.arguments));
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
