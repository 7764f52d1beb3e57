//! `llmops doctor`: what is configured, reachable and kept, and what the next `eval` would do. Keys are never shown.

use super::args::{DoctorArgs, Global};
use super::clock;
use super::eval::ahead;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::call::Environment;
use crate::call::endpoint::Endpoint;
use crate::domain::{Diagnostic, Exit, ProviderName, Result, Usd};
use crate::ledger::{Home, Recordings};
use crate::manifest::pin::{MODEL_DEPRECATED, MODEL_NOT_PINNED, MODEL_UNVERIFIABLE};
use crate::manifest::project::{Api, ProviderConfig};
use crate::report::numbers::{counted, many};
use crate::report::plan::{Calls, PlannedGate};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a provider's address may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How one thing stands.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Error,
}

#[derive(Serialize)]
struct Finding {
    what: String,
    state: State,
    message: String,
}

/// Looks at everything and prints it. Ends with 2 when something keeps `eval` from running.
///
/// # Errors
/// When the root cannot be opened.
pub fn doctor(global: &Global, terminal: &Terminal, args: &DoctorArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    let environment = workspace.environment(terminal)?;
    let mut found = vec![git(&workspace)?];
    found.extend(manifests(&workspace));
    found.push(keys(&environment));
    for provider in used(&workspace) {
        found.extend(match provider.api {
            Api::Exec => vec![program(&workspace, &provider, &environment)],
            _ => reach(&provider, &environment, args.offline),
        });
    }
    found.extend(kept(&workspace));
    if !found.iter().any(|finding| finding.what == "manifests" && finding.state == State::Error) {
        found.extend(coverage(&workspace, terminal));
        found.push(next(&workspace, terminal));
    }
    let exit =
        if found.iter().any(|finding| finding.state == State::Error) { Exit::Input } else { Exit::Done };
    if terminal.json {
        let document = json!({"schema": "llmops/doctor/v1", "exit_code": exit.code(), "findings": found});
        terminal.stdout(&format!("{document}\n"));
        return Ok(exit);
    }
    let mut text = String::new();
    for finding in found.iter().filter(|finding| !terminal.quiet || finding.state != State::Ok) {
        let word = match finding.state {
            State::Ok => "ok     ",
            State::Warning => "warning",
            State::Error => "error  ",
        };
        let said = format!("{}: {}", finding.what, finding.message);
        for (at, line) in terminal.broken(&said, 9).iter().enumerate() {
            text.push_str(&format!("{}  {line}\n", if at == 0 { word } else { "       " }));
        }
    }
    terminal.people(&text);
    Ok(exit)
}

fn finding(what: impl Into<String>, state: State, message: impl Into<String>) -> Finding {
    Finding { what: what.into(), state, message: message.into() }
}

fn git(workspace: &Workspace) -> Result<Finding> {
    let Some(git) = &workspace.git else {
        return Ok(finding(
            "git",
            State::Warning,
            "no repository here: nothing can be compared with another revision",
        ));
    };
    let head = git.head()?.map_or_else(|| "no commit yet".to_owned(), |commit| commit.short().to_owned());
    if git.is_shallow()? {
        return Ok(finding(
            "git",
            State::Warning,
            format!("{head}, a shallow clone: `git fetch --unshallow` finds bases"),
        ));
    }
    let dirty = if git.is_dirty()? { ", with changes that are not committed" } else { "" };
    let reader =
        git.backend().reason().map_or_else(String::new, |why| format!(", read by the `git` program ({why})"));
    Ok(finding("git", State::Ok, format!("{head}{dirty}{reader}")))
}

/// What `check` says of everything, and of models in particular.
fn manifests(workspace: &Workspace) -> Vec<Finding> {
    let found = workspace.findings();
    let errors = found.iter().filter(|found| found.is_error()).count();
    let counts = format!(
        "{}, {}",
        many(workspace.manifests.prompts.len(), "prompt"),
        many(workspace.manifests.suites.len(), "suite")
    );
    let mut findings = vec![if errors > 0 {
        finding("manifests", State::Error, format!("{}; see `llmops check`", many(errors, "error")))
    } else if workspace.manifests.prompts.is_empty() {
        finding("manifests", State::Warning, "there is no prompt; `llmops init` makes the first")
    } else {
        finding("manifests", State::Ok, counts)
    }];
    let of_models =
        |found: &&Diagnostic| [MODEL_DEPRECATED, MODEL_NOT_PINNED, MODEL_UNVERIFIABLE].contains(&found.code);
    for found in found.iter().filter(of_models) {
        let state = if found.is_error() { State::Error } else { State::Warning };
        findings.push(finding("models", state, found.message.clone()));
    }
    findings
}

