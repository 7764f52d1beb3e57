//! Providers: encode, pace, send, retry, decode.
//!
//! Requests and replies are encoded and decoded by pure functions, one file per API. `retry` decides, `pace`
//! and `breaker` hold back, `https` alone opens connections, and `providers` is the one loop over them.

mod address;
pub mod advice;
pub mod anthropic;
mod batches;
pub mod breaker;
pub mod budget;
pub mod builtin;
mod compact;
pub mod desk;
mod dispatch;
pub mod endpoint;
pub mod environment;
pub mod exec;
pub mod fault;
pub mod flights;
pub mod http;
pub mod https;
mod lane;
pub mod local_fault;
mod miss;
pub mod openai;
pub mod openai_embeddings;
pub mod outcome;
pub mod pace;
pub mod process;
mod program;
pub mod providers;
mod proxies;
pub mod ratelimit;
pub mod retry;
pub mod secret;
mod stop;
mod tls;
pub mod usage;
mod vectors;
pub mod window;
pub mod wire;

pub use batches::batches;
pub use environment::Environment;
pub use lane::{Limits, Pacing};
pub use outcome::{Answer, CallFailure, FailureKind, Outcome, RetryNote, WaitNote};
pub use providers::Providers;
pub use secret::{Redactor, Secret};
pub use stop::{Asked, Stop};
