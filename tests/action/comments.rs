//! The one comment: made once, then rewritten; never somebody else's.

use crate::runner::{Hub, REPOSITORY, Runner, prompt};
use crate::stub::{Answer, Nobody, Seen, Stub};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

const MARKER: &str = llmops::report::markdown::MARKER;
const OURS: &str = "github-actions[bot]";

/// Comments as GitHub keeps them: id, author, body.
type Thread = Arc<Mutex<Vec<(u64, String, String)>>>;

/// GitHub's API with a thread on pull request 7.
fn github(first: Vec<(&str, String)>) -> (Stub, Thread) {
    let numbered = (1_u64..).zip(first).map(|(id, (author, body))| (id, author.to_owned(), body));
    let thread: Thread = Arc::new(Mutex::new(numbered.collect()));
    let shared = Arc::clone(&thread);
    let stub = Stub::start(move |seen: &Seen| {
        let mut thread = shared.lock().expect("the thread");
        if seen.headers.get("authorization").map(String::as_str) != Some("Bearer ghs_secret0123456789") {
            return Answer::json(401, &json!({"message": "Bad credentials"}));
        }
        let issues = format!("/repos/{REPOSITORY}/issues/");
        let Some(path) = seen.path.strip_prefix(&issues) else { return Answer::json(404, &json!({})) };
        let body = seen.body["body"].as_str().unwrap_or_default().to_owned();
        match (seen.method.as_str(), path.split_once('?').unwrap_or((path, ""))) {
            ("GET", ("7/comments", query)) => {
                let value = |name: &str, default: usize| {
                    let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
                    found.and_then(|value| value.parse().ok()).unwrap_or(default)
                };
                let (page, size) = (value("page", 1), value("per_page", 30).min(100));
                let shown = thread.iter().skip((page - 1) * size).take(size);
                let page: Vec<Value> = shown
                    .map(|(id, author, body)| json!({"id": id, "user": {"login": author}, "body": body}))
                    .collect();
                Answer::json(200, &json!(page))
            }
            ("POST", ("7/comments", _)) => {
                let id = thread.len() as u64 + 1;
                thread.push((id, OURS.to_owned(), body));
                Answer::json(201, &json!({"id": id}))
            }
            ("PATCH", (path, _)) => {
                let id: u64 = path.trim_start_matches("comments/").parse().unwrap_or(0);
                match thread.iter_mut().find(|comment| comment.0 == id) {
                    Some(comment) => comment.2 = body,
                    None => return Answer::json(404, &json!({})),
                }
                Answer::json(200, &json!({"id": id}))
            }
            _ => Answer::json(404, &json!({})),
        }
    });
    (stub, thread)
}

fn ours(thread: &Thread) -> Vec<(u64, String)> {
    let thread = thread.lock().expect("the thread");
    thread.iter().filter(|one| one.1 == OURS).map(|one| (one.0, one.2.clone())).collect()
}

/// A pull request that is blocked, in a job that may comment.
fn blocked<'a>(hub: &'a Hub, request: &(String, Value), api: &str) -> Runner<'a> {
    let (merge, payload) = request;
    hub.run("pull_request", payload, merge, 1).input("comment", "true").set("GITHUB_API_URL", api)
}

fn request(hub: &Hub) -> (String, Value) {
    hub.pull_request(Some(REPOSITORY), |hub| {
        let broken = prompt("support", "1.1.0", "Answer this.").replace("{{ context }}", "");
        hub.write("prompts/support.yaml", &broken);
    })
}

#[test]
fn a_comment_is_made_once_and_then_rewritten() {
    let hub = Hub::new();
    let request = request(&hub);
    let (stub, thread) = github(vec![("ana", "Nice work".to_owned())]);
    let ran = blocked(&hub, &request, &stub.url).go().exits(1, "failed");
    let made = ours(&thread);
    assert_eq!((made.len(), made[0].0), (1, 2), "{}", ran.said);
    assert!(made[0].1.starts_with(MARKER) && made[0].1.contains("## ❌ llmops: failed"), "{}", made[0].1);
    assert_eq!(made[0].1, ran.summary, "the same report, to the last character");
    // The next run finds it, and says what holds now.
    blocked(&hub, &request, &stub.url).input("args", "--case nothing-like-it").go();
    let rewritten = ours(&thread);
    assert_eq!((rewritten.len(), rewritten[0].0), (1, 2));
    assert!(rewritten[0].1.contains("nothing was evaluated"), "{}", rewritten[0].1);
}

#[test]
fn it_is_found_on_a_later_page_and_never_taken_from_somebody_else() {
    let hub = Hub::new();
    let request = request(&hub);
    let spoof = format!("{MARKER}\n## ✅ llmops: passed");
    let mut first: Vec<(&str, String)> = (0..230).map(|n| ("ana", format!("comment {n}"))).collect();
    first[3] = ("mallory", spoof.clone());
    first[120] = (OURS, format!("another action's, which quotes\n> {MARKER}"));
    first[215] = (OURS, format!("{MARKER}\nold"));
    let (stub, thread) = github(first);
    blocked(&hub, &request, &stub.url).go().exits(1, "failed");
    let thread = thread.lock().expect("the thread");
    assert_eq!((thread.len(), &thread[3].2), (230, &spoof));
    assert!(thread[120].2.starts_with("another") && thread[215].2.contains("llmops: failed"));
    let asked: Vec<String> =
        stub.seen().into_iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked[3].starts_with("PATCH") && asked[2].ends_with("page=3"), "{asked:?}");
}

