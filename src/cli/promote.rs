//! `llmops promote`: decides again, offline, and writes the deployment record.

use super::args::{Global, PromoteArgs};
use super::clock;
use super::eval;
use super::record;
use super::status::{Check, rederived};
use super::terminal::Terminal;
use super::workspace::Workspace;
use crate::domain::model::Pin;
use crate::domain::{Error, Exit, ModelId, Result};
use crate::manifest::deployment::Deployment;
use crate::manifest::pin::pin;
use crate::manifest::prompt::Prompt;
use crate::plan::{Identity, identity};
use crate::release::{Step, step};
use crate::report::stored::StoredRun;
use serde_json::json;

/// Hold a clean HEAD, gate, compare with what is live, write.
///
/// # Errors
/// A dirty tree, a model that is not pinned, a prompt without a suite, a record that cannot be read.
pub fn promote(global: &Global, terminal: &Terminal, args: &PromoteArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    let path = record::path_of(&workspace, &args.environment)?;
    let (commit, by) = clean(&workspace)?;
    let prompt = workspace.prompt(&args.prompt)?;
    pinned(&workspace, terminal, prompt)?;
    let mut entries = record::of(&workspace.snapshot, &path)?.unwrap_or_default();
    let live = entries.get(&prompt.name).cloned();
    let identity = identity(&workspace.sources(), prompt, &prompt.model)?;
    let run = match evidence(&workspace, terminal, args, prompt, &identity, live.as_ref())? {
        Evidence::Holds(run) => run,
        Evidence::Lacks(refused) => return refuse(terminal, prompt, &refused),
    };
    let entry = entry(prompt, &identity, &run, live.as_ref(), (commit, by))?;
    held(&workspace, prompt, &entry)?;
    let said = said(prompt, &entry, live.as_ref(), &args.environment, path.as_str());
    let document = json!({"schema": "llmops/promote/v1", "exit_code": 0, "prompt": prompt.name,
        "environment": args.environment, "path": path, "entry": entry});
    entries.insert(prompt.name.clone(), entry);
    record::write(&workspace, &path, &entries)?;
    terminal.people(&said);
    if terminal.json {
        terminal.stdout(&format!("{document}\n"));
    }
    Ok(Exit::Done)
}

/// What stored exchanges and recordings say of a promotion.
enum Evidence {
    /// Every gate passed.
    Holds(StoredRun),
    /// One did not, or cannot be told.
    Lacks(Refused),
}

/// A run that keeps a prompt from being promoted.
struct Refused {
    run: StoredRun,
    /// What was tried beside the prompt as it is, in words that fit behind its name.
    how: String,
}

/// Gates the prompt as it is; where model and prompt moved in one step, each of the two on its own as well.
fn evidence(
    workspace: &Workspace,
    terminal: &Terminal,
    args: &PromoteArgs,
    prompt: &Prompt,
    now: &Identity,
    live: Option<&Deployment>,
) -> Result<Evidence> {
    let lacks = |run: StoredRun, how: String| Ok(Evidence::Lacks(Refused { run, how }));
    let run = eval::offline(workspace, terminal, prompt, None)?;
    if run.exit() != Exit::Done {
        return lacks(run, String::new());
    }
    let live_model = live.map_or(&prompt.model, |live| &live.model);
    let on_live = identity(&workspace.sources(), prompt, live_model)?.prompt;
    let moved = step(live, &prompt.model, &now.prompt, &on_live);
    let (Step::Both, Some(live), false) = (moved, live, args.together) else {
        return Ok(Evidence::Holds(run));
    };
    let alone = eval::offline(workspace, terminal, prompt, Some(&live.model))?;
    if alone.exit() != Exit::Done {
        return lacks(alone, format!("on its own, with {}, ", live.model));
    }
    let before = workspace.at(&live.source_commit, &clock::today())?;
    let was = before.prompt(prompt.name.as_str())?;
    let alone = eval::offline(&before, terminal, was, Some(&prompt.model))?;
    if alone.exit() != Exit::Done {
        return lacks(alone, format!("as of {}, with {} alone, ", live.prompt_version, prompt.model));
    }
    Ok(Evidence::Holds(run))
}

