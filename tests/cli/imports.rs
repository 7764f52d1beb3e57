//! `import`: configurations as people write them become repositories that pass `check`; what is lost is listed.

use crate::project::Project;

/// Configurations in the manner of those found in public repositories: file name, text.
const CONFIGURATIONS: &[(&str, &str)] = &[
    (
        "promptfooconfig.yaml",
        "description: Translation\nprompts:\n  - 'Translate to {{language}}: {{text}}'\nproviders:\n  - openai:gpt-4o-mini\ntests:\n  - vars: {language: French, text: Hello}\n    assert:\n      - {type: icontains, value: bonjour}\n  - vars: {language: German, text: Hello}\n    assert:\n      - {type: contains-any, value: [Hallo, Guten Tag]}\n",
    ),
    (
        "harness.yaml",
        "prompts: ['{{x}}']\nproviders:\n  - id: exec:python3 app.py\n    label: app\ndefaultTest:\n  assert:\n    - {type: latency, threshold: 3000}\ntests:\n  - vars: {x: hi}\n    assert: [{type: javascript, value: file://check.js}]\n",
    ),
    (
        "json.yaml",
        "prompts:\n  - |\n    Extract JSON from: {{doc}}\nproviders:\n  - id: openai:gpt-4o-2024-08-06\n    config: {temperature: 0, max_tokens: 300, response_format: {type: json_object}}\ndefaultTest:\n  assert:\n    - type: is-json\n      value: {type: object, required: [total]}\ntests:\n  - vars: {doc: 'Total 12 EUR'}\n    assert:\n      - type: javascript\n        value: JSON.parse(output).total === 12\n      - type: javascript\n        value: |\n          const r = JSON.parse(output);\n          return r.currency === 'EUR';\n",
    ),
    (
        "rubric.yaml",
        "prompts: ['Answer: {{question}}']\nproviders: [anthropic:messages:claude-sonnet-4-20250514]\ndefaultTest:\n  options: {provider: openai:gpt-4o}\n  assert:\n    - {type: llm-rubric, value: Is polite and does not apologise}\ntests:\n  - vars: {question: Why?}\n    assert:\n      - {type: llm-rubric, value: 'Explains {{question}} in one sentence', threshold: 0.8}\n      - {type: not-contains, value: 'As an AI'}\n",
    ),
    (
        "self.yaml",
        "prompts: ['{{q}}']\nproviders: [openai:gpt-4o-2024-08-06]\ntests:\n  - vars: {q: a}\n    assert: [{type: factuality, value: Paris, provider: openai:gpt-4o-2024-08-06}]\n",
    ),
    (
        "csv.yaml",
        "prompts: [file://prompt.txt]\nproviders: [openai:chat:gpt-4.1-mini]\ntests: file://cases.csv\n",
    ),
    (
        "lines.yaml",
        "prompts: ['{{input}}']\nproviders: [anthropic:claude-3-5-sonnet-20241022]\ntests: [file://cases.jsonl, {vars: {input: inline}}]\n",
    ),
    (
        "chat.yaml",
        "prompts:\n  - '[{\"role\": \"system\", \"content\": \"Be brief\"}, {\"role\": \"user\", \"content\": \"{{q}}\"}]'\n  - file://chat.json\nproviders: [openai:gpt-4o-2024-08-06, ollama:chat:llama3.1:8b]\ntests: [{vars: {q: hi}}]\n",
    ),
    (
        "matrix.yaml",
        "prompts: ['Write about {{topic}} as a {{style}}']\nproviders: [openai:o3-mini]\ntests:\n  - vars: {topic: [bees, bananas], style: [poem, haiku]}\n    assert: [{type: contains, value: '{{topic}}'}]\n",
    ),
    (
        "braces.yaml",
        "prompts: ['Summarise {full_text} for {{reader}}']\nproviders: [bedrock:anthropic.claude-v2]\npassRateThreshold: 0.85\nmaxConcurrency: 3\nrepeat: 3\ntests: [{vars: {reader: me, full_text: long}}]\n",
    ),
    ("empty.yaml", "prompts: ['{{a}}']\nproviders: [echo]\ntests: []\n"),
    (
        "rag.yaml",
        "prompts: ['Context: {{context}} Question: {{query}}']\nproviders:\n  - openai:gpt-4o-2024-08-06:\n      temperature: 1.5\n      top_k: 4\ntests:\n  - vars: {query: refunds?, context: 'Refunds take five days. {{ env.SECRET }}'}\n    assert:\n      - {type: context-faithfulness, threshold: 0.9}\n      - {type: answer-relevance, threshold: 0.7}\n      - {type: cost, threshold: 0.002}\n      - {type: similar, value: five days}\n",
    ),
    (
        "odd.yaml",
        "prompts:\n  - '{{ items | myfilter }} {% for i in items %}{{ i.name }}{% endfor %}'\n  - '{{ unclosed'\n  - 'Hi {{ name | upper }} {{ env.KEY }}'\n  - {label: With a label, raw: 'Hi {{name}}'}\nproviders: [vertex:gemini-2.0-flash]\ntests:\n  - vars: {name: Bo, items: {a: 1}}\n  - {vars: {}, description: nothing given}\n",
    ),
    (
        "sets.yaml",
        "prompts: ['{{q}}']\nproviders: [{id: anthropic:messages:claude-3-haiku-20240307, config: {temperature: 1.2, seed: 3, tools: []}}]\nscenarios: []\ntests:\n  - vars: {q: a}\n    threshold: 0.5\n    options: {transform: output.trim()}\n    assert:\n      - type: assert-set\n        threshold: 0.5\n        assert:\n          - {type: regex, value: '(?=x)'}\n          - {type: starts-with, value: A}\n      - {type: equals, value: {a: 1}}\n      - {type: contains-all, value: 'a, b'}\n      - {type: javascript, value: 'output.length > 2 && output.length < 50'}\n      - {type: word-count, value: {max: 20}}\n      - {type: contains, value: ''}\n      - {type: is-sql}\n      - {type: icontains, value: z, weight: 0}\n      - {type: icontains, value: z, weight: 2, metric: zeta}\n",
    ),
    (
        "typo.yaml",
        "prompts: ['{{q}}']\nproviders: [azureopenai:chat:my-deployment]\ndefaultTests: {assert: [{type: is-json}]}\ntests:\n  - vars: {q: a}\n    asserts: [{type: contains, value: b}]\n",
    ),
    (
        "summary.prompt.yml",
        "name: Summarise\ndescription: Sums up\nmodel: openai/gpt-4o-mini\nmodelParameters: {temperature: 0.3, maxTokens: 200}\nmessages:\n  - {role: system, content: 'You sum up. {% not jinja %}'}\n  - {role: user, content: 'Sum up: {{input}}'}\ntestData:\n  - {input: A long text, expected: short}\nevaluators:\n  - {name: has it, string: {contains: '{{expected}}'}}\n  - {name: similarity, uses: github/similarity}\n  - name: quality\n    llm:\n      modelId: openai/gpt-4o\n      prompt: 'Rate {{completion}}'\n      choices: [{choice: a, score: 1}]\n",
    ),
    ("bare.prompt.yml", "messages:\n  - {role: user, content: 'Hello {{name}}'}\nmodel: meta/llama-3-8b\n"),
    (
        "current.prompty",
        "---\nname: Guide\ndescription: A guide\nmodel:\n  id: gpt-4o-2024-08-06\n  options: {temperature: 0.5, maxOutputTokens: 90}\ninputs:\n  - {name: question, kind: string, default: Where?}\n---\nsystem:\nYou are a guide.\n\nuser:\n{{question}}\n",
    ),
    (
        "legacy.prompty",
        "---\nname: Chat\nauthors: [me]\nmodel:\n  api: chat\n  configuration: {type: azure_openai, azure_deployment: gpt-35, azure_endpoint: 'https://x.example'}\n  parameters: {max_tokens: 3000}\nsample:\n  firstName: Jane\n  chat_history: [{role: user, content: hi}]\n---\nsystem:\nHello {{firstName}}.\n{% for item in chat_history %}\n{{item.role}}: {{item.content}}\n{% endfor %}\n![image](a.png)\nuser:\nGo on.\n",
    ),
    (
        "mustache.prompty",
        "---\nname: M\ntemplate: {format: mustache}\nmodel: {id: claude-sonnet-4-20250514, provider: anthropic}\nsample: {who: Ann}\n---\nuser:\nHi {{who}} {{#each}}x{{/each}}\n",
    ),
];