/// Which of the keys that have a default name are there, whether anything uses them or not.
fn keys(environment: &Environment) -> Finding {
    let said = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"].map(|name| {
        let set = if environment.get(name).is_some() { "is set" } else { "is not set" };
        format!("{name} {set}")
    });
    finding("keys", State::Ok, said.join(", "))
}

/// The providers that prompts and suites need, in the order of their names.
fn used(workspace: &Workspace) -> Vec<ProviderConfig> {
    let manifests = &workspace.manifests;
    let names: BTreeSet<&ProviderName> = manifests
        .suites
        .values()
        .flat_map(|suite| {
            let tested = manifests.prompts.get(&suite.prompt).map(|prompt| &prompt.provider);
            let retrieval = manifests.prompts.get(&suite.prompt).and_then(|prompt| {
                let used = prompt.retrieval.as_ref()?;
                manifests.retrievals.values().find(|one| one.path == used.path)
            });
            let searched = retrieval.and_then(|one| one.endpoint.as_ref().or(one.provider.as_ref()));
            tested.into_iter().chain(searched).chain(suite.judge.as_ref().map(|judge| &judge.provider))
        })
        .chain(manifests.prompts.values().filter(|prompt| !prompt.is_judge()).map(|prompt| &prompt.provider))
        .collect();
    names.into_iter().filter_map(|name| manifests.project.providers.get(name)).cloned().collect()
}

/// Whether the program of a provider is there to be run, as the system looks for it.
fn program(workspace: &Workspace, provider: &ProviderConfig, environment: &Environment) -> Finding {
    let what = format!("provider {}", provider.name);
    let name = provider.command.first().map_or("", String::as_str);
    let folders = environment.get("PATH").map(|path| path.expose().to_owned()).unwrap_or_default();
    let there = if name.contains('/') {
        workspace.root.join(name).is_file()
    } else {
        std::env::split_paths(&folders).any(|folder| folder.join(name).is_file())
    };
    if there {
        finding(what, State::Ok, format!("runs `{name}`"))
    } else {
        let place = if name.contains('/') { "at the root" } else { "in any folder of PATH" };
        finding(
            what,
            State::Warning,
            format!("runs `{name}`, which is not there {place}: its calls will fail"),
        )
    }
}

/// Whether a provider's key is there and its address answers. Nothing is sent.
fn reach(provider: &ProviderConfig, environment: &Environment, offline: bool) -> Vec<Finding> {
    let what = format!("provider {}", provider.name);
    match provider.api {
        Api::Builtin => {
            let of = match &provider.path {
                Some(folder) => format!("the embedding model in {folder}: no key, no network"),
                None => "built in: no key, no network".to_owned(),
            };
            return vec![finding(what, State::Ok, of)];
        }
        Api::Exec | Api::Anthropic | Api::OpenAi | Api::Http => {}
    }
    let endpoint = match Endpoint::resolve(provider, environment) {
        Ok(endpoint) => endpoint,
        Err(unready) if unready.lack == crate::call::endpoint::Lack::Key => {
            return vec![finding(
                what,
                State::Warning,
                format!("{}: only `--offline` runs", unready.message),
            )];
        }
        Err(unready) => return vec![finding(what, State::Error, unready.message)],
    };
    let key = match &provider.api_key_env {
        Some(name) => format!("{name} is set"),
        None => "no key is sent".to_owned(),
    };
    let (Some(host), Some(port)) = (endpoint.url().host_str(), endpoint.url().port_or_known_default()) else {
        return vec![finding(what, State::Error, "its address names no host")];
    };
    if offline {
        return vec![finding(what, State::Ok, format!("{key}; {host} was not tried"))];
    }
    let shown = match endpoint.url().port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let address = (host.trim_start_matches('[').trim_end_matches(']').to_owned(), port);
    let answers = answers(address);
    vec![if answers {
        finding(what, State::Ok, format!("{key}; {shown} answers"))
    } else {
        finding(
            what,
            State::Warning,
            format!("{key}; {shown} cannot be reached directly (a proxy was not tried)"),
        )
    }]
}

/// Whether something takes a connection there within [`PATIENCE`]: the search for the name counted in, which no
/// system bounds by itself. Nothing is sent.
fn answers(address: (String, u16)) -> bool {
    within(PATIENCE, move || {
        address.to_socket_addrs().is_ok_and(|mut addresses| {
            addresses.any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
        })
    })
}

/// What `look` found; no where it takes longer than `patience`.
fn within(patience: Duration, look: impl FnOnce() -> bool + Send + 'static) -> bool {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        // Nobody may wait for it any more.
        let _ = tell.send(look());
    });
    told.recv_timeout(patience).unwrap_or(false)
}

