//! Estimates and thresholds become a verdict.
