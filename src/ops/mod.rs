//! The commands, a file each: the order of their stages.

pub mod build;
mod fields;
pub mod new;
pub mod pipeline;
pub mod publish;
pub mod resolve;
