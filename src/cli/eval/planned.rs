//! `--plan`: what would run, what it would cost, and what it could show. Calls nothing and needs no key.

mod earlier;

use super::keys::AtHand;
use super::priced::priced;
use super::session::{shared, shown};
use crate::call::budget::most_usage;
use crate::cli::args::EvalArgs;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Chunk, Exit, ModelId, ProviderName, Request, Result, RunId, Usage, Usd};
use crate::grade::judge::asked;
use crate::ledger::Home;
use crate::plan::{GatePlan, Plan};
use crate::render::{Subject, tokens};
use crate::report::plan::{Calls, Detect, Needed, Planned, PlannedGate, SCHEMA, text};
use crate::report::v1;
use crate::run::Shared;
use crate::run::request::Target;
use crate::study::calibration::shown::Shown;
use crate::study::forecast::{Forecast, forecast, obstacles};
use earlier::Earlier;

/// The API of what this program answers itself.
const BUILTIN: &str = "builtin";

/// What a plan leaves out where the run is compared with another.
const BASE_NOT_COUNTED: &str =
    "what it is compared with is not counted: where that differs and is not stored, as many calls again";

/// Plans every gate and says so.
///
/// # Errors
/// When stores, prices, answers or calibration records cannot be read.
pub fn planned(workspace: &Workspace, terminal: &Terminal, args: &EvalArgs, plan: Plan) -> Result<Exit> {
    let complete = !plan.selection.narrows();
    let gates = gates(workspace, terminal, args, plan, &Home::at(&workspace.root))?;
    let planned = Planned { schema: SCHEMA, exit_code: Exit::Done.code(), complete, gates };
    if terminal.json {
        terminal.stdout(&format!("{}\n", serde_json::json!(planned)));
    } else {
        terminal.people(&text(&planned, terminal.table()));
    }
    Ok(Exit::Done)
}

/// Every gate of `plan`, with what it would call where `home` is the store.
///
/// # Errors
/// When stores, prices, answers or calibration records cannot be read.
pub fn gates(
    workspace: &Workspace,
    terminal: &Terminal,
    args: &EvalArgs,
    plan: Plan,
    home: &Home,
) -> Result<Vec<PlannedGate>> {
    let records = shown(workspace, &plan)?;
    let shared = shared(workspace, terminal, args, plan, (home, &RunId::new("plan")), None)?;
    priced(&shared, args)?;
    let mut gates = Vec::new();
    let earlier = Earlier::read(home, &shared.plan.gates)?;
    for (index, ((gate, record), earlier)) in shared.plan.gates.iter().zip(&records).zip(&earlier).enumerate()
    {
        let mut walk = Walk::over(&shared, index, gate, earlier)?;
        let compared = args.baseline.is_some() || args.changed.is_some() || args.model.is_some();
        if compared || gate.suite.gate.max_regression.is_some() {
            walk.notes.push(BASE_NOT_COUNTED.to_owned());
        }
        gates.push(planned_gate(&shared, gate, walk, earlier, record.as_ref()));
    }
    Ok(gates)
}

fn planned_gate(
    shared: &Shared,
    gate: &GatePlan,
    walk: Walk,
    earlier: &Earlier,
    shown: Option<&Shown>,
) -> PlannedGate {
    let forecast = forecast(gate, earlier.noise);
    let obstacles: Vec<v1::Breach> = obstacles(gate, &forecast, shown)
        .into_iter()
        .map(|breach| v1::Breach { code: breach.code.to_string(), message: breach.message })
        .collect();
    let judge = gate.suite.judge.as_ref();
    let priced =
        |model: &ModelId, provider: &ProviderName| shared.desk.prices.price(model, provider).is_some();
    PlannedGate {
        prompt: gate.prompt.name.to_string(),
        suite: gate.suite.name.to_string(),
        model: gate.model.to_string(),
        judge: judge.map(|judge| judge.model.to_string()),
        cases: u64::try_from(gate.cases.len()).unwrap_or(u64::MAX),
        trials: gate.trials,
        required: gate.prompt.required,
        answers: Calls { priced: priced(&gate.model, &gate.provider.name), ..walk.answers },
        judgements: Calls {
            priced: judge.is_none_or(|judge| priced(&judge.model, &judge.provider)),
            ..walk.judgements
        },
        detect: detect(gate, &forecast),
        can_pass: obstacles.is_empty(),
        obstacles,
        notes: walk.notes,
    }
}

fn detect(gate: &GatePlan, forecast: &Forecast) -> Detect {
    let Forecast { assumptions, preflight, .. } = forecast;
    Detect {
        change: forecast.detectable,
        power: assumptions.power,
        confidence: assumptions.confidence,
        sd_between: assumptions.sd_between,
        sd_within: assumptions.sd_within,
        measured: forecast.measured,
        needed: forecast
            .needed
            .iter()
            .map(|(change, cases)| Needed { change: *change, cases: *cases })
            .collect(),
        half_width: forecast.half_width,
        best_lower_bound: preflight.as_ref().and_then(|preflight| preflight.best_lower_bound),
        regression_can_block: preflight
            .as_ref()
            .filter(|_| gate.suite.gate.max_regression.is_some())
            .map(|preflight| preflight.regression_can_block),
    }
}