const BESIDE: &[(&str, &str)] = &[
    ("prompt.txt", "Classify: {{text}}\n"),
    (
        "cases.csv",
        "text,__expected,__description\n\"good, really\",contains: positive,a good one\nbad,\"icontains-any: negative, poor\",\nneutral,is-json,\nodd,fn:output.length < 20,\nplain,exactly this,\n",
    ),
    (
        "cases.jsonl",
        "{\"vars\": {\"input\": \"one\"}, \"assert\": [{\"type\": \"is-refusal\"}]}\n{\"vars\": {\"input\": \"two\"}}\n",
    ),
    (
        "chat.json",
        "[{\"role\": \"system\", \"content\": \"Be kind\"}, {\"role\": \"user\", \"content\": \"{{q}}\"}, {\"role\": \"assistant\", \"content\": \"Sure\"}]",
    ),
];

#[test]
fn whatever_is_imported_passes_check() {
    for (name, text) in CONFIGURATIONS {
        let project = Project::new(&[(&format!("old/{name}"), text)]);
        BESIDE.iter().for_each(|(path, text)| project.write(&format!("old/{path}"), text));
        let outcome = project.run(&["--json", "-C", ".", "import", &format!("old/{name}")]).exits(0).json();
        assert!(!outcome["written"].as_array().expect("files").is_empty(), "{name}");
        let checked = project.run(&["-C", ".", "check"]);
        assert_eq!(checked.code, 0, "{name}: {outcome:#}\n{}", checked.stderr);
        let again = project.run(&["--json", "-C", ".", "import", &format!("old/{name}")]).exits(0).json();
        assert_eq!(again["written"].as_array().map(Vec::len), Some(0), "{name} was written over");
    }
}

