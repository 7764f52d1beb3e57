//! One trial: context, messages, answer, asserts, judge. Whatever fails outside becomes an unscored grade with its
//! reason; only a wrong input ends the run.

use super::request::Target;
use super::reuse::Reuse;
use super::shared::Shared;
use super::ungraded::{Ungraded, cost_limit, failed, not_recorded, out_of_time, ungradable};
use crate::call::desk::{Answered, Denied};
use crate::call::{CallFailure, FailureKind};
use crate::domain::exchange::FinishReason;
use crate::domain::grade::{CallRecord, CallRole, Judgement};
use crate::domain::{
    Case, Chunk, Code, Diagnostic, Error, Grade, Kind, Reply, Request, Result, Scale, TrialRecord, Unscored,
    Usage,
};
use crate::grade::judge::{self, JudgeFault, JudgeReply};
use crate::grade::{Answer, AssertFault, EmbedDenied, Outside, is_refusal};
use crate::manifest::cases::CaseRow;
use crate::manifest::prompt::Dimension;
use crate::plan::GatePlan;
use crate::render::{RenderError, Subject};
use crate::retrieve::RetrieveFault;
use futures_util::FutureExt as _;
use std::sync::{Mutex, PoisonError};

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

/// Why a trial ends before it has a grade.
enum Ended {
    /// Something outside failed.
    Ungraded(Ungraded),
    /// The time of the run was over.
    OutOfTime,
    /// The run was asked to stop: the trial is left to the one that continues it.
    Interrupted,
    /// The run cannot go on.
    Fatal(Error),
}

impl From<Ungraded> for Ended {
    fn from(ungraded: Ungraded) -> Self {
        Self::Ungraded(ungraded)
    }
}

type Step<T> = std::result::Result<T, Ended>;

