//! `init`: what it makes passes `check` and `eval` at once, and it overwrites nothing.

use crate::project::Project;
use crate::stub::{Answer, Stub};
use serde_json::{Value, json};

#[test]
fn a_new_repository_passes_at_once_without_a_key() {
    let project = Project::empty();
    project.git(&["init", "-q"]);
    project.run(&["init"]).exits(0).says("wrote prompts/handbook.yaml");
    project.run(&["check"]).exits(0);
    project.run(&["eval"]).exits(0).says("handbook");
    project.replace("prompts/handbook.yaml", "First version", "mine");
    project.run(&["init"]).exits(0).says("kept  prompts/handbook.yaml");
    assert!(project.read("prompts/handbook.yaml").contains("mine"));
}

#[test]
fn the_key_that_is_set_chooses_the_provider() {
    for (key, model) in [("ANTHROPIC_API_KEY", "claude-"), ("OPENAI_API_KEY", "gpt-")] {
        let project = Project::empty().set(key, "sk-test-0123456789abcdef");
        project.run(&["init"]).exits(0);
        assert!(project.read("prompts/handbook.yaml").contains(&format!("model_target: \"{model}")));
        project.run(&["check"]).exits(0);
        project.run(&["eval", "--offline"]).exits(3);
    }
}

#[test]
fn a_prompt_that_is_broken_on_purpose_is_blocked() {
    let project = Project::empty();
    project.run(&["init"]).exits(0);
    let cases = project.read("evals/cases/handbook.jsonl");
    let without: String = cases
        .lines()
        .map(|line| {
            let mut case: serde_json::Value = serde_json::from_str(line).expect("a case");
            case.as_object_mut().expect("an object").remove("context");
            format!("{case}\n")
        })
        .collect();
    project.write("evals/cases/handbook.jsonl", &without);
    let outcome = project.run(&["eval"]);
    assert_ne!(outcome.code, 0, "{}", outcome.stdout);
}

#[test]
fn with_a_key_the_first_run_asks_that_provider_and_shows_nothing_of_the_key() {
    for (name, variable) in [("anthropic", "ANTHROPIC"), ("openai", "OPENAI")] {
        let stub = Stub::start(move |seen| {
            let text = if seen.is_judge() {
                json!({"reason": "fine", "faithfulness": 5, "relevance": 5}).to_string()
            } else {
                "Twenty-eight days.".to_owned()
            };
            if seen.path.contains("messages") { Answer::anthropic(&text) } else { Answer::openai(&text) }
        });
        let url = if name == "openai" { format!("{}/v1", stub.url) } else { stub.url.clone() };
        let project = Project::empty()
            .set(&format!("{variable}_API_KEY"), "sk-test-0123456789abcdef")
            .set(&format!("{variable}_BASE_URL"), &url);
        let said = project.run(&["init"]).exits(0).says(&format!("runs on {name}")).says("eval --plan");
        assert!(!said.stdout.contains("0123456789"), "{}", said.stdout);
        project.run(&["check"]).exits(0);
        project.run(&["eval", "--plan"]).exits(0);
        assert_eq!(stub.count(), 0, "{name}: init, check and --plan call nobody");
        project.run(&["eval"]).exits(0).says("handbook");
        assert_eq!(stub.count(), 32, "{name}: 16 cases, each answered and judged");
    }
}

#[test]
fn whatever_is_written_fits_its_schema_and_names_it() {
    for key in ["", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"] {
        for folders in ["", "paths: {prompts: llm/prompts, evals: llm/evals}\n"] {
            let project = Project::empty();
            let project = if key.is_empty() { project } else { project.set(key, "sk-test-0123456789abcdef") };
            let (prompts, evals) =
                if folders.is_empty() { ("prompts", "evals") } else { ("llm/prompts", "llm/evals") };
            if !folders.is_empty() {
                project.write("llmops.yaml", folders);
            }
            project.run(&["init"]).exits(0);
            project.run(&["check"]).exits(0).says("1 prompt, 1 suite");
            for (kind, path) in
                [("prompt", format!("{prompts}/handbook.yaml")), ("suite", format!("{evals}/handbook.yaml"))]
            {
                let text = project.read(&path);
                let named = text.lines().next().and_then(|line| line.split("$schema=").nth(1)).expect(&path);
                let schema = project.path(&path).parent().expect("a folder").join(named);
                let schema = std::fs::read_to_string(schema).expect(named);
                let printed = project.run(&["schema", kind]).exits(0).json();
                let schema: Value = serde_json::from_str(&schema).expect("JSON");
                assert_eq!(schema, printed, "{path}");
                let validator = jsonschema::draft202012::new(&schema).expect("a schema");
                let manifest = serde_yaml::from_str(&text).expect("YAML");
                assert!(validator.is_valid(&manifest), "{path}: {text}");
            }
            let attributes = project.read(".gitattributes");
            assert!(attributes.contains(&format!("{prompts}/** text eol=lf diff=llmops")), "{attributes}");
            let workflow = project.read(".github/workflows/llmops.yml");
            assert!(!workflow.contains("@KEYS@") && workflow.contains("llmops eval"), "{workflow}");
        }
    }
}