#[test]
fn strict_ends_with_one_on_a_loss_and_names_its_line() {
    let exact = "prompts: ['Hi {{q}}']\nproviders: [openai:gpt-4o-2024-08-06]\ntests: [{vars: {q: a}, assert: [{type: contains, value: a}]}]\n";
    let project = Project::new(&[("exact.yaml", exact), ("lossy.yaml", CONFIGURATIONS[9].1)]);
    project.run(&["-C", ".", "import", "--strict", "exact.yaml"]).exits(0).says("Nothing was lost");
    project
        .run(&["-C", ".", "import", "--strict", "lossy.yaml"])
        .exits(1)
        .says("lossy.yaml:3: ignored by the source: passRateThreshold");
    project.run(&["-C", ".", "import", "missing.yaml"]).exits(2);
    project.write("none.yaml", "a: 1\n");
    project.run(&["-C", ".", "import", "none.yaml"]).exits(2).says("holds no prompt");
}

#[test]
fn a_configuration_names_nothing_outside_its_folder() {
    let project = Project::new(&[
        ("in/a.yaml", "prompts: [file://../secret.txt]\nproviders: [echo]\n"),
        ("secret.txt", "hidden"),
    ]);
    project.run(&["-C", ".", "import", "in/a.yaml"]).exits(2);
}

const ELSEWHERE: &str = "prompts: ['{{q}}']\nproviders:\n  - groq:llama-3.3-70b-versatile\n  - exec:python3 app.py\n  - id: openai:chat:qwen\n    config: {apiBaseUrl: 'http://localhost:1234/v1'}\ntests: [{vars: {q: a}}]\n";