/// Runs one trial. `None`: the run was asked to stop before the trial was finished.
///
/// # Errors
/// A wrong input that only this trial could find, or a store that cannot be written.
pub(super) async fn run(shared: &Shared, place: Place) -> Result<Option<TrialRecord>> {
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
        pinned: case.context.is_some(),
        calls: Vec::new(),
        failed_attempts: 0,
    };
    let filled = match &shared.deadline {
        None => trial.fill(&row, &mut record).await,
        Some(deadline) => {
            let held = deadline.hold(trial.fill(&row, &mut record)).await;
            held.unwrap_or(Err(Ended::OutOfTime))
        }
    };
    match filled {
        Ok(grade) => record.grade = grade,
        Err(Ended::Ungraded(ungraded)) => record.grade = ungraded.into_grade(),
        Err(Ended::OutOfTime) => {
            if let Some(deadline) = &shared.deadline {
                deadline.cut_one();
                record.grade = out_of_time(deadline).into_grade();
            }
        }
        Err(Ended::Interrupted) => return Ok(None),
        Err(Ended::Fatal(error)) => return Err(error),
    }
    record.calls = trial.calls;
    record.failed_attempts = trial.failed_attempts;
    Ok(Some(record))
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
    /// Answers, into the record, and grades: an answer without a grade is shown too.
    async fn fill(&mut self, row: &CaseRow, record: &mut TrialRecord) -> Step<Grade> {
        let given = self.answer(&row.case).await?;
        record.output = Some(given.reply.text.clone());
        record.finish = Some(given.reply.finish.clone());
        record.refused = Some(is_refusal(&given.reply));
        record.reported = given.reply.model.clone();
        record.context.clone_from(&given.context);
        self.grade(row, &given).await
    }

    /// The answer: given by a file, or asked of the model under test.
    async fn answer(&mut self, case: &Case) -> Step<Given> {
        let context = self.context(case).await?;
        if let Some(outputs) = &self.shared.outputs {
            let Some(text) = outputs.get(&case.id) else {
                let detail = "the answers file has no answer to this case".to_owned();
                return Err(Ungraded { reason: Unscored::NoOutput, detail }.into());
            };
            return Ok(Given { reply: given(text), latency_ms: None, cost: None, context });
        }
        let target = Target::from(self.gate);
        let request = target
            .request(&self.shared.renderer, &case.vars, &context, self.place.trial)
            .map_err(|fault| wrong_template(fault, case))?;
        self.gradable(&request, case, &context)?;
        let answered = self.ask(&request, CallRole::Answer).await?;
        let context = answered.reply.context.clone().unwrap_or(context);
        let (latency_ms, cost) = (Some(answered.latency_ms), answered.cost);
        Ok(Given { reply: answered.reply, latency_ms, cost, context })
    }

    /// Holds that an answer is not paid for that nobody would grade: the judge refuses the key, or is down.
    fn gradable(&mut self, request: &Request, case: &Case, context: &[Chunk]) -> Step<()> {
        let (desk, gate) = (&self.shared.desk, self.place.gate);
        let (Some(judge), Some(provider)) = (&self.gate.suite.judge, &self.shared.judges[gate]) else {
            return Ok(());
        };
        let Some(failure) = desk.providers.stopped(&provider.config.name, &judge.model) else {
            return Ok(());
        };
        if desk.providers.stopped(&request.provider, &request.model).is_some() {
            // Then the answer fails for itself.
            return Ok(());
        }
        let unasked = judge::asked(judge, !context.is_empty(), case.expected.is_some()).is_empty();
        if unasked || desk.has(request).map_err(Ended::Fatal)? {
            return Ok(());
        }
        Err(self.gave_up(failure, CallRole::Judge))
    }

    /// What the model is shown: the case's own context, else what is retrieved.
    async fn context(&mut self, case: &Case) -> Step<Vec<Chunk>> {
        if let Some(context) = &case.context {
            return Ok(context.clone());
        }
        let Some(retriever) = &self.shared.retrievers[self.place.gate] else { return Ok(Vec::new()) };
        let query = self
            .shared
            .renderer
            .query(&self.gate.prompt, &case.vars)
            .map_err(|fault| wrong_template(fault, case))?;
        match retriever.retrieve(&query, &self.shared.desk, &self.gate.prompt.name).await {
            Ok(found) => {
                self.calls.extend(found.calls);
                Ok(found.hits.into_iter().map(|hit| hit.chunk).collect())
            }
            Err(RetrieveFault::Ended(error)) => Err(Ended::Fatal(error)),
            Err(RetrieveFault::Offline) => Err(not_recorded("what is retrieved is").into()),
            Err(RetrieveFault::CostLimit) => Err(cost_limit().into()),
            Err(RetrieveFault::Failed(failure)) => Err(match self.gave_up(failure, CallRole::Embedding) {
                Ended::Ungraded(ungraded) => {
                    let detail = format!("nothing was retrieved: {}", ungraded.detail);
                    Ungraded { detail, ..ungraded }.into()
                }
                ended => ended,
            }),
        }
    }

    /// Asserts, then the judge.
    async fn grade(&mut self, row: &CaseRow, answered: &Given) -> Step<Grade> {
        let answer = Answer {
            reply: &answered.reply,
            latency_ms: answered.latency_ms,
            cost: answered.cost,
            context: &answered.context,
            case: &row.case,
        };
        let (shared, gate) = (self.shared, self.gate);
        let providers = &shared.desk.providers;
        let embedded: Mutex<Vec<CallRecord>> = Mutex::default();
        let outside = Outside {
            embed: &|model, provider, texts| {
                let (model, provider, embedded) = (model.clone(), provider.clone(), &embedded);
                async move {
                    let found = shared.desk.embed(&provider, &model, &texts, &gate.prompt.name).await;
                    let (vectors, call) = found.map_err(not_embedded)?;
                    embedded.lock().unwrap_or_else(PoisonError::into_inner).push(call);
                    Ok(vectors)
                }
                .boxed()
            },
            root: &shared.root,
            no_exec: shared.no_exec,
            redact: &|text| providers.redactor().redact(text).into_owned(),
        };
        let checked =
            shared.checkers[self.place.gate].grade(&row.asserts, answer, &shared.judging, &outside).await;
        self.calls.extend(embedded.into_inner().unwrap_or_else(PoisonError::into_inner));
        let asserts = checked.map_err(|fault| undecided(fault, &row.case))?;
        let judgement = self.judge(&row.case, answered).await?;
        Ok(Grade::Scored { asserts, judgement })
    }

    async fn judge(&mut self, case: &Case, answered: &Given) -> Step<Option<Judgement>> {
        let (Some(judge), Some(provider)) = (&self.gate.suite.judge, &self.shared.judges[self.place.gate])
        else {
            return Ok(None);
        };
        let asked = judge::asked(judge, !answered.context.is_empty(), case.expected.is_some());
        if asked.is_empty() {
            return Ok(Some(judge::combine(&judge.dimensions, &[])));
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
            replies.push(self.judge_once(&request, &asked, judge.scale).await?);
        }
        Ok(Some(judge::combine(&judge.dimensions, &replies)))
    }

    /// One grade, with one re-ask that names the fault.
    async fn judge_once(&mut self, request: &Request, asked: &[Dimension], scale: Scale) -> Step<JudgeReply> {
        let reuse = Reuse::of_judge(&self.shared.desk, request, asked, scale).map_err(Ended::Fatal)?;
        let first = self.ask_as(request, CallRole::Judge, reuse).await?;
        let fault = match judge::read(&first.reply, asked, scale) {
            Ok(reply) => return Ok(reply),
            Err(fault @ JudgeFault::Refused) => return Err(ungradable(&fault).into()),
            Err(fault) => fault,
        };
        let again = judge::re_ask(request, &first.reply.text, &fault);
        let second = self.ask_as(&again, CallRole::Judge, reuse).await?;
        judge::read(&second.reply, asked, scale).map_err(|fault| ungradable(&fault).into())
    }

    async fn ask(&mut self, request: &Request, role: CallRole) -> Step<Answered> {
        self.ask_as(request, role, Reuse::All).await
    }

    /// Asks for a reply and books the call.
    async fn ask_as(&mut self, request: &Request, role: CallRole, reuse: Reuse) -> Step<Answered> {
        // One answer may arrive in the very moment in which the time is over: nothing is asked after it.
        if self.shared.deadline.as_ref().is_some_and(|deadline| deadline.is_over()) {
            return Err(Ended::OutOfTime);
        }
        let (desk, prompt) = (&self.shared.desk, &self.gate.prompt.name);
        let answered = match reuse {
            Reuse::All => desk.ask(request, prompt).await,
            Reuse::OwnRun => desk.ask_anew(request, prompt).await,
        };
        match answered {
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
                Ok(answered)
            }
            Err(Denied::Storage(error)) => Err(Ended::Fatal(error)),
            Err(Denied::NotRecorded) => Err(not_recorded("the reply is").into()),
            Err(Denied::CostLimit) => Err(cost_limit().into()),
            Err(Denied::Failed(failure)) => Err(self.gave_up(failure, role)),
        }
    }

    /// A call that failed for good, or was not made because the run was asked to stop.
    fn gave_up(&mut self, failure: CallFailure, role: CallRole) -> Ended {
        if failure.kind == FailureKind::Interrupted {
            return Ended::Interrupted;
        }
        self.failed_attempts += failure.attempts;
        failed(failure, role).into()
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

fn wrong_template(fault: RenderError, case: &Case) -> Ended {
    let mut finding = fault.into_diagnostic();
    finding.message.push_str(&format!(" (case `{}`)", case.id));
    Ended::Fatal(Error::invalid(vec![finding]))
}

/// Why `similar` has no embedding.
fn not_embedded(denied: Denied) -> EmbedDenied {
    let ungraded = match denied {
        Denied::NotRecorded => not_recorded("its embedding is"),
        Denied::CostLimit => cost_limit(),
        Denied::Failed(failure) if failure.kind == FailureKind::Interrupted => {
            return EmbedDenied::Interrupted;
        }
        // Who grades has failed, not who was tested.
        Denied::Failed(failure) => failed(failure, CallRole::Judge),
        Denied::Storage(error) => return EmbedDenied::Ended(error),
    };
    EmbedDenied::Unscored { reason: ungraded.reason, detail: ungraded.detail }
}

/// What an assert that could not decide makes of its trial.
fn undecided(fault: AssertFault, case: &Case) -> Ended {
    let detail = fault.to_string();
    match fault {
        AssertFault::NotEmbedded { denied: EmbedDenied::Ended(error), .. } => Ended::Fatal(error),
        AssertFault::NotEmbedded { denied: EmbedDenied::Interrupted, .. } => Ended::Interrupted,
        fault => match fault.unscored() {
            Some(reason) => Ungraded { reason, detail }.into(),
            None => {
                debug_assert!(fault.error_kind() == Kind::Input);
                let mut finding = Diagnostic::error(UNDECIDABLE, format!("{detail} (case `{}`)", case.id));
                finding.place = fault.place().cloned();
                Ended::Fatal(Error::invalid(vec![finding.help("change the assert, or the case")]))
            }
        },
    }
}
