//! What only rendering can find: template syntax, includes, and variables that no case supplies. Every case of
//! every suite is rendered before anything is called, so that no money is spent on a run that cannot finish.

use super::programs::Unmatched;
use crate::domain::{Chunk, Code, Diagnostic, Place, Scale};
use crate::manifest::assert::{Check, JsonText, PathTest, StructureAssert, Text, TextAssert};
use crate::manifest::cases::CaseRow;
use crate::manifest::prompt::{Budget, Prompt};
use crate::manifest::suite::{RetrievalTerms, Suite};
use crate::manifest::template::Template;
use crate::manifest::{Manifests, closest};
use crate::render::{self, CaseSubject, RenderError, Renderer, Subject, UNDEFINED};
use crate::repo::Snapshot;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A case that does not fit the prompt's declared inputs.
pub const INPUT_MISMATCH: Code = Code("input-mismatch");

/// A suite has fewer cases than its own gate demands.
pub const TOO_FEW_CASES: Code = Code("fewer-cases-than-demanded");

/// A suite and its prompt demand nothing of an answer.
pub const NOTHING_DEMANDED: Code = Code("gate-demands-nothing");

/// A gate demands retrieval metrics that nothing measures.
pub const RETRIEVAL_NOT_MEASURED: Code = Code("retrieval-without-relevant");

/// What rooms below need to read a repository.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The files.
    pub snapshot: &'a Snapshot,
    /// What they define.
    pub manifests: &'a Manifests,
    /// Its templates.
    pub renderer: &'a Renderer,
}

/// Findings gathered so that one fault of a template is reported once, with how many cases show it.
#[derive(Default)]
struct Found(BTreeMap<(Option<Place>, String), (Diagnostic, String, usize)>);

impl Found {
    fn add(&mut self, fault: RenderError, case: Option<&str>) {
        let key = (fault.place.clone(), fault.message.clone());
        let entry = self
            .0
            .entry(key)
            .or_insert_with(|| (fault.into_diagnostic(), case.unwrap_or_default().to_owned(), 0));
        entry.2 += usize::from(case.is_some());
    }

    fn into_diagnostics(self) -> impl Iterator<Item = Diagnostic> {
        self.0.into_values().map(|(mut diagnostic, case, count)| {
            match count {
                0 => {}
                1 => diagnostic.message.push_str(&format!(" (case `{case}`)")),
                n => diagnostic.message.push_str(&format!(" (case `{case}` and {} more)", n - 1)),
            }
            diagnostic
        })
    }
}

/// Everything that rendering finds, in the order of paths and lines.
pub fn validate(sources: &Sources<'_>) -> Vec<Diagnostic> {
    let mut found = Found::default();
    let mut diagnostics = Vec::new();
    let folder = &sources.manifests.project.folders.prompts;
    for prompt in sources.manifests.prompts.values() {
        let query = prompt.retrieval.as_ref().and_then(|retrieval| retrieval.query.as_ref());
        for template in prompt.messages.iter().map(|message| &message.content).chain(query) {
            if let Err(faults) = render::closure(sources.snapshot, folder, template) {
                faults.into_iter().for_each(|fault| found.add(fault, None));
            }
        }
    }
    let broken: Vec<_> = found
        .0
        .values()
        .filter_map(|(diagnostic, ..)| diagnostic.place.clone())
        .map(|place| place.path)
        .collect();
    let mut programs = Unmatched::of_providers(sources);
    for suite in sources.manifests.suites.values() {
        diagnostics.extend(too_few(suite));
        suite.asserts.iter().for_each(|assert| programs.assert(assert));
        let Some(prompt) = sources.manifests.prompts.get(&suite.prompt) else { continue };
        diagnostics.extend(nothing_demanded(prompt, suite));
        diagnostics.extend(not_measured(prompt, suite));
        if !broken.contains(&prompt.path) {
            validate_suite(sources, prompt, suite, (&mut found, &mut programs), &mut diagnostics);
        }
    }
    for prompt in sources.manifests.prompts.values().filter(|prompt| !broken.contains(&prompt.path)) {
        undeclared(sources, prompt, &mut found);
    }
    diagnostics.extend(programs.into_diagnostics());
    diagnostics.extend(found.into_diagnostics());
    diagnostics.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
    diagnostics
}

