//! Filter JSON to a compiled configuration; every fault collected, each with its path in the document.
mod document;
mod problems;
pub mod settings;
mod units;
pub use problems::{Problem, Problems};
