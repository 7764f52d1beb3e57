//! One trial: context, messages, answer, asserts, judge. Whatever fails outside becomes an unscored grade with its
//! reason; only a wrong input ends the run.

use super::deadline::Deadline;
use super::outputs::Outputs;
use super::request::Target;
use super::ungraded::{Ungraded, cost_limit, failed, not_recorded, out_of_time, ungradable};
use crate::call::desk::{Answered, Denied, Desk};
use crate::domain::exchange::FinishReason;
use crate::domain::grade::{CallRecord, CallRole, Judgement};
use crate::domain::{
    Case, Chunk, Code, Diagnostic, Digest, Error, Grade, Kind, Reply, Request, Result, TrialRecord, Unscored,
    Usage,
};
use crate::grade::judge::{self, JudgeFault, JudgeReply};
use crate::grade::{Answer, AssertFault, Checker, Outside, is_refusal};
use crate::manifest::cases::CaseRow;
use crate::manifest::project::{Api, ProviderConfig};
use crate::manifest::prompt::Dimension;
use crate::manifest::suite::Judge;
use crate::plan::{GatePlan, Plan};
use crate::render::{RenderError, Renderer, Subject};
use crate::retrieve::{RetrieveFault, Retriever};
use futures_util::FutureExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// An assert that cannot be decided for a case.
pub const UNDECIDABLE: Code = Code("assert-undecidable");

/// Which trial of the plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The gate, from 0.
    pub gate: usize,
    /// The case's position in the gate's plan, from 0.
    pub case: usize,
    /// The trial of the case, from 0.
    pub trial: u32,
}

/// How the judge of a gate is reached.
#[derive(Clone, Debug)]
pub struct JudgeProvider {
    /// Its provider.
    pub config: ProviderConfig,
    /// Digest of the files that the provider's program declares.
    pub program: Option<Digest>,
}

impl JudgeProvider {
    /// The request to a judge behind this provider.
    ///
    /// # Errors
    /// When the rubric cannot be rendered.
    pub fn request(
        &self,
        judge: &Judge,
        subject: &Subject<'_>,
        asked: &[Dimension],
        trial: u32,
        renderer: &Renderer,
    ) -> std::result::Result<Request, RenderError> {
        let api = self.config.api;
        let mut request = judge::request(judge, api.as_str(), subject, asked, trial, renderer)?;
        request.inputs = self.program;
        request.cacheable = !matches!(api, Api::Exec | Api::Http) || self.program.is_some();
        Ok(request)
    }
}

/// What all trials of a run share.
#[derive(Debug)]
pub struct Shared {
    /// What to run.
    pub plan: Plan,
    /// The templates of the prompts under test.
    pub renderer: Arc<Renderer>,
    /// The templates of judges and asserts: today's, also where the prompts are those of another revision.
    pub judging: Arc<Renderer>,
    /// Where replies come from.
    pub desk: Desk,
    /// The asserts of each gate, compiled.
    pub checkers: Vec<Checker>,
    /// The judge's provider of each gate.
    pub judges: Vec<Option<JudgeProvider>>,
    /// The retriever of each gate, where its prompt has one.
    pub retrievers: Vec<Option<Arc<Retriever>>>,
    /// Answers that exist already.
    pub outputs: Option<Outputs>,
    /// Where programs run.
    pub root: PathBuf,
    /// Whether programs may not run.
    pub no_exec: bool,
    /// Calls at once over all providers, which sizes the flight.
    pub concurrency: usize,
    /// When the run has to be over.
    pub deadline: Option<Arc<Deadline>>,
}

impl Shared {
    /// Trials to keep in flight: enough that answers and judgements overlap at every provider.
    pub(super) fn window(&self) -> usize {
        (self.concurrency * 2).clamp(8, 512)
    }
}

/// Runs one trial.
///
/// # Errors
/// A wrong input that only this trial could find, or a store that cannot be written.
pub(super) async fn run(shared: &Shared, place: Place) -> Result<TrialRecord> {
    let gate = &shared.plan.gates[place.gate];
    let row = gate.suite.cases.get(gate.cases[place.case]);
    let case = &row.case;
    let mut trial = Trial { shared, gate, place, calls: Vec::new(), failed_attempts: 0 };
    let mut record = TrialRecord {
        gate: place.gate,
        case: place.case,
        id: case.id.clone(),
        trial: place.trial,
        critical: case.critical,
        weight: case.weight,
        tags: case.tags.clone(),
        grade: Grade::Unscored { reason: Unscored::NoOutput, detail: String::new() },
        output: None,
        finish: None,
        refused: None,
        reported: None,
        context: Vec::new(),
        relevant: case.relevant.clone(),
        calls: Vec::new(),
        failed_attempts: 0,
    };
    match &shared.deadline {
        None => trial.fill(&row, &mut record).await?,
        Some(deadline) => match deadline.hold(trial.fill(&row, &mut record)).await {
            Some(done) => done?,
            None => record.grade = out_of_time(deadline).into_grade(),
        },
    }
    record.calls = trial.calls;
    record.failed_attempts = trial.failed_attempts;
    Ok(record)
}

