use super::*;
use serde_json::json;

fn value(text: &str) -> Value {
    parse(text).expect("yaml").expect("not empty").value()
}

fn faults(text: &str) -> Vec<(FaultKind, u32, u32)> {
    parse(text).expect_err("a fault").into_iter().map(|f| (f.kind, f.span.line, f.span.column)).collect()
}

#[test]
fn scalars_follow_the_core_schema() {
    assert_eq!(
        value("a: no\nb: true\nc: 012\nd: 1_000\ne: 0.2\nf: '1'\ng:\nh: 2.10\ni: -3\nj: 1e3\nk: .inf"),
        json!({"a": "no", "b": true, "c": "012", "d": "1_000", "e": 0.2, "f": "1", "g": null,
               "h": 2.1, "i": -3, "j": 1000.0, "k": ".inf"})
    );
}

#[test]
fn every_duplicate_key_is_reported_where_it_stands() {
    assert_eq!(
        faults("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n"),
        [(FaultKind::DuplicateKey, 4, 3), (FaultKind::DuplicateKey, 5, 1)]
    );
}

#[test]
fn merges_yield_to_written_keys_on_either_side() {
    assert_eq!(
        value("d: &d {a: 1, b: 2}\ne: {<<: *d, a: 3}\nf: {a: 4, <<: *d}")["e"],
        json!({"a": 3, "b": 2})
    );
    assert_eq!(value("d: &d {a: 1, b: 2}\nf: {a: 4, <<: *d}")["f"], json!({"a": 4, "b": 2}));
}

#[test]
fn a_bomb_and_a_pit_are_refused() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (last, next) in ('a'..'j').zip('b'..='j') {
        bomb += &format!("{next}: &{next} [{}]\n", vec![format!("*{last}"); 9].join(","));
    }
    assert_eq!(faults(&bomb)[0].0, FaultKind::Limit);
    assert_eq!(faults(&"[".repeat(200_000))[0].0, FaultKind::Limit);
    assert_eq!(faults("a: &a [*a]")[0].0, FaultKind::Syntax);
}

#[test]
fn a_literal_block_knows_its_first_line_and_indent() {
    let node = parse("system: |\n\n    one\n    two\n").expect("yaml").expect("node");
    let Kind::Map(items) = &node.kind else { panic!("a map") };
    assert_eq!(items[0].1.span, Span::new(2, 5, 1));
    assert_eq!(
        items[0].1.kind,
        Kind::Scalar(Scalar { text: "\none\ntwo\n".into(), style: Style::Literal { indent: 4 } })
    );
}

#[test]
fn a_bom_and_crlf_are_fine() {
    assert_eq!(value("\u{feff}a: 1\r\nb: |\r\n  x\r\n  y\r\n"), json!({"a": 1, "b": "x\ny\n"}));
}
