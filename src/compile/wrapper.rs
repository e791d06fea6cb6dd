//! This program as the wrapper that cargo runs instead of rustc. It adds flags to those that cargo passes.
//!
//! Cargo takes rustflags from only one of several sources, and ours must not replace the user's. A wrapper leaves the
//! choice to cargo.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use crate::context::Env;
use crate::process;

/// The file name by which this program knows that it is the wrapper.
const NAME: &str = "cargo-wasmplugin-rustc";
/// The flags to add, separated like those in `CARGO_ENCODED_RUSTFLAGS`.
const FLAGS: &str = "CARGO_WASMPLUGIN_RUSTFLAGS";
/// The user's own wrapper.
const NEXT: &str = "CARGO_WASMPLUGIN_RUSTC_WRAPPER";

/// A link to this program with the name of the wrapper.
pub(super) struct Wrapper(Utf8PathBuf);

impl Wrapper {
    /// Creates the link in `directory`.
    ///
    /// # Errors
    ///
    /// If it can't be created.
    pub(super) fn install(directory: &Utf8Path) -> io::Result<Self> {
        let program = process::this_program()?;
        let link = directory.join(NAME);
        if link.read_link_utf8().is_ok_and(|target| target == program) {
            return Ok(Wrapper(link));
        }
        match fs_err::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs_err::os::unix::fs::symlink(&program, &link)?;
        Ok(Wrapper(link))
    }

    /// Makes `cargo` run the wrapper, which adds `flags` to the compilation of modules and runs the wrapper `next`.
    pub(super) fn wrap(&self, cargo: &mut Command, flags: &[String], next: Option<&Utf8Path>) {
        cargo.env("RUSTC_WRAPPER", &self.0).env(FLAGS, flags.join("\u{1f}"));
        cargo.env(NEXT, next.map_or("", Utf8Path::as_str));
    }
}

/// Whether cargo runs this program, with these arguments, as the wrapper.
pub fn is_called(args: &[OsString]) -> bool {
    args.first().is_some_and(|program| Path::new(program).file_name().is_some_and(|name| name == NAME))
}

/// Replaces this process with rustc. The arguments are the wrapper, rustc and the arguments of rustc. Returns only if
/// rustc can't be run.
pub fn become_rustc(env: &Env, args: &[OsString]) -> io::Error {
    let Some((rustc, args)) = args.get(1..).and_then(<[_]>::split_first) else {
        return io::Error::new(io::ErrorKind::InvalidInput, "the arguments don't name rustc");
    };
    #[expect(clippy::disallowed_methods, reason = "this process is replaced, so it doesn't run a child")]
    let mut command = match env.get(NEXT) {
        Some(next) => {
            let mut command = Command::new(next);
            command.arg(rustc);
            command
        }
        None => Command::new(rustc),
    };
    command.args(args).env_remove(FLAGS).env_remove(NEXT);
    // Build scripts and procedural macros run on this machine, and their crates are compiled without `--target`.
    let flags =
        env.get(FLAGS).and_then(|flags| flags.to_str()).filter(|_| args.iter().any(|arg| arg == "--target"));
    command.args(flags.into_iter().flat_map(|flags| flags.split('\u{1f}')));
    command.exec()
}
