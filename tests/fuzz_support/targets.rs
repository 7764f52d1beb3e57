//! What is fuzzed: each target takes the bytes of a file or of a reply, and says what does not hold.

use llmops::call::wire::HttpResponse;
use llmops::call::{anthropic, http, openai, openai_embeddings};
use llmops::domain::exchange::FinishReason;
use llmops::domain::{
    CaseId, Chunk, Diagnostic, DimensionName, Message, ModelId, Parameters, PromptName, ProviderName,
    RelPath, Reply, Request, Role, Scale, Usage,
};
use llmops::grade::{Checker, judge};
use llmops::import::{Origin, Source, import};
use llmops::ledger::{DEFAULT_STORE_BYTES, ExchangeStore, Home, Prices, Recordings};
use llmops::manifest::lock::Lock;
use llmops::manifest::prompt::Dimension;
use llmops::manifest::{Manifests, deployment};
use llmops::plan::{Selection, Sources, plan, validate};
use llmops::render::Renderer;
use llmops::repo::Snapshot;
use llmops::report::diagnostics::{self, Charset, Style};
use llmops::report::table::Color;
use llmops::report::{json, v1};
use llmops::study::calibration::record::Record;
use llmops::study::labels;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// What holds of every input, or why it does not.
pub type Held = Result<(), String>;

type Run = Box<dyn Fn(&[u8]) -> Held>;

/// A target: a folder of `tests/corpus`, and what is done with each input.
pub struct Target {
    pub name: &'static str,
    pub run: Run,
}

const PROMPT: &str = "version: \"1\"\nmodel_target: builtin/extractive\nsystem: \"Hi {{ input }}\"\n";
const SUITE: &str = "version: \"1\"\nprompt: p\ncases: cases/a.jsonl\n";

/// A repository of which one file is the input.
fn repository(path: &'static str, also: &[(&str, &str)]) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    };
    for (path, text) in [
        ("prompts/p.yaml", PROMPT),
        ("prompts/part.txt", "A part with {{ input }}."),
        ("prompts/shots.jsonl", "{\"input\": \"a\", \"output\": \"b\"}\n"),
        (
            "prompts/tool.json",
            "{\"name\": \"t\", \"description\": \"A tool.\", \"inputSchema\": {\"type\": \"object\"}}",
        ),
        ("evals/s.yaml", SUITE),
        (
            "evals/cases/a.jsonl",
            "{\"id\": \"a\", \"input\": \"one\", \"expected\": \"1\"}\n{\"id\": \"b\", \"input\": \"two\"}\n",
        ),
        ("evals/cases/b.csv", "id,input\nc,three\n"),
        ("kb/a.md", "A text about refunds.\n"),
        ("prices.yaml", "[]"),
        (path, ""),
    ] {
        write(path, text);
    }
    also.iter().for_each(|(path, text)| write(path, text));
    Box::new(move |bytes| {
        fs::write(folder.path().join(path), bytes).expect("written");
        load(folder.path(), path, bytes)
    })
}

/// Reads, validates, plans, and draws what was found.
fn load(root: &Path, path: &str, bytes: &[u8]) -> Held {
    let snapshot = Snapshot::working_tree(root).map_err(|error| error.to_string())?;
    let manifests = Manifests::load(&snapshot, Some("2026-04-20"));
    let renderer = Renderer::new(&snapshot, &manifests.project.folders.prompts);
    let sources = Sources { snapshot: &snapshot, manifests: &manifests, renderer: &renderer };
    let mut found = manifests.diagnostics.clone();
    found.extend(validate(&sources));
    drawn(&found, &|wanted| snapshot.read_text(wanted, 1 << 22).ok())?;
    placed(&found, path, bytes)?;
    for suite in manifests.suites.values() {
        drop(Checker::new(&suite.asserts));
    }
    if let Ok(plan) = plan(&sources, &Selection::default()) {
        if plan.planned() == 0 {
            return Err("a plan without trials".to_owned());
        }
        for gate in &plan.gates {
            let row = gate.suite.cases.get(gate.cases[0]);
            drop(renderer.messages(&gate.prompt, &row.case.vars, &[]));
            drop(renderer.query(&gate.prompt, &row.case.vars));
        }
    }
    Ok(())
}

