//! The pages in a real browser: what a reader does with them, on a phone and on a desk, by day and by night.

use crate::chromium::Browser;
use crate::fixtures::{grade, served};
use crate::project::Project;
use crate::stub::{Answer, Stub};
use serde_json::{Value, json};

/// Cases of the page.
const CASES: usize = 24;
/// An answer that would act if it came through as markup.
const HOSTILE: &str = "<script>document.title = 'owned'</script><img src=\"http://127.0.0.1:9/x.png\" \
                       onerror=\"document.title = 'owned'\"><style>*{display:none}</style></pre></details>";

/// Everything that page scripts of these tests share.
const TOOLS: &str = "const rows = () => [...document.querySelectorAll('.case')];
    const shown = () => rows().filter(row => row.checkVisibility());
    const choose = (name, value) => { const one = document.querySelector(`[data-tools] [name=${name}]`);
        one.value = value; one.dispatchEvent(new Event('input', {bubbles: true}));
        one.dispatchEvent(new Event('change', {bubbles: true})); };
    const count = () => document.querySelector('[data-count]').textContent;";

/// A prompt that became worse, and its page: half of its answers promise too much.
fn regressed() -> (Project, Stub) {
    let stub = Stub::start(|seen| {
        let all = seen.body["messages"].to_string();
        if seen.is_judge() {
            let bad = all.contains("60 days");
            let reason =
                if bad { "It promises 60 days, the article says 30." } else { "All of it is there." };
            return Answer::openai(
                &json!({"reason": reason, "relevance": if bad { 2 } else { 5 }}).to_string(),
            );
        }
        let asked = seen.last_user();
        let at: usize = asked.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
        match (all.contains("loosely"), at) {
            (_, 7) => Answer::openai(HOSTILE),
            (true, at) if at.is_multiple_of(2) => {
                Answer::openai("You can send it back within 60 days, with the receipt.")
            }
            _ => Answer::openai("You can send it back within 30 days, with the receipt."),
        }
    });
    let project = served("openai", &stub.url, 4.0, CASES);
    let cases: String = (0..CASES)
        .map(|n| {
            let topic = ["refunds", "delivery"][n % 2];
            let long = if n == 3 { "-with-a-very-long-name-that-has-no-place-to-break".repeat(3) } else { String::new() };
            let case = json!({"id": format!("case-{n:02}{long}"), "input": format!("Question {n} on refunds?"),
                "relevant": ["kb/refunds.md"], "tags": {"topic": topic}});
            format!("{case}\n")
        })
        .collect();
    project.write("evals/cases/support.jsonl", &cases);
    project.write("kb/refunds.md", "# Refunds\n\nEverything on refunds: send it back within 30 days.\n");
    project.write(
        "retrieval/kb.yaml",
        "version: \"1.0.0\"\nembedding_model: builtin/hashing-256\nchunk_size: 64\nchunk_overlap: 8\ntop_k: 2\ncorpus: [\"kb/**/*.md\"]\n",
    );
    project.replace("prompts/support.yaml", "Answer briefly.", "Answer strictly from this:\n  {{ context }}");
    project.replace("prompts/support.yaml", "parameters:", "retrieval: ../retrieval/kb.yaml\nparameters:");
    project.replace(
        "evals/support.yaml",
        "judge:",
        "assert:\n  - {type: not-contains, value: \"60 days\"}\njudge:",
    );
    project
        .write("evals/support.yaml", &(project.read("evals/support.yaml") + "gate: {max_regression: 0.1}\n"));
    project.git(&["init", "-q"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "strict"]);
    project.replace("prompts/support.yaml", "strictly", "loosely");
    project.replace("prompts/support.yaml", "1.0.0", "1.1.0");
    project.run(&["eval", "--baseline", "HEAD", "--report", "html=report.html"]).exits(1);
    (project, stub)
}

