use super::*;
use crate::report::document::Cases;
use crate::report::{sample, v1};

fn drawn(report: &Report, options: Options) -> String {
    let (cases, views) = (sample::cases(), sample::views());
    let stream = |gate: usize| sample::stream(&cases, gate);
    let document = Document::new(report, Cases(&stream)).views(&views);
    let mut out = Vec::new();
    write(&document, options, &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn show() {
    for width in [80, 120] {
        println!("{}", drawn(&sample::report(), Options { width, ..Options::default() }));
    }
    println!("{}", drawn(&sample::report(), Options { color: Color::On, ..Options::default() }));
    let passed = v1::Gate { verdict: v1::Verdict::Passed, ..sample::gate() };
    let mut report = sample::report();
    report.gates.extend([passed.clone(), passed.clone(), passed]);
    println!("{}", drawn(&report, Options::default()));
}
