//! What the tests stand on: an empty folder, the built program, and the parts that `script/setup` installs.

pub mod bare;
pub mod folder;
pub mod probe;
pub mod refusal;
pub mod running;

use std::ffi::OsStr;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use snapbox::cmd::Command;

/// An empty folder to run the program in. It is removed with this value.
pub struct Sandbox {
    root: Utf8PathBuf,
    _folder: tempfile::TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("wasmplugin-test-").tempdir().unwrap();
        let root = Utf8PathBuf::try_from(folder.path().canonicalize().unwrap()).unwrap();
        Sandbox { root, _folder: folder }
    }

    /// A sandbox with the filter `hello` in it, made by `new` from the default template.
    pub fn with_hello() -> Self {
        let sandbox = Sandbox::new();
        sandbox.tool(["new", "hello", "--image", "localhost:5000/acme/hello"]).assert().success();
        sandbox
    }

    pub fn path(&self, below: impl AsRef<Utf8Path>) -> Utf8PathBuf {
        self.root.join(below)
    }

    pub fn write(&self, below: impl AsRef<Utf8Path>, text: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    pub fn read(&self, below: impl AsRef<Utf8Path>) -> String {
        fs_err::read_to_string(self.path(below)).unwrap()
    }

    /// The program with these arguments, in the folder itself.
    pub fn tool(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        self.tool_in("", args)
    }

    /// The program with these arguments, in a folder below.
    pub fn tool_in(&self, below: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        isolated(Command::new(tool())).current_dir(self.path(below)).args(args)
    }
}

/// The built program.
pub fn tool() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_cargo-wasmplugin"))
}

/// What the surroundings of the test run would change is taken out, and the network is forbidden: the crates
/// of the scaffolds are fetched by `script/setup`.
const SURROUNDINGS: &[(&str, Option<&str>)] = &[
    ("CARGO_TARGET_DIR", None),
    ("CARGO", None),
    ("RUSTFLAGS", None),
    ("CARGO_ENCODED_RUSTFLAGS", None),
    ("CARGO_TERM_COLOR", None),
    ("CARGO_NET_OFFLINE", Some("true")),
    ("GIT_CONFIG_GLOBAL", Some("/dev/null")),
];

/// The command without what the surroundings of the test run would change, and without the network.
pub fn isolated(command: Command) -> Command {
    SURROUNDINGS.iter().fold(command, |command, (name, value)| match value {
        Some(value) => command.env(name, value),
        None => command.env_remove(name),
    })
}

/// Something that `script/setup` puts into its cache. Without it a test fails: it must not look green.
pub fn from_setup(below: &str) -> Utf8PathBuf {
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
pub fn program(name: &str) -> Command {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(name).is_file());
    assert!(found, "`{name}` is not installed: run script/setup");
    Command::new(name)
}