#[test]
fn providers_become_a_project_file_and_one_that_is_there_is_never_written_to() {
    let project = Project::new(&[("p.yaml", ELSEWHERE)]);
    project.run(&["-C", ".", "import", "p.yaml"]).exits(0).says("wrote llmops.yaml");
    project.run(&["-C", ".", "check"]).exits(0).says("3 prompts");
    assert!(project.read("llmops.yaml").contains("api_key_env: GROQ_API_KEY"));

    let own = "providers:\n  mine: {api: openai, base_url: \"http://localhost:1/v1\"}\n";
    let project = Project::new(&[("p.yaml", ELSEWHERE), ("llmops.yaml", own)]);
    let said =
        project.run(&["-C", ".", "import", "p.yaml"]).exits(0).says("kept  llmops.yaml (it was there)");
    assert_eq!(project.read("llmops.yaml"), own);
    project.run(&["-C", ".", "check"]).exits(2).says("there is no provider `groq`");
    // What was printed is what is missing.
    let entries =
        said.stdout.split("providers:\n").nth(1).expect("entries").split("\n\n").next().expect("entries");
    project.write("llmops.yaml", &format!("{own}{entries}\n"));
    project.run(&["-C", ".", "check"]).exits(0);
    let again = project.run(&["--json", "-C", ".", "import", "p.yaml"]).exits(0).json();
    assert!(again["providers_to_add"].is_null(), "{again:#}");
}

#[test]
fn a_manifest_says_who_imported_it_and_from_which_commit() {
    let project = Project::new(&[("old/p.yaml", ELSEWHERE)]);
    project.git(&["init", "-q"]);
    project.git(&["config", "user.name", "Ann"]);
    project.git(&["config", "user.email", "ann@example.invalid"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "first"]);
    let head = project.git(&["rev-parse", "HEAD"]);
    project.run(&["import", "old/p.yaml"]).exits(0);
    let manifest = project.read("prompts/p_qwen.yaml");
    assert!(manifest.contains("author: Ann <ann@example.invalid>"), "{manifest}");
    assert!(manifest.contains(&format!("imported from old/p.yaml@{}", &head[..12])), "{manifest}");
    assert!(manifest.contains(&format!("imported_commit: {head}")), "{manifest}");
    // What was changed since is in no commit.
    project.replace("old/p.yaml", "vars: {q: a}", "vars: {q: b}");
    project.run(&["import", "--out", "new", "old/p.yaml"]).exits(0);
    assert!(!project.read("new/prompts/p_qwen.yaml").contains("imported_commit"));
    project.run(&["-C", "new", "check"]).exits(0);
}

#[test]
fn globs_of_prompts_and_tests_are_followed_inside_the_repository_alone() {
    let project = Project::new(&[
        (
            "in/a.yaml",
            "prompts: [file://prompts/*.txt, file://../*.txt]\nproviders: [openai:gpt-4o-2024-08-06]\ntests: file://tests/*.yaml\n",
        ),
        ("in/prompts/one.txt", "One {{q}}"),
        ("in/prompts/two.txt", "Two {{q}}"),
        ("in/tests/a.yaml", "- vars: {q: a}\n- vars: {q: b}\n"),
        ("in/tests/b.yaml", "- vars: {q: c}\n"),
        ("secret.txt", "hidden"),
    ]);
    let said = project.run(&["-C", ".", "import", "in/a.yaml"]).exits(0).says("../*.txt");
    assert!(!said.stdout.contains("hidden"));
    assert_eq!(project.read("evals/cases/a.jsonl").lines().count(), 3);
    project.run(&["-C", ".", "check"]).exits(0).says("2 prompts, 2 suites");
}

const PLAIN: &str = "prompts: ['Hi {{q}}']\nproviders: [openai:gpt-4o-2024-08-06]\ntests: [{vars: {q: a}}]\n";

