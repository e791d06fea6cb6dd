//! The program as it is built by whoever installs the package.

use std::process::Command;
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;

use crate::support::layout::untar;
use crate::support::running::Said;

/// The package's files, and the program that they build.
pub(crate) struct Packaged {
    /// The folder that the `.crate` was unpacked to.
    pub(crate) source: Utf8PathBuf,
    pub(crate) tool: Utf8PathBuf,
    _lock: File,
}

/// Packages, unpacks and builds, once a test run. The optimizer is left out of it, for it is minutes of C++ and
/// comes from another package.
pub(crate) static PACKAGED: LazyLock<Packaged> = LazyLock::new(|| {
    let folder = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("packaged");
    fs_err::create_dir_all(&folder).unwrap();
    // Two test runs at once must not unpack over each other.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.file().lock().unwrap();

    let target = folder.join("target");
    let mut package = cargo("package", &target);
    package.args(["--no-verify", "--allow-dirty", "--manifest-path"]);
    Said::of(package.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).done();
    let name = concat!(env!("CARGO_PKG_NAME"), "-", env!("CARGO_PKG_VERSION"));
    let archive = fs_err::read(target.join(format!("package/{name}.crate"))).unwrap();
    let source = folder.join(name);
    if source.exists() {
        fs_err::remove_dir_all(&source).unwrap();
    }
    for (path, bytes) in untar(&archive) {
        let path = folder.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    let mut build = cargo("build", &target);
    Said::of(build.args(["--no-default-features", "--locked"]).current_dir(&source)).done();
    Packaged { source, tool: target.join("debug/cargo-wasmplugin"), _lock: lock }
});

/// Cargo with a target folder that no checkout shares: to cargo the unpacked package is the same as the one that
/// is tested, so in one folder it would take what was compiled of the one for the other.
fn cargo(subcommand: &str, target: &Utf8Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args([subcommand, "--offline", "--quiet", "--target-dir"]).arg(target);
    command.env("CARGO_BUILD_BUILD_DIR", target).env("CARGO_PROFILE_DEV_DEBUG", "0");
    command
}
