//! Grades become estimates with intervals.
