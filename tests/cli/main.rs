//! The command line, from the outside: one binary, repositories made for each test, providers on loopback.

#![allow(
    clippy::disallowed_methods,
    clippy::type_complexity,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expected"
)]

#[cfg(unix)]
mod browser;
mod changes;
mod chaos;
mod checks;
#[cfg(unix)]
#[path = "../support/chromium.rs"]
mod chromium;
mod chunks_shown;
#[path = "../support/comment.rs"]
mod comment;
mod corpora;
mod declared;
mod diffs;
mod disks;
mod documents;
mod evidence;
mod faults;
mod fixtures;
mod gates;
mod histories;
mod hostile;
mod imports;
mod interrupts;
mod junit;
mod limits;
mod local_models;
mod locks;
mod logs;
mod moves;
mod picture;
mod project;
mod providers;
mod records;
mod reference;
mod releases;
mod retrieval;
mod retrieval_changes;
mod retrieval_offline;
mod retrieved;
mod sarif;
mod scaffold;
mod secrets;
mod shard_laws;
mod shards;
mod shells;
#[path = "../support/stub.rs"]
#[allow(dead_code, reason = "benches use the rest of it")]
mod stub;
mod survival;
mod tools;
mod trust;
mod unaffected;
#[path = "../support/xsd.rs"]
mod xsd;
