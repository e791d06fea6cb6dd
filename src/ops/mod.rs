//! The commands. Each file has the stages of one command, in order.

pub mod build;
pub mod init;
pub mod new;
mod overrides;
pub mod pipeline;
pub mod publish;
pub mod resolve;