/// The store and the recordings.
fn kept(workspace: &Workspace) -> Vec<Finding> {
    let bytes = size(&Home::at(&workspace.root).path().join("exchanges"));
    let mut findings =
        vec![finding("store", State::Ok, format!("{} KiB of exchanges", bytes.div_ceil(1024)))];
    for prompt in workspace.manifests.prompts.values().filter(|prompt| !prompt.is_judge()) {
        match Recordings::load(&workspace.snapshot, &workspace.manifests.project.folders.evals, &prompt.name)
        {
            Ok(recordings) if recordings.is_empty() => {}
            Ok(recordings) => findings.push(finding(
                format!("recordings of {}", prompt.name),
                State::Ok,
                many(recordings.len(), "exchange"),
            )),
            Err(error) => {
                findings.push(finding(format!("recordings of {}", prompt.name), State::Error, error.chain()));
            }
        }
    }
    findings
}

/// Bytes of the files in a folder and below; links are not followed.
fn size(folder: &Path) -> u64 {
    let entries = walkdir::WalkDir::new(folder).into_iter().filter_map(|entry| entry.ok()?.metadata().ok());
    entries.filter(std::fs::Metadata::is_file).map(|metadata| metadata.len()).sum()
}

/// What a bare `eval` would do: its gates, the calls that are left to make, and what they may cost.
fn next(workspace: &Workspace, terminal: &Terminal) -> Finding {
    let gates = match ahead(workspace, terminal, &Home::at(&workspace.root)) {
        Ok(gates) => gates,
        Err(error) => {
            return finding("next eval", State::Warning, format!("nothing would run: {}", error.chain()));
        }
    };
    let said: Vec<String> = gates.iter().map(said).collect();
    let refused = gates.iter().any(|gate| !gate.can_pass);
    let (state, more) = match refused {
        true => (State::Warning, "; as it stands it cannot pass: see `llmops eval --plan`"),
        false => (State::Ok, ""),
    };
    finding("next eval", state, format!("{}{more}", said.join("; ")))
}

fn said(gate: &PlannedGate) -> String {
    let calls = [&gate.answers, &gate.judgements];
    let sum = |of: fn(&Calls) -> u64| calls.iter().map(|calls| of(calls)).sum::<u64>();
    let live = sum(|calls| calls.live);
    let cost = match live {
        0 => String::new(),
        _ if calls.iter().any(|calls| calls.live > 0 && !calls.priced) => {
            ", at a price that is not known".to_owned()
        }
        _ => {
            let most =
                calls.iter().filter_map(|calls| calls.most_cost_usd).fold(Usd::ZERO, |sum, cost| sum + cost);
            format!(", at most ${:.4}", most.0)
        }
    };
    format!(
        "{} on {} ({}, {}): {}{cost}, {} stored, {} answered here",
        gate.prompt,
        gate.suite,
        counted(gate.cases.saturating_mul(u64::from(gate.trials)), "trial"),
        gate.model,
        counted(live, "live call"),
        sum(|calls| calls.stored),
        sum(|calls| calls.local),
    )
}

/// Whether the recordings alone decide the gates, as they have to on a fork or a machine without keys.
fn coverage(workspace: &Workspace, terminal: &Terminal) -> Vec<Finding> {
    // A store with nothing in it leaves what is committed.
    let Ok(empty) = tempfile::tempdir() else { return Vec::new() };
    let Ok(gates) = ahead(workspace, terminal, &Home::at(empty.path())) else { return Vec::new() };
    let of = |gate: &PlannedGate| {
        let stored = gate.answers.stored + gate.judgements.stored;
        let needed = stored + gate.answers.live + gate.judgements.live;
        if needed == 0 {
            return None;
        }
        let what = format!("recordings for {} on {}", gate.prompt, gate.suite);
        Some(if stored == needed {
            finding(
                what,
                State::Ok,
                format!("all {}: `eval --offline` decides by them alone", counted(needed, "call")),
            )
        } else if stored == 0 {
            finding(
                what,
                State::Ok,
                format!(
                    "none of {}: `eval --offline` has no verdict; `eval --record` makes them",
                    counted(needed, "call")
                ),
            )
        } else {
            finding(
                what,
                State::Warning,
                format!(
                    "{stored} of {}: `eval --offline` has no verdict; run `llmops eval --record` and commit",
                    counted(needed, "call")
                ),
            )
        })
    };
    gates.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_answer_is_not_waited_for() {
        let (release, held) = mpsc::channel::<()>();
        let look = move || held.recv().is_ok();
        assert!(!within(Duration::from_millis(10), look), "it would be a yes if it were waited for");
        // It still waits: nothing has let it go before.
        assert!(release.send(()).is_ok());
        assert!(within(Duration::from_secs(60), || true));
        assert!(!within(Duration::from_secs(60), || false));
    }
}
