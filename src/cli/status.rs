//! `llmops status`: what is validated, what is stale and why, what is live, and whether the records are true.

use super::args::{Global, StatusArgs};
use super::clock;
use super::known::Evidence;
use super::record;
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::{Digest, Exit, Result};
use crate::manifest::deployment::Deployment;
use crate::plan::{GatePlan, Selection, identity, plan, prompt_digest};
use crate::report::numbers::many;
use crate::report::text::one_line;
use crate::report::v1::{self, Verdict};
use serde_json::{Value, json};

/// Read, look at evidence and records, show. A record that does not hold is exit 1; one that cannot be checked here is
/// exit 3.
///
/// # Errors
/// When manifests or records cannot be read.
pub fn status(global: &Global, terminal: &Terminal, _args: &StatusArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    workspace.valid()?;
    let evidence = Evidence::read(&workspace)?;
    let (mut text, mut prompts, mut live) = (String::new(), Vec::new(), Vec::new());
    let gates = match workspace.manifests.suites.is_empty() {
        true => Vec::new(),
        false => plan(&workspace.sources(), &Selection::default())?.gates,
    };
    for prompt in workspace.manifests.prompts.values() {
        let own: Vec<&GatePlan> = gates.iter().filter(|gate| gate.prompt.name == prompt.name).collect();
        let why: Vec<String> = own.iter().filter_map(|gate| stale(&workspace, gate, &evidence)).collect();
        let state = match (own.is_empty(), why.is_empty()) {
            (true, _) => "no suite",
            (false, true) => "validated",
            (false, false) => "stale",
        };
        text.push_str(&format!("{} {}  {state}", prompt.name, one_line(&prompt.version)));
        text.push_str(&if why.is_empty() { "\n".to_owned() } else { format!(": {}\n", why.join("; ")) });
        prompts.push(json!({"name": prompt.name, "version": prompt.version, "state": state, "why": why}));
    }
    let folder = &workspace.manifests.project.folders.deployments;
    let files = workspace.snapshot.files_under(folder).unwrap_or_default();
    let mut exit = Exit::Done;
    for path in files.iter().filter(|path| matches!(path.extension().as_str(), "yaml" | "yml")) {
        for (name, entry) in record::of(&workspace.snapshot, path)?.unwrap_or_default() {
            let environment = path.file_name().trim_end_matches(".yaml").trim_end_matches(".yml");
            let checked = rederived(&workspace, name.as_str(), &entry);
            let behind = behind(&workspace, name.as_str(), &entry);
            let said = match &checked {
                Check::True => format!("record holds; {behind}"),
                Check::False(why) => {
                    exit = Exit::Failed;
                    format!("RECORD DOES NOT HOLD: {}", why.join("; "))
                }
                Check::Unknown(why) => {
                    exit = if exit == Exit::Failed { exit } else { Exit::NoVerdict };
                    format!("record cannot be checked here: {why}")
                }
            };
            text.push_str(&format!(
                "{environment}: {name} {} on {}  {said}\n",
                entry.prompt_version, entry.model
            ));
            let (holds, why) = match checked {
                Check::True => (Value::Bool(true), Vec::new()),
                Check::False(why) => (Value::Bool(false), why),
                Check::Unknown(why) => (Value::Null, vec![why]),
            };
            live.push(json!({"environment": environment, "prompt": name, "version": entry.prompt_version,
                "model": entry.model, "source_commit": entry.source_commit, "holds": holds, "why": why, "behind": behind}));
        }
    }
    if terminal.json {
        let document = json!({"schema": "llmops/status/v1", "exit_code": exit.code(), "prompts": prompts, "deployments": live});
        terminal.stdout(&format!("{document}\n"));
    }
    if text.is_empty() && !terminal.quiet {
        terminal.say("note: there is no prompt here; `llmops init` makes the first");
    }
    terminal.people(&text);
    Ok(exit)
}

