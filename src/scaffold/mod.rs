//! The files that `new` writes: a template, rendered with the answers to its questions.

mod catalogue;
pub mod name;
mod render;

pub use catalogue::{TEMPLATES, Template};
pub use render::{Answers, File, dependencies, render};
