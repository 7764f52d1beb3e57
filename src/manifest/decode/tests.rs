use super::*;
use crate::manifest::yaml::parse;

fn codes(sink: Sink) -> Vec<(&'static str, u32, Option<String>)> {
    sink.into_found()
        .into_iter()
        .map(|d| (d.code.0, d.place.and_then(|p| p.span).map_or(0, |s| s.line), d.help))
        .collect()
}

#[test]
fn all_faults_of_a_mapping_are_reported_in_one_go() {
    let sink = Sink::new(&RelPath::root());
    let node = parse("modle_target: x\ntemperatur: hot\nx-note: 1\nmetadata: {a: 1}\n")
        .expect("yaml")
        .expect("node");
    let fields = sink.fields(&node, "a prompt manifest").expect("a map");
    fields.require("version", "\"1.0.0\"");
    fields.get("model_target");
    fields.get("temperatur").map(|node| sink.number(node, "temperatur"));
    fields.finish(true);
    assert_eq!(
        codes(sink),
        [
            ("missing-key", 1, Some("add `version: \"1.0.0\"`".into())),
            ("wrong-type", 2, Some("write a number here".into())),
            ("unknown-key", 1, Some("did you mean `model_target`?".into())),
        ]
    );
}
