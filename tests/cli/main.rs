//! The command line, from the outside: one binary, repositories made for each test, providers on loopback.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test says what it expected")]

mod checks;
mod fixtures;
mod gates;
mod interrupts;
mod project;
mod providers;
mod scaffold;
mod secrets;
#[path = "../support/stub.rs"]
mod stub;
