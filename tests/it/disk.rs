//! Full and read-only file systems.

use snapbox::str;

use crate::support::running::{Said, process, tool};
use crate::support::{Sandbox, bare, package, tree};

/// Runs `script` with permission to mount. `$1` is the program, `$2` is an empty directory to mount on, and `$3` is a
/// directory for results.
fn with_mounts(sandbox: &Sandbox, script: &str) {
    for name in ["mounted", "saved"] {
        fs_err::create_dir(sandbox.path(name)).unwrap();
    }
    let mut command = process("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-euc", script, "sh"]).arg(tool());
    command.arg(sandbox.path("mounted")).arg(sandbox.path("saved")).current_dir(sandbox.path(""));
    let said = Said::of(&mut command);
    assert!(said.code == Some(0), "file systems cannot be mounted here: {said:#?}");
}

/// Builds a module on a file system, runs `spoil`, builds again, and returns the standard error of the second build. The
/// output of the first build must not change.
fn build_on_a_spoiled_disk(sandbox: &Sandbox, size: &str, spoil: &str) -> String {
    sandbox.write("bare.wasm", wat::parse_str(bare::TEXT).unwrap());
    let script = format!(
        "mount -t tmpfs -o {size} tmpfs \"$2\"\n\
         build() {{ \"$tool\" build --quiet --module bare.wasm --image registry.example:5000/acme/bare --target-dir \"$place\" \"$@\"; }}\n\
         tool=$1 place=$2\n\
         build\n\
         cp -a \"$2\" \"$3/before\"\n\
         {spoil}\n\
         code=0; build --variant compat 2>\"$3/said\" || code=$?\n\
         echo $code >\"$3/code\"\n\
         cp -a \"$2\" \"$3/after\"\n"
    );
    with_mounts(sandbox, &script);
    assert_eq!(sandbox.read("saved/code"), "101\n", "{}", sandbox.read("saved/said"));
    let [before, after] = ["before", "after"].map(|at| sandbox.path("saved").join(at));
    let output = "wasmplugin.d/bare";
    package::check(&before.join(output)).unwrap();
    assert_eq!(tree::files(&after.join(output)).unwrap(), tree::files(&before.join(output)).unwrap());
    assert_eq!(package::leftovers(&after), [""; 0]);
    sandbox.read("saved/said")
}

#[test]
fn the_disk_is_full() {
    let sandbox = Sandbox::new();
    let spoil = "dd if=/dev/zero of=\"$2/filler\" bs=4096 2>/dev/null || true";
    let said = build_on_a_spoiled_disk(&sandbox, "size=1m", spoil);
    sandbox.says(&said, str![[r#"
error: could not write to `[ROOT]/mounted/wasmplugin.d`

Caused by:
  failed to write to file `[ROOT]/mounted/wasmplugin.d/.bare.new-[RANDOM]/plugin.wasm`: No space left on device (os error 28)

help: free some disk space, then run the command again

"#]]);
}

#[test]
fn the_disk_has_no_room_for_another_file() {
    let sandbox = Sandbox::new();
    // There is room for one directory and one file.
    let spoil =
        "i=0; while touch \"$2/filler$i\" 2>/dev/null; do i=$((i+1)); done; rm \"$2/filler0\" \"$2/filler1\"";
    let said = build_on_a_spoiled_disk(&sandbox, "nr_inodes=60", spoil);
    sandbox.says(&said, str![[r#"
error: could not write to `[ROOT]/mounted/wasmplugin.d`

Caused by:
  failed to create file `[ROOT]/mounted/wasmplugin.d/.bare.new-[RANDOM]/plugin.debug.wasm`: No space left on device (os error 28)

help: free some disk space, then run the command again

"#]]);
}

/// Here, cargo itself fails.
#[test]
fn the_disk_is_too_small_to_compile() {
    let sandbox = Sandbox::with_bare();
    let script = "mount -t tmpfs -o size=64k tmpfs \"$2\"\n\
                  code=0; cd bare; \"$1\" build --target-dir \"$2\" 2>\"$3/said\" || code=$?\n\
                  echo $code >\"$3/code\"\n\
                  find \"$2/wasmplugin.d\" -maxdepth 1 -name '*bare*' >\"$3/found\"\n";
    with_mounts(&sandbox, script);
    let said = sandbox.read("saved/said");
    assert_eq!(sandbox.read("saved/code"), "101\n", "{said}");
    assert!(said.contains("No space left on device") && said.contains("error"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(sandbox.read("saved/found"), "");
}

#[test]
fn the_target_directory_is_read_only() {
    let sandbox = Sandbox::new();
    let said = build_on_a_spoiled_disk(&sandbox, "size=1m", "mount -o remount,ro \"$2\"");
    sandbox.says(
        &said,
        str![[r#"
error: could not write to `[ROOT]/mounted/wasmplugin.d`

Caused by:
  failed to open file `[ROOT]/mounted/wasmplugin.d/.optimized/bare/.lock`: Read-only file system (os error 30)

help: choose another directory with `--target-dir`

"#]],
    );
}

/// A file that can't be read isn't taken for one that can't be written.
#[test]
fn the_resource_may_not_be_read() {
    let sandbox = Sandbox::new();
    sandbox.write("bare.wasm", wat::parse_str(bare::TEXT).unwrap());
    sandbox.write("wasmplugin.yaml", "kind: WasmPlugin\n");
    let secret = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs_err::set_permissions(sandbox.path("wasmplugin.yaml"), secret).unwrap();
    let args = ["build", "--quiet", "--module", "bare.wasm"];
    // Without these capabilities, modes count for root too.
    let wrapper = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"];
    let mut command = match rustix::process::geteuid().is_root() {
        true => sandbox.process_by("", &wrapper, args),
        false => sandbox.process_in("", args),
    };
    sandbox.refuses(
        &mut command,
        101,
        str![[r#"
error: failed to open file `[ROOT]/wasmplugin.yaml`: Permission denied (os error 13)

help: give this user access to that path

"#]],
    );
}