/// Every call of a gate, looked up and counted.
struct Walk {
    answers: Calls,
    judgements: Calls,
    notes: Vec<String>,
}

impl Walk {
    fn over(shared: &Shared, index: usize, gate: &GatePlan, earlier: &Earlier) -> Result<Self> {
        let calls = |typical| Calls { typical_output_tokens: typical, ..Calls::default() };
        let mut walk = Self {
            answers: calls(earlier.answer_tokens),
            judgements: calls(earlier.judge_tokens),
            notes: Vec::new(),
        };
        let hand = AtHand::of(shared, index, gate)?;
        let mut searched = 0_u64;
        for &case in &gate.cases {
            let context = hand.context(&gate.suite.cases.get(case).case);
            searched += u64::from(context.is_none());
            for trial in 0..gate.trials {
                walk.trial(shared, (index, gate), (case, context.as_deref()), trial, earlier)?;
            }
        }
        if searched > 0 {
            walk.notes.push(format!("{searched} cases search first, which takes calls: tokens of what they find are not counted, and their answers count as live"));
        }
        Ok(walk)
    }

    /// The answer, then its judgements. `found` is what the case is shown; `None` where that is not known yet.
    fn trial(
        &mut self,
        shared: &Shared,
        (index, gate): (usize, &GatePlan),
        (case, found): (usize, Option<&[Chunk]>),
        trial: u32,
        earlier: &Earlier,
    ) -> Result<()> {
        let row = gate.suite.cases.get(case);
        let context = found.unwrap_or_default().to_vec();
        let (mut answer, mut shown, mut most) = (None, context.clone(), 0);
        if let Some(outputs) = &shared.outputs {
            // A missing answer is no call: it leaves the trial without a grade.
            let Some(text) = outputs.get(&row.case.id) else { return Ok(()) };
            answer = Some(text.to_owned());
        } else {
            let request = Target::from(gate)
                .request(&shared.renderer, &row.case.vars, &context, trial)
                .map_err(|fault| crate::domain::Error::invalid(vec![fault.into_diagnostic()]))?;
            match shared.desk.stored(&request.key())? {
                Some((exchange, _)) => {
                    self.answers.stored += 1;
                    shown = exchange.reply.context.clone().unwrap_or(shown);
                    answer = Some(exchange.reply.text);
                }
                None if request.api == BUILTIN => self.answers.local += 1,
                None => {
                    let usage = most_usage(&request);
                    most = usage.output.unwrap_or_default();
                    add(&mut self.answers, shared, &request, (0, 0), usage);
                }
            }
        }
        let (Some(judge), Some(provider)) = (&gate.suite.judge, &shared.judges[index]) else { return Ok(()) };
        let has_context = !shown.is_empty() || found.is_none();
        let asked = asked(judge, has_context, row.case.expected.is_some());
        if asked.is_empty() {
            return Ok(());
        }
        let subject = Subject {
            vars: &row.case.vars,
            context: &shown,
            expected: row.case.expected.as_ref(),
            output: answer.as_deref().unwrap_or_default(),
        };
        for repeat in 0..judge.repeats {
            let request = provider
                .request(judge, &subject, &asked, trial * judge.repeats + repeat, &shared.renderer)
                .map_err(|fault| crate::domain::Error::invalid(vec![fault.into_diagnostic()]))?;
            if request.api == BUILTIN {
                self.judgements.local += 1;
            } else if answer.is_some() && shared.desk.has(&request)? {
                self.judgements.stored += 1;
            } else {
                // An answer that is not there yet comes on top of the question.
                let extra =
                    if answer.is_some() { (0, 0) } else { (most, earlier.answer_tokens.unwrap_or(most)) };
                self.judgements.estimated |= answer.is_none();
                add(&mut self.judgements, shared, &request, extra, most_usage(&request));
            }
        }
        Ok(())
    }
}

/// Books one live call: at most, and as it usually goes. `extra` are input tokens that are not there yet, likewise.
fn add(calls: &mut Calls, shared: &Shared, request: &Request, extra: (u64, u64), most: Usage) {
    let count = tokens::of_request(request);
    let cost = |input: u64, output: u64| {
        let usage = Usage { input: Some(input), output: Some(output), ..Usage::default() };
        shared.desk.prices.cost(&request.model, &request.provider, &usage)
    };
    let output = most.output.unwrap_or_default();
    let typical =
        calls.typical_output_tokens.and_then(|typical| cost(count.tokens + extra.1, typical.min(output)));
    calls.live += 1;
    calls.estimated |= count.estimate;
    calls.input_tokens += count.tokens + extra.1;
    calls.most_output_tokens += output;
    plus(&mut calls.most_cost_usd, cost(most.input.unwrap_or_default() + extra.0, output));
    plus(&mut calls.typical_cost_usd, typical);
}

fn plus(sum: &mut Option<Usd>, cost: Option<Usd>) {
    if let Some(cost) = cost {
        *sum = Some(sum.unwrap_or(Usd::ZERO) + cost);
    }
}
