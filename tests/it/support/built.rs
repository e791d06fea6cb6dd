//! The filter `hello` of the default template, built with different options in one directory, so that its dependencies
//! are compiled only once for each set of options.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;
use serde_json::Value;

use crate::support::layout::Layout;
use crate::support::running::{Said, process, tool};

/// What a build wrote, moved to where no other build replaces it.
#[derive(Clone)]
pub(crate) struct Built {
    pub(crate) directory: Utf8PathBuf,
    /// The directory that the program wrote it to.
    pub(crate) was_in: Utf8PathBuf,
}

impl Built {
    pub(crate) fn in_directory(directory: Utf8PathBuf) -> Self {
        Built { was_in: directory.clone(), directory }
    }

    pub(crate) fn bytes(&self, file: &str) -> Vec<u8> {
        fs_err::read(self.directory.join(file)).unwrap()
    }

    pub(crate) fn text(&self, file: &str) -> String {
        String::from_utf8(self.bytes(file)).unwrap()
    }

    pub(crate) fn image(&self) -> Layout {
        Layout(self.directory.join("image"))
    }
}

/// The result of `build` with these arguments. Each list of arguments is built only once.
pub(crate) fn built(args: &[&str]) -> Built {
    let mut builds = WORKSHOP.builds.lock().unwrap_or_else(PoisonError::into_inner);
    let key = args.join(" ");
    if let Some(built) = builds.get(&key) {
        return built.clone();
    }
    run(args);
    let directory = WORKSHOP.root.join(builds.len().to_string());
    let was_in = WORKSHOP.root.join("hello/target/wasmplugin.d/hello");
    fs_err::rename(&was_in, &directory).unwrap();
    let built = Built { directory, was_in };
    builds.insert(key, built.clone());
    built
}

/// The output of `build` with these arguments when nothing is left to compile, and what it wrote.
pub(crate) fn built_again(args: &[&str]) -> (Said, Built) {
    let builds = WORKSHOP.builds.lock().unwrap_or_else(PoisonError::into_inner);
    // Another optimization has another opt-level, and cargo keeps only one module of each crate.
    run(args);
    let said = run(args);
    drop(builds);
    (said, built(args))
}

/// The document of `build -o json` for the filter, and what the build wrote.
pub(crate) fn built_as_json(args: &[&str]) -> (Value, Built) {
    let (said, built) = built_again(&[args, &["-o", "json"]].concat());
    (said.json(), built)
}

struct Workshop {
    root: Utf8PathBuf,
    builds: Mutex<HashMap<String, Built>>,
    _lock: File,
}

static WORKSHOP: LazyLock<Workshop> = LazyLock::new(|| {
    // A static is never dropped, so a temporary directory would not be removed. The next run empties this one, and a
    // run at the same time takes the next number.
    let tmp = Utf8Path::new(env!("CARGO_TARGET_TMPDIR"));
    let free = (0..).find_map(|number| {
        let lock = File::create(tmp.join(format!("built-{number}.lock"))).unwrap();
        lock.file().try_lock().ok()?;
        Some((lock, tmp.join(format!("built-{number}"))))
    });
    let (lock, root) = free.unwrap();
    if root.exists() {
        fs_err::remove_dir_all(&root).unwrap();
    }
    fs_err::create_dir_all(&root).unwrap();
    let new = ["new", "hello", "--vcs", "none", "--image", "registry.example:5000/acme/hello"];
    Said::of(process(tool()).args(new).current_dir(&root)).done();
    Workshop { root, builds: Mutex::default(), _lock: lock }
});

fn run(args: &[&str]) -> Said {
    Said::of(process(tool()).arg("build").args(args).current_dir(WORKSHOP.root.join("hello"))).done()
}
