//! `llmops`: prompts as code, versioned, evaluated and gated from git.
//!
//! This file is the map. The rooms stand in order and **a room imports only rooms above it**;
//! `tests/architecture.rs` holds that. A command walks down them: resolve, read, plan, run, aggregate, decide,
//! report.

// Nouns: ids, requests and replies, grades, money, diagnostics, errors, exits. No I/O.
pub mod domain;
// The one door to a user's files and to git: snapshots of the working tree or of a revision.
pub mod repo;
// YAML as checked types with places: prompt, retrieval, suite, project, lock, deployment.
pub mod manifest;
// A template and its inputs become messages.
pub mod render;
// Other tools' configurations become manifests, with a list of what was lost.
pub mod import;
// Manifests and a selection become digests and ordered trials.
pub mod plan;
// What is kept on disk: exchanges, recordings, runs; what they cost.
pub mod ledger;
// Two revisions of a prompt, side by side; it stands below what renders, identifies and prices them.
pub mod compare;
// Providers: encode, pace, send, retry, decode.
pub mod call;
// Chunks, embeddings, indexes, search.
pub mod retrieve;
// An answer becomes a grade: asserts by family, and the judge.
pub mod grade;
// The conductor: trial → retrieve, render, call, grade; and the events it sends.
pub mod run;
// Grades become estimates with intervals.
pub mod aggregate;
// Estimates and thresholds become a verdict.
pub mod gate;
// What may go live: promotion and rollback of deployment records.
pub mod release;
// Questions that take many runs: calibration, sweeps.
pub mod study;
// What people and machines read.
pub mod report;
// Arguments and verbs: the edge that reads the environment and the clock.
pub mod cli;