fn drawn(found: &[Diagnostic], source: &dyn Fn(&RelPath) -> Option<String>) -> Held {
    for color in [Color::On, Color::Off] {
        let style = Style { color, charset: Charset::Unicode, width: 80 };
        diagnostics::write(found, source, style, &mut Vec::new()).map_err(|error| error.to_string())?;
    }
    diagnostics::write_json(found, &mut Vec::new()).map_err(|error| error.to_string())
}

/// Every fault has a place, and one in the file itself lies inside of it.
fn placed(found: &[Diagnostic], path: &str, bytes: &[u8]) -> Held {
    let lines = String::from_utf8_lossy(bytes).split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
    for one in found {
        let Some(place) = &one.place else {
            return Err(format!("no place: {} {}", one.code, one.message));
        };
        let Some(span) = place.span.filter(|_| place.path.as_str() == path) else { continue };
        if span.line == 0 || span.column == 0 || usize::try_from(span.line).is_ok_and(|line| line > lines + 1)
        {
            return Err(format!("{}:{} of {lines} lines: {}", span.line, span.column, one.message));
        }
    }
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn response(status: u16, body: &[u8]) -> HttpResponse {
    HttpResponse { status, headers: reqwest::header::HeaderMap::new(), body: body.to_vec().into() }
}

fn request() -> Request {
    Request {
        provider: ProviderName::new("p"),
        api: "anthropic".to_owned(),
        model: ModelId::new("m"),
        messages: vec![Message::new(Role::User, "hi")],
        tools: Vec::new(),
        parameters: Parameters::default(),
        output: None,
        json: false,
        trial: 0,
        data: Value::Null,
        inputs: None,
        cacheable: true,
    }
}

/// A judge's reply: what is read of it lies on the scale and on its steps.
fn judged(bytes: &[u8]) -> Held {
    let dimension = |name: &str| Dimension {
        name: DimensionName::from(name),
        description: String::new(),
        weight: 1.0,
        required: None,
        needs: Vec::new(),
        place: None,
    };
    let asked = [dimension("faithfulness"), dimension("tone")];
    let reply = Reply {
        text: text(bytes),
        tool_calls: Vec::new(),
        refusal: None,
        finish: FinishReason::Stop,
        usage: Usage::default(),
        model: None,
        context: None,
    };
    for scale in [Scale::default(), Scale { min: 0.0, max: 10.0, step: 0.5 }] {
        let Ok(read) = judge::read(&reply, &asked, scale) else { continue };
        if read.scores.len() != 2 || !read.scores.iter().all(|(_, score)| scale.holds(*score)) {
            return Err(format!("off the scale: {:?}", read.scores));
        }
        let whole = judge::combine(&asked, &[read]);
        if !whole.score.is_some_and(|score| (scale.min..=scale.max).contains(&score)) {
            return Err(format!("a mean off the scale: {:?}", whole.score));
        }
    }
    Ok(())
}

/// A failure of the provider is never a reply.
fn replied<V, E>(bytes: &[u8], decode: impl Fn(&HttpResponse) -> Result<V, E>) -> Held {
    drop(decode(&response(200, bytes)));
    for status in [300, 400, 429, 500] {
        if decode(&response(status, bytes)).is_ok() {
            return Err(format!("status {status} gave a reply"));
        }
    }
    Ok(())
}

fn template() -> Target {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("prompts")).expect("made");
    fs::write(folder.path().join("prompts/part.txt"), "A part with {{ input }}.").expect("written");
    let run = move |bytes: &[u8]| {
        let manifest = json!({"version": "1", "model_target": "builtin/extractive", "user": text(bytes)});
        fs::write(folder.path().join("prompts/p.yaml"), manifest.to_string()).expect("written");
        let snapshot = Snapshot::working_tree(folder.path()).map_err(|error| error.to_string())?;
        let manifests = Manifests::load(&snapshot, None);
        let renderer = Renderer::new(&snapshot, &manifests.project.folders.prompts);
        let sources = Sources { snapshot: &snapshot, manifests: &manifests, renderer: &renderer };
        let found = validate(&sources);
        drawn(&found, &|wanted| snapshot.read_text(wanted, 1 << 22).ok())?;
        let vars: Map<String, Value> =
            [("input".to_owned(), json!("abc")), ("n".to_owned(), json!([1, {"k": 2}]))]
                .into_iter()
                .collect();
        let context = [Chunk { text: "c".to_owned(), source: None, score: Some(0.5), last_updated: None }];
        for prompt in manifests.prompts.values() {
            drop(renderer.messages(prompt, &vars, &context));
        }
        Ok(())
    };
    Target { name: "template", run: Box::new(run) }
}