/// What the record will say.
fn entry(
    prompt: &Prompt,
    identity: &Identity,
    run: &StoredRun,
    live: Option<&Deployment>,
    (commit, by): (String, String),
) -> Result<Deployment> {
    let gates = &run.stored.report.gates;
    let scores = gates.iter().filter_map(|gate| gate.score.as_ref().map(|score| score.mean));
    let suites = gates.iter().map(|gate| {
        let digest = serde_json::from_value(json!(gate.suite.digest))
            .map_err(|error| Error::storage("a suite's digest cannot be read", error))?;
        Ok((gate.suite.name.as_str().into(), digest))
    });
    Ok(Deployment {
        model: prompt.model.clone(),
        prompt_version: prompt.version.clone(),
        retrieval_config_version: identity.manifest.as_ref().map(|manifest| manifest.version.clone()),
        promoted_at: format!("{:.0}", clock::now()),
        promoted_by: by,
        eval_score_at_promotion: scores.min_by(f64::total_cmp).map(|score| (score * 1e4).round() / 1e4),
        prompt_digest: identity.prompt,
        retrieval_digest: identity.retrieval,
        suites: suites.collect::<Result<_>>()?,
        source_commit: commit,
        previous: live.and_then(|live| {
            // What is promoted again has before it what it had: going back must lead somewhere else.
            let again = live.prompt_digest == identity.prompt
                && (&live.prompt_version, &live.model) == (&prompt.version, &prompt.model);
            if again { live.previous.clone() } else { Some(live.in_short()) }
        }),
    })
}

/// Holds the entry against the commit that it names: files that git ignores, or was told not to look at, are not in it.
/// What a gate demands of a prompt is in no digest, and is compared by itself.
fn held(workspace: &Workspace, prompt: &Prompt, entry: &Deployment) -> Result<()> {
    let name = prompt.name.as_str();
    let why = match rederived(workspace, name, entry) {
        Check::True => {
            let head = workspace.at(&entry.source_commit, &clock::today())?;
            let demands = |prompt: &Prompt| (prompt.required, prompt.budget.clone());
            if demands(head.prompt(name)?) == demands(prompt) {
                return Ok(());
            }
            "`eval_score_required` or `budget` is another there".to_owned()
        }
        Check::False(why) => why.join("; "),
        Check::Unknown(why) => why,
    };
    Err(Error::input(format!("what was evaluated is not what HEAD holds: {why}"))
        .hint("commit what the prompt, its retrieval and its suites read; git may ignore some of it, or was told to"))
}

fn said(prompt: &Prompt, entry: &Deployment, live: Option<&Deployment>, to: &str, path: &str) -> String {
    let before = live.map_or_else(|| "nothing".to_owned(), |live| live.prompt_version.clone());
    let score = entry.eval_score_at_promotion.map(|score| format!(", score {score}")).unwrap_or_default();
    format!(
        "{} {} is promoted to {to} (before: {before}{score})\nwrote {path}; commit it\n",
        prompt.name, entry.prompt_version
    )
}

/// HEAD and who promotes, where nothing differs from HEAD.
fn clean(workspace: &Workspace) -> Result<(String, String)> {
    let git = workspace.git.as_ref().ok_or_else(|| {
        Error::input(format!("there is no git repository at {}", workspace.root.display()))
            .hint("a promotion names the commit that it was made from")
    })?;
    let head =
        git.head()?.ok_or_else(|| Error::input("there is no commit to promote").hint("commit first"))?;
    if git.is_dirty()? {
        return Err(Error::input("the working tree differs from HEAD")
            .hint("commit or stash first, the record of an earlier promotion too: see `git status`"));
    }
    Ok((head.as_str().to_owned(), git.committer()?))
}

/// An alias may become another model behind its name. What cannot be told is said.
fn pinned(workspace: &Workspace, terminal: &Terminal, prompt: &Prompt) -> Result<()> {
    let Some(provider) = workspace.manifests.project.providers.get(&prompt.provider) else {
        return Err(Error::input(format!("no provider is named `{}`", prompt.provider)));
    };
    let model: &ModelId = &prompt.model;
    match pin(model, provider) {
        Pin::Snapshot => Ok(()),
        Pin::Unverifiable => {
            terminal.say(&format!("warning: nobody can tell whether `{model}` is pinned"));
            Ok(())
        }
        Pin::Alias => Err(Error::input(format!("`{model}` is not pinned, so that it cannot be promoted"))
            .hint("name a dated snapshot in `model_target`")),
    }
}

/// Says why a gate keeps a prompt from being promoted. Nothing is written.
fn refuse(terminal: &Terminal, prompt: &Prompt, Refused { run, how }: &Refused) -> Result<Exit> {
    let report = &run.stored.report;
    let exit = run.exit();
    terminal.say(&format!("{} {how}is not promoted:", prompt.name));
    for gate in &report.gates {
        for breach in &gate.breaches {
            terminal.say(&format!(
                "  {} on {}: {} [{}]",
                gate.verdict.label(),
                gate.suite.name,
                breach.message,
                breach.code
            ));
        }
    }
    if exit == Exit::NoVerdict {
        let model =
            if how.is_empty() { String::new() } else { " --model MODEL, each change alone".to_owned() };
        terminal.say(&format!("  help: run `llmops eval {}`{model}, then promote again", prompt.name));
    }
    if terminal.json {
        let document = json!({"schema": "llmops/promote/v1", "exit_code": exit.code(), "prompt": prompt.name,
            "environment": null, "path": null, "entry": null,
            "verdict": report.verdict, "gates": report.gates});
        terminal.stdout(&format!("{document}\n"));
    }
    Ok(exit)
}
