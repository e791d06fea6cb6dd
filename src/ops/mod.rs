//! The commands, a file each: the order of their stages.

pub mod build;
pub mod new;
mod overrides;
pub mod pipeline;
pub mod publish;
pub mod resolve;
