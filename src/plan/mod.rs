//! Manifests and a selection become digests and ordered trials.

pub mod sample;