#[test]
fn where_prompts_are_already_no_example_is_written_and_nothing_is_touched() {
    let mine = "version: \"1\"\nmodel_target: builtin/extractive\nsystem: Hello\n";
    let project = Project::new(&[("prompts/mine.yaml", mine), (".gitignore", "target/\n")]);
    project
        .run(&["init"])
        .exits(0)
        .says("prompts here already (prompts/mine.yaml)")
        .says("add `.env` to .gitignore")
        .says("no git repository");
    assert!(!project.path("prompts/handbook.yaml").exists() && !project.path("evals").exists());
    assert_eq!(
        (project.read("prompts/mine.yaml").as_str(), project.read(".gitignore").as_str()),
        (mine, "target/\n")
    );
    project.run(&["check"]).exits(0);
}

#[test]
fn a_second_time_nothing_is_written_and_a_part_that_is_missing_is() {
    let project = Project::empty();
    let first = project.run(&["init", "--json"]).exits(0).json();
    assert_eq!(first["schema"], "llmops/init/v1");
    assert_eq!(first["written"].as_array().map(Vec::len), Some(9));
    let second = project.run(&["init", "--json"]).exits(0).json();
    assert_eq!(second["written"].as_array().map(Vec::len), Some(0));
    assert_eq!(second["kept"], first["written"]);
    project.git(&["init", "-q"]);
    project.write("notes.txt", "not committed");
    std::fs::remove_file(project.path("evals/handbook.yaml")).expect("it is there");
    let third = project.run(&["init", "--json"]).exits(0).json();
    assert_eq!(third["written"], json!(["evals/handbook.yaml"]));
    project.run(&["eval"]).exits(0);
}

#[test]
fn with_both_keys_the_judge_is_of_another_vendor_and_a_broken_project_file_is_said() {
    let key = "sk-test-0123456789abcdef";
    let project = Project::empty().set("ANTHROPIC_API_KEY", key).set("OPENAI_API_KEY", key);
    project.run(&["init"]).exits(0);
    assert!(project.read("prompts/handbook.yaml").contains("claude-"));
    assert!(project.read("evals/handbook.yaml").contains("gpt-4o"));
    let checked = project.run(&["check"]).exits(0);
    assert!(!checked.stderr.contains("same-family-judge"), "{}", checked.stderr);

    let broken = Project::new(&[("llmops.yaml", "pathz: {prompts: p}\n")]);
    broken.run(&["init"]).exits(2).says("unknown key `pathz`");
    assert!(!broken.path("prompts").exists());
}

#[test]
fn prompts_without_a_suite_are_told_how_to_write_one() {
    let prompt = "version: 1\nmodel_target: builtin/extractive\nsystem: Hi\n";
    let project = Project::new(&[("prompts/a.yaml", prompt)]);
    let outcome = project.run(&["eval"]).says("write evals/a.yaml with three lines").exits(4);
    assert!(!outcome.stderr.contains("llmops init"), "{}", outcome.stderr);
    project.write("evals/a.yaml", "version: \"1.0.0\"\nprompt: a\ncases: [{input: \"hi\"}]\n");
    project.run(&["check"]).exits(0);
}

#[test]
fn a_misspelt_filter_gets_a_suggestion() {
    let prompt = "version: 1\nmodel_target: builtin/extractive\nsystem: '{{ input | uper }}'\n";
    let project = Project::new(&[("prompts/a.yaml", prompt)]);
    project.run(&["render", "a", "--var", "input=x"]).exits(2).says("did you mean `upper`?");
}
