//! Runs Binaryen's optimizer, which makes modules smaller and faster.
//!
//! It runs in a child process with limits for time and memory, because it crashes on some valid modules. Its results
//! are cached by content, so the same bytes are never optimized twice.

mod cache;
mod error;
mod optimizer;
pub mod supervisor;

pub use optimizer::Optimizer;
