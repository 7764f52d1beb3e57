//! Names and identifiers, each a type of its own so that one is never passed for another.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps `text` as it stands; whoever reads it from outside has checked it.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name of a prompt: its `name`, else its path under the prompts folder without extension.
    PromptName
);
name!(
    /// The name of a suite: its path under the evals folder without extension, unless it names itself.
    SuiteName
);
name!(
    /// The name of a retrieval manifest.
    RetrievalName
);
name!(
    /// The name of a provider: `anthropic`, `openai`, `builtin`, or one that `llmops.yaml` defines.
    ProviderName
);
name!(
    /// A model as a provider knows it, for example `claude-sonnet-4-20250514`.
    ModelId
);
name!(
    /// The identifier of a case, unique in its suite.
    CaseId
);
name!(
    /// The name of a dimension that a judge scores.
    DimensionName
);
name!(
    /// The identifier of a run: sorts by start time.
    RunId
);
