//! The same sources have the same digest on every machine, and the output has no paths of the machine.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};

use crate::support::layout::untar;
use crate::support::running::{Said, process};
use crate::support::{Sandbox, bare, package, probe, tree};

/// The paths of this machine, which a module must not contain.
struct Machine {
    home: Utf8PathBuf,
    cargo_home: Utf8PathBuf,
    rustup_home: Option<Utf8PathBuf>,
    sysroot: Utf8PathBuf,
}

impl Machine {
    fn this() -> &'static Machine {
        static THIS: OnceLock<Machine> = OnceLock::new();
        THIS.get_or_init(|| {
            let var =
                |name| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Utf8PathBuf::from);
            let home = var("HOME").expect("HOME is not set");
            let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap().stdout;
            Machine {
                cargo_home: var("CARGO_HOME").unwrap_or_else(|| home.join(".cargo")),
                rustup_home: var("RUSTUP_HOME")
                    .or_else(|| Some(home.join(".rustup")).filter(|it| it.exists())),
                sysroot: String::from_utf8(sysroot).unwrap().trim().into(),
                home,
            }
        })
    }

    /// Creates another CARGO_HOME with the registry index and the downloaded crates, but without the unpacked sources.
    fn fill_cargo_home(&self, directory: &Utf8Path) {
        fs_err::create_dir_all(directory.join("registry")).unwrap();
        for part in ["index", "cache"] {
            let from = self.cargo_home.join("registry").join(part);
            assert!(from.exists(), "`{from}` is missing: run script/setup");
            symlink(from, directory.join("registry").join(part)).unwrap();
        }
        if self.cargo_home.join("config.toml").exists() {
            symlink(self.cargo_home.join("config.toml"), directory.join("config.toml")).unwrap();
        }
    }
}

/// The digest of the probe, for each variant.
fn reference(variant: &str) -> &'static str {
    static OCI: OnceLock<String> = OnceLock::new();
    static COMPAT: OnceLock<String> = OnceLock::new();
    let built = match variant {
        "oci" => &OCI,
        _ => &COMPAT,
    };
    built.get_or_init(|| {
        let sandbox = Sandbox::new();
        sandbox.add_probe("ws");
        Said::of(&mut sandbox.process_in("ws", ["build", "--variant", variant])).done();
        package::check(&sandbox.path("ws/target/wasmplugin.d/filter")).unwrap()
    })
}

/// Builds the probe with `command`, in both variants, and compares the digests with the reference.
fn assert_same(sandbox: &Sandbox, target_dir: &Utf8Path, mut command: impl FnMut(&str) -> Command) {
    for variant in ["oci", "compat"] {
        Said::of(&mut command(variant)).done();
        let output = target_dir.join("wasmplugin.d/filter");
        assert_no_path(&output, &[sandbox.path("").as_str()]);
        assert_eq!(package::check(&output).unwrap(), reference(variant));
    }
}

