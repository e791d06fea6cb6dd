//! What the tests stand on: an empty folder, the built program, and the parts that `script/setup` installs.

pub(crate) mod bare;
pub(crate) mod built;
pub(crate) mod envoy;
pub(crate) mod folder;
pub(crate) mod foreign;
pub(crate) mod http;
pub(crate) mod layout;
pub(crate) mod mesh;
pub(crate) mod module;
pub(crate) mod packaged;
pub(crate) mod probe;
pub(crate) mod proxy;
pub(crate) mod publishing;
pub(crate) mod readers;
pub(crate) mod refusal;
pub(crate) mod registry;
pub(crate) mod running;
pub(crate) mod terminal;
pub(crate) mod tls;
pub(crate) mod tokens;
pub(crate) mod tree;

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use snapbox::cmd::Command;

/// An empty folder to run the program in. It is removed with this value.
pub(crate) struct Sandbox {
    root: Utf8PathBuf,
    _folder: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("wasmplugin-test-").tempdir().unwrap();
        let root = Utf8PathBuf::try_from(folder.path().canonicalize().unwrap()).unwrap();
        Sandbox { root, _folder: folder }
    }

    /// A sandbox with the filter `hello` in it, made by `new` from the default template.
    pub(crate) fn with_hello() -> Self {
        let sandbox = Sandbox::new();
        sandbox.tool(["new", "hello", "--image", "localhost:5000/acme/hello"]).assert().success();
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

    /// The program with these arguments, in the folder itself.
    pub(crate) fn tool(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        self.tool_in("", args)
    }

    /// The program with these arguments, in a folder below.
    pub(crate) fn tool_in(&self, below: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        isolated(Command::new(tool())).current_dir(self.path(below)).args(args)
    }
}

/// The built program.
pub(crate) fn tool() -> &'static Path {
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
    ("CLICOLOR_FORCE", None),
    ("COLUMNS", None),
    ("CARGO_NET_OFFLINE", Some("true")),
    ("GIT_CONFIG_GLOBAL", Some("/dev/null")),
    // Whoever runs the tests may be logged in somewhere, and behind a proxy.
    ("REGISTRY_AUTH_FILE", None),
    ("DOCKER_CONFIG", Some("/nonexistent")),
    ("XDG_CONFIG_HOME", Some("/nonexistent")),
    ("XDG_RUNTIME_DIR", Some("/nonexistent")),
    ("ALL_PROXY", None),
    ("HTTPS_PROXY", None),
    ("HTTP_PROXY", None),
    ("NO_PROXY", None),
    ("all_proxy", None),
    ("https_proxy", None),
    ("http_proxy", None),
    ("no_proxy", None),
];

/// The command without what the surroundings of the test run would change, and without the network.
pub(crate) fn isolated(command: Command) -> Command {
    SURROUNDINGS.iter().fold(command, |command, (name, value)| match value {
        Some(value) => command.env(name, value),
        None => command.env_remove(name),
    })
}

/// Something that `script/setup` puts into its cache. Without it a test fails: it must not look green.
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
        .any(|folder| folder.join(name).is_file());
    assert!(found, "`{name}` is not installed: run script/setup");
    Command::new(name)
}

/// Asks again until there is an answer. No answer in time is a failure.
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
