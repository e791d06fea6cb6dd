//! From a Proxy-Wasm filter crate to an artifact that a service mesh loads.
//!
//! # Flow
//!
//! ```text
//! Project -> CompiledModule -> OptimizedModule -> Findings -> Passed -> Image -> Resource -> YAML
//! ```
//!
//! Each stage returns a type of its own, so nothing is half-built, and a step that was left out does not
//! compile: an [`Image`](image::Image) wants a [`Passed`](findings::Passed), which the checks alone give.
//!
//! # Modules
//!
//! | module | what is in it |
//! | --- | --- |
//! | [`cli`] | the command line: arguments become options of an operation |
//! | [`ops`] | a command each: the order of its stages |
//! | [`project`], [`config`] | what cargo and the settings say |
//! | [`compile`], [`optimize`], [`module`] | crate to module, and the states of a module |
//! | [`check`], [`findings`] | what a mesh would refuse |
//! | [`image`], [`transport`] | the image in memory, and the places it is written to |
//! | [`resource`] | the WasmPlugin, and the other kinds that are made of it |
//! | [`scaffold`] | new crates |
//! | [`wasm`], [`mod@reference`], [`digest`] | modules, image names and digests, read and written |
//! | [`context`], [`shell`], [`error`], [`fs`], [`process`] | the world around |
//!
//! Calls go one way: `cli` to `ops` to the stages to what they stand on.

pub mod check;
pub mod cli;
pub mod compile;
pub mod config;
pub mod context;
pub mod diagnostics;
pub mod digest;
pub mod envoy;
pub mod error;
pub mod fs;
pub mod image;
pub mod interrupt;
pub mod mesh;
pub mod module;
pub mod ops;
pub mod optimize;
pub mod process;
pub mod project;
pub mod reference;
pub mod report;
pub mod resource;
pub mod scaffold;
pub mod shell;
pub mod text;
pub mod transport;
pub mod wasm;
pub mod yaml;
