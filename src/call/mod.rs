//! Providers: encode, pace, send, retry, decode.

pub mod builtin;
pub mod exec;
pub mod http;
pub mod local_fault;
mod program;
