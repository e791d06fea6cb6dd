//! What a command needs of the world around it, gathered once and passed first.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Explain, Result};
use crate::interrupt::Interrupt;
use crate::shell::Shell;

/// The world around a command.
#[derive(Debug)]
pub struct Context {
    /// The terminal.
    pub shell: Shell,
    /// The folder that the command was called in.
    pub cwd: Utf8PathBuf,
    /// The environment that the command was called with.
    pub env: Env,
    /// Whether a signal asked to stop.
    pub interrupt: Interrupt,
}

impl Context {
    /// The world of this process.
    ///
    /// # Errors
    ///
    /// Where the current folder is gone or is not UTF-8.
    pub fn new(shell: Shell, env: Env, interrupt: Interrupt) -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is the room that the others read")]
        let cwd = std::env::current_dir().map_err(NoFolder::Gone)?;
        let cwd = Utf8PathBuf::try_from(cwd).map_err(|error| NoFolder::NotUtf8(error.into_io_error()))?;
        Ok(Context { shell, cwd, env, interrupt })
    }

    /// The cargo that called us, or else the one on PATH.
    pub fn cargo(&self) -> &OsStr {
        self.env.get("CARGO").unwrap_or(OsStr::new("cargo"))
    }

    /// `path` as it is short to read: relative where it lies below the current folder.
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
        #[expect(clippy::disallowed_methods, reason = "this is the room that the others read")]
        Env(std::env::vars_os().collect())
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The value of a variable that is written in upper or in lower case, as those of proxies are.
    pub fn either(&self, name: &str) -> Option<&str> {
        self.get(name).or_else(|| self.get(&name.to_lowercase()))?.to_str()
    }

    /// All variables.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

#[derive(Debug, thiserror::Error)]
enum NoFolder {
    #[error("the current folder cannot be found out")]
    Gone(#[source] std::io::Error),
    #[error("the path of the current folder is not UTF-8")]
    NotUtf8(#[source] std::io::Error),
}

impl Explain for NoFolder {
    fn help(&self) -> Vec<String> {
        vec!["change into a folder that exists and whose name is UTF-8".to_owned()]
    }
}
