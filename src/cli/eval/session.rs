//! Everything that a run needs, made ready before the first call; and the run itself.

use super::follow::Follower;
use super::keys;
use super::outcome::Finished;
use super::priced::priced;
use super::resume::{Resumed, plan_value};
use crate::call::budget::Budget;
use crate::call::desk::{Desk, Policy};
use crate::call::{Limits, Providers, Stop};
use crate::cli::args::EvalArgs;
use crate::cli::clock;
use crate::cli::interrupts;
use crate::cli::retrievers;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Error, PromptName, ProviderName, RelPath, Result, RunId};
use crate::grade::{AssertFault, Checker};
use crate::ledger::{
    BaseWriter, DEFAULT_STORE_BYTES, ExchangeStore, Home, Prices, Recordings, RunWriter, recordings_writable,
    run_id,
};
use crate::plan::{GatePlan, Plan, Selection, inputs_digest};
use crate::repo::Base;
use crate::run::outputs::Outputs;
use crate::run::{Deadline, JudgeProvider, Shared, conduct};
use crate::study::calibration::shown::Shown;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A run that is ready to go.
pub struct Session {
    shared: Arc<Shared>,
    home: Home,
    follower: Follower,
    started: jiff::Timestamp,
    skip: usize,
    resumed: bool,
    shown: Vec<Option<Shown>>,
    stop: Stop,
}

impl Session {
    /// Makes everything ready: keys, prices, store, recordings, answers, the run's own files.
    ///
    /// # Errors
    /// Whatever would keep the run from reaching a verdict and can be known now.
    pub fn prepare(
        workspace: &Workspace,
        terminal: &Terminal,
        args: &EvalArgs,
        plan: Plan,
        base: Option<&Base>,
        resumed: Option<Resumed>,
    ) -> Result<Self> {
        let started = clock::now();
        let stop = interrupts::listen(terminal)?;
        let home = Home::at(&workspace.root);
        let resumed = resumed.filter(|resumed| resumed.fits(&plan, terminal));
        let id = resumed.as_ref().map_or_else(|| run_id(started, random()), |resumed| resumed.id.clone());
        let shown = shown(workspace, &plan)?;
        let mut shared = shared(workspace, terminal, args, plan, (&home, &id), resumed.as_ref())?;
        shared.desk.providers = shared.desk.providers.with_stop(stop.clone());
        retrievers::hold_relevant(&shared.plan.gates, &shared.retrievers)?;
        priced(&shared, args)?;
        if !args.offline {
            keys::ready(&shared)?;
        }
        if args.record {
            let evals = &workspace.manifests.project.folders.evals;
            for gate in &shared.plan.gates {
                recordings_writable(&workspace.root, evals, &gate.prompt.name)?;
            }
        }
        let (writer, skip) = match &resumed {
            Some(resumed) => RunWriter::resume(&home, &resumed.id)?,
            None => (RunWriter::create(&home, &id, &plan_value(&shared.plan, args, base, started)?)?, 0),
        };
        let mut follower = Follower::new(&shared.plan, Some(writer), id, terminal);
        if let Some(resumed) = &resumed {
            follower.replay(&shared.plan, &resumed.reader, skip)?;
            if args.record {
                recorded(&shared, resumed, skip)?;
            }
        }
        let resumed = resumed.is_some();
        Ok(Self { shared: Arc::new(shared), home, follower, started, skip, resumed, shown, stop })
    }

    /// What a run is compared with: the same suites over other prompts, or another model. It leaves what it
    /// answered beside the run, reads the recordings of `then` as well, and sees what the finished run stored.
    ///
    /// # Errors
    /// As [`Session::prepare`].
    pub fn beside(
        workspace: &Workspace,
        terminal: &Terminal,
        args: &EvalArgs,
        finished: &Finished,
        rival: Rival<'_>,
    ) -> Result<Self> {
        let Rival { plan, then, offline, places } = rival;
        let (home, id) = (finished.home.clone(), finished.follower.id.clone());
        let policy = match &finished.shared.desk.policy {
            _ if offline => Policy::Offline,
            Policy::Fresh => Policy::Since(format!("{:.3}", finished.started)),
            policy => policy.clone(),
        };
        let mut desk = desk(workspace, terminal, args, &plan, (&home, &id), policy)?;
        for gate in &plan.gates {
            let evals = &then.manifests.project.folders.evals;
            desk.recordings.push(Recordings::load(&then.snapshot, evals, &gate.prompt.name)?);
        }
        // One limit holds for all: what the run and other sides have spent is gone.
        desk.budget = Arc::clone(&finished.shared.desk.budget);
        let stop = finished.stop.clone();
        desk.providers = desk.providers.with_stop(stop.clone());
        let mut shared = with_desk(workspace, args, plan, desk)?;
        // So does one clock.
        shared.deadline.clone_from(&finished.shared.deadline);
        shared.renderer = Arc::clone(&then.renderer);
        shared.retrievers = retrievers::of_gates(then, &shared.plan.gates)?;
        priced(&shared, args)?;
        if !args.offline && !offline {
            keys::ready(&shared)?;
        }
        let base = BaseWriter::open(&home, &id)?;
        let mut follower = Follower::new(&shared.plan, None, id, terminal);
        follower.base = Some((base, places));
        let shown = shared.plan.gates.iter().map(|_| None).collect();
        let (started, skip, resumed) = (clock::now(), 0, false);
        Ok(Self { shared: Arc::new(shared), home, follower, started, skip, resumed, shown, stop })
    }

