//! Asserts as checked types, by family.

use super::template::Template;
use crate::domain::{ModelId, Place, ProviderName, Usd};
use serde_json::Value;

/// A text that an assert compares with: rendered for a suite's asserts, never for a case's own.
#[derive(Clone, PartialEq, Debug)]
pub enum Text {
    /// As it stands.
    Literal(String),
    /// A template over the case's variables and `expected`.
    Template(Template),
}

/// A JSON value that an assert compares with.
#[derive(Clone, PartialEq, Debug)]
pub enum JsonText {
    /// As it stands in the manifest.
    Json(Value),
    /// Rendered, then parsed as JSON.
    Template(Template),
}

/// Bounds on a count, both inclusive; at least one is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// The least count.
    pub min: Option<u64>,
    /// The greatest count.
    pub max: Option<u64>,
}

/// Asserts on the text of an answer.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the variants are the assert types of the same names")]
pub enum TextAssert {
    Equals(Text),
    Contains(Text),
    IContains(Text),
    ContainsAny(Vec<Text>),
    ContainsAll(Vec<Text>),
    IContainsAny(Vec<Text>),
    IContainsAll(Vec<Text>),
    StartsWith(Text),
    /// Unanchored search; literal patterns were compiled once to check them.
    Regex(Text),
    /// Words as Unicode segments them.
    WordCount(Bounds),
    /// Unicode scalar values.
    Length(Bounds),
    IsRefusal,
    /// `stop`, `length`, `tool_calls`, `refusal`, or a provider's own word.
    FinishReason(String),
}

/// What `json-path` demands of the values that its path selects.
#[derive(Clone, PartialEq, Debug)]
pub enum PathTest {
    /// The only value is equal as JSON (1 == 1.0, true ≠ 1).
    Equals(JsonText),
    /// The only value is a text that contains this, or a list that has this item.
    Contains(JsonText),
    /// The only value is a text in which this pattern is found.
    Matches(Text),
    /// The only value is a number greater than this.
    Gt(f64),
    /// … at least this.
    Gte(f64),
    /// … less than this.
    Lt(f64),
    /// … at most this.
    Lte(f64),
    /// Whether the path selects anything.
    Exists(bool),
    /// Count of characters, items or keys of the only value; of selected values where there are several.
    Length(Bounds),
}

/// One tool call that is expected.
#[derive(Clone, PartialEq, Debug)]
pub struct ExpectedCall {
    /// The tool's name.
    pub name: String,
    /// Arguments that are equal as JSON.
    pub arguments: Option<JsonText>,
    /// A JSON Schema that the arguments fit.
    pub schema: Option<Value>,
}

/// Asserts on the structure of an answer.
#[derive(Clone, PartialEq, Debug)]
pub enum StructureAssert {
    /// The whole answer is JSON, and fits the schema if there is one.
    IsJson {
        /// A JSON Schema, 2020-12 unless it says otherwise; compiled once to check it.
        schema: Option<Value>,
    },
    /// Some object or list in the answer is JSON, and fits the schema if there is one.
    ContainsJson {
        /// A JSON Schema.
        schema: Option<Value>,
    },
    /// What an RFC 9535 path selects in the answer passes every test; at least one test is there.
    JsonPath {
        /// The path.
        path: String,
        /// The test.
        test: PathTest,
    },
    /// The whole answer is equal as JSON.
    JsonEquals(JsonText),
    /// The expected value is part of the answer: keys may be more, lists are equal in length and order.
    JsonSubset(JsonText),
    /// The calls of the answer are these, in this order.
    ToolCall(Vec<ExpectedCall>),
}

/// How `rouge-l` splits text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RougeTokenizer {
    /// Words as Unicode segments them, lower-cased.
    #[default]
    Unicode,
    /// Google's `rouge_score`: anything but `[a-z0-9]` separates, so non-ASCII text scores 0.
    RougeScore,
}

/// How a graded assert measures closeness.
#[derive(Clone, PartialEq, Debug)]
pub enum Metric {
    /// 1 − edit distance over code points / the longer length.
    Levenshtein,
    /// F1 of the longest common subsequence.
    RougeL(RougeTokenizer),
    /// Sentence BLEU as sacreBLEU defines it, divided by 100.
    Bleu,
    /// Token F1 with SQuAD normalisation.
    F1,
    /// Cosine of embeddings, at least 0.
    Similar {
        /// The embedding model.
        model: ModelId,
        /// Its provider.
        provider: ProviderName,
    },
}

/// Asserts about context.
#[derive(Clone, PartialEq, Debug)]
pub enum ContextAssert {
    /// Some chunk contains this.
    Contains(Text),
    /// At least this share of the case's `relevant` sources was retrieved.
    Recall {
        /// 0 to 1.
        threshold: f64,
    },
}

/// Asserts about what a call took.
#[derive(Clone, PartialEq, Debug)]
pub enum MeasuredAssert {
    /// At most this many milliseconds; a stored answer keeps its original latency.
    Latency {
        /// Milliseconds.
        max_ms: f64,
    },
    /// At most this price of the answer, as if live.
    Cost {
        /// USD.
        max: Usd,
    },
}

/// A program that decides.
#[derive(Clone, PartialEq, Debug)]
pub struct ExecAssert {
    /// Program and arguments, run at the root. It reads `{id, output, vars, expected, context}` as JSON on
    /// stdin and writes `{"pass": bool, "score": 0..1, "reason": text}`, of which `pass` is required.
    pub command: Vec<String>,
    /// Globs whose content enters the suite's digest.
    pub inputs: Vec<String>,
    /// Seconds before it is killed.
    pub timeout_s: u64,
    /// The least `score`, if one is demanded.
    pub threshold: Option<f64>,
}

/// What an assert checks.
#[derive(Clone, PartialEq, Debug)]
pub enum Check {
    /// The text of the answer.
    Text(TextAssert),
    /// Its structure.
    Structure(StructureAssert),
    /// Its closeness to a text.
    Graded {
        /// The measure.
        metric: Metric,
        /// The text to compare with.
        value: Text,
        /// The least score, 0 to 1.
        threshold: f64,
    },
    /// What was retrieved.
    Context(ContextAssert),
    /// What it took.
    Measured(MeasuredAssert),
    /// Whatever a program decides.
    Exec(ExecAssert),
}

/// One assert, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Assert {
    /// What it checks.
    pub check: Check,
    /// Whether it was written with `not-`.
    pub negated: bool,
    /// The type as written, `not-` included.
    pub written: String,
    /// The name under which its pass rate is a metric of the gate.
    pub metric: Option<String>,
    /// Weight in the share of asserts that pass; greater than 0.
    pub weight: f64,
    /// Its canonical JSON as written, for the suite's digest.
    pub source: Value,
    /// Where it stands.
    pub place: Place,
}
