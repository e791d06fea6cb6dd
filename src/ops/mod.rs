//! One file a command. Here alone stands the order of the stages.

mod new;

pub use new::{NewOptions, Scaffolded, new};
