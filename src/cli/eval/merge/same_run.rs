//! Whether the reports of shards are one run, and one of what stands here.

use crate::cli::workspace::Workspace;
use crate::domain::{Error, Exit, Kind, Result, Severity};
use crate::plan::sample::Shard;
use crate::plan::{GatePlan, Plan, Selection, plan};
use crate::report::v1;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the shards were narrowed to beside their shard, when together they are one run.
///
/// # Errors
/// When a report is not that of a shard, or of another run than the first, when a shard was interrupted, is there twice
/// or missing; what kept a shard from being run.
pub fn one_run(heads: &[v1::Report], paths: &[PathBuf]) -> Result<(Selection, Vec<Shard>)> {
    let mut seen: BTreeMap<u32, &Path> = BTreeMap::new();
    let mut shards = Vec::new();
    let mut first: Option<(&v1::Run, u32)> = None;
    for (head, path) in heads.iter().zip(paths) {
        let shown = path.display();
        if let Some(ended) = ended_early(head, path) {
            return Err(ended);
        }
        let shard = head.run.as_ref().and_then(|run| Some((run, run.shard.as_ref()?.parse::<Shard>().ok()?)));
        let Some((run, shard)) = shard else {
            return Err(Error::input(format!("{shown} is not the report of a shard"))
                .hint("write it with `llmops eval --shard K/N --report json=PATH`"));
        };
        if head.exit_code == Exit::Interrupted.code() {
            return Err(Error::input(format!("{shown} is of a shard that was interrupted"))
                .hint("continue it with `llmops eval --resume` and write its report again"));
        }
        let (one, of) = *first.get_or_insert((run, shard.n()));
        if run.tool_version != env!("CARGO_PKG_VERSION") {
            let message = format!("{shown} was written by llmops {}", printable(&run.tool_version, 40));
            return Err(Error::input(message).hint("merge with the version that the shards ran with"));
        }
        if let Some(what) = other_run(one, run).or((of != shard.n()).then_some("another number of shards")) {
            let message = format!("{shown} is of another run than {}: {what}", paths[0].display());
            return Err(Error::input(message)
                .hint("merge shards of one commit, one base, one number of shards, and one selection"));
        }
        shards.push(shard);
        if let Some(other) = seen.insert(shard.k(), path) {
            return Err(Error::input(format!(
                "shard {shard} is there twice: {} and {shown}",
                other.display()
            )));
        }
    }
    let Some((run, of)) = first else { return Err(Error::input("no report was named")) };
    let missing: Vec<String> =
        (1..=of).filter(|k| !seen.contains_key(k)).map(|k| format!("{k}/{of}")).collect();
    if !missing.is_empty() {
        return Err(Error::input(format!("shard {} is missing", missing.join(", ")))
            .hint("a verdict needs all of them"));
    }
    let Some(narrowed) = &run.selection else { return Ok((Selection::default(), shards)) };
    let tags: Option<Vec<_>> = narrowed.tags.iter().map(|tag| tag.parse().ok()).collect();
    let selection = Selection {
        case: narrowed.cases.first().map(|id| id.as_str().into()),
        tags: tags.unwrap_or_default(),
        sample: narrowed.sample.and_then(|size| u32::try_from(size).ok()),
        trials: narrowed.trials,
        model: narrowed.model.as_ref().map(|model| model.as_str().into()),
        outputs: narrowed.outputs.is_some(),
        ..Selection::default()
    };
    Ok((selection, shards))
}

/// What tells two runs apart.
fn other_run(one: &v1::Run, other: &v1::Run) -> Option<&'static str> {
    let git = |run: &v1::Run| run.git.as_ref().map(|git| (git.commit.clone(), git.base.clone()));
    let (commit, base) = (|run| git(run).map(|git| git.0), |run| git(run).map(|git| git.1));
    if commit(one) != commit(other) {
        Some("another commit")
    } else if base(one) != base(other) {
        Some("another base")
    } else if narrowed(one) != narrowed(other) {
        Some("another selection")
    } else if one.plan_digest != other.plan_digest {
        Some("another plan")
    } else {
        None
    }
}

/// What a run was narrowed to. The same file of answers has another path from another folder, on another machine, and
/// in a run that was continued.
fn narrowed(run: &v1::Run) -> Option<v1::Selection> {
    let name = |path: &String| path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned();
    let selection = run.selection.clone()?;
    Some(v1::Selection { outputs: selection.outputs.as_ref().map(name), ..selection })
}

fn printable(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

/// The plan of the whole run, held against what the shards ran.
///
/// # Errors
/// When what stands here is not what the shards ran.
pub fn replanned(workspace: &Workspace, heads: &[v1::Report], selection: &Selection) -> Result<Plan> {
    let mut whole = plan(&workspace.sources(), selection)?;
    let ran = |prompt: &str, suite: &str| {
        heads
            .iter()
            .flat_map(|head| &head.gates)
            .find(|gate| gate.prompt.name == prompt && gate.suite.name == suite)
    };
    whole.gates.retain(|gate| ran(gate.prompt.name.as_str(), gate.suite.name.as_str()).is_some());
    for gate in heads.iter().flat_map(|head| &head.gates) {
        let here = whole.gates.iter().find(|here| {
            here.prompt.name.as_str() == gate.prompt.name && here.suite.name.as_str() == gate.suite.name
        });
        let what = match here {
            None => Some("neither stands here"),
            Some(here) => moved(here, gate),
        };
        if let Some(what) = what {
            let message = format!(
                "a shard ran another `{}` on `{}` than stands here: {what}",
                gate.prompt.name, gate.suite.name
            );
            return Err(Error::input(message).hint("merge at the commit that the shards ran at"));
        }
    }
    let whole = Plan::new(whole.gates, whole.selection);
    let planned = heads.iter().filter_map(|head| head.run.as_ref()).map(|run| &run.plan_digest);
    if planned.into_iter().any(|digest| *digest != whole.digest.to_string()) {
        return Err(Error::input("the shards together planned something else than is planned here")
            .hint("merge at the commit that the shards ran at"));
    }
    Ok(whole)
}

/// What of a gate is not as a shard ran it. A threshold is in no digest, and decides all the same.
fn moved(here: &GatePlan, ran: &v1::Gate) -> Option<&'static str> {
    if here.digests.prompt.to_string() != ran.prompt.digest {
        Some("the prompt differs")
    } else if here.digests.suite.to_string() != ran.suite.digest {
        Some("the suite differs")
    } else if here.model.as_str() != ran.model.target {
        Some("the model differs")
    } else if here.prompt.required != ran.required {
        Some("`eval_score_required` differs")
    } else if here.prompt.version != ran.prompt.version || here.suite.version != ran.suite.version {
        Some("a version differs")
    } else {
        None
    }
}

/// Why a shard has no run at all: a key that is not set, a manifest that is wrong. It is as grave as it was there.
fn ended_early(head: &v1::Report, path: &Path) -> Option<Error> {
    if head.run.is_some() {
        return None;
    }
    let said = head.diagnostics.iter().find(|found| found.severity == Severity::Error)?;
    let kind = if head.exit_code == Exit::NoVerdict.code() { Kind::NoVerdict } else { Kind::Input };
    let message = format!("the shard of {} was not run: {}", path.display(), printable(&said.message, 400));
    let hint = said
        .help
        .as_deref()
        .map_or_else(|| "mend it, and run that shard again".to_owned(), |help| printable(help, 400));
    Some(Error::new(kind, message).hint(hint))
}
