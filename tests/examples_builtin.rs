//! The examples and this repository's own suites hold on the built-in models with a margin, and what a newcomer
//! would break turns them red. The templates are rendered here by minijinja alone, so that this test says
//! something about the content and not about the rooms that run it.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test says what it expected")]

use llmops::call::{builtin, exec};
use llmops::domain::exchange::OutputSchema;
use llmops::domain::{Message, Parameters, Request, Role};
use llmops::manifest::project::{Api, ProviderConfig};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn cases(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a case")).collect()
}

/// A small repository with one prompt and one suite.
struct Example {
    root: PathBuf,
    prompt: Value,
    cases: Vec<Value>,
    /// What is taken out of the text of the schema.
    lost_from_schema: &'static str,
}

impl Example {
    fn open(root: &str, prompt: &str, cases_file: &str) -> Self {
        let root = PathBuf::from(root);
        let prompt = yaml(&root.join("prompts").join(format!("{prompt}.yaml")));
        let cases = cases(&root.join("evals").join(cases_file));
        Self { root, prompt, cases, lost_from_schema: "" }
    }

    /// The same, with a text of the prompt replaced: what a newcomer might do to it.
    fn broken(mut self, key: &str, from: &str, to: &str) -> Self {
        let text = self.prompt[key].as_str().expect("a template");
        assert!(text.contains(from), "`{key}` has no {from}");
        self.prompt[key] = Value::from(text.replace(from, to));
        self
    }

    fn text(&self, key: &str) -> &str {
        self.prompt[key].as_str().unwrap_or("{{ input }}")
    }

    fn request(&self, case: &Value) -> Request {
        let mut vars = case.get("vars").and_then(Value::as_object).cloned().unwrap_or_default();
        if let Some(input) = case.get("input") {
            vars.insert("input".to_owned(), input.clone());
        }
        let mut environment = minijinja::Environment::new();
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        environment.set_loader(minijinja::path_loader(self.root.join("prompts")));
        let mut known: Map<String, Value> = vars.clone();
        known.insert("context".to_owned(), case.get("context").cloned().unwrap_or(json!([])));
        let render = |key: &str| {
            environment.render_str(self.text(key), minijinja::value::Serde(&known)).expect("renders")
        };
        let schema = self.prompt.pointer("/output/schema").and_then(Value::as_str).map(|path| {
            let text = fs::read_to_string(self.root.join("prompts").join(path)).expect("a schema");
            assert!(text.contains(self.lost_from_schema));
            let text = text.replace(self.lost_from_schema, "");
            serde_json::from_str(&text).expect("a JSON Schema")
        });
        Request {
            provider: "builtin".into(),
            api: "builtin".into(),
            model: self.text("model_target").into(),
            messages: vec![
                Message::new(Role::System, render("system")),
                Message::new(Role::User, render("user")),
            ],
            tools: Vec::new(),
            parameters: Parameters::default(),
            output: schema.map(|schema| OutputSchema { name: "output".into(), schema, strict: true }),
            json: false,
            trial: 0,
            data: json!({"vars": vars, "context": case.get("context").cloned().unwrap_or(json!([]))}),
            inputs: None,
            cacheable: true,
        }
    }
}

/// The judge's scores of one answer.
fn judged(data: &Value, dimensions: &[&str]) -> Value {
    let mut data = data.clone();
    data["dimensions"] = dimensions.iter().map(|name| json!({"name": name, "description": name})).collect();
    data["scale"] = json!({"min": 1.0, "max": 5.0, "step": 1.0});
    let request = Request {
        provider: "builtin".into(),
        api: "builtin".into(),
        model: builtin::LEXICAL.into(),
        messages: Vec::new(),
        tools: Vec::new(),
        parameters: Parameters::default(),
        output: None,
        json: false,
        trial: 0,
        data,
        inputs: None,
        cacheable: true,
    };
    serde_json::from_str(&builtin::reply(&request).expect("a judgement").text).expect("one JSON object")
}

/// The mean score over all cases, and the cases whose own `contains` asserts fail.
fn gate(example: &Example, answer: impl Fn(&Request) -> (String, Value)) -> (f64, Vec<String>) {
    let (mut sum, mut failed) = (0.0, Vec::new());
    for case in &example.cases {
        let id = case["id"].as_str().expect("an id");
        let (output, context) = answer(&example.request(case));
        let data = json!({"input": case["input"], "vars": {}, "context": context,
                          "expected": case["expected"], "output": output});
        // Without context, faithfulness is not applicable.
        let applicable: &[&str] = if context.as_array().is_some_and(|chunks| !chunks.is_empty()) {
            &["faithfulness", "relevance"]
        } else {
            &["relevance"]
        };
        let scores = judged(&data, applicable);
        let total: f64 = applicable.iter().map(|name| scores[name].as_f64().expect("a score")).sum();
        let score = total / if applicable.len() == 2 { 2.0 } else { 1.0 };
        sum += score;
        let holds = |check: &Value| output.contains(check["value"].as_str().expect("a text"));
        let fine = case.get("assert").and_then(Value::as_array).is_none_or(|checks| checks.iter().all(holds));
        if !fine {
            failed.push(id.to_owned());
        }
        if !fine || score < 4.0 {
            println!("{id}: {score} {output:?} {scores}");
        }
    }
    let count = u32::try_from(example.cases.len()).expect("few cases");
    let mean = sum / f64::from(count);
    println!("mean {mean:.3}, {} of {count} with a failed assert", failed.len());
    (mean, failed)
}