/// Why the newest evidence does not hold for a gate as it is now; `None` where it does.
fn stale(workspace: &Workspace, gate: &GatePlan, evidence: &Evidence) -> Option<String> {
    let (prompt, suite) = (gate.digests.prompt.to_string(), gate.digests.suite.to_string());
    let of = || {
        evidence.gates().iter().map(|(_, seen)| seen).filter(|seen| {
            seen.prompt.name == gate.prompt.name.as_str() && seen.suite.name == gate.suite.name.as_str()
        })
    };
    if let Some(seen) = of().find(|seen| seen.prompt.digest == prompt && seen.suite.digest == suite) {
        return match seen.verdict {
            _ if seen.required != gate.prompt.required => {
                Some("the threshold moved since its run".to_owned())
            }
            Verdict::Passed | Verdict::Unaffected => None,
            Verdict::Failed => Some(format!("its last run on {} failed", gate.suite.name)),
            Verdict::Inconclusive => Some(format!("its last run on {} had no verdict", gate.suite.name)),
        };
    }
    let Some(seen) = of().next() else { return Some(format!("never evaluated here on {}", gate.suite.name)) };
    let what = moved(workspace, gate, seen);
    Some(match (seen.prompt.digest == prompt, seen.suite.digest == suite) {
        (false, true) => format!("{what} changed since its run"),
        (true, false) => format!("suite {} changed since its run", gate.suite.name),
        _ => format!("{what} and suite {} changed since its run", gate.suite.name),
    })
}

/// What of a prompt moved: its retrieval is part of it, and where nothing else did, that alone is named.
fn moved(workspace: &Workspace, gate: &GatePlan, seen: &v1::Gate) -> &'static str {
    let before = seen.retrieval.as_ref().and_then(|retrieval| retrieval.digest.parse::<Digest>().ok());
    if before == gate.digests.retrieval {
        return "the prompt";
    }
    let folder = &workspace.manifests.project.folders.prompts;
    let with_old = prompt_digest(
        &workspace.snapshot,
        folder,
        &gate.prompt,
        &gate.model,
        &gate.provider,
        before.as_ref(),
    );
    if with_old.is_ok_and(|digest| digest.to_string() == seen.prompt.digest) {
        "its retrieval"
    } else {
        "the prompt and its retrieval"
    }
}

/// Whether a record is what its commit says.
pub(super) enum Check {
    True,
    False(Vec<String>),
    Unknown(String),
}

/// Computes every digest of an entry again, from the commit that it names.
pub(super) fn rederived(workspace: &Workspace, name: &str, entry: &Deployment) -> Check {
    let at = match workspace.at(&entry.source_commit, "") {
        Ok(at) => at,
        Err(error) => return Check::Unknown(error.chain()),
    };
    let Some(prompt) = at.manifests.prompts.get(name) else {
        return Check::False(vec![format!("its commit has no sound prompt `{name}`")]);
    };
    let now = match identity(&at.sources(), prompt, &prompt.model) {
        Ok(now) => now,
        Err(error) => return Check::Unknown(error.chain()),
    };
    let retrieval = now.manifest.as_ref().map(|manifest| manifest.version.clone());
    let mut why: Vec<String> = [
        ("prompt_digest", now.prompt == entry.prompt_digest),
        ("retrieval_digest", now.retrieval == entry.retrieval_digest),
        ("model", prompt.model == entry.model),
        ("prompt_version", prompt.version == entry.prompt_version),
        ("retrieval_config_version", retrieval == entry.retrieval_config_version),
    ]
    .iter()
    .filter(|(_, same)| !same)
    .map(|(key, _)| format!("`{key}` is not that of its commit"))
    .collect();
    let planned = plan(&at.sources(), &Selection { prompts: vec![name.to_owned()], ..Selection::default() });
    let suites = planned
        .map(|plan| plan.gates.iter().map(|gate| (gate.suite.name.clone(), gate.digests.suite)).collect());
    match suites {
        Ok(suites) if entry.suites == suites => {}
        _ => why.push("`suites` are not those of its commit".to_owned()),
    }
    if why.is_empty() { Check::True } else { Check::False(why) }
}

/// How far what is live is behind what is here.
fn behind(workspace: &Workspace, name: &str, entry: &Deployment) -> String {
    let Some(prompt) = workspace.manifests.prompts.get(name) else {
        return "the prompt is gone here".to_owned();
    };
    match identity(&workspace.sources(), prompt, &prompt.model) {
        Ok(now) if now.prompt == entry.prompt_digest => "current".to_owned(),
        Ok(_) => {
            let folder = workspace.manifests.project.folders.prompts.clone();
            let range = format!("{}..HEAD", entry.source_commit);
            let commits = workspace.git.as_ref().and_then(|git| git.history(&range, &[folder]).ok());
            let count = commits.map_or_else(String::new, |commits| {
                format!(", {} to prompts since", many(commits.len(), "commit"))
            });
            format!("behind {}{count}", prompt.version)
        }
        Err(_) => "cannot be compared with what is here".to_owned(),
    }
}
