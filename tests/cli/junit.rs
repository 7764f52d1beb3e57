//! JUnit XML of real runs against the schema that test viewers share, and what that schema refuses.

use crate::fixtures::{builtin, grade, inputs, served};
use crate::project::Project;
use crate::stub::{Answer, Stub};
use crate::xsd::{Node, Schema, parse};

fn schema() -> Schema {
    Schema::new(include_str!("../schemas/junit.xsd")).expect("a schema")
}

/// The report of the project's next run, when it fits the schema and counts right.
fn written(project: &Project, code: i32) -> Node {
    project.run(&["eval", "--report", "junit=out/junit.xml"]).exits(code);
    let text = project.read("out/junit.xml");
    assert_eq!(schema().faults(&text), Vec::<String>::new(), "{text}");
    let root = parse(&text).expect("XML");
    let mut suites = Vec::new();
    root.all("testsuite", &mut suites);
    for node in suites.into_iter().chain([&root]) {
        for (attribute, element) in
            [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
        {
            let mut found = Vec::new();
            node.all(element, &mut found);
            let said = node.attributes.get(attribute).map(|count| count.parse::<usize>().expect("a count"));
            assert!(said.is_none_or(|said| said == found.len()), "{attribute} of {}: {said:?}", node.name);
        }
    }
    root
}

fn found<'a>(root: &'a Node, name: &str) -> Vec<&'a Node> {
    let mut found = Vec::new();
    root.all(name, &mut found);
    found
}

/// What a model may say to break out of XML.
const HOSTILE: &str = "</system-out></testcase>]]><failure message=\"x\"/> <![CDATA[ &lt; &#0; & \u{1}\u{8}\u{b}\u{1f}\u{7f}\u{85}\u{9b}\u{fffe}\u{ffff}\u{202e} <?php ?> <!DOCTYPE a [<!ENTITY b 'c'>]> \"' 🦀 \r\n\t end";

#[test]
fn a_run_that_passed() {
    let root = written(&builtin(1.0), 0);
    assert_eq!((found(&root, "testcase").len(), found(&root, "failure").len()), (4, 0));
    assert_eq!(root.attributes["failures"], "0");
}

/// A project whose answers lack what an assert demands.
fn failing() -> Project {
    let project = builtin(1.0);
    project.replace(
        "evals/support.yaml",
        "judge:",
        "assert:\n  - {type: contains, value: \"a < b & ]]>\"}\njudge:",
    );
    project
}

#[test]
fn a_run_that_never_began_is_red_too() {
    let project = builtin(1.0);
    project.replace("prompts/support.yaml", "context }}", "contxt }}");
    let root = written(&project, 2);
    assert_eq!(found(&root, "error").len(), 1);
    assert!(found(&root, "error")[0].attributes["message"].contains("prompts/support.yaml"));
    let project = builtin(1.0);
    project.run(&["eval", "nobody", "--report", "junit=out/junit.xml"]).exits(4);
    assert!(project.read("out/junit.xml").contains("errors=\"1\""));
}

#[test]
fn a_run_that_failed() {
    let root = written(&failing(), 1);
    let cases = found(&root, "testcase");
    let gate = cases.iter().find(|case| case.attributes["name"] == "gate").expect("the gate's own case");
    assert_eq!(gate.children[0].name, "failure");
    assert!(gate.children[0].attributes["message"].contains("asserts"), "{gate:?}");
}

#[test]
fn a_run_with_outages_and_hostile_answers() {
    let stub = Stub::start(|seen| {
        if seen.is_judge() {
            return Answer::openai(&grade(2).to_string());
        }
        if seen.last_user().contains("Question 3?") {
            return Answer::text(400, "{\"error\": {\"message\": \"no ]]> <such> \\u0001 model\"}}");
        }
        Answer::openai(HOSTILE)
    });
    let project = served("openai", &stub.url, 4.0, 5);
    project.replace(
        "evals/support.yaml",
        "judge:",
        "assert:\n  - {type: not-contains, value: \"<failure\"}\njudge:",
    );
    let root = written(&project, 1);
    assert_eq!((found(&root, "error").len(), found(&root, "failure").len()), (1, 5));
    let output = found(&root, "system-out")[0];
    assert!(output.text.contains("]]><failure message=\"x\"/> <![CDATA[ &lt; &#0; &"), "{}", output.text);
    assert!(output.text.ends_with("🦀 \n\t end"), "{}", output.text);
}

#[test]
fn a_run_that_a_cost_limit_ended() {
    let stub = Stub::start(|seen| match seen.is_judge() {
        true => Answer::openai(&grade(5).to_string()),
        false => Answer::openai("Yes."),
    });
    let project = served("openai", &stub.url, 4.0, 30);
    project.write("evals/cases/support.jsonl", &inputs(30));
    let report = ["eval", "--max-cost", "0.0005", "--concurrency", "1", "--report", "junit=out/junit.xml"];
    project.run(&report).exits(3);
    let text = project.read("out/junit.xml");
    assert_eq!(schema().faults(&text), Vec::<String>::new());
    assert!(!found(&parse(&text).expect("XML"), "skipped").is_empty(), "{text}");
}

/// A validator that accepts everything would have passed the tests above.
#[test]
fn the_schema_refuses_what_viewers_would_not_read() {
    let project = failing();
    project.run(&["eval", "--report", "junit=out/junit.xml"]).exits(1);
    let good = project.read("out/junit.xml");
    let schema = schema();
    assert_eq!(schema.faults(&good), Vec::<String>::new());
    for (from, to, fault) in [
        ("<testsuites ", "<testsuites skipped=\"0\" ", "testsuites may not have skipped"),
        ("failures=\"", "failures=\"-", "may not be \"-"),
        (" classname=\"", " class=\"", "testcase lacks classname"),
        ("</properties>", "</properties>loose", "may not hold the text \"loose\""),
        ("</properties>", "</properties><system-err/>", "no element system-err is declared"),
        ("<properties>", "<testcase name=\"a\" classname=\"b\"/><properties>", "testsuite may not hold"),
        ("</testsuites>", "", "not closed"),
        ("</testsuites>", "</testsuites><testsuites/>", "2 roots"),
        ("type=\"gate\"", "type=\"gate\" type=\"gate\"", "duplicate"),
        ("type=\"gate\"", "type=\"&bogus;\"", "bogus"),
        ("type=\"gate\"", "type=\"\u{1}\"", "no character of XML"),
        ("type=\"gate\"", "type=\"&#1;\"", "no character of XML"),
        ("<properties>", "<properties>]]>", "may not hold"),
        ("timestamp=\"", "timestamp=\"about ", "timestamp may not be"),
    ] {
        let broken = good.replacen(from, to, 1);
        assert_ne!(broken, good, "{from} is not in the report");
        let faults = schema.faults(&broken).join("; ");
        assert!(faults.contains(fault), "{from} -> {to}: {faults:?}");
    }
    let unknown = include_str!("../schemas/junit.xsd").replace("xs:choice", "xs:all");
    let faults = Schema::new(&unknown).expect("XML").faults(&good);
    assert!(faults.iter().any(|fault| fault.contains("xs:all is not known here")), "{faults:?}");
}
