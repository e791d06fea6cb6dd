//! The commands: each file is the one place where the order of a command's stages is written.

pub mod build;
pub mod new;
pub mod publish;
pub mod resolve;