#[test]
fn two_sources_of_one_name_are_both_written_and_a_foreign_file_leaves_its_source_unwritten() {
    let project = Project::new(&[("one/b.yaml", PLAIN), ("two/b.yaml", &PLAIN.replace("Hi", "Hello"))]);
    project
        .run(&["-C", ".", "import", "--strict", "one/b.yaml", "two/b.yaml"])
        .exits(0)
        .says("Nothing was lost");
    assert!(
        project.read("prompts/b.yaml").contains("Hi ") && project.read("prompts/b_2.yaml").contains("Hello ")
    );
    assert!(project.read("evals/b_2.yaml").contains("cases/b_2.jsonl"));
    project.run(&["-C", ".", "check"]).exits(0).says("2 prompts, 2 suites");
    // The same again is no loss: it is there.
    project.run(&["-C", ".", "import", "--strict", "one/b.yaml", "two/b.yaml"]).exits(0);

    let project = Project::new(&[("b.yaml", PLAIN), ("prompts/b.yaml", "version: 1\n")]);
    let lossy = project.run(&["-C", ".", "--json", "import", "--strict", "b.yaml"]).exits(1).json();
    assert_eq!(lossy["losses"][0]["what"], "prompts/b.yaml", "{lossy:#}");
    assert!(!project.path("evals/b.yaml").exists(), "half of a source is none of it");
}

#[test]
fn where_one_source_cannot_be_read_none_is_written_and_its_place_is_said() {
    let project = Project::new(&[("ok.yaml", PLAIN), ("broken.yaml", "prompts: ['a']\nproviders: [\n")]);
    let said = project.run(&["-C", ".", "--json", "import", "ok.yaml", "broken.yaml"]).exits(2).json();
    let found = &said["diagnostics"][0];
    assert_eq!((found["path"].as_str(), found["line"].is_u64()), (Some("broken.yaml"), true), "{said:#}");
    assert!(!project.path("prompts/ok.yaml").exists());
}

#[test]
fn nothing_is_cut_off_at_a_limit() {
    let project = Project::new(&[
        ("a.yaml", "prompts: [file://p/*.txt]\nproviders: [openai:gpt-4o-2024-08-06]\n"),
        ("big.yaml", "prompts: ['{{q}}']\nproviders: [openai:gpt-4o-2024-08-06]\ntests: file://big.csv\n"),
    ]);
    (0..300).for_each(|n| project.write(&format!("p/{n}.txt"), "Hi"));
    project.run(&["-C", ".", "import", "a.yaml"]).exits(0);
    assert!(project.path("prompts/a_300.yaml").exists());
    (300..1_001).for_each(|n| project.write(&format!("p/{n}.txt"), "Hi"));
    project.run(&["-C", ".", "import", "a.yaml"]).exits(2).says("more than 1000 files");
    project.write("big.csv", &format!("q\n{}", "0123456789abcdef\n".repeat(1 << 20)));
    project.run(&["-C", ".", "import", "--strict", "big.yaml"]).exits(1).says("larger than 16 MiB");
}

#[test]
fn files_of_keys_are_never_copied() {
    let secret = "OPENAI_API_KEY=hunter2hunter2";
    for (path, named) in
        [(".env", "file://.env"), ("x/.env.local", "file://x/.env.local"), (".git/config", "file://*/config")]
    {
        let project = Project::new(&[
            (
                "a.yaml",
                &format!(
                    "prompts: [\"{named}\", 'Hi {{{{q}}}}']\nproviders: [openai:gpt-4o-2024-08-06]\ntests: [{{vars: {{q: \"{named}\"}}}}]\n"
                ),
            ),
            (path, secret),
        ]);
        let said = project.run(&["-C", ".", "--json", "import", "--strict", "a.yaml"]).exits(1);
        assert!(!said.stdout.contains("hunter2"));
        let files = said.json()["written"].as_array().expect("files").clone();
        assert!(
            files.iter().all(|file| !project.read(file.as_str().expect("a path")).contains("hunter2")),
            "{path}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_a_link_is_not_written_through() {
    let outside = Project::empty();
    for verb in [&["import", "a.yaml"][..], &["init"]] {
        let project = Project::new(&[("a.yaml", PLAIN)]);
        for folder in ["prompts", "evals", ".github"] {
            std::os::unix::fs::symlink(outside.root(), project.path(folder)).expect("a link");
        }
        project.run(&[&["-C", "."], verb].concat()).exits(2).says("leads out of the repository");
        assert_eq!(std::fs::read_dir(outside.root()).expect("a folder").count(), 0);
    }
}
