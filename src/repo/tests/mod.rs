//! The room against real folders and real repositories.

mod working_tree;