    /// Runs every trial, until it is asked to stop.
    ///
    /// # Errors
    /// A wrong input that only a trial could find, or files that cannot be written.
    pub fn conduct(mut self) -> Result<Finished> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::storage("cannot start the runtime", error))?;
        let (stop, shared, skip) = (self.stop.clone(), Arc::clone(&self.shared), self.skip);
        let mut follower = self.follower;
        // On a worker, next to the trials that it waits for: every record would have to wake this thread.
        let run = runtime.spawn(async move { (conduct(shared, skip, &stop, &mut follower).await, follower) });
        let ran = runtime.block_on(run);
        runtime.shutdown_timeout(Duration::from_millis(200));
        let (ending, follower) = ran.map_err(|error| Error::storage("the run broke off", error))?;
        self.follower = follower;
        self.follower.done();
        let ending = ending?;
        if let Some((base, _)) = self.follower.base.take() {
            base.finish()?;
        }
        Ok(Finished {
            shared: self.shared,
            home: self.home,
            follower: self.follower,
            started: self.started,
            ending,
            resumed: self.resumed,
            shown: self.shown,
            stop: self.stop,
        })
    }
}

/// Puts what the first `skip` trials of a continued run were answered among what it records.
fn recorded(shared: &Shared, resumed: &Resumed, skip: usize) -> Result<()> {
    for record in resumed.reader.records()?.take(skip) {
        let record = record?;
        let Some(gate) = shared.plan.gates.get(record.gate) else { continue };
        for call in &record.calls {
            if let Some((exchange, _)) = shared.desk.stored(&call.key)? {
                shared.desk.record(&gate.prompt.name, exchange);
            }
        }
    }
    Ok(())
}

/// What all trials share.
///
/// # Errors
/// When prices, answers, asserts or providers cannot be read.
pub(super) fn shared(
    workspace: &Workspace,
    terminal: &Terminal,
    args: &EvalArgs,
    plan: Plan,
    place: (&Home, &RunId),
    resumed: Option<&Resumed>,
) -> Result<Shared> {
    let outputs = args.outputs.as_ref().map(|path| read_outputs(workspace, path, &plan)).transpose()?;
    let policy = match resumed.and_then(|resumed| resumed.fresh_since.clone()) {
        _ if args.offline => Policy::Offline,
        Some(since) => Policy::Since(since),
        None if args.no_cache => Policy::Fresh,
        None => Policy::Normal,
    };
    let desk = desk(workspace, terminal, args, &plan, place, policy)?;
    Ok(Shared { outputs, ..with_desk(workspace, args, plan, desk)? })
}

/// The other side of a comparison.
pub struct Rival<'a> {
    /// What runs.
    pub plan: Plan,
    /// Where its prompts come from.
    pub then: &'a Workspace,
    /// Whether its answers can only be stored ones: the program that gave them is not here any more.
    pub offline: bool,
    /// The gate of the run that each of its gates stands for.
    pub places: Vec<usize>,
}

fn with_desk(workspace: &Workspace, args: &EvalArgs, plan: Plan, desk: Desk) -> Result<Shared> {
    Ok(Shared {
        renderer: Arc::clone(&workspace.renderer),
        judging: Arc::clone(&workspace.renderer),
        desk,
        checkers: plan.gates.iter().map(checker).collect::<Result<_>>()?,
        judges: plan.gates.iter().map(|gate| judge(workspace, gate)).collect::<Result<_>>()?,
        retrievers: retrievers::of_gates(workspace, &plan.gates)?,
        outputs: None,
        root: workspace.root.clone(),
        no_exec: args.no_exec,
        concurrency: concurrency(workspace, &plan, args),
        deadline: args.max_time.map(|seconds| Arc::new(Deadline::after(Duration::from_secs(seconds)))),
        plan,
    })
}

/// What the judge of each gate has shown against human labels.
///
/// # Errors
/// When a calibration record is there and cannot be read.
pub(super) fn shown(workspace: &Workspace, plan: &Plan) -> Result<Vec<Option<Shown>>> {
    let evals = &workspace.manifests.project.folders.evals;
    plan.gates.iter().map(|gate| Shown::of(&workspace.snapshot, evals, gate)).collect()
}

