//! Test support: empty directories, the built program, and the programs that `script/setup` installs.

pub(crate) mod bare;
pub(crate) mod built;
pub(crate) mod envoy;
pub(crate) mod foreign;
pub(crate) mod http;
pub(crate) mod layout;
pub(crate) mod mesh;
pub(crate) mod module;
pub(crate) mod package;
pub(crate) mod packaged;
pub(crate) mod probe;
pub(crate) mod proxy;
pub(crate) mod publishing;
pub(crate) mod readers;
pub(crate) mod registry;
pub(crate) mod running;
pub(crate) mod snapshot;
pub(crate) mod terminal;
pub(crate) mod tls;
pub(crate) mod tokens;
pub(crate) mod tree;

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use snapbox::cmd::Command;

pub(crate) use running::{isolated, tool};

/// An empty directory to run the program in. It is removed when this value is dropped.
pub(crate) struct Sandbox {
    root: Utf8PathBuf,
    _directory: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("wasmplugin-test-").tempdir().unwrap();
        let root = Utf8PathBuf::try_from(directory.path().canonicalize().unwrap()).unwrap();
        Sandbox { root, _directory: directory }
    }

    /// A sandbox with the filter `hello`, created by `new` from the default template.
    pub(crate) fn with_hello() -> Self {
        let sandbox = Sandbox::new();
        sandbox.tool(["new", "hello", "--image", "registry.example:5000/acme/hello"]).assert().success();
        sandbox
    }

    pub(crate) fn path(&self, below: impl AsRef<Utf8Path>) -> Utf8PathBuf {
        self.root.join(below)
    }

    pub(crate) fn write(&self, below: impl AsRef<Utf8Path>, text: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, below: impl AsRef<Utf8Path>) -> String {
        fs_err::read_to_string(self.path(below)).unwrap()
    }
}

/// A path in the cache of `script/setup`. If it is missing, the test fails, because it must not pass untested.
pub(crate) fn from_setup(below: &str) -> Utf8PathBuf {
    let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Utf8PathBuf::from);
    let cache = var("CARGO_WASMPLUGIN_CACHE").unwrap_or_else(|| {
        let caches = var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")));
        caches.expect("HOME is not set").join("cargo-wasmplugin")
    });
    let path = cache.join(below);
    assert!(path.exists(), "`{path}` is missing: run script/setup");
    path
}

/// A program that `script/setup` installs on PATH.
pub(crate) fn program(name: &str) -> Command {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|directory| directory.join(name).is_file());
    assert!(found, "`{name}` is not installed: run script/setup");
    Command::new(name)
}

/// Calls `ask` until it returns a value. Panics if that takes longer than `limit`.
pub(crate) fn until<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