fn extractive(request: &Request) -> (String, Value) {
    (builtin::reply(request).expect("a reply").text, request.data["context"].clone())
}

/// The article beside the relevant one that a case is shown here: what a retriever might find second.
const SECOND: [(&str, &str); 38] = [
    ("return-deadline", "refunds"),
    ("return-cost", "delivery"),
    ("return-in-shop", "shops"),
    ("return-start", "orders"),
    ("return-curtains", "warranty"),
    ("refund-time", "returns"),
    ("refund-where", "payment"),
    ("refund-gift-card", "gift-cards"),
    ("delivery-time", "abroad"),
    ("delivery-free", "payment"),
    ("delivery-express", "abroad"),
    ("delivery-tracking", "account"),
    ("delivery-furniture", "warranty"),
    ("abroad-switzerland", "delivery"),
    ("abroad-uk", "delivery"),
    ("warranty-lamp", "shops"),
    ("warranty-scratches", "returns"),
    ("warranty-claim", "returns"),
    ("order-cancel", "payment"),
    ("order-address", "account"),
    ("order-add-item", "delivery"),
    ("payment-methods", "gift-cards"),
    ("payment-charged", "refunds"),
    ("payment-instalments", "gift-cards"),
    ("gift-card-valid", "payment"),
    ("gift-card-cash", "refunds"),
    ("account-password", "orders"),
    ("account-delete", "orders"),
    ("shop-sunday", "returns"),
    ("shop-collect", "delivery"),
    ("returns-own-words", "warranty"),
    ("refund-impatient", "returns"),
    ("delivery-own-words", "orders"),
    ("warranty-broken-shade", "returns"),
    ("order-too-late", "returns"),
    ("payment-on-account", "orders"),
    ("gift-card-lost", "account"),
    ("shop-repair", "warranty"),
];

/// The cases without a context of their own are given the relevant article, and a second one.
fn support() -> Example {
    let mut example = Example::open("examples/support", "customer_support", "cases/customer_support.jsonl");
    for case in &mut example.cases {
        if case.get("context").is_none() {
            let relevant = case["relevant"].as_array().expect("relevant sources").clone();
            let id = case["id"].as_str().expect("an id");
            let (_, second) = SECOND.iter().find(|(case, _)| *case == id).expect(id);
            let second = json!(format!("kb/{second}.md"));
            case["context"] = relevant.iter().chain([&second]).map(article).collect();
        }
    }
    example
}

fn article(source: &Value) -> Value {
    let path = source.as_str().expect("a source");
    let text = fs::read_to_string(Path::new("examples/support").join(path)).expect(path);
    json!({"text": text, "source": path})
}

const LOOP: &str = "{% for article in context %}\n<document source=\"{{ article.source }}\">\n{{ article.text }}\n</document>\n{% endfor %}\n";

#[test]
fn support_passes_with_a_margin() {
    let example = support();
    assert!(example.cases.len() >= 25);
    let required = example.prompt["eval_score_required"].as_f64().expect("a threshold");
    let (mean, failed) = gate(&example, extractive);
    assert!(failed.is_empty(), "{failed:?}");
    assert!(mean >= required + 0.3, "{mean}");
}

#[test]
fn support_without_its_articles_is_red() {
    let required = support().prompt["eval_score_required"].as_f64().expect("a threshold");
    let (mean, failed) = gate(&support().broken("system", LOOP, ""), extractive);
    assert!(mean < required - 0.5, "{mean}");
    assert!(failed.len() > 20, "{failed:?}");
    let mut withheld = support();
    for case in &mut withheld.cases {
        case["context"] = json!([]);
    }
    let (mean, _) = gate(&withheld, extractive);
    assert!(mean < required - 0.5, "{mean}");
}

#[test]
fn support_without_its_tone_is_red() {
    let (_, failed) = gate(&support().broken("system", "{% include \"shared/tone.j2\" %}\n", ""), extractive);
    assert_eq!(failed, ["out-wine", "out-weather", "out-poem", "out-injection"]);
}