/// Checks that the output, including packed files, has no paths of this machine.
fn assert_no_path(output: &Utf8Path, more: &[&str]) {
    let machine = Machine::this();
    let temporary = std::env::temp_dir();
    let mut forbidden: Vec<&str> = vec![
        machine.home.as_str(),
        machine.cargo_home.as_str(),
        machine.sysroot.as_str(),
        temporary.to_str().unwrap(),
        "wasmplugin-test-",
    ];
    forbidden.extend(machine.rustup_home.as_ref().map(|home| home.as_str()));
    forbidden.extend(more.iter().map(|path| path.trim_end_matches('/')));
    let mut files: Vec<(String, Vec<u8>)> =
        tree::files(output).unwrap().into_iter().map(|(path, bytes)| (path.into_string(), bytes)).collect();
    let packed: Vec<_> = files.iter().filter(|(_, bytes)| bytes.starts_with(b"\x1f\x8b")).collect();
    files.extend(packed.iter().flat_map(|(_, bytes)| untar(bytes)).collect::<Vec<_>>());
    for (path, bytes) in files {
        for text in &forbidden {
            // `/` occurs everywhere.
            assert!(text.len() > 3, "`{text}` is too short to search for");
            assert!(!holds(&bytes, text), "`{text}` is in `{path}` of {output}");
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn ten_builds_give_one_digest() {
    let sandbox = Sandbox::with_bare();
    let output = sandbox.path("bare/target/wasmplugin.d/bare");
    let mut digests = Vec::new();
    for _ in 0..10 {
        if sandbox.path("bare/target").exists() {
            fs_err::remove_dir_all(sandbox.path("bare/target")).unwrap();
        }
        let both = ["oci", "compat"].map(|variant| {
            Said::of(&mut sandbox.process_in("bare", ["build", "--variant", variant])).done();
            package::check(&output).unwrap()
        });
        digests.push(both);
    }
    assert!(digests.iter().all(|both| *both == digests[0]), "{digests:#?}");
}

#[test]
fn paths_in_a_module_are_those_of_no_machine() {
    let sandbox = Sandbox::new();
    sandbox.add_probe("ws");
    Said::of(&mut sandbox.process_in("ws", ["build"])).done();
    let output = sandbox.path("ws/target/wasmplugin.d/filter");
    assert_no_path(&output, &[]);
    let module = fs_err::read(output.join("plugin.wasm")).unwrap();
    // Checks that there are paths. Otherwise the absence of this machine's paths would prove nothing.
    for path in [
        "filter/src/lib.rs",
        "shared/src/lib.rs",
        "/target/wasm32-wasip1/wasmplugin/build/filter-",
        "/cargo/registry/proxy-wasm-0.2",
        "/rustc/",
    ] {
        assert!(holds(&module, path), "{path}");
    }
}

#[test]
fn another_directory_gives_the_same_digest() {
    let sandbox = Sandbox::new();
    let below = "a directory/of some/depth/with ümlauts";
    sandbox.add_probe(below);
    let target = sandbox.path(below).join("target");
    assert_same(&sandbox, &target, |variant| sandbox.process_in(below, ["build", "--variant", variant]));
}

#[test]
fn another_directory_of_a_whole_filter_gives_the_same_digest() {
    let build = |sandbox: &Sandbox, below: &str| {
        sandbox.process_in(
            below,
            ["new", "hello", "--image", "registry.example:5000/acme/hello", "--vcs", "none"],
        )
    };
    let digests = ["x", "some/where/else"].map(|below| {
        let sandbox = Sandbox::new();
        fs_err::create_dir_all(sandbox.path(below)).unwrap();
        Said::of(&mut build(&sandbox, below)).done();
        Said::of(&mut sandbox.process_in(&format!("{below}/hello"), ["build"])).done();
        let output = sandbox.path(below).join("hello/target/wasmplugin.d/hello");
        assert_no_path(&output, &[]);
        package::check(&output).unwrap()
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn another_cargo_home_gives_the_same_digest() {
    let sandbox = Sandbox::new();
    sandbox.add_probe("ws");
    let home = sandbox.path("other-cargo");
    Machine::this().fill_cargo_home(&home);
    assert_same(&sandbox, &sandbox.path("ws/target"), |variant| {
        let mut command = sandbox.process_in("ws", ["build", "--variant", variant]);
        command.env("CARGO_HOME", &home);
        command
    });
    assert!(home.join("registry/src").exists(), "the other CARGO_HOME was not used");
}

#[test]
fn another_home_locale_zone_and_umask_give_the_same_digest() {
    let sandbox = Sandbox::new();
    sandbox.add_probe("ws");
    let machine = Machine::this();
    let home = sandbox.path("home-of-another");
    machine.fill_cargo_home(&home.join(".cargo"));
    assert_same(&sandbox, &sandbox.path("ws/target"), |variant| {
        let wrapper = ["sh", "-c", "umask 077; exec \"$@\"", "sh"];
        let mut command = sandbox.process_by("ws", &wrapper, ["build", "--variant", variant]);
        command
            .env_remove("CARGO_HOME")
            .env("HOME", &home)
            .envs(machine.rustup_home.iter().map(|at| ("RUSTUP_HOME", at)));
        command.envs([("LC_ALL", "tr_TR.UTF-8"), ("LANG", "de_DE.UTF-8"), ("TZ", "Pacific/Kiritimati")]);
        command.envs([("USER", "somebody"), ("LOGNAME", "somebody"), ("HOSTNAME", "elsewhere")]);
        command.env("SOURCE_DATE_EPOCH", "86400");
        command
    });
    assert!(home.join(".cargo/registry/src").exists(), "the other HOME was not used");
    let mode =
        fs_err::metadata(sandbox.path("ws/target/wasmplugin.d/filter/digest")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the other umask was not used");
}

#[test]
fn another_target_directory_and_current_directory_give_the_same_digest() {
    let sandbox = Sandbox::new();
    sandbox.add_probe("ws");
    fs_err::create_dir_all(sandbox.path("cwd")).unwrap();
    let mut turn = 0;
    assert_same(&sandbox, &sandbox.path("elsewhere/out"), |variant| {
        turn += 1;
        let build = |below: &str, target_dir: &str| {
            sandbox.process_in(below, ["build", "--variant", variant, "--target-dir", target_dir])
        };
        if turn == 1 {
            let mut command = build("cwd", "../elsewhere/out");
            command.args(["--manifest-path", "../ws/Cargo.toml"]);
            return command;
        }
        build("ws/filter", "../../elsewhere/out")
    });
}

#[test]
fn a_directory_for_intermediate_files_gives_the_same_digest() {
    let sandbox = Sandbox::new();
    sandbox.add_probe("ws");
    assert_same(&sandbox, &sandbox.path("ws/target"), |variant| {
        let mut command = sandbox.process_in("ws", ["build", "--variant", variant]);
        command.env("CARGO_BUILD_BUILD_DIR", sandbox.path("intermediate"));
        command
    });
    // Other projects may use it too.
    assert!(!sandbox.path("intermediate").exists());
}

#[test]
fn a_link_to_the_directory_gives_the_same_digest() {
    let sandbox = Sandbox::new();
    sandbox.add_probe("ws");
    symlink(sandbox.path("ws"), sandbox.path("link")).unwrap();
    let target = sandbox.path("ws/target");
    assert_same(&sandbox, &target, |variant| {
        sandbox.process_in("", ["build", "--variant", variant, "--manifest-path", "link/Cargo.toml"])
    });
}

#[test]
fn vendored_crates_give_the_same_digest() {
    let sandbox = Sandbox::new();
    sandbox.add_probe("ws");
    let mut vendor = process("cargo");
    vendor.args(["vendor", "--offline", "--quiet", "--manifest-path"]);
    Said::of(vendor.arg(sandbox.path("ws/Cargo.toml")).arg(sandbox.path("vendor"))).done();
    let config =
        "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"../vendor\"\n";
    sandbox.write("ws/.cargo/config.toml", config);
    assert_same(&sandbox, &sandbox.path("ws/target"), |variant| {
        sandbox.process_in("ws", ["build", "--variant", variant])
    });
}

/// Cargo identifies a crate outside the workspace by its absolute path, and rustc hashes that into symbols and types. The
/// digest depends on the path, but the module must not contain the path.
#[test]
fn paths_of_crates_outside_the_workspace_are_replaced() {
    let sandbox = Sandbox::new();
    let library = |name: &str, more: &str| {
        let package =
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}");
        sandbox.write(format!("outside/{name}/Cargo.toml"), package);
    };
    library("near", "[dependencies]\nfar = { path = \"../far\" }\n");
    sandbox.write(
        "outside/near/src/lib.rs",
        "#[inline(never)]\npub fn near(n: u32) -> usize { assert!(n != 8, \"{n}\"); file!().len() + far::shared(n as usize).len() }\n",
    );
    library("far", "");
    sandbox.write("outside/far/src/lib.rs", probe::SHARED);
    sandbox.write(
        "ws/Cargo.toml",
        bare::manifest("bare", "image = \"registry.example:5000/acme/bare\"\n")
            + "\n[dependencies]\nnear = { path = \"../outside/near\" }\n",
    );
    let source = bare::SOURCE
        .replace("_count: u32", "count: u32")
        .replace("    0\n", "    near::near(count) as u32\n");
    sandbox.write("ws/src/lib.rs", source);
    let digests = [1, 2].map(|_| {
        if sandbox.path("ws/target").exists() {
            fs_err::remove_dir_all(sandbox.path("ws/target")).unwrap();
        }
        Said::of(&mut sandbox.process_in("ws", ["build"])).done();
        package::check(&sandbox.path("ws/target/wasmplugin.d/bare")).unwrap()
    });
    assert_eq!(digests[0], digests[1]);
    let output = sandbox.path("ws/target/wasmplugin.d/bare");
    assert_no_path(&output, &[]);
    let module = fs_err::read(output.join("plugin.wasm")).unwrap();
    for path in ["/near/src/lib.rs", "/far/src/lib.rs"] {
        assert!(holds(&module, path), "{path}");
    }
}

#[test]
fn the_path_of_a_patched_crate_is_replaced() {
    let sandbox = Sandbox::new();
    sandbox.add_probe("ws");
    let mut vendor = process("cargo");
    vendor.args(["vendor", "--offline", "--quiet", "--manifest-path"]);
    Said::of(vendor.arg(sandbox.path("ws/Cargo.toml")).arg(sandbox.path("vendor"))).done();
    let patch = "\n[patch.crates-io]\nproxy-wasm = { path = \"../vendor/proxy-wasm\" }\n";
    sandbox.write("ws/Cargo.toml", sandbox.read("ws/Cargo.toml") + patch);
    Said::of(&mut sandbox.process_in("ws", ["build"])).done();
    let output = sandbox.path("ws/target/wasmplugin.d/filter");
    package::check(&output).unwrap();
    assert_no_path(&output, &[]);
    assert!(holds(&fs_err::read(output.join("plugin.wasm")).unwrap(), "/proxy-wasm/src/dispatcher.rs"));
}
