//! The program as built from the package that users install.

use std::process::Command;
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::File;

use crate::support::layout::untar;
use crate::support::running::Said;

/// The files of the package, and the program that is built from them.
pub(crate) struct Packaged {
    /// The directory that the `.crate` was unpacked to.
    pub(crate) source: Utf8PathBuf,
    pub(crate) tool: Utf8PathBuf,
    _lock: File,
}

/// Packages, unpacks and builds the program, once in a test run. It is built without the optimizer, which comes from
/// another package and takes minutes to compile.
pub(crate) static PACKAGED: LazyLock<Packaged> = LazyLock::new(|| {
    let directory = Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("packaged");
    fs_err::create_dir_all(&directory).unwrap();
    // Parallel test runs must not unpack over each other.
    let lock = File::create(directory.join("lock")).unwrap();
    lock.file().lock().unwrap();

    let target = directory.join("target");
    let mut package = cargo("package", &target);
    package.args(["--no-verify", "--allow-dirty", "--manifest-path"]);
    Said::of(package.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).done();
    let name = concat!(env!("CARGO_PKG_NAME"), "-", env!("CARGO_PKG_VERSION"));
    let archive = fs_err::read(target.join(format!("package/{name}.crate"))).unwrap();
    let source = directory.join(name);
    if source.exists() {
        fs_err::remove_dir_all(&source).unwrap();
    }
    for (path, bytes) in untar(&archive) {
        let path = directory.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    let mut build = cargo("build", &target);
    Said::of(build.args(["--no-default-features", "--locked"]).current_dir(&source)).done();
    Packaged { source, tool: target.join("debug/cargo-wasmplugin"), _lock: lock }
});

/// Cargo with a target directory that no checkout shares. Cargo can't distinguish the unpacked package from the tested
/// one, so in a shared directory it would mix their artifacts.
fn cargo(subcommand: &str, target: &Utf8Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args([subcommand, "--offline", "--quiet", "--target-dir"]).arg(target);
    command.env("CARGO_BUILD_BUILD_DIR", target).env("CARGO_PROFILE_DEV_DEBUG", "0");
    command
}
