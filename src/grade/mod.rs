//! An answer becomes a grade: asserts by family, and the judge.
