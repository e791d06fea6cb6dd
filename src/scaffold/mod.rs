//! The files that `new` writes, rendered from a template.

mod catalogue;
pub mod name;
mod render;

pub use catalogue::{TEMPLATES, Template};
pub use render::{Answers, File, dependencies, render, render_resource};
