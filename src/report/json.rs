//! The machine form as one JSON object, written and read as a stream: no more than one case is held at a time.

use super::document::Cases;
use super::v1::{Case, Gate, Report};
use crate::domain::{Error, Kind, Result};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::io::{Read, Write};

/// Writes the report with the cases of each gate, one case a line.
///
/// # Errors
/// When a case cannot be read, or the target cannot be written.
pub fn write(report: &Report, cases: &Cases<'_>, out: &mut dyn Write) -> Result<()> {
    let head = Report { gates: Vec::new(), ..report.clone() };
    out.write_all(open_object(&head, "\"gates\":[]}")?.as_bytes()).map_err(unwritten)?;
    out.write_all(b"\"gates\":[").map_err(unwritten)?;
    for (index, gate) in report.gates.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, "{comma}\n{},\"cases\":[", open_object(gate, "}")?).map_err(unwritten)?;
        for (row, case) in cases.of(index).enumerate() {
            let comma = if row > 0 { "," } else { "" };
            write!(out, "{comma}\n{}", to_line(&case?)?).map_err(unwritten)?;
        }
        out.write_all(b"]}").map_err(unwritten)?;
    }
    out.write_all(b"]}\n").map_err(unwritten)
}

/// Reads a report that [`write()`] or an earlier version of it wrote, and hands each case to `each` with the place
/// of its gate. `name` is what errors call it.
///
/// # Errors
/// An input error when the text is not a report of this format; whatever `each` returns.
pub fn read(name: &str, input: impl Read, each: &mut dyn FnMut(usize, Case) -> Result<()>) -> Result<Report> {
    let mut failed = None;
    let mut reader = serde_json::Deserializer::from_reader(std::io::BufReader::new(input));
    let report = WholeSeed { each, failed: &mut failed }.deserialize(&mut reader);
    if let Some(error) = failed {
        return Err(error);
    }
    let unreadable = |error: serde_json::Error| Error::input(format!("{name} is no report")).because(error);
    let report = report.map_err(unreadable)?;
    reader.end().map_err(unreadable)?;
    if report.schema != super::v1::SCHEMA {
        return Err(Error::input(format!(
            "{name} is of the format {:?}, not {}",
            super::text::short(&report.schema, 60),
            super::v1::SCHEMA
        )));
    }
    Ok(report)
}

/// One value as one line of JSON.
pub(super) fn to_line(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(Kind::Storage, "write a report as JSON").because(error))
}

/// A failed write to a report's target.
pub(super) fn unwritten(error: std::io::Error) -> Error {
    Error::storage("write the report", error)
}

/// The object as JSON without its known `end`, so that more fields can follow.
fn open_object(value: &impl serde::Serialize, end: &str) -> Result<String> {
    let mut line = to_line(value)?;
    let whole = line.len();
    line.truncate(line.strip_suffix(end).map_or(whole, str::len));
    Ok(line)
}

type Each<'a> = dyn FnMut(usize, Case) -> Result<()> + 'a;

struct WholeSeed<'a, 'e> {
    each: &'a mut Each<'e>,
    failed: &'a mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for WholeSeed<'_, '_> {
    type Value = Report;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Report, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WholeSeed<'_, '_> {
    type Value = Report;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Report, A::Error> {
        let mut fields = Map::new();
        let mut gates = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if fields.contains_key(&key) {
                return Err(serde::de::Error::custom(format!("{key:?} stands twice")));
            }
            if key == "gates" {
                let seed = GatesSeed { each: &mut *self.each, failed: &mut *self.failed };
                gates = map.next_value_seed(seed)?;
                fields.insert(key, Value::Array(Vec::new()));
            } else {
                fields.insert(key, map.next_value()?);
            }
        }
        let head: Report = serde_json::from_value(Value::Object(fields)).map_err(serde::de::Error::custom)?;
        Ok(Report { gates, ..head })
    }
}

struct GatesSeed<'a, 'e> {
    each: &'a mut Each<'e>,
    failed: &'a mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for GatesSeed<'_, '_> {
    type Value = Vec<Gate>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Gate>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for GatesSeed<'_, '_> {
    type Value = Vec<Gate>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of gates")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Gate>, A::Error> {
        let mut gates = Vec::new();
        while let Some(gate) = seq.next_element_seed(GateSeed {
            index: gates.len(),
            each: &mut *self.each,
            failed: &mut *self.failed,
        })? {
            gates.push(gate);
        }
        Ok(gates)
    }
}

struct GateSeed<'a, 'e> {
    index: usize,
    each: &'a mut Each<'e>,
    failed: &'a mut Option<Error>,
}

