use super::*;

fn read_as(name: &str, content: &[u8]) -> Result<Labels, Vec<Diagnostic>> {
    let cases: BTreeSet<CaseId> = ["refund-1", "refund-2", "late"].map(CaseId::from).into();
    let dimensions = ["tone", "relevance"].map(DimensionName::from);
    let path = RelPath::new(name).expect("a path");
    read(&path, content, Expected { cases: &cases, dimensions: &dimensions, scale: Scale::default() })
}

/// Code and line of every fault.
fn faults(name: &str, content: &str) -> Vec<(&'static str, u32)> {
    let place = |fault: Diagnostic| (fault.code.0, fault.place.and_then(|p| p.span).map_or(0, |s| s.line));
    read_as(name, content.as_bytes()).expect_err("faults").into_iter().map(place).collect()
}

#[test]
fn headers_are_tolerant_and_other_columns_are_ignored() {
    for content in [
        "case,dimension,score,rater\nrefund-1,tone,4,ana\n",
        "\u{feff}ID,Dimension,Human Score,Rater,comment\r\nrefund-1,tone,4.0,ana,\"so, so\"\r\n",
        "rater;case_id;human;dimension\nana;refund-1; 4 ;tone",
        "dimension\tcase\tscore\trater\ntone\trefund-1\t4\tana\n\n",
    ] {
        let found = read_as("l.csv", content.as_bytes()).expect(content);
        let label = &found.labels[0];
        assert_eq!((label.case.as_str(), label.dimension.as_str()), ("refund-1", "tone"));
        assert_eq!((label.score, label.rater.as_deref(), label.line), (4.0, Some("ana"), 2), "{content}");
        assert_eq!((found.labels.len(), found.blank, found.raters()), (1, 0, 1));
    }
}

#[test]
fn jsonl_is_read_alike() {
    let content = "{\"case\": \"refund-1\", \"dimension\": \"tone\", \"score\": 4}\r\n\n\
                   {\"id\": \"late\", \"dimension\": \"relevance\", \"human\": \"2\", \"rater\": \"bo\", \"x\": []}\n\
                   {\"id\": \"late\", \"dimension\": \"tone\", \"score\": null}\n";
    let found = read_as("l.jsonl", content.as_bytes()).expect("labels");
    assert_eq!((found.labels.len(), found.blank, found.raters()), (2, 1, 2));
    assert_eq!((found.labels[1].score, found.labels[1].line), (2.0, 3));
}

#[test]
fn every_fault_is_reported_with_its_line_in_one_go() {
    let content = "case,dimension,score\r\n\
                   refund-1,tone,6\r\n\
                   refund-9,tone,4\r\n\
                   \r\n\
                   late,tonne,3.5\r\n\
                   late,tone\r\n\
                   late,tone,2\r\n\
                   late,tone,2\r\n\
                   late,relevance,NaN\r\n";
    assert_eq!(
        faults("l.csv", content),
        [
            ("label-off-scale", 2),
            ("label-unknown-case", 3),
            ("label-unknown-dimension", 5),
            ("label-off-scale", 5),
            ("label-malformed", 6),
            ("label-duplicate", 8),
            ("label-off-scale", 9),
        ]
    );
    let all = read_as("l.csv", content.as_bytes()).expect_err("faults");
    let helps: Vec<&str> = all.iter().filter_map(|fault| fault.help.as_deref()).collect();
    assert!(helps.contains(&"did you mean \"tone\"?"), "{helps:?}");
    assert_eq!(helps.len(), all.len(), "every fault says what to do");
}

#[test]
fn lines_are_right_after_fields_of_several_lines() {
    let content = "case,dimension,score,comment\nlate,tone,4,\"a\nb\nc\"\nlate,relevance,9,\n";
    assert_eq!(faults("l.csv", content), [("label-off-scale", 5)]);
}

#[test]
fn two_raters_may_differ_and_one_may_not_label_twice() {
    let content = "case,dimension,score,rater\nlate,tone,2,ana\nlate,tone,4,bo\n";
    assert_eq!(read_as("l.csv", content.as_bytes()).expect("labels").raters(), 2);
    let twice = "case,dimension,score,rater\nlate,tone,2,ana\nlate,tone,2,ana\n";
    assert_eq!(faults("l.csv", twice), [("label-duplicate", 3)]);
}

#[test]
fn what_is_no_label_file_is_refused() {
    assert_eq!(faults("l.csv", ""), [("labels-empty", 0)]);
    assert_eq!(faults("l.csv", "case,dimension,score\n"), [("labels-empty", 0)]);
    assert_eq!(faults("l.csv", "case,dimension,score\nlate,tone,\n"), [("labels-empty", 0)]);
    assert_eq!(faults("l.csv", "dimension,score\ntone,4\n"), [("labels-columns", 1)]);
    assert_eq!(faults("l.csv", "case,id,dimension,score\na,b,tone,4\n"), [("labels-columns", 1)]);
    assert_eq!(
        faults("l.csv", "case,dimension,score\nlate,\"tone,4\nlate,tone,3\n"),
        [("labels-unreadable", 1)]
    );
    assert_eq!(
        faults("l.jsonl", "{\"case\": \"late\"\n[]\n{}\n")[..2],
        [("label-malformed", 1), ("label-malformed", 2)]
    );
    let latin = read_as("l.csv", b"case,dimension,score\nlate,tone,4\n\xe9,tone,4\n").expect_err("not UTF-8");
    assert_eq!(latin[0].place.as_ref().and_then(|place| place.span).map(|span| span.line), Some(3));
}

#[test]
fn a_label_of_another_answer_is_found() {
    let content = "case,dimension,score,output\nrefund-1,tone,4,\"'=14  days\"\nrefund-2,tone,4,A week.\nlate,tone,3,\n";
    let labels = read_as("l.csv", content.as_bytes()).expect("labels");
    let path = RelPath::new("l.csv").expect("a path");
    let judged = |second: &str| -> BTreeMap<CaseId, String> {
        [("refund-1", "=14\ndays "), ("refund-2", second), ("late", "Tomorrow.")]
            .map(|(id, text)| (id.into(), text.to_owned()))
            .into()
    };
    assert!(of_other_answers(&path, &labels, &judged("A week.")).is_empty());
    let found = of_other_answers(&path, &labels, &judged("Two weeks."));
    assert_eq!(found.iter().map(|fault| fault.code).collect::<Vec<_>>(), [OTHER_ANSWER]);
    assert!(found[0].message.contains("refund-2"));
}
