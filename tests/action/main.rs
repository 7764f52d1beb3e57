//! The action, run as a runner would: its steps' environment is read from action.yml and filled in from the payload of
//! each event, its script drives the real binary in a real checkout, and GitHub's API is a stub on loopback.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test says what it expected")]
#![allow(clippy::disallowed_methods, reason = "a test reads the environment it runs in")]

mod comments;
mod events;
mod hosts;
mod runner;
#[path = "../support/stub.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod stub;