#[test]
fn a_token_of_somebody_else_rewrites_what_it_wrote() {
    let hub = Hub::new();
    let request = request(&hub);
    let (stub, thread) = github(vec![("acme-ci", format!("{MARKER}\nold"))]);
    blocked(&hub, &request, &stub.url).input("comment-author", "acme-ci").go().exits(1, "failed");
    let thread = thread.lock().expect("the thread");
    assert!(thread.len() == 1 && thread[0].2.contains("llmops: failed"), "{thread:?}");
}

#[test]
fn the_comment_never_changes_the_verdict() {
    let hub = Hub::new();
    let request = request(&hub);
    let down =
        Stub::start(|_| Answer::json(403, &json!({"message": "Resource not accessible by integration"})));
    let odd = Stub::start(|_| Answer::text(200, "<html>Sign in</html>"));
    let nobody = Nobody::there();
    for api in [down.url.as_str(), odd.url.as_str(), nobody.url.as_str()] {
        let ran = blocked(&hub, &request, api).go().exits(1, "failed");
        assert!(
            ran.said.contains("::warning title=llmops::the comment could not be written"),
            "{}",
            ran.said
        );
    }
    assert!(down.seen().iter().all(|seen| seen.method == "GET"), "what cannot be read is not written either");
}

#[test]
fn a_fork_and_a_job_that_wants_none_get_no_comment() {
    let hub = Hub::new();
    let (stub, _) = github(vec![]);
    let (merge, mut payload) = request(&hub);
    let quiet = (merge.clone(), payload.clone());
    blocked(&hub, &quiet, &stub.url).input("comment", "false").go().exits(1, "failed");
    payload["pull_request"]["head"]["repo"]["full_name"] = json!("mallory/prompts");
    let ran = blocked(&hub, &(merge, payload), &stub.url).go().exits(1, "failed");
    assert!(ran.said.contains("a fork's token may not comment"), "{}", ran.said);
    assert_eq!(stub.count(), 0);
}

/// A folder with nothing but these programs in it.
fn only(place: &Path, programs: &[&str]) -> PathBuf {
    let folder = place.join("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let basics = ["sh", "git", "ls", "cksum", "grep", "head", "mkdir", "mktemp", "rm", "cat", "env"];
    for program in basics.iter().chain(programs) {
        // A shim would look for the rest of its installation; what it stands for does not.
        let of_python = || Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        let found = match *program {
            "python3" => String::from_utf8_lossy(&of_python().expect("python3").stdout).trim().to_owned(),
            program => {
                let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
                String::from_utf8_lossy(&found.expect("sh").stdout).trim().to_owned()
            }
        };
        assert!(found.starts_with('/'), "this machine has no {program}");
        symlink(found, folder.join(program)).expect("a link");
    }
    folder
}

#[test]
fn python_stands_in_for_jq() {
    let hub = Hub::new();
    let request = request(&hub);
    let (stub, thread) = github(vec![("mallory", MARKER.to_owned())]);
    for _ in 0..2 {
        let job = blocked(&hub, &request, &stub.url);
        let path = only(&job.place, &["curl", "python3"]);
        let ran = job.set("PATH", path.to_str().expect("a path")).go().exits(1, "failed");
        let made = ours(&thread);
        assert_eq!((made.len(), &made[0].1), (1, &ran.summary), "{}", ran.said);
    }
}

#[test]
fn gh_stands_in_for_curl_and_without_either_it_is_said() {
    let hub = Hub::new();
    let request = request(&hub);
    let nobody = Nobody::there();
    for (comment, asked) in
        [("", "--method POST"), ("42", "--method PATCH repos/acme/prompts/issues/comments/42")]
    {
        let job = blocked(&hub, &request, &nobody.url).set("GITHUB_SERVER_URL", "https://ghe.acme.example");
        let path = only(&job.place, &[]);
        let log = job.place.join("gh-asked");
        let script = format!(
            "#!/bin/sh\necho \"$GH_HOST $*\" >>{}\ncase \"$*\" in *--paginate*) echo '{comment}';; esac\n",
            log.display()
        );
        fs::write(path.join("gh"), script).expect("a script");
        fs::set_permissions(path.join("gh"), fs::Permissions::from_mode(0o755)).expect("permissions");
        job.set("PATH", path.to_str().expect("a path")).go().exits(1, "failed");
        let log = fs::read_to_string(log).expect("it was asked");
        assert!(log.contains(asked) && log.starts_with("ghe.acme.example api"), "{log}");
    }
    let job = blocked(&hub, &request, &nobody.url);
    let path = only(&job.place, &[]);
    let ran = job.set("PATH", path.to_str().expect("a path")).go().exits(1, "failed");
    assert!(ran.said.contains("no comment: it needs curl with jq or python3, or gh"), "{}", ran.said);
}