/// An answer of the model under test with what it was shown.
struct Given {
    reply: Reply,
    latency_ms: Option<u64>,
    cost: Option<crate::domain::Usd>,
    context: Vec<Chunk>,
}

struct Trial<'a> {
    shared: &'a Shared,
    gate: &'a GatePlan,
    place: Place,
    calls: Vec<CallRecord>,
    failed_attempts: u32,
}

impl Trial<'_> {
    /// Answers and grades, into the record.
    async fn fill(&mut self, row: &CaseRow, record: &mut TrialRecord) -> Result<()> {
        match self.answer(&row.case).await? {
            Err(ungraded) => record.grade = ungraded.into_grade(),
            Ok(answered) => {
                record.grade = self.grade(row, &answered).await?.unwrap_or_else(Ungraded::into_grade);
                record.output = Some(answered.reply.text.clone());
                record.finish = Some(answered.reply.finish.clone());
                record.refused = Some(is_refusal(&answered.reply));
                record.reported = answered.reply.model.clone();
                record.context = answered.context;
            }
        }
        Ok(())
    }

    /// The answer: given by a file, or asked of the model under test.
    async fn answer(&mut self, case: &Case) -> Result<std::result::Result<Given, Ungraded>> {
        let context = match self.context(case).await? {
            Ok(context) => context,
            Err(ungraded) => return Ok(Err(ungraded)),
        };
        if let Some(outputs) = &self.shared.outputs {
            let Some(text) = outputs.get(&case.id) else {
                let detail = "the answers file has no answer to this case".to_owned();
                return Ok(Err(Ungraded { reason: Unscored::NoOutput, detail }));
            };
            return Ok(Ok(Given { reply: given(text), latency_ms: None, cost: None, context }));
        }
        let target = Target::from(self.gate);
        let request = target
            .request(&self.shared.renderer, &case.vars, &context, self.place.trial)
            .map_err(|fault| wrong_template(fault, case))?;
        match self.ask(&request, CallRole::Answer).await? {
            Err(ungraded) => Ok(Err(ungraded)),
            Ok(answered) => {
                let context = answered.reply.context.clone().unwrap_or(context);
                let (latency_ms, cost) = (Some(answered.latency_ms), answered.cost);
                Ok(Ok(Given { reply: answered.reply, latency_ms, cost, context }))
            }
        }
    }

    /// What the model is shown: the case's own context, else what is retrieved.
    async fn context(&mut self, case: &Case) -> Result<std::result::Result<Vec<Chunk>, Ungraded>> {
        if let Some(context) = &case.context {
            return Ok(Ok(context.clone()));
        }
        let Some(retriever) = &self.shared.retrievers[self.place.gate] else { return Ok(Ok(Vec::new())) };
        let query = self
            .shared
            .renderer
            .query(&self.gate.prompt, &case.vars)
            .map_err(|fault| wrong_template(fault, case))?;
        match retriever.retrieve(&query, &self.shared.desk, &self.gate.prompt.name).await {
            Ok(found) => {
                self.calls.extend(found.calls);
                Ok(Ok(found.hits.into_iter().map(|hit| hit.chunk).collect()))
            }
            Err(RetrieveFault::Ended(error)) => Err(error),
            Err(RetrieveFault::Offline) => Ok(Err(not_recorded("what is retrieved is"))),
            Err(RetrieveFault::CostLimit) => Ok(Err(cost_limit())),
            Err(RetrieveFault::Failed(failure)) => {
                self.failed_attempts += failure.attempts;
                let ungraded = failed(failure, CallRole::Embedding);
                Ok(Err(Ungraded {
                    detail: format!("nothing was retrieved: {}", ungraded.detail),
                    ..ungraded
                }))
            }
        }
    }

    /// Asserts, then the judge.
    async fn grade(
        &mut self,
        row: &CaseRow,
        answered: &Given,
    ) -> Result<std::result::Result<Grade, Ungraded>> {
        let answer = Answer {
            reply: &answered.reply,
            latency_ms: answered.latency_ms,
            cost: answered.cost,
            context: &answered.context,
            case: &row.case,
        };
        let (shared, gate) = (self.shared, self.gate);
        let providers = &shared.desk.providers;
        let outside = Outside {
            embed: &|model, provider, texts| {
                let (model, provider) = (model.clone(), provider.clone());
                async move {
                    let found = shared.desk.embed(&provider, &model, &texts, &gate.prompt.name).await;
                    found.map_err(|denied| match denied {
                        Denied::NotRecorded => not_recorded("its embedding is").detail,
                        Denied::CostLimit => cost_limit().detail,
                        Denied::Failed(failure) => failure.detail,
                        Denied::Storage(error) => error.chain(),
                    })
                }
                .boxed()
            },
            root: &shared.root,
            no_exec: shared.no_exec,
            redact: &|text| providers.redactor().redact(text).into_owned(),
        };
        let asserts = match shared.checkers[self.place.gate]
            .grade(&row.asserts, answer, &shared.judging, &outside)
            .await
        {
            Ok(asserts) => asserts,
            Err(fault) => match fault.unscored() {
                Some(reason) => return Ok(Err(Ungraded { reason, detail: fault.to_string() })),
                None => return Err(undecidable(&fault, &row.case)),
            },
        };
        let judgement = match self.judge(&row.case, answered).await? {
            Ok(judgement) => judgement,
            Err(ungraded) => return Ok(Err(ungraded)),
        };
        Ok(Ok(Grade::Scored { asserts, judgement }))
    }

    async fn judge(
        &mut self,
        case: &Case,
        answered: &Given,
    ) -> Result<std::result::Result<Option<Judgement>, Ungraded>> {
        let (Some(judge), Some(provider)) = (&self.gate.suite.judge, &self.shared.judges[self.place.gate])
        else {
            return Ok(Ok(None));
        };
        let asked = judge::asked(judge, !answered.context.is_empty(), case.expected.is_some());
        if asked.is_empty() {
            return Ok(Ok(Some(judge::combine(&judge.dimensions, &[]))));
        }
        let subject = Subject {
            vars: &case.vars,
            context: &answered.context,
            expected: case.expected.as_ref(),
            output: &answered.reply.text,
        };
        let mut replies = Vec::new();
        for repeat in 0..judge.repeats {
            let trial = self.place.trial * judge.repeats + repeat;
            let request = provider
                .request(judge, &subject, &asked, trial, &self.shared.judging)
                .map_err(|fault| wrong_template(fault, case))?;
            match self.judge_once(&request, &asked, judge.scale).await? {
                Ok(reply) => replies.push(reply),
                Err(ungraded) => return Ok(Err(ungraded)),
            }
        }
        Ok(Ok(Some(judge::combine(&judge.dimensions, &replies))))
    }

    /// One grade, with one re-ask that names the fault.
    async fn judge_once(
        &mut self,
        request: &Request,
        asked: &[Dimension],
        scale: crate::domain::Scale,
    ) -> Result<std::result::Result<JudgeReply, Ungraded>> {
        let first = match self.ask(request, CallRole::Judge).await? {
            Ok(answered) => answered,
            Err(ungraded) => return Ok(Err(ungraded)),
        };
        let fault = match judge::read(&first.reply, asked, scale) {
            Ok(reply) => return Ok(Ok(reply)),
            Err(fault @ JudgeFault::Refused) => return Ok(Err(ungradable(&fault))),
            Err(fault) => fault,
        };
        let again = judge::re_ask(request, &first.reply.text, &fault);
        match self.ask(&again, CallRole::Judge).await? {
            Err(ungraded) => Ok(Err(ungraded)),
            Ok(second) => Ok(judge::read(&second.reply, asked, scale).map_err(|fault| ungradable(&fault))),
        }
    }

    /// Asks for a reply and books the call.
    async fn ask(
        &mut self,
        request: &Request,
        role: CallRole,
    ) -> Result<std::result::Result<Answered, Ungraded>> {
        // One answer may arrive in the very moment in which the time is over: nothing is asked after it.
        if let Some(deadline) = self.shared.deadline.as_ref().filter(|deadline| deadline.is_over()) {
            return Ok(Err(out_of_time(deadline)));
        }
        match self.shared.desk.ask(request, &self.gate.prompt.name).await {
            Ok(answered) => {
                self.calls.push(CallRecord {
                    role,
                    source: answered.source,
                    key: answered.key,
                    retries: answered.retries,
                    latency_ms: answered.latency_ms,
                    usage: answered.reply.usage,
                    cost: answered.cost,
                });
                Ok(Ok(answered))
            }
            Err(Denied::Storage(error)) => Err(error),
            Err(Denied::NotRecorded) => Ok(Err(not_recorded("the reply is"))),
            Err(Denied::CostLimit) => Ok(Err(cost_limit())),
            Err(Denied::Failed(failure)) => {
                self.failed_attempts += failure.attempts;
                Ok(Err(failed(failure, role)))
            }
        }
    }
}

/// An answer that was not asked for: nothing is known of it but its text.
fn given(text: &str) -> Reply {
    Reply {
        text: text.to_owned(),
        tool_calls: Vec::new(),
        refusal: None,
        finish: FinishReason::Stop,
        usage: Usage::default(),
        model: None,
        context: None,
    }
}

fn wrong_template(fault: RenderError, case: &Case) -> Error {
    let mut finding = fault.into_diagnostic();
    finding.message.push_str(&format!(" (case `{}`)", case.id));
    Error::invalid(vec![finding])
}

fn undecidable(fault: &AssertFault, case: &Case) -> Error {
    debug_assert!(fault.error_kind() == Kind::Input);
    let mut finding = Diagnostic::error(UNDECIDABLE, format!("{fault} (case `{}`)", case.id));
    finding.place = fault.place().cloned();
    Error::invalid(vec![finding.help("change the assert, or the case")])
}
