//! The environment of a command, which is read once and passed to all functions that need it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Explain, Result};
use crate::interrupt::Interrupt;
use crate::shell::Shell;

/// This program's version and a digest of its sources, because the sources can change without a new version during
/// development.
pub const PROGRAM: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("CARGO_WASMPLUGIN_SOURCES"));

/// The password for a registry. Other programs that this one runs, such as build scripts, don't get to see it.
pub const PASSWORD_VARIABLE: &str = "CARGO_WASMPLUGIN_PASSWORD";

/// The environment of a command.
#[derive(Debug)]
pub struct Context {
    pub shell: Shell,
    /// The current directory.
    pub cwd: Utf8PathBuf,
    /// The environment variables.
    pub env: Env,
    pub interrupt: Interrupt,
}

impl Context {
    /// The environment of this process.
    ///
    /// # Errors
    ///
    /// If the current directory doesn't exist or isn't UTF-8.
    pub fn new(shell: Shell, env: Env, interrupt: Interrupt) -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "all other code reads the context")]
        let cwd = std::env::current_dir().map_err(CurrentDirError::Gone)?;
        let cwd =
            Utf8PathBuf::try_from(cwd).map_err(|error| CurrentDirError::NotUtf8(error.into_io_error()))?;
        Ok(Context { shell, cwd, env, interrupt })
    }

    /// The cargo that called this program, or the one in PATH.
    pub fn cargo(&self) -> &OsStr {
        self.env.get("CARGO").unwrap_or(OsStr::new("cargo"))
    }

    /// `path` as it is shown: relative to the current directory if it is inside.
    pub fn display_path<'p>(&self, path: &'p Utf8Path) -> &'p Utf8Path {
        match path.strip_prefix(&self.cwd) {
            Ok(below) if !below.as_str().is_empty() => below,
            _ => path,
        }
    }
}

/// A copy of the environment.
#[derive(Debug)]
pub struct Env(HashMap<OsString, OsString>);

impl Env {
    /// The environment of this process.
    pub fn of_process() -> Self {
        #[expect(clippy::disallowed_methods, reason = "all other code reads the context")]
        Env(std::env::vars_os().collect())
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// The value of a variable that is set; it may be empty.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The names of all variables, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<_> = self.0.keys().filter_map(|name| name.to_str()).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// The value of a variable in upper or in lower case, as programs support them for HTTP proxies.
    pub fn either(&self, name: &str) -> Option<&str> {
        self.get(name).or_else(|| self.get(&name.to_lowercase()))?.to_str()
    }
}

#[derive(Debug, thiserror::Error)]
enum CurrentDirError {
    #[error("failed to get the current directory")]
    Gone(#[source] std::io::Error),
    #[error("the path of the current directory is not UTF-8")]
    NotUtf8(#[source] std::io::Error),
}

impl Explain for CurrentDirError {
    fn help(&self) -> Vec<String> {
        vec!["change to a directory that exists and has a path in UTF-8".to_owned()]
    }
}