fn kept() -> Target {
    let run = |bytes: &[u8]| {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, bytes).expect("written");
        };
        write(".llmops/exchanges/20260420T000000Z-0a1b2c-0.jsonl");
        write("evals/recordings/p.jsonl");
        let store = ExchangeStore::new(&Home::at(folder.path()), "fuzz", DEFAULT_STORE_BYTES);
        for exchange in store.newest(10).map_err(|error| error.chain())? {
            if exchange.request.key() != exchange.key {
                return Err("an exchange under a key that is not its own".to_owned());
            }
        }
        let snapshot = Snapshot::working_tree(folder.path()).map_err(|error| error.to_string())?;
        let evals = RelPath::new("evals").ok_or("not a path of the repository")?;
        if let Ok(recordings) = Recordings::load(&snapshot, &evals, &PromptName::new("p")) {
            drop(recordings.get(&request().key()));
        }
        Ok(())
    };
    Target { name: "exchanges", run: Box::new(run) }
}

fn locked() -> Target {
    let folder = tempfile::tempdir().expect("a folder");
    let run = move |bytes: &[u8]| {
        fs::write(folder.path().join("llmops.lock"), bytes).expect("written");
        let snapshot = Snapshot::working_tree(folder.path()).map_err(|error| error.to_string())?;
        match Lock::read(&snapshot) {
            Err(found) => {
                drawn(&found, &|_| Some(text(bytes)))?;
                placed(&found, "llmops.lock", bytes)
            }
            Ok(None) => Err("a lock that is there was not seen".to_owned()),
            // What was read is written so that it reads back as the same.
            Ok(Some(lock)) => {
                fs::write(folder.path().join("llmops.lock"), lock.text()).expect("written");
                let again = Snapshot::working_tree(folder.path()).map_err(|error| error.to_string())?;
                let same = Lock::read(&again).is_ok_and(|again| again.is_some_and(|again| again == lock));
                if same { Ok(()) } else { Err("a lock does not read back as it was written".to_owned()) }
            }
        }
    };
    Target { name: "lock", run: Box::new(run) }
}

fn labelled(name: &'static str, file: &'static str) -> Target {
    let run = move |bytes: &[u8]| {
        let cases: BTreeSet<CaseId> = ["a", "b"].into_iter().map(CaseId::new).collect();
        let dimensions = ["faithfulness", "tone"].map(DimensionName::from);
        let scale = Scale::default();
        let path = RelPath::new(file).ok_or("not a path of the repository")?;
        match labels::read(&path, bytes, labels::Expected { cases: &cases, dimensions: &dimensions, scale }) {
            Ok(read) if read.labels.iter().all(|label| (1.0..=5.0).contains(&label.score)) => Ok(()),
            Ok(read) => Err(format!("a label off the scale: {read:?}")),
            Err(found) => {
                drawn(&found, &|_| Some(text(bytes)))?;
                placed(&found, file, bytes)
            }
        }
    };
    Target { name, run: Box::new(run) }
}

