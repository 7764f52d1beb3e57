//! A repository on GitHub, its pull requests, and the runner that checks them out.

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A repository with its history, and checkouts of it.
pub struct Hub {
    folder: TempDir,
}

/// What an action left behind.
pub struct Ran {
    pub code: i32,
    pub said: String,
    pub summary: String,
    pub output: String,
    pub report: Value,
}

pub const REPOSITORY: &str = "acme/prompts";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.invalid",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(folder)
        // Nothing of whoever runs the tests: neither their settings nor, under a hook, their repository.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Hub {
    /// A repository whose default branch has two prompts on the built-in model that pass.
    pub fn new() -> Self {
        let hub = Self { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir_all(hub.work()).expect("a folder");
        for name in ["support", "invoice"] {
            hub.write(&format!("prompts/{name}.yaml"), &prompt(name, "1.0.0", "Answer from this:"));
            hub.write(
                &format!("evals/{name}.yaml"),
                &format!(
                    "version: \"1.0.0\"\nprompt: {name}\ncases:\n  - {{id: {name}-refunds, input: How long do refunds take?, context: [Refunds take five working days.]}}\nassert:\n  - {{type: contains, value: five}}\n"
                ),
            );
        }
        git(&hub.work(), &["init", "-q"]);
        hub.commit("main");
        git(&hub.work(), &["clone", "-q", "--bare", ".", hub.origin().to_str().expect("a path")]);
        git(&hub.origin(), &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        git(&hub.work(), &["remote", "add", "origin", hub.origin().to_str().expect("a path")]);
        hub
    }

    /// The author's clone.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn origin(&self) -> PathBuf {
        self.folder.path().join("origin.git")
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.work().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        fs::write(path, text).expect("the file");
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.work(), arguments)
    }

    /// Commits everything and says which commit that is.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Pushes the head as a branch.
    pub fn push(&self, branch: &str) {
        self.git(&["push", "-q", "--force", "origin", &format!("HEAD:refs/heads/{branch}")]);
    }

    /// A pull request of what `change` does, while somebody else's change of the other prompt was merged after the
    /// event's base. Returns the commit of the merge ref and the payload.
    pub fn pull_request(&self, head_repository: Option<&str>, change: impl FnOnce(&Self)) -> (String, Value) {
        let old_base = self.git(&["rev-parse", "main"]);
        self.git(&["switch", "-qc", "topic"]);
        change(self);
        let head = self.commit("topic");
        self.push("topic");
        self.git(&["switch", "-q", "main"]);
        self.write(
            "prompts/invoice.yaml",
            &prompt("invoice", "1.1.0", "Somebody else says: answer from this:"),
        );
        self.commit("somebody else's change");
        self.push("main");
        self.git(&["switch", "-q", "--detach", "main"]);
        self.git(&["merge", "-q", "--no-ff", "-m", "merge", "topic"]);
        let merge = self.git(&["rev-parse", "HEAD"]);
        self.git(&["push", "-q", "--force", "origin", "HEAD:refs/pull/7/merge"]);
        let repository = head_repository.map_or(Value::Null, |name| json!({"full_name": name}));
        let payload = json!({
            "pull_request": {"number": 7, "base": {"sha": old_base, "ref": "main"}, "head": {"sha": head, "repo": repository}},
            "repository": {"full_name": REPOSITORY, "default_branch": "main"},
        });
        (merge, payload)
    }

    /// Runs the action on an event, in a checkout of `commit` with this many commits of history (0: all).
    pub fn run(&self, event: &str, payload: &Value, commit: &str, depth: u32) -> Runner<'_> {
        let number = fs::read_dir(self.folder.path()).expect("the folder").count();
        let place = self.folder.path().join(format!("run-{number}"));
        let checkout = place.join("checkout");
        fs::create_dir_all(&checkout).expect("a folder");
        git(&checkout, &["init", "-q"]);
        git(&checkout, &["remote", "add", "origin", &format!("file://{}", self.origin().display())]);
        let depth = format!("--depth={depth}");
        let mut fetch = vec!["fetch", "-q", "--no-tags", "origin", commit];
        if depth == "--depth=0" {
            fetch.push("+refs/heads/*:refs/remotes/origin/*");
        } else {
            fetch.insert(1, &depth);
        }
        git(&checkout, &fetch);
        git(&checkout, &["checkout", "-q", "--detach", commit]);
        let runner = Runner {
            _hub: self,
            place,
            event: event.to_owned(),
            payload: payload.clone(),
            inputs: vec![
                ("binary", env!("CARGO_BIN_EXE_llmops").to_owned()),
                ("comment", "false".to_owned()),
            ],
            variables: vec![("PATH".to_owned(), std::env::var("PATH").unwrap_or_default())],
        };
        fs::write(runner.place.join("event.json"), payload.to_string()).expect("the payload");
        runner
    }
}

