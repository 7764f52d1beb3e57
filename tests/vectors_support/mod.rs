//! Reads the reference values of `tests/vectors/`.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "shared by several tests"
)]

use serde_json::Value;

/// One case of a vector file.
pub struct Vector {
    pub id: String,
    pub tolerance: f64,
    pub inputs: Value,
    pub whole: Value,
}

impl Vector {
    pub fn read(name: &str) -> Vec<Self> {
        let text = std::fs::read_to_string(format!("tests/vectors/{name}.json")).expect(name);
        let file: Value = serde_json::from_str(&text).expect(name);
        let general = file["default_abs_tolerance"].as_f64().expect("a tolerance");
        let cases = file["cases"].as_array().expect("cases");
        assert!(!cases.is_empty(), "{name} has no cases");
        let read = |case: &Value| Self {
            id: format!("{name}/{}", case["id"].as_str().expect("an id")),
            tolerance: case["tolerance"].as_f64().unwrap_or(general),
            inputs: case["inputs"].clone(),
            whole: case["expected"].clone(),
        };
        cases.iter().map(read).collect()
    }

    pub fn input(&self, key: &str) -> &Value {
        &self.inputs[key]
    }

    pub fn count(&self, key: &str) -> usize {
        usize::try_from(self.inputs[key].as_u64().expect(key)).expect(key)
    }

    pub fn list(&self, key: &str) -> Vec<f64> {
        numbers(&self.inputs[key])
    }

    pub fn expected(&self, key: &str) -> &Value {
        let value = &self.whole[key];
        assert!(self.whole.get(key).is_some(), "{} has no {key}", self.id);
        value
    }

    pub fn check(&self, key: &str, found: f64) {
        let expected = self.expected(key).as_f64().expect(key);
        near(&format!("{} {key}", self.id), found, expected, self.tolerance);
    }

    /// `NaN` and null stand for "undefined", which is `None` here.
    pub fn check_option(&self, key: &str, found: Option<f64>) {
        match (self.expected(key).as_f64(), found) {
            (Some(_), Some(found)) => self.check(key, found),
            (None, None) => {}
            (expected, found) => panic!("{} {key}: {found:?} is not {expected:?}", self.id),
        }
    }

    pub fn check_pair(&self, key: &str, found: (f64, f64)) {
        let expected = numbers(self.expected(key));
        near(&format!("{} {key} low", self.id), found.0, expected[0], self.tolerance);
        near(&format!("{} {key} high", self.id), found.1, expected[1], self.tolerance);
    }
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|item| item.as_f64().expect("a number")).collect()
}

pub fn near(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found} is not {expected}");
}
