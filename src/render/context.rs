//! Retrieved context as templates see it: a list of chunks that prints as their text.

use crate::domain::Chunk;
use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use std::fmt;
use std::sync::Arc;

/// How the text of a chunk is shown: as it is, or fenced for a judge.
pub(super) type Show = fn(&str) -> String;

/// The text as it is.
pub(super) fn plain(text: &str) -> String {
    text.to_owned()
}

/// A list of chunks. Printed as a whole it is their text, a blank line between two.
#[derive(Debug)]
pub(super) struct Context {
    chunks: Vec<Arc<ChunkValue>>,
    whole: Show,
}

#[derive(Debug)]
struct ChunkValue {
    chunk: Chunk,
    show: Show,
}

/// `context` for a template: each chunk shows through `each`, the list printed as a whole through `whole`.
pub(super) fn value(chunks: &[Chunk], each: Show, whole: Show) -> Value {
    let chunks =
        chunks.iter().map(|chunk| Arc::new(ChunkValue { chunk: chunk.clone(), show: each })).collect();
    Value::from_object(Context { chunks, whole })
}

impl Object for Context {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let chunk = self.chunks.get(key.as_usize()?)?;
        Some(Value::from_dyn_object(Arc::clone(chunk)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.chunks.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.chunks.iter().map(|chunk| chunk.chunk.text.as_str()).collect();
        f.write_str(&(self.whole)(&texts.join("\n\n")))
    }
}

impl Object for ChunkValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let chunk = &self.chunk;
        let text = |text: &Option<String>| {
            text.as_deref().map_or(Value::from(()), |text| Value::from((self.show)(text)))
        };
        match key.as_str()? {
            "text" => Some(Value::from((self.show)(&chunk.text))),
            "source" => Some(text(&chunk.source)),
            "score" => Some(chunk.score.map_or(Value::from(()), Value::from)),
            "last_updated" => Some(text(&chunk.last_updated)),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["text", "source", "score", "last_updated"])
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&(self.show)(&self.chunk.text))
    }
}