fn tools(browser: &mut Browser, script: &str) -> Value {
    browser.eval(&format!("(() => {{ {TOOLS} {script} }})()"))
}

/// What the reader of a page must never meet.
fn quiet(browser: &Browser) {
    assert_eq!(browser.complaints, Vec::<String>::new());
    let away: Vec<&String> = browser
        .asked
        .iter()
        .filter(|url| !url.starts_with("file:") && !url.starts_with("about:") && !url.starts_with("data:"))
        .collect();
    assert_eq!(away, Vec::<&String>::new(), "the page asked for something");
}

#[test]
fn cases_are_filtered_searched_and_sorted() {
    let Some(mut browser) = Browser::start() else { return };
    let (project, _stub) = regressed();
    browser.look(1400, "light");
    browser.open(&project.path("report.html"), "");
    assert_eq!(browser.eval("document.title"), json!("Failed: llmops report"));
    assert_eq!(tools(&mut browser, "return [shown().length, count()]"), json!([CASES, "24"]));

    // The gate failed: what made it fail comes first.
    let first = "const all = rows().map(row => row.dataset.status);
        return [all[0], all.indexOf('passed'), all.lastIndexOf('failed')]";
    assert_eq!(tools(&mut browser, first), json!(["failed", 12, 11]));

    let by_status =
        "choose('status', 'failed'); return [count(), shown().every(row => row.dataset.status === 'failed')]";
    assert_eq!(tools(&mut browser, by_status), json!(["12 of 24", true]));
    let both = "choose('tag', 'topic=delivery'); return count()";
    assert_eq!(tools(&mut browser, both), json!("0 of 24"));
    let by_tag = "choose('status', ''); return [count(), shown().length]";
    assert_eq!(tools(&mut browser, by_tag), json!(["12 of 24", 12]));
    let worse = "choose('tag', ''); choose('status', 'worse'); return [count(), shown()[0].querySelector('.num').textContent]";
    assert_eq!(tools(&mut browser, worse), json!(["12 of 24", "2.00 was 5.00"]));
    tools(&mut browser, "choose('status', '')");

    browser.write("[name=query]", "PROMISES 60");
    assert_eq!(tools(&mut browser, "return count()"), json!("12 of 24"));
    browser.write("[name=query]", " and nothing else");
    assert_eq!(tools(&mut browser, "return [count(), shown().length]"), json!(["0 of 24", 0]));
    tools(&mut browser, "choose('query', '')");

    let scores = "choose('sort', 'score'); const up = rows().map(row => Number(row.dataset.score));
        choose('sort', '-score'); const down = rows().map(row => Number(row.dataset.score));
        choose('sort', '-latency'); const slow = rows().map(row => Number(row.dataset.latency));
        choose('sort', 'index'); const plan = rows().map(row => Number(row.dataset.index));
        const sorted = (list, sign) => list.every((one, at) => at === 0 || sign * (one - list[at - 1]) >= 0);
        return [up[0], up.at(-1), sorted(up, 1), sorted(down, -1), sorted(slow, -1), sorted(plan, 1)]";
    assert_eq!(tools(&mut browser, scores), json!([2, 5, true, true, true, true]));
    let change = "choose('sort', 'delta'); const worst = rows()[0].dataset.delta;
        choose('sort', '-delta'); return [worst, rows()[0].dataset.delta]";
    assert_eq!(tools(&mut browser, change), json!(["-3", "0"]));
    quiet(&browser);
}