/// A number that another run hardly has: the standard library's hasher is seeded at random.
pub fn random() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let [a, b, c, d, ..] =
        std::collections::hash_map::RandomState::new().build_hasher().finish().to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn desk(
    workspace: &Workspace,
    terminal: &Terminal,
    args: &EvalArgs,
    plan: &Plan,
    (home, id): (&Home, &RunId),
    policy: Policy,
) -> Result<Desk> {
    let project = &workspace.manifests.project;
    let limits = Limits {
        timeout: Duration::from_secs(args.timeout),
        retries: args.retries,
        concurrency: args.concurrency,
        no_exec: args.no_exec,
        root: workspace.root.clone(),
    };
    let prompts: BTreeSet<&PromptName> = plan.gates.iter().map(|gate| &gate.prompt.name).collect();
    let recordings = prompts
        .into_iter()
        .map(|prompt| Recordings::load(&workspace.snapshot, &project.folders.evals, prompt))
        .collect::<Result<_>>()?;
    let store = match policy {
        Policy::Fresh => ExchangeStore::afresh(home, id.as_str(), DEFAULT_STORE_BYTES),
        _ => ExchangeStore::new(home, id.as_str(), DEFAULT_STORE_BYTES),
    };
    // Who wants no cache does not ask why it was not used.
    let explains = terminal.verbose && matches!(policy, Policy::Normal | Policy::Offline);
    Ok(Desk {
        providers: Providers::new(project, workspace.environment(terminal)?, limits),
        store,
        recordings,
        prices: prices(workspace)?,
        budget: Arc::new(Budget::new(args.max_cost)),
        policy,
        now: clock::rfc3339,
        misses: explains.then(Default::default),
        recorded: args.record.then(Default::default),
        flights: Default::default(),
    })
}

/// The price table, with the project's own rows.
///
/// # Errors
/// When the project's file cannot be read.
pub fn prices(workspace: &Workspace) -> Result<Prices> {
    let Some(path) = &workspace.manifests.project.prices else { return Ok(Prices::default()) };
    let text = workspace
        .snapshot
        .read_text(path, 1 << 20)
        .map_err(|error| Error::input(format!("cannot read {path}")).because(error))?;
    Prices::load(Some((path, &text)))
}

fn checker(gate: &GatePlan) -> Result<Checker> {
    Checker::new(&gate.suite.asserts)
        .map_err(|fault: AssertFault| Error::new(fault.error_kind(), fault.to_string()))
}

fn judge(workspace: &Workspace, gate: &GatePlan) -> Result<Option<JudgeProvider>> {
    let Some(judge) = &gate.suite.judge else { return Ok(None) };
    let config = workspace.manifests.project.providers.get(&judge.provider).cloned().ok_or_else(|| {
        Error::input(format!("no provider is named `{}`", judge.provider)).hint("define it in llmops.yaml")
    })?;
    Ok(Some(JudgeProvider { program: inputs_digest(&workspace.snapshot, &config.inputs)?, config }))
}

/// Calls at once over all providers of the plan.
fn concurrency(workspace: &Workspace, plan: &Plan, args: &EvalArgs) -> usize {
    let judges = plan.gates.iter().filter_map(|gate| gate.suite.judge.as_ref().map(|judge| &judge.provider));
    let names: BTreeSet<&ProviderName> =
        plan.gates.iter().map(|gate| &gate.provider.name).chain(judges).collect();
    let own = names.into_iter().filter_map(|name| workspace.manifests.project.providers.get(name));
    own.map(|provider| {
        let calls = args.concurrency.map_or(provider.concurrency, |cap| provider.concurrency.min(cap));
        usize::try_from(calls).unwrap_or(usize::MAX)
    })
    .fold(0, usize::saturating_add)
}

fn read_outputs(workspace: &Workspace, path: &std::path::Path, plan: &Plan) -> Result<Outputs> {
    // A path of the command line is relative to where the command was typed, not to the repository.
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::input(format!("cannot read {}", path.display())).because(error))?;
    let shown = path.strip_prefix(&workspace.root).unwrap_or(path).to_string_lossy().into_owned();
    let shown = RelPath::new(&shown).unwrap_or_else(RelPath::root);
    // The answers to the cases of other shards stand in the same file.
    let whole = whole(workspace, plan)?;
    Outputs::read(&shown, &text, whole.as_ref().unwrap_or(plan)).map_err(Error::invalid)
}

/// What all shards together plan; `None` where the plan is no shard's.
///
/// # Errors
/// As of planning.
pub(super) fn whole(workspace: &Workspace, shard: &Plan) -> Result<Option<Plan>> {
    let selection = Selection { shard: None, ..shard.selection.clone() };
    shard.selection.shard.map(|_| crate::plan::plan(&workspace.sources(), &selection)).transpose()
}