impl<'de> DeserializeSeed<'de> for GateSeed<'_, '_> {
    type Value = Gate;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Gate, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for GateSeed<'_, '_> {
    type Value = Gate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a gate")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Gate, A::Error> {
        let mut fields = Map::new();
        let mut has_cases = false;
        while let Some(key) = map.next_key::<String>()? {
            if fields.contains_key(&key) || (has_cases && key == "cases") {
                return Err(serde::de::Error::custom(format!("{key:?} stands twice")));
            }
            if key == "cases" {
                has_cases = true;
                let seed = CasesSeed(GateSeed {
                    index: self.index,
                    each: &mut *self.each,
                    failed: &mut *self.failed,
                });
                map.next_value_seed(seed)?;
            } else {
                fields.insert(key, map.next_value()?);
            }
        }
        if !has_cases {
            return Err(serde::de::Error::missing_field("cases"));
        }
        serde_json::from_value(Value::Object(fields)).map_err(serde::de::Error::custom)
    }
}

struct CasesSeed<'a, 'e>(GateSeed<'a, 'e>);

impl<'de> DeserializeSeed<'de> for CasesSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for CasesSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of cases")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(case) = seq.next_element::<Case>()? {
            if let Err(error) = (self.0.each)(self.0.index, case) {
                *self.0.failed = Some(error);
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::CaseStream;
    use crate::report::{sample, v1};

    fn schema() -> Value {
        serde_json::from_str(v1::JSON_SCHEMA).expect("JSON")
    }

    fn faults(instance: &Value) -> Vec<String> {
        let validator = jsonschema::draft202012::new(&schema()).expect("a schema");
        validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    fn written(report: &Report, cases: &[Vec<Case>]) -> String {
        let stream = |gate: usize| sample::stream(cases, gate);
        let mut out = Vec::new();
        write(report, &Cases(&stream), &mut out).expect("written");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn what_is_written_fits_the_schema_and_reads_back() {
        let (report, cases) = (sample::report(), sample::cases());
        let text = written(&report, &cases);
        assert_eq!(faults(&serde_json::from_str(&text).expect("JSON")), Vec::<String>::new());
        let mut back = vec![Vec::new(); report.gates.len()];
        let read = read("x", text.as_bytes(), &mut |gate, case| {
            back[gate].push(case);
            Ok(())
        });
        assert_eq!((read.expect("a report"), back), (report, cases));
    }

    #[test]
    fn a_report_of_a_wrong_input_has_neither_verdict_nor_run() {
        let report = Report { verdict: None, exit_code: 2, run: None, gates: vec![], ..sample::report() };
        let text = written(&report, &[]);
        assert_eq!(faults(&serde_json::from_str(&text).expect("JSON")), Vec::<String>::new());
        assert_eq!(read("x", text.as_bytes(), &mut |_, _| Ok(())).expect("a report"), report);
    }

    #[test]
    fn the_schema_blocks_what_is_not_in_it() {
        let good: Value = serde_json::from_str(&written(&sample::report(), &sample::cases())).expect("JSON");
        let broken: [(&str, Value); 9] = [
            ("/extra", Value::Bool(true)),
            ("/verdict", "green".into()),
            ("/exit_code", 7.into()),
            ("/gates/0/extra", Value::Bool(true)),
            ("/gates/0/usage/cost_usd", 0.5.into()),
            ("/gates/0/cases/0/extra", Value::Bool(true)),
            ("/gates/0/cases/0/status", "skipped".into()),
            ("/gates/0/cases/0/weight", 0.into()),
            ("/gates/0/cases/0/unscored_reason", "timeout".into()),
        ];
        for (pointer, value) in broken {
            let mut bad = good.clone();
            let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
            bad.pointer_mut(parent).expect(pointer)[key] = value;
            assert!(!faults(&bad).is_empty(), "{pointer} was let through");
        }
        let mut bad = good;
        bad["gates"][0].as_object_mut().expect("a gate").remove("cases");
        assert!(!faults(&bad).is_empty());
    }

    #[test]
    fn a_text_that_is_no_report_is_refused() {
        let good = written(&sample::report(), &sample::cases());
        let other = good.replacen(v1::SCHEMA, "llmops/report/v9", 1);
        let torn = &good[..good.len() / 2];
        let unknown = good.replacen("\"verdict\"", "\"verdikt\"", 1);
        let twice = format!("{good}{good}");
        let doubled = good.replacen("\"exit_code\"", "\"exit_code\":0,\"exit_code\"", 1);
        for bad in [other.as_str(), torn, &unknown, &twice, &doubled, "[]", "", "{\"gates\":[{}]}"] {
            let error = read("x", bad.as_bytes(), &mut |_, _| Ok(())).expect_err("refused");
            assert_eq!(error.kind(), Kind::Input);
        }
    }

    #[test]
    fn a_case_that_cannot_be_read_stops_the_report() {
        let stream = |_: usize| {
            Box::new(std::iter::once(Err(Error::new(Kind::Storage, "read a case")))) as CaseStream<'_>
        };
        let error = write(&sample::report(), &Cases(&stream), &mut Vec::new()).expect_err("stopped");
        assert_eq!(error.to_string(), "read a case");
    }
}