#[test]
fn support_cases_pin_the_articles_as_they_stand() {
    for case in support().cases {
        for chunk in case["context"].as_array().expect("context") {
            let source = chunk["source"].as_str().expect("a source");
            let article = fs::read_to_string(Path::new("examples/support").join(source)).expect(source);
            assert_eq!(chunk["text"], article, "{} of {}", source, case["id"]);
        }
    }
}

fn extraction() -> Example {
    Example::open("examples/extraction", "invoice", "cases/invoice.jsonl")
}

/// The cases whose answer is not the expected object.
fn wrong(example: &Example) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in &example.cases {
        let (output, _) = extractive(&example.request(case));
        let read: Value = serde_json::from_str(&output).expect("JSON");
        // 1180 and 1180.0 are one number.
        let same = case["expected"].as_object().expect("an object").iter().all(|(name, value)| {
            read.get(name).is_some_and(|found| match (found.as_f64(), value.as_f64()) {
                (Some(found), Some(value)) => (found - value).abs() < 1e-9,
                _ => found == value,
            })
        });
        if !same || read.as_object().map(Map::len) != case["expected"].as_object().map(Map::len) {
            println!("{}: {output}\n  expected {}", case["id"], case["expected"]);
            wrong.push(case["id"].as_str().expect("an id").to_owned());
        }
    }
    wrong
}

#[test]
fn extraction_reads_every_invoice_and_is_red_when_it_loses_the_mail() {
    let example = extraction();
    assert!(example.cases.len() >= 22);
    assert_eq!(wrong(&example), Vec::<String>::new());
    let lost = wrong(&extraction().broken("user", "{{ email }}", ""));
    let mut unlabelled = extraction();
    unlabelled.lost_from_schema = ", `To pay`";
    assert_eq!(wrong(&unlabelled), ["to-pay"]);
    assert_eq!(lost.len(), example.cases.len() - 1, "all but the mail without an invoice: {lost:?}");
}

#[test]
fn the_application_passes_with_a_margin_and_is_red_without_its_words() {
    let example = Example::open("examples/app", "menu", "cases/menu.jsonl");
    let project = yaml(&example.root.join("llmops.yaml"));
    let mut config = ProviderConfig::new("cafe".into(), Api::Exec);
    config.command =
        serde_json::from_value(project["providers"]["cafe"]["command"].clone()).expect("a command");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let call = |request: &Request| {
        let done = exec::run(request, &config, Path::new("examples/app"), Duration::from_secs(120));
        let reply = runtime.block_on(done).expect("a reply of the application");
        (reply.text, serde_json::to_value(reply.context.unwrap_or_default()).expect("chunks"))
    };
    assert!(example.cases.len() >= 20);
    let required = example.prompt["eval_score_required"].as_f64().expect("a threshold");
    let (mean, failed) = gate(&example, call);
    assert!(failed.is_empty(), "{failed:?}");
    assert!(mean >= required + 0.3, "{mean}");
    let words = "say \"I do not know that; please call us and we will find out.\"";
    let mut broken = example.broken("system", words, "guess");
    broken.cases.retain(|case| case["tags"]["topic"] != "price");
    let (_, failed) = gate(&broken, call);
    assert_eq!(failed, ["out-football", "out-history", "out-injection"]);
}

/// What a `json-path` assert of these suites says of an object.
fn holds(check: &Value, object: &Value) -> bool {
    let name = check["path"].as_str().and_then(|path| path.strip_prefix("$.")).expect("a path");
    let value = object[name].as_f64().expect("a number");
    match (check["gte"].as_f64(), check["lte"].as_f64()) {
        (Some(least), None) => value >= least,
        (None, Some(most)) => value <= most,
        _ => panic!("{check} has no bound"),
    }
}

#[test]
fn the_judges_own_suites_hold() {
    for (rubric, least) in [("rag", 25), ("answer", 24)] {
        let prompt = yaml(&Path::new("prompts/judges").join(format!("{rubric}.yaml")));
        let names = prompt["dimensions"].as_object().expect("dimensions");
        let names: Vec<&str> = names.keys().map(String::as_str).collect();
        let cases = cases(&Path::new("evals/judges/cases").join(format!("{rubric}.jsonl")));
        assert!(cases.len() >= least);
        let mut failed = Vec::new();
        for case in &cases {
            let data = json!({"vars": case["vars"], "context": case.get("context")});
            let scores = judged(&data, &names);
            for check in case["assert"].as_array().expect("asserts") {
                if !holds(check, &scores) {
                    failed.push(format!("{}: {} of {scores}", case["id"], check["path"]));
                }
            }
        }
        assert!(failed.is_empty(), "{rubric}:\n{}", failed.join("\n"));
    }
}
