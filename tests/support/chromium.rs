//! A headless Chromium, driven over the pipes of its DevTools protocol: no port, no package, nothing to download.

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use std::{env, thread};
use tempfile::TempDir;

const NAMES: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell"];

/// A page in a browser.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    last: u64,
    /// Errors of the page, and every address that it asked for.
    pub complaints: Vec<String>,
    pub asked: Vec<String>,
    _profile: TempDir,
}

/// The browser of this machine: `CHROME`, or one of the usual names.
fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROME").filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named));
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// Whether a browser opens an empty page here: a name may be there and stand for nothing that starts.
fn starts(program: &Path) -> bool {
    static STARTS: OnceLock<bool> = OnceLock::new();
    *STARTS.get_or_init(|| {
        let profile = tempfile::tempdir().expect("a folder");
        let tried = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args([&format!("--user-data-dir={}", profile.path().display()), "--dump-dom", "about:blank"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = tried else { return false };
        for _ in 0..1_200 {
            if let Some(status) = child.try_wait().expect("a status") {
                return status.success();
            }
            thread::sleep(Duration::from_millis(50));
        }
        drop(child.kill());
        drop(child.wait());
        false
    })
}

impl Browser {
    /// Starts one with an empty page; `None` where this machine has none that works, which is said. With `LLMOPS_BROWSER=required`
    /// its absence fails the test instead.
    pub fn start() -> Option<Self> {
        let required = env::var_os("LLMOPS_BROWSER").is_some_and(|value| value == "required");
        let Some(program) = program().filter(|program| required || starts(program)) else {
            assert!(!required, "no Chromium was found, and LLMOPS_BROWSER=required asks for one");
            // Straight to the terminal: a test's own output is kept back when it passes.
            let note = "SKIPPED: no Chromium that works here (set CHROME, or install `chromium`), pages were not opened\n";
            drop(std::io::stderr().write_all(note.as_bytes()));
            return None;
        };
        let profile = tempfile::tempdir().expect("a folder");
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-component-update"])
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let (input, output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let (sender, messages) = channel();
        thread::spawn(move || {
            let (mut output, mut kept, mut part) = (output, Vec::new(), vec![0; 1 << 16]);
            while let Ok(read @ 1..) = output.read(&mut part) {
                for byte in &part[..read] {
                    if *byte != 0 {
                        kept.push(*byte);
                        continue;
                    }
                    let message = serde_json::from_slice(&kept).unwrap_or(Value::Null);
                    kept.clear();
                    if sender.send(message).is_err() {
                        return;
                    }
                }
            }
        });
        let mut browser = Self {
            child,
            input,
            messages,
            session: String::new(),
            last: 0,
            complaints: Vec::new(),
            asked: Vec::new(),
            _profile: profile,
        };
        let targets = browser.call("Target.getTargets", &json!({}));
        let page =
            targets["targetInfos"].as_array().and_then(|all| all.iter().find(|one| one["type"] == "page"));
        let id = page.map(|page| page["targetId"].clone()).expect("a page");
        let attached = browser.call("Target.attachToTarget", &json!({"targetId": id, "flatten": true}));
        browser.session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// The size of the window and the colours that the reader prefers.
    pub fn look(&mut self, width: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Opens a file and waits until it is loaded.
    pub fn open(&mut self, file: &Path, fragment: &str) {
        let away = self.call("Page.navigate", &json!({"url": "about:blank"}));
        assert_eq!(away.get("errorText"), None);
        let url = format!("file://{}{fragment}", file.display());
        let found = self.call("Page.navigate", &json!({"url": url}));
        assert_eq!(found.get("errorText"), None, "{found}");
        let ready = "new Promise(done => { const look = () => document.readyState === 'complete' \
                     && location.protocol === 'file:' ? done(true) : setTimeout(look, 20); look(); })";
        assert_eq!(self.eval(ready), json!(true));
    }

    /// The value of an expression in the page.
    pub fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let found = self.call("Runtime.evaluate", &asked);
        assert_eq!(found.get("exceptionDetails"), None, "{expression}: {found}");
        found["result"]["value"].clone()
    }

    /// Waits until an expression in the page is true: for what the page does in its own time, such as hearing that its
    /// address changed.
    pub fn until(&mut self, expression: &str) {
        let wait = format!(
            "new Promise(done => {{ const look = () => ({expression}) ? done(true) : setTimeout(look, 20); look(); }})"
        );
        assert_eq!(self.eval(&wait), json!(true));
    }

    /// Clicks in the middle of an element, as a reader would.
    pub fn click(&mut self, selector: &str) {
        let at = self.eval(&format!(
            "(() => {{ const one = document.querySelector({}); one.scrollIntoView({{block: 'center'}}); \
             const box = one.getBoundingClientRect(); \
             return [box.x + Math.min(box.width, 300) / 2, box.y + box.height / 2]; }})()",
            json!(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// Types into an element that has the focus after a click.
    pub fn write(&mut self, selector: &str, text: &str) {
        self.click(selector);
        self.call("Input.insertText", &json!({"text": text}));
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.input.write_all(format!("{message}\0").as_bytes()).expect("the browser listens");
        loop {
            let answer = self.messages.recv_timeout(Duration::from_secs(120));
            let answer = answer.unwrap_or_else(|error| panic!("{method}: the browser is silent: {error}"));
            if answer["id"] == self.last {
                assert_eq!(answer.get("error"), None, "{method}: {answer}");
                return answer["result"].clone();
            }
            self.event(&answer);
        }
    }

    fn event(&mut self, event: &Value) {
        let params = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.complaints.push(params["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" if params["type"] == "error" => {
                self.complaints.push(params["args"].to_string());
            }
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                self.complaints.push(params["entry"].to_string());
            }
            "Network.requestWillBeSent" => {
                self.asked.push(params["request"]["url"].as_str().unwrap_or_default().to_owned());
            }
            _ => {}
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its own process, which `sh` became; its children end with it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