#[test]
fn a_case_opens_to_everything_that_is_known_of_it() {
    let Some(mut browser) = Browser::start() else { return };
    let (project, _stub) = regressed();
    browser.look(400, "light");
    browser.open(&project.path("report.html"), "");
    let text = "document.querySelector('#gate-0-2').innerText";
    assert!(!browser.eval(text).to_string().contains("It promises"), "closed");
    browser.click("#gate-0-2 > summary");
    let found = browser.eval(text).as_str().unwrap_or_default().to_owned();
    for part in [
        "case-02",
        "Question 2 on refunds?",
        "You can send it back within 60 days, with the receipt.",
        "It promises 60 days, the article says 30.",
        "relevance 2.00",
        "failed not-contains",
        "kb/refunds.md found at rank 1",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    let diff = "[...document.querySelectorAll('#gate-0-2 del, #gate-0-2 ins')].map(one => one.innerText)";
    assert_eq!(browser.eval(diff), json!(["30", "60"]));
    for (name, part) in [("Messages", "Answer loosely from this"), ("Retrieved context", "1. kb/refunds.md")]
    {
        assert!(!found.contains(part), "{part}");
        let at = browser.eval(&format!(
            "[...document.querySelectorAll('#gate-0-2 details')].findIndex(one => one.querySelector('summary').innerText === {})",
            json!(name)
        ));
        let mark = format!("document.querySelectorAll('#gate-0-2 details')[{at}].id = 'opened-{at}'");
        browser.eval(&mark);
        browser.click(&format!("#opened-{at} > summary"));
        let now = browser.eval(text).as_str().unwrap_or_default().to_owned();
        assert!(now.contains(part), "{name}: {now}");
    }
    // The list of what got worse leads to the case, also to one that a filter hides.
    let listed =
        "const link = [...document.querySelectorAll('.ids a')].find(one => one.textContent === 'case-04');
        choose('status', 'passed'); link.closest('details').open = true; link.id = 'listed';
        return [link.parentElement.innerText, document.querySelector('#gate-0-4').open]";
    assert_eq!(tools(&mut browser, listed), json!(["case-04 5.00 → 2.00", false]));
    browser.click("#listed");
    browser.until("document.querySelector('#gate-0-4').open");
    browser.until("document.querySelector('#gate-0-4').checkVisibility()");
    // A link to a case opens it, and what a model wrote is text.
    browser.open(&project.path("report.html"), "#gate-0-7");
    let hostile = browser.eval("document.querySelector('#gate-0-7').innerText").to_string();
    assert!(hostile.contains("<script>document.title"), "{hostile}");
    assert_eq!(
        browser.eval("[document.title, document.scripts.length, document.images.length]"),
        json!(["Failed: llmops report", 1, 0])
    );
    quiet(&browser);
}

/// The least contrast of any text with what is behind it (WCAG 2.2, 1.4.3), and which text that is.
const CONTRAST: &str = "(() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => { const [r, g, b] = parts(colour).map(one => one / 255)
        .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = (one) => { for (; one; one = one.parentElement) {
        const colour = getComputedStyle(one).backgroundColor; const alpha = parts(colour)[3];
        if (alpha === undefined || alpha === 1) return colour; } return 'rgb(255, 255, 255)'; };
    let worst = [99, ''];
    for (const one of document.querySelectorAll('body *')) {
        if (one.closest('svg, script, noscript, option')) continue;
        if (![...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
        const [a, b] = [light(getComputedStyle(one).color), light(behind(one))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < worst[0]) worst = [ratio, `${one.className} ${one.textContent.slice(0, 40)}`];
    }
    return worst; })()";

/// Opens everything, and looks at how wide the page is and how well it can be read.
fn readable(browser: &mut Browser, page: &std::path::Path) {
    let mut backgrounds = Vec::new();
    for scheme in ["light", "dark"] {
        for width in [400, 1400] {
            browser.look(width, scheme);
            browser.open(page, "");
            browser.eval("document.querySelectorAll('details').forEach(one => { one.open = true; })");
            let wide = browser.eval("document.documentElement.scrollWidth").as_u64().unwrap_or(9999);
            assert!(wide <= u64::from(width), "{wide} px at {width}: {}", page.display());
            let least = browser.eval(CONTRAST);
            assert!(least[0].as_f64().is_some_and(|ratio| ratio >= 4.5), "{scheme} {width}: {least}");
        }
        backgrounds.push(browser.eval("getComputedStyle(document.body).backgroundColor"));
    }
    assert_ne!(backgrounds[0], backgrounds[1], "dark is as light");
    quiet(browser);
}

#[test]
fn the_page_is_readable_on_a_phone_and_in_the_dark() {
    let Some(mut browser) = Browser::start() else { return };
    let (project, _stub) = regressed();
    readable(&mut browser, &project.path("report.html"));
}

#[test]
fn a_page_without_a_verdict_and_one_without_gates_are_readable_too() {
    let Some(mut browser) = Browser::start() else { return };
    let stub = Stub::start(|seen| match (seen.is_judge(), seen.last_user().contains("Question 1?")) {
        (true, _) => Answer::openai(&grade(4).to_string()),
        (false, true) => Answer::text(400, "{\"error\": {\"message\": \"no\"}}"),
        (false, false) => Answer::openai(""),
    });
    let project = served("openai", &stub.url, 4.0, 3);
    project.run(&["eval", "--report", "html=report.html"]).exits(3);
    readable(&mut browser, &project.path("report.html"));
    browser.open(&project.path("report.html"), "#gate-0-1");
    let unscored = browser.eval("document.querySelector('#gate-0-1').innerText").to_string();
    assert!(unscored.contains("Why there is no grade") && unscored.contains("provider_error"), "{unscored}");

    project.git(&["init", "-q"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-qm", "all"]);
    project.run(&["eval", "--changed=HEAD", "--report", "html=none.html"]).exits(0);
    readable(&mut browser, &project.path("none.html"));
    assert_eq!(browser.eval("document.title"), json!("Unaffected: llmops report"));
}

#[test]
fn a_labelling_sheet_is_readable_and_works() {
    let Some(mut browser) = Browser::start() else { return };
    let (project, _stub) = regressed();
    project.run(&["calibrate", "support", "--sample", "8"]).exits(0);
    readable(&mut browser, &project.path("evals/labels/support.html"));
}

/// Checks that see nothing would have passed the tests above.
#[test]
fn the_browser_notices_what_a_page_must_not_do() {
    let Some(mut browser) = Browser::start() else { return };
    let project = Project::new(&[(
        "bad.html",
        "<!doctype html><body style=\"background:#fff\"><p style=\"color:#aaa;width:600px\">pale and wide</p>\
         <img src=\"http://127.0.0.1:9/x.png\"><script>console.error('no'); undefined.x;</script>",
    )]);
    browser.look(400, "light");
    browser.open(&project.path("bad.html"), "");
    assert!(browser.eval("document.documentElement.scrollWidth").as_u64().is_some_and(|wide| wide > 400));
    assert!(browser.eval(CONTRAST)[0].as_f64().is_some_and(|ratio| ratio < 4.5));
    assert!(browser.complaints.len() >= 2, "{:?}", browser.complaints);
    assert!(browser.asked.iter().any(|url| url.starts_with("http:")), "{:?}", browser.asked);
}

/// What was said is read from the store when the page is written, so that it can be written later too.
#[test]
fn a_page_is_written_later_as_well_and_without_the_store_it_lacks_what_was_said() {
    let (project, _stub) = regressed();
    let later = |name: &str| {
        project.run(&["report", "last", "--report", &format!("html={name}")]).exits(0);
        project.read(name)
    };
    let page = later("later.html");
    assert_eq!(page, project.read("report.html"));
    for part in [
        "<h4>Asked</h4><pre dir=\"auto\">Question 2 on refunds?</pre>",
        "<del>30</del><ins>60</ins>",
        "was 5.00",
    ] {
        assert!(page.contains(part), "{part}");
    }
    std::fs::remove_dir_all(project.path(".llmops/exchanges")).expect("the store");
    let page = later("bare.html");
    assert!(!page.contains("<h4>Asked</h4>") && page.contains("<del>30</del><ins>60</ins>"));
}
