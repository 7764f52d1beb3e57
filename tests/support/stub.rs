//! A provider on loopback that answers what a test tells it to, and remembers what it was asked.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// How long anything is waited for that happens at once on an idle machine: only a test that hangs gets here.
pub const CEILING: Duration = Duration::from_secs(120);

/// Holds answers back until the test has seen what it waits for, however long that takes.
#[derive(Clone, Default)]
pub struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    /// Lets go whoever waits, and whoever comes later.
    pub fn open(&self) {
        *self.0.0.lock().expect("the latch") = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open.
    pub fn wait(&self) {
        let closed = self.0.0.lock().expect("the latch");
        drop(self.0.1.wait_timeout_while(closed, CEILING, |open| !*open).expect("the latch"));
    }
}

/// An address at which nobody listens, and which nobody else can take while this is there.
pub struct Nobody {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    _bound: tokio::net::TcpSocket,
}

impl Nobody {
    /// Takes a port and never listens at it.
    pub fn there() -> Self {
        let bound = tokio::net::TcpSocket::new_v4().expect("a socket");
        bound.bind("127.0.0.1:0".parse().expect("an address")).expect("a loopback port");
        Self { url: format!("http://{}", bound.local_addr().expect("an address")), _bound: bound }
    }
}

/// Waits until something is so; it panics where that never comes.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !so() {
        assert!(began.elapsed() < CEILING, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; null where it is none.
    pub body: Value,
    /// How many came before it.
    pub index: usize,
}

impl Seen {
    /// The text of the last user message, whichever API asked.
    pub fn last_user(&self) -> String {
        let messages = self.body["messages"].as_array().cloned().unwrap_or_default();
        let content = messages
            .iter()
            .rev()
            .find(|message| message["role"] == "user")
            .map(|message| message["content"].clone());
        match content {
            Some(Value::String(text)) => text,
            Some(Value::Array(parts)) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
            _ => String::new(),
        }
    }

    /// Whether a judge asks: its request has a schema or a forced tool with a `reason`.
    pub fn is_judge(&self) -> bool {
        self.body.to_string().contains("\"reason\"")
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A whole reply.
    Reply { status: u16, headers: Vec<(String, String)>, body: String, delay: Duration },
    /// Half a body, then the connection closes.
    Cut(String),
    /// Nothing, and the connection stays open until the caller leaves. It does not count as under way: nobody can say
    /// when the caller gave it up.
    Hang,
}

impl Answer {
    /// JSON with a status.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self::Reply { status, headers, body: body.to_string(), delay: Duration::ZERO }
    }

    /// Anything with a status.
    pub fn text(status: u16, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        Self::Reply { status, headers, body: body.to_owned(), delay: Duration::ZERO }
    }

    /// An answer of Chat Completions.
    pub fn openai(text: &str) -> Self {
        Self::json(
            200,
            &json!({
                "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-2024-11-20",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text, "refusal": null}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
            }),
        )
    }

    /// An answer of Messages.
    pub fn anthropic(text: &str) -> Self {
        Self::json(
            200,
            &json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5-20251001",
                "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
                "usage": {"input_tokens": 20, "output_tokens": 5}
            }),
        )
    }

    /// A forced tool call of Messages: how it gives structured output.
    pub fn anthropic_tool(name: &str, input: &Value) -> Self {
        Self::json(
            200,
            &json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-4-5-20251101",
                "content": [{"type": "tool_use", "id": "toolu_1", "name": name, "input": input}], "stop_reason": "tool_use",
                "usage": {"input_tokens": 20, "output_tokens": 5}
            }),
        )
    }

    /// The same answer after a while.
    pub fn after(self, wait: Duration) -> Self {
        match self {
            Self::Reply { status, headers, body, .. } => Self::Reply { status, headers, body, delay: wait },
            other => other,
        }
    }

    /// How long it takes until its first byte.
    fn takes(&self) -> Duration {
        match self {
            Self::Reply { delay, .. } => *delay,
            Self::Cut(_) | Self::Hang => Duration::ZERO,
        }
    }

    /// The same answer with one more header.
    pub fn header(self, name: &str, value: &str) -> Self {
        match self {
            Self::Reply { status, mut headers, body, delay } => {
                headers.push((name.to_owned(), value.to_owned()));
                Self::Reply { status, headers, body, delay }
            }
            other => other,
        }
    }
}

type Handler = dyn Fn(&Seen) -> Answer + Send + Sync;

struct State {
    handler: Box<Handler>,
    keep: bool,
    seen: Mutex<Vec<Seen>>,
    count: AtomicUsize,
    active: AtomicUsize,
    peak: AtomicUsize,
    closed: AtomicBool,
}

/// A running stub; it ends with the test.
pub struct Stub {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    state: Arc<State>,
}

impl Stub {
    /// Starts one that remembers what it is asked.
    pub fn start(handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(Box::new(handler), true)
    }

    /// Starts one that only counts.
    pub fn quiet(handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(Box::new(handler), false)
    }

    fn with(handler: Box<Handler>, keep: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State {
            handler,
            keep,
            seen: Mutex::default(),
            count: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.closed.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&shared);
                if let Ok(stream) = stream {
                    thread::spawn(move || serve(stream, &shared));
                }
            }
        });
        Self { url, state }
    }

    /// Everything it was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().expect("the list").clone()
    }

    /// How often it was asked.
    pub fn count(&self) -> usize {
        self.state.count.load(Ordering::SeqCst)
    }

    /// The most requests that were under way at once.
    pub fn peak(&self) -> usize {
        self.state.peak.load(Ordering::SeqCst)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
    }
}

/// Serves one connection until it closes.
fn serve(stream: TcpStream, state: &State) {
    stream.set_nodelay(true).ok();
    let Ok(mut out) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    while let Some(seen) = read(&mut reader, state) {
        let active = state.active.fetch_add(1, Ordering::SeqCst) + 1;
        state.peak.fetch_max(active, Ordering::SeqCst);
        let answer = (state.handler)(&seen);
        if state.keep {
            state.seen.lock().expect("the list").push(seen);
        }
        // Over before the caller can know it: what counts as under way at once was so for the caller too.
        thread::sleep(answer.takes());
        state.active.fetch_sub(1, Ordering::SeqCst);
        let open = answer_with(&mut out, answer);
        if !open {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>, state: &State) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let index = state.count.fetch_add(1, Ordering::SeqCst);
    Some(Seen { method, path, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null), index })
}

/// Writes an answer; whether the connection stays open.
fn answer_with(out: &mut TcpStream, answer: Answer) -> bool {
    match answer {
        Answer::Reply { status, headers, body, .. } => {
            let mut head = format!("HTTP/1.1 {status} Stub\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("\r\n");
            head.push_str(&body);
            out.write_all(head.as_bytes()).is_ok()
        }
        Answer::Cut(body) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len() * 2 + 10
            );
            drop(out.write_all(head.as_bytes()));
            drop(out.shutdown(std::net::Shutdown::Both));
            false
        }
        Answer::Hang => {
            out.set_read_timeout(Some(CEILING)).ok();
            drop(out.read(&mut [0]));
            false
        }
    }
}
