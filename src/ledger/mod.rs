//! What is kept on disk: exchanges, recordings, runs; and what they cost.