fn imported(name: &'static str, file: &'static str) -> Target {
    let run = move |bytes: &[u8]| {
        let folder = TempDir::new().expect("a folder");
        let text = text(bytes);
        let read = |path: &str| match path.ends_with(".csv") {
            true => Ok("question,__expected\nHow?,five\n".to_owned()),
            false => Err("the file is not there".to_owned()),
        };
        let list =
            |glob: &str| Ok(if glob.contains('*') { vec!["cases/one.csv".to_owned()] } else { Vec::new() });
        let (origin, taken, made) = (Origin::default(), BTreeMap::new(), BTreeSet::new());
        let (origin, taken, made) = (&origin, &taken, &made);
        let source = Source { path: file, text: &text, read: &read, list: &list, origin, taken, made };
        let Ok(found) = import(source) else { return Ok(()) };
        for file in &found.files {
            // A name from the source leads nowhere else.
            let path = RelPath::new(&file.path).ok_or("not a path of the repository")?;
            let path = folder.path().join(path.as_str());
            fs::create_dir_all(path.parent().expect("a folder")).map_err(|error| error.to_string())?;
            fs::write(path, &file.text).map_err(|error| format!("{}: {error}", file.path))?;
        }
        let snapshot = Snapshot::working_tree(folder.path()).map_err(|error| error.to_string())?;
        drop(Manifests::load(&snapshot, None));
        Ok(())
    };
    Target { name, run: Box::new(run) }
}

fn pure(name: &'static str, run: impl Fn(&[u8]) -> Held + 'static) -> Target {
    Target { name, run: Box::new(run) }
}

/// Every target, by the name of its corpus.
pub fn all() -> Vec<Target> {
    let file = |name, path| Target { name, run: repository(path, &[]) };
    let row = |name, path, cases| {
        let suite = format!("version: \"1\"\nprompt: p\ncases: {cases}\n");
        Target { name, run: repository(path, &[("evals/s.yaml", &suite)]) }
    };
    let uses = "version: \"1\"\nmodel_target: builtin/extractive\nsystem: \"{{ context }}\"\nretrieval: ../retrieval/kb.yaml\n";
    let tool = "version: \"1\"\nmodel_target: \"gpt-4o-2024-11-20\"\nsystem: Hi\ntools: [tool.json]\n";
    vec![
        file("prompt", "prompts/p.yaml"),
        template(),
        Target { name: "retrieval", run: repository("retrieval/kb.yaml", &[("prompts/p.yaml", uses)]) },
        file("suite", "evals/s.yaml"),
        file("project", "llmops.yaml"),
        Target { name: "tool", run: repository("prompts/tool.json", &[("prompts/p.yaml", tool)]) },
        row("cases_jsonl", "evals/cases/x.jsonl", "cases/x.jsonl"),
        row("cases_yaml", "evals/cases/x.yaml", "cases/x.yaml"),
        row("cases_csv", "evals/cases/x.csv", "cases/x.csv"),
        pure("judge", judged),
        pure("anthropic", |bytes| replied(bytes, |response| anthropic::decode(&request(), response))),
        pure("openai", |bytes| replied(bytes, openai::decode)),
        pure("embeddings", |bytes| replied(bytes, |response| openai_embeddings::decode(2, response))),
        pure("http", |bytes| {
            drop(http::decode(bytes));
            Ok(())
        }),
        locked(),
        pure("deployment", |bytes| {
            let path = RelPath::new("deployments/production.yaml").ok_or("not a path of the repository")?;
            let Err(found) = deployment::read(&path, &text(bytes)) else { return Ok(()) };
            drawn(&found, &|_| Some(text(bytes)))?;
            placed(&found, path.as_str(), text(bytes).as_bytes())
        }),
        kept(),
        labelled("labels_csv", "labels.csv"),
        labelled("labels_jsonl", "labels.jsonl"),
        pure("report", |bytes| {
            let mut rows = 0;
            let report = json::read("x", bytes, &mut |_, case: v1::Case| {
                rows += usize::from(case.id.len() < usize::MAX);
                Ok(())
            });
            match report {
                Ok(report) if report.schema != v1::SCHEMA => Err("another format was read".to_owned()),
                _ => Ok(()),
            }
        }),
        imported("import_promptfoo", "promptfooconfig.yaml"),
        imported("import_github", "greet.prompt.yml"),
        imported("import_prompty", "greet.prompty"),
        pure("calibration", |bytes| {
            let path = RelPath::new("evals/calibrations/s.json").ok_or("not a path of the repository")?;
            drop(Record::read(&path, &text(bytes)));
            Ok(())
        }),
        pure("prices", |bytes| {
            let path = RelPath::new("prices.yaml").ok_or("not a path of the repository")?;
            drop(Prices::load(Some((&path, &text(bytes)))));
            Ok(())
        }),
    ]
}