/// A prompt on the built-in model.
pub fn prompt(name: &str, version: &str, system: &str) -> String {
    format!(
        "version: \"{version}\"\nmodel_target: builtin/extractive\nname: {name}\nsystem: |\n  {system}\n  {{{{ context }}}}\n"
    )
}

/// One job.
pub struct Runner<'a> {
    _hub: &'a Hub,
    pub place: PathBuf,
    event: String,
    payload: Value,
    inputs: Vec<(&'static str, String)>,
    variables: Vec<(String, String)>,
}

impl Runner<'_> {
    /// The same with an input of the action.
    pub fn input(mut self, name: &'static str, value: &str) -> Self {
        self.inputs.retain(|(have, _)| *have != name);
        self.inputs.push((name, value.to_owned()));
        self
    }

    /// The same with a variable of the job.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(have, _)| have != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn checkout(&self) -> PathBuf {
        self.place.join("checkout")
    }

    /// The value of an expression in action.yml, as far as the gate's step needs them.
    fn value(&self, action: &Value, expression: &str) -> String {
        let expression = expression.split("||").next().unwrap_or_default().trim();
        if let Some(name) = expression.strip_prefix("inputs.") {
            let default = &action["inputs"][name]["default"];
            assert!(default.is_string(), "the action has no input {name}");
            let given = self.inputs.iter().find(|(have, _)| *have == name).map(|(_, value)| value.clone());
            return given.unwrap_or_else(|| self.filled(action, default.as_str().unwrap_or_default()));
        }
        if let Some(path) = expression.strip_prefix("github.event.") {
            return match path.split('.').fold(&self.payload, |value, key| &value[key]) {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
        }
        match expression {
            "github.token" => "ghs_secret0123456789".to_owned(),
            "runner.temp" => self.place.join("temp").display().to_string(),
            other => panic!("action.yml uses {other:?}, which this runner does not know"),
        }
    }

    /// A text of action.yml with its expressions filled in.
    fn filled(&self, action: &Value, text: &str) -> String {
        let mut parts = text.split("${{");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").expect("an expression ends");
            filled.push_str(&self.value(action, expression));
            filled.push_str(rest);
        }
        filled
    }

    /// Runs the gate's step.
    pub fn go(self) -> Ran {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let action: Value =
            serde_yaml::from_str(&fs::read_to_string(root.join("action.yml")).expect("the action"))
                .expect("YAML");
        let steps = action["runs"]["steps"].as_array().expect("steps");
        for step in steps {
            let run = step["run"].as_str().unwrap_or_default();
            assert!(!run.contains("${{"), "an expression is pasted into a script: {run}");
        }
        let gate = steps.iter().find(|step| step["id"] == "gate").expect("the gate");
        assert_eq!(gate["run"], "\"$GITHUB_ACTION_PATH/action/run.sh\"");
        let environment =
            gate["env"].as_object().expect("an environment").iter().map(|(name, value)| {
                (name.clone(), self.filled(&action, value.as_str().unwrap_or_default()))
            });
        fs::create_dir_all(self.place.join("temp")).expect("a folder");
        let at = |name: &str| self.place.join(name);
        let output = Command::new("/bin/sh")
            .arg(root.join("action/run.sh"))
            .current_dir(self.checkout())
            .env_clear()
            .envs([
                ("HOME", self.place.display().to_string()),
                ("GITHUB_ACTIONS", "true".to_owned()),
                ("GITHUB_EVENT_NAME", self.event.clone()),
                ("GITHUB_EVENT_PATH", at("event.json").display().to_string()),
                ("GITHUB_REPOSITORY", REPOSITORY.to_owned()),
                ("GITHUB_STEP_SUMMARY", at("summary.md").display().to_string()),
                ("GITHUB_OUTPUT", at("output").display().to_string()),
            ])
            .envs(environment)
            .envs(self.variables.iter().cloned())
            .output()
            .expect("sh runs");
        let read = |name: &str| fs::read_to_string(at(name)).unwrap_or_default();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("ghs_secret"), "the token is in the log: {said}");
        Ran {
            code: output.status.code().unwrap_or(-1),
            said,
            summary: read("summary.md"),
            output: read("output"),
            report: serde_json::from_str(&read("temp/llmops-reports/gate/report.json"))
                .unwrap_or(Value::Null),
        }
    }
}

impl Ran {
    /// The names of the prompts that were evaluated.
    pub fn prompts(&self) -> Vec<&str> {
        let gates = self.report["gates"].as_array().map_or(&[][..], Vec::as_slice);
        gates.iter().filter_map(|gate| gate["prompt"]["name"].as_str()).collect()
    }

    /// The same, when it ended with this code and named it in its outputs.
    pub fn exits(self, code: i32, verdict: &str) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.said, self.summary);
        let outputs = format!("exit-code={code}\nverdict={verdict}\n");
        assert!(self.output.starts_with(&outputs), "{}", self.output);
        self
    }
}
