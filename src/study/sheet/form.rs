//! The labelling sheet as one HTML file: it opens from disk, reaches for no network, and saves the sheet's CSV.

use super::{Answer, COLUMNS, Rubric, context};
use crate::domain::{Digest, DimensionName, Scale};
use serde_json::{Value, json};

const FORM: &str = include_str!("form.html");
/// Stands in the form for its data.
const MARK: &str = "\"the data of the sheet\"";
/// Up to this many levels are buttons; beyond, the score is typed.
const MOST_BUTTONS: usize = 21;

/// The form for `answers`, in their order. Everything in it that others wrote is JSON inside of one script element
/// that is never executed, with `<`, `>` and `&` escaped, and is shown as text only; a content policy forbids every
/// request.
pub fn html<'a>(rubric: &Rubric, answers: impl IntoIterator<Item = &'a Answer>) -> String {
    let rows: Vec<Value> = answers.into_iter().map(row).collect();
    let described =
        |(name, description): &(DimensionName, String)| json!({"name": name, "description": description});
    let mut data = json!({
        "title": rubric.title,
        "columns": COLUMNS,
        "scale": rubric.scale,
        "levels": levels(rubric.scale),
        "dimensions": rubric.dimensions.iter().map(described).collect::<Vec<_>>(),
        "rows": rows,
    });
    // Progress is kept under this key: another sheet, or the same with other answers, starts afresh.
    data["key"] = json!(Digest::of_json(&data));
    FORM.replacen(MARK, &inert(&data), 1)
}

fn row(answer: &Answer) -> Value {
    json!({
        "case": answer.id,
        "dimensions": answer.dimensions,
        "input": answer.input,
        "context": context(&answer.context),
        "expected": answer.expected,
        "output": answer.output,
    })
}

/// Every level as it is written in the CSV; `None` when there are too many for buttons.
fn levels(scale: Scale) -> Option<Vec<String>> {
    let mut levels = Vec::new();
    let mut steps = 0.0;
    loop {
        // Steps are multiplied, not added up, and the last digits of the product are cut: 3 × 0.1 is 0.3.
        let score = scale.min + steps * scale.step;
        if score > scale.max + scale.step * 1e-6 {
            return Some(levels);
        }
        if levels.len() == MOST_BUTTONS {
            return None;
        }
        levels.push(((score * 1e9).round() / 1e9).to_string());
        steps += 1.0;
    }
}

/// JSON that cannot end the element it stands in, nor open another.
fn inert(data: &Value) -> String {
    let mut out = String::new();
    for c in data.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::sheet::tests::answer;

    fn rubric() -> Rubric {
        let dimension = |name: &str| (name.into(), format!("Is it {name}? 5: yes. 1: no."));
        Rubric { title: "support".to_owned(), scale: Scale::default(), dimensions: vec![dimension("tone")] }
    }

    #[test]
    fn what_others_wrote_cannot_leave_its_element() {
        let hostile = "</script><script>alert(1)</script><!-- <b>&amp;\u{2028}".to_owned();
        let row = Answer { output: hostile.clone(), input: MARK.to_owned(), ..answer(1) };
        let empty = html(&rubric(), []);
        let text = html(&rubric(), [&row]);
        for tag in ["<script", "</script", "<!--", "<b>", "&amp;", "\u{2028}"] {
            assert_eq!(text.matches(tag).count(), empty.matches(tag).count(), "{tag}");
        }
        let data = text.split("id=\"data\">").nth(1).and_then(|rest| rest.split("</script>").next());
        let data: Value = serde_json::from_str(data.expect("the data")).expect("json");
        assert_eq!(data["rows"][0]["output"], json!(hostile), "and is still read as it was written");
        assert_eq!(data["rows"][0]["input"], json!(MARK));
    }

    #[test]
    fn the_form_is_blind_and_reaches_for_nothing() {
        let row = answer(1);
        let text = html(&rubric(), [&row]);
        assert_eq!(text, html(&rubric(), [&Answer { judged: None, ..row }]));
        assert!(!text.contains("0.123456"), "the retriever's score is no business of a rater");
        assert!(text.contains("default-src 'none'"));
        for outside in ["http://", "https://", "src=", "@import", "url(", "fetch(", "XMLHttpRequest"] {
            assert!(!text.contains(outside), "{outside}");
        }
    }

    #[test]
    fn another_sheet_keeps_its_progress_elsewhere() {
        let key = |row: &Answer| {
            let text = html(&rubric(), [row]);
            text.split("\"key\":").nth(1).map(|rest| rest[..80].to_owned())
        };
        assert_eq!(key(&answer(1)), key(&answer(1)));
        assert_ne!(key(&answer(1)), key(&Answer { output: "other".to_owned(), ..answer(1) }));
    }

    #[test]
    fn levels_are_written_as_people_write_them() {
        let of = |min, max, step| levels(Scale { min, max, step });
        assert_eq!(of(1.0, 5.0, 1.0), Some(["1", "2", "3", "4", "5"].map(str::to_owned).into()));
        assert_eq!(of(0.0, 0.3, 0.1), Some(["0", "0.1", "0.2", "0.3"].map(str::to_owned).into()));
        assert_eq!(of(0.0, 100.0, 1.0), None);
        assert!(
            levels(Scale::default())
                .expect("levels")
                .iter()
                .all(|level| { level.parse().is_ok_and(|score| Scale::default().holds(score)) })
        );
    }
}