fn validate_suite(
    sources: &Sources<'_>,
    prompt: &Prompt,
    suite: &Suite,
    (found, programs): (&mut Found, &mut Unmatched<'_>),
    diagnostics: &mut Vec<Diagnostic>,
) {
    let inputs: Vec<(&String, Option<jsonschema::Validator>)> = prompt
        .inputs
        .iter()
        .map(|(name, input)| (name, jsonschema::validator_for(&input.schema).ok()))
        .collect();
    let sample = [Chunk { text: "context".to_owned(), source: None, score: None, last_updated: None }];
    for row in suite.cases.iter() {
        let case = &row.case;
        row.asserts.iter().for_each(|assert| programs.assert(assert));
        for (name, _) in prompt.inputs.iter().filter(|(_, input)| input.required) {
            if !case.vars.contains_key(name) {
                let fault = RenderError::new(INPUT_MISMATCH, format!("no `{name}`, which `inputs` requires"));
                let help = "give it, or write `required: false` under `inputs`".to_owned();
                let place = Some(prompt.places.inputs.clone());
                found.add(RenderError { place, help: Some(help), ..fault }, Some(case.id.as_str()));
            }
        }
        for (name, schema) in &inputs {
            if let (Some(value), Some(schema)) = (case.vars.get(*name), schema)
                && let Err(error) = schema.validate(value)
            {
                let place = Place::at(&case.file, crate::domain::Span::new(case.line, 1, 1));
                let message = format!("`{name}` of case `{}` does not fit its schema: {error}", case.id);
                diagnostics.push(
                    Diagnostic::error(INPUT_MISMATCH, message)
                        .at(place)
                        .help("change the case, or `inputs:` of the prompt"),
                );
            }
        }
        // What retrieval would bring is not known here; that it is a list of chunks is.
        let context =
            case.context.as_deref().unwrap_or(if prompt.retrieval.is_some() { &sample } else { &[] });
        let asks = prompt.messages.iter().any(|message| message.content.is_built_in());
        if asks && !case.vars.contains_key("input") && !prompt.inputs.contains_key("input") {
            let place = Place::at(&case.file, crate::domain::Span::new(case.line, 1, 1));
            let message = format!(
                "the case `{}` has no `input`, which is the user message where the prompt writes none",
                case.id
            );
            let help = "give it an `input`, or write `user:` in the prompt";
            diagnostics.push(Diagnostic::error(UNDEFINED, message).at(place).help(help));
            continue;
        }
        if let Err(fault) = render_case(sources.renderer, prompt, &row, context) {
            found.add(meant(fault, &case.vars), Some(case.id.as_str()));
        }
        if case.context.is_none()
            && prompt.retrieval.is_some()
            && let Err(fault) = sources.renderer.query(prompt, &case.vars)
        {
            found.add(fault, Some(case.id.as_str()));
        }
        for template in suite.asserts.iter().flat_map(|assert| assert_templates(&assert.check)) {
            if let Err(fault) = sources.renderer.text(template, &case.vars, case.expected.as_ref()) {
                found.add(fault, Some(case.id.as_str()));
            }
        }
    }
    if let Some(judge) = &suite.judge
        && let Some(row) = suite.cases.iter().next()
    {
        let expected = Value::String("expected".to_owned());
        let subject =
            Subject { vars: &row.case.vars, context: &sample, expected: Some(&expected), output: "output" };
        if let Err(fault) = sources.renderer.judge(&judge.rubric, &subject, &judge.dimensions, judge.scale) {
            found.add(fault, None);
        }
    }
}

/// A gate that demands more cases than its suite has cannot pass, whatever the answers are.
fn too_few(suite: &Suite) -> Option<Diagnostic> {
    let whole = u32::try_from(suite.cases.len()).unwrap_or(u32::MAX);
    let cases = suite.sample.as_ref().map_or(whole, |sample| sample.size.min(whole));
    let least = suite.gate.min_cases;
    (cases < least).then(|| {
        let cases = if cases == 1 { "1 case".to_owned() } else { format!("{cases} cases") };
        let message =
            format!("suite `{}` runs {cases}, and `min_cases` is {least}: it cannot pass", suite.name);
        let help = "write more cases, or demand fewer";
        Diagnostic::warning(TOO_FEW_CASES, message).at(suite.gate_place.clone()).help(help)
    })
}

/// A gate that no answer could break shows nothing.
fn nothing_demanded(prompt: &Prompt, suite: &Suite) -> Option<Diagnostic> {
    let gate = &suite.gate;
    let dimensions = suite.judge.iter().flat_map(|judge| &judge.dimensions);
    let asserts = || !suite.asserts.is_empty() || suite.cases.iter().any(|row| !row.asserts.is_empty());
    let lowest = suite.judge.as_ref().map(|judge| judge.scale.min);
    let threshold = prompt.required.filter(|required| lowest.is_none_or(|lowest| *required > lowest));
    let demands = threshold.is_some()
        || prompt.budget != Budget::default()
        || dimensions.into_iter().any(|dimension| dimension.required.is_some())
        || !gate.metrics.is_empty()
        || gate.retrieval != RetrievalTerms::default()
        || gate.case_floor.is_some()
        || gate.max_regression.is_some()
        || gate.require_calibration.is_some()
        || gate.asserts_required > 0.0 && asserts()
        || suite.cases.iter().any(|row| row.case.critical);
    let (prompt_has_threshold, place) = (prompt.required.is_some(), suite.gate_place.clone());
    (!demands).then(|| {
        let (suite, prompt) = (&suite.name, &prompt.name);
        let why = match (prompt_has_threshold, asserts()) {
            (true, _) => "every score reaches the lowest one of the scale as a threshold",
            (false, true) => "with `asserts_required: 0` every assert may fail",
            (false, false) => "there is no threshold, no assert and no limit",
        };
        let message = format!("suite `{suite}` and its prompt `{prompt}` demand nothing of an answer: {why}");
        let help =
            "raise `eval_score_required`, or demand something in the suite: asserts, or a limit under `gate`";
        Diagnostic::warning(NOTHING_DEMANDED, message).at(place).help(help)
    })
}

/// A gate over retrieval metrics has no verdict where nothing is retrieved, or no case says what is relevant.
fn not_measured(prompt: &Prompt, suite: &Suite) -> Option<Diagnostic> {
    let ranking = RetrievalTerms { stale_fraction: None, ..suite.gate.retrieval.clone() };
    if ranking == RetrievalTerms::default() {
        return None;
    }
    let relevant =
        || suite.cases.iter().any(|row| !row.case.relevant.is_empty() && row.case.context.is_none());
    let why = match &prompt.retrieval {
        None => format!("the prompt `{}` retrieves nothing", prompt.name),
        Some(_) if !relevant() => "no case that retrieves says what is `relevant`".to_owned(),
        Some(_) => return None,
    };
    let message = format!("suite `{}` demands retrieval metrics, and {why}: it cannot pass", suite.name);
    let help = "give the prompt a `retrieval` and the cases their `relevant`, or remove the demand";
    Some(Diagnostic::warning(RETRIEVAL_NOT_MEASURED, message).at(suite.gate_place.clone()).help(help))
}

/// Where a prompt declares its inputs, a name that is none of them is misspelt, also in a branch that no case takes.
fn undeclared(sources: &Sources<'_>, prompt: &Prompt, found: &mut Found) {
    if prompt.inputs.is_empty() || prompt.is_judge() {
        return;
    }
    let folder = &sources.manifests.project.folders.prompts;
    let query = prompt.retrieval.as_ref().and_then(|retrieval| retrieval.query.as_ref());
    for template in prompt.messages.iter().map(|message| &message.content).chain(query) {
        let names = render::variables(sources.snapshot, folder, template).unwrap_or_default();
        for name in names.into_iter().filter(|name| !prompt.inputs.contains_key(name)) {
            let near = closest(&name, prompt.inputs.keys().map(String::as_str));
            let help = near.map_or_else(
                || format!("declare `{name}` under `inputs`, or correct the template"),
                |near| format!("did you mean `{near}`?"),
            );
            let fault = RenderError::new(UNDEFINED, format!("`{name}` is none of the declared `inputs`"));
            let place = Some(render::place_of(template, &name));
            found.add(RenderError { place, help: Some(help), ..fault }, None);
        }
    }
}

/// Names the variable that was most likely meant.
fn meant(fault: RenderError, vars: &Map<String, Value>) -> RenderError {
    let undefined = fault.message.split('`').nth(1).filter(|_| fault.code == UNDEFINED);
    let known = vars.keys().map(String::as_str).chain(["context"]);
    match undefined.and_then(|name| closest(name, known)) {
        Some(near) => RenderError { help: Some(format!("did you mean `{near}`?")), ..fault },
        None => fault,
    }
}

/// Renders a case as a run would. A judge manifest under test sees what it sees as a judge.
fn render_case(
    renderer: &Renderer,
    prompt: &Prompt,
    row: &CaseRow,
    context: &[Chunk],
) -> Result<(), RenderError> {
    if !prompt.is_judge() {
        return renderer.messages(prompt, &row.case.vars, context).map(|_| ());
    }
    let subject = CaseSubject::new(&row.case.vars, context);
    renderer.judge(prompt, &subject.subject(), &prompt.dimensions, Scale::default()).map(|_| ())
}

/// The templates of an assert.
pub(super) fn assert_templates(check: &Check) -> Vec<&Template> {
    fn text(text: &Text) -> Option<&Template> {
        match text {
            Text::Template(template) => Some(template),
            Text::Literal(_) => None,
        }
    }
    fn json(value: &JsonText) -> Option<&Template> {
        match value {
            JsonText::Template(template) => Some(template),
            JsonText::Json(_) => None,
        }
    }
    match check {
        Check::Text(check) => match check {
            TextAssert::Equals(value)
            | TextAssert::Contains(value)
            | TextAssert::IContains(value)
            | TextAssert::StartsWith(value)
            | TextAssert::Regex(value) => text(value).into_iter().collect(),
            TextAssert::ContainsAny(values)
            | TextAssert::ContainsAll(values)
            | TextAssert::IContainsAny(values)
            | TextAssert::IContainsAll(values) => values.iter().filter_map(text).collect(),
            TextAssert::WordCount(_)
            | TextAssert::Length(_)
            | TextAssert::IsRefusal
            | TextAssert::FinishReason(_) => Vec::new(),
        },
        Check::Structure(check) => match check {
            StructureAssert::JsonPath { test, .. } => match test {
                PathTest::Equals(value) | PathTest::Contains(value) => json(value).into_iter().collect(),
                PathTest::Matches(value) => text(value).into_iter().collect(),
                _ => Vec::new(),
            },
            StructureAssert::JsonEquals(value) | StructureAssert::JsonSubset(value) => {
                json(value).into_iter().collect()
            }
            StructureAssert::ToolCall(calls) => {
                calls.iter().filter_map(|call| call.arguments.as_ref().and_then(json)).collect()
            }
            StructureAssert::IsJson { .. } | StructureAssert::ContainsJson { .. } => Vec::new(),
        },
        Check::Graded { value, .. } => text(value).into_iter().collect(),
        Check::Context(crate::manifest::assert::ContextAssert::Contains(value)) => {
            text(value).into_iter().collect()
        }
        Check::Context(_) | Check::Measured(_) | Check::Exec(_) => Vec::new(),
    }
}
