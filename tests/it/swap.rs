//! The output of a package changes atomically, even if a build is killed or several builds run at the same time.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

use crate::support::running::{DEADLINE, Said, process, start, wait_until};
use crate::support::{Sandbox, bare, package, tree};

const OUTPUT: &str = "bare/target/wasmplugin.d/bare";

/// A pseudorandom number generator.
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        Random(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1)
    }

    /// Between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[test]
fn a_build_that_is_killed_leaves_the_old_output_or_the_new_one() {
    let sandbox = Sandbox::with_bare();
    let output = sandbox.path(OUTPUT);
    let args = |turn: usize| {
        let variant = if turn.is_multiple_of(2) { "oci" } else { "compat" };
        ["build".to_owned(), format!("--variant={variant}"), format!("--annotation=turn=t{turn}t")]
    };
    Said::of(&mut sandbox.process_in("bare", args(0))).done();
    let measure = |turn| {
        let started = Instant::now();
        Said::of(&mut sandbox.process_in("bare", args(turn))).done();
        started.elapsed()
    };
    let mut runs: Vec<Duration> = (1..6).map(measure).collect();
    runs.sort();
    let whole_run = runs[runs.len() / 2];

    let mut random = Random::seeded();
    let seed = random.0;
    let (mut kept, mut changed) = (0, 0);
    for turn in 0..200 {
        let before = package::check(&output).unwrap();
        // Half of the kills happen late, when files are written.
        let share = if random.next() < 0.5 { random.next() * 1.1 } else { 0.75 + random.next() * 0.35 };
        let mut child = start(&mut sandbox.process_in("bare", args(turn)));
        std::thread::sleep(whole_run.mul_f64(share));
        child.kill().unwrap();
        child.wait().unwrap();

        let after = package::check(&output)
            .unwrap_or_else(|damage| panic!("turn {turn} of seed {seed}, killed at {share:.2}: {damage}"));
        if after == before {
            kept += 1;
        } else {
            let manifest = fs_err::read_to_string(blob(&output, &after)).unwrap();
            assert!(manifest.contains(&format!("\"t{turn}t\"")), "turn {turn} of seed {seed}: {manifest}");
            changed += 1;
        }
        if turn % 25 == 24 {
            Said::of(&mut sandbox.process_in("bare", args(turn))).done();
            package::check(&output).unwrap();
            assert_eq!(
                package::leftovers(&sandbox.path("bare/target")),
                [""; 0],
                "turn {turn} of seed {seed}"
            );
        }
    }
    assert!(
        kept > 0 && changed > 0,
        "the builds were not killed while they ran: {kept} kept, {changed} changed"
    );
}

#[test]
fn a_build_that_fails_leaves_the_old_output() {
    let sandbox = Sandbox::with_bare();
    Said::of(&mut sandbox.process_in("bare", ["build"])).done();
    let before = tree::files(&sandbox.path(OUTPUT)).unwrap();
    // The first source doesn't compile, and a proxy would refuse the second one.
    for (source, code) in [("fn broken() -> u8 {\n    \"\"\n}\n", 101), ("", 1)] {
        sandbox.write("bare/src/lib.rs", source);
        let said = Said::of(&mut sandbox.process_in("bare", ["build"]));
        assert_eq!((said.code, said.stdout.as_str()), (Some(code), ""), "{}", said.stderr);
        assert_eq!(tree::files(&sandbox.path(OUTPUT)).unwrap(), before);
    }
}

fn blob(output: &Utf8Path, digest: &str) -> camino::Utf8PathBuf {
    output.join("image/blobs").join(digest.replace(':', "/"))
}

#[test]
fn the_next_build_removes_the_files_of_a_killed_build() {
    let sandbox = Sandbox::with_bare();
    Said::of(&mut sandbox.process_in("bare", ["build"])).done();
    let target = sandbox.path("bare/target");
    sandbox.write("bare/target/wasmplugin.d/.bare.new-Ab12cd/plugin.wasm", "half");
    sandbox.write("bare/target/wasmplugin.d/.bare.new-Ef34gh", "half");
    // The state after a kill between the two renames, on a system that can't exchange directories.
    fs_err::rename(sandbox.path(OUTPUT), target.join("wasmplugin.d/.bare.old")).unwrap();
    assert_eq!(package::leftovers(&target).len(), 3);
    Said::of(&mut sandbox.process_in("bare", ["build", "--variant", "compat"])).done();
    package::check(&sandbox.path(OUTPUT)).unwrap();
    assert_eq!(package::leftovers(&target), [""; 0]);
}

/// The filter `bare` with a build script that signals that it runs, and then waits until the test lets it continue.
struct Waiting {
    sandbox: Sandbox,
}

impl Waiting {
    fn new() -> Self {
        let sandbox = Sandbox::with_bare();
        let script = r#"use std::{env, fs, path::Path, thread, time::{Duration, Instant}};

fn main() {
    println!("cargo::rerun-if-env-changed=TURN");
    let root = env::var("CARGO_MANIFEST_DIR").unwrap();
    let root = Path::new(&root).parent().unwrap();
    let parent = std::os::unix::process::parent_id().to_string();
    fs::write(root.join("started.part"), parent).unwrap();
    fs::rename(root.join("started.part"), root.join("started")).unwrap();
    let started = Instant::now();
    while !root.join("go").exists() && started.elapsed() < Duration::from_secs(120) {
        thread::sleep(Duration::from_millis(5));
    }
}
"#;
        sandbox.write("bare/build.rs", script);
        sandbox.write("go", "");
        let waiting = Waiting { sandbox };
        Said::of(waiting.build("first").env("TURN", "first")).done();
        waiting.hold();
        waiting
    }

    /// Makes the build script wait from now on.
    fn hold(&self) {
        fs_err::remove_file(self.sandbox.path("go")).unwrap();
        fs_err::remove_file(self.sandbox.path("started")).unwrap();
    }

    fn build(&self, turn: &str) -> std::process::Command {
        let mut command = self.sandbox.process_in("bare", ["build", "--annotation", &format!("turn={turn}")]);
        command.env("TURN", turn);
        command
    }

    /// The process of cargo, which runs the build script.
    fn cargo(&self) -> Pid {
        wait_until("the build script runs", || self.sandbox.path("started").exists());
        Pid::from_raw(self.sandbox.read("started").parse().unwrap()).unwrap()
    }
}

impl Drop for Waiting {
    /// Lets the build script end if the test failed.
    fn drop(&mut self) {
        let _ = fs_err::write(self.sandbox.path("go"), "");
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Waits until a child process ends. If it hangs, kills it and fails the test.
fn end_of(mut child: Child) -> Said {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("the process did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Said::of_output(child.wait_with_output().unwrap())
}

fn assert_interrupted(said: &Said) {
    let stderr = &said.stderr;
    assert_eq!(said.code, Some(130), "{stderr}");
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(errors, ["error: interrupted; no partial output was left behind"], "{stderr}");
}

#[test]
fn a_signal_stops_cargo_too_and_leaves_the_old_output() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let waiting = Waiting::new();
        let output = waiting.sandbox.path(OUTPUT);
        let before = package::check(&output).unwrap();
        let child = start(&mut waiting.build("second"));
        let cargo = waiting.cargo();
        kill_process(pid(&child), signal).unwrap();
        // The build script, which was not stopped, has the same pipe as standard error.
        wait_until("cargo is gone", || test_kill_process(cargo).is_err());
        waiting.sandbox.write("go", "");
        assert_interrupted(&end_of(child));
        assert_eq!(package::check(&output).unwrap(), before);
        assert_eq!(package::leftovers(&waiting.sandbox.path("bare/target")), [""; 0]);
        Said::of(&mut waiting.build("third")).done();
        assert_ne!(package::check(&output).unwrap(), before);
    }
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let waiting = Waiting::new();
    // As `nohup` does for SIGHUP, and a shell for SIGINT if a command runs in the background.
    let wrapper = ["sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh"];
    let mut build = waiting.sandbox.process_by("bare", &wrapper, ["build"]);
    let child = start(build.env("TURN", "second"));
    waiting.cargo();
    for signal in [Signal::HUP, Signal::INT] {
        kill_process(pid(&child), signal).unwrap();
    }
    waiting.sandbox.write("go", "");
    end_of(child).done();
}

#[test]
fn control_c_at_the_terminal_gives_one_error() {
    let waiting = Waiting::new();
    let before = package::check(&waiting.sandbox.path(OUTPUT)).unwrap();
    // A terminal signals all processes in the foreground.
    let child = start(waiting.build("second").process_group(0));
    let cargo = waiting.cargo();
    kill_process_group(pid(&child), Signal::INT).unwrap();
    assert_interrupted(&end_of(child));
    assert!(test_kill_process(cargo).is_err());
    assert_eq!(package::check(&waiting.sandbox.path(OUTPUT)).unwrap(), before);
}

#[test]
fn a_build_that_waits_for_another_one_says_so_and_can_be_interrupted() {
    let waiting = Waiting::new();
    let first = start(&mut waiting.build("second"));
    waiting.cargo();
    let said = waiting.sandbox.path("said");
    let mut second = waiting.build("third");
    second.stderr(fs_err::File::create(&said).unwrap().into_parts().0);
    let mut second = second.stdin(std::process::Stdio::null()).spawn().unwrap();
    wait_until("the second build waits", || waiting.sandbox.read("said").contains("Blocking"));
    kill_process(pid(&second), Signal::INT).unwrap();
    wait_until("the second build has ended", || second.try_wait().unwrap().is_some());
    assert_eq!(second.wait().unwrap().code(), Some(130));
    let said = waiting.sandbox.read("said");
    assert!(said.contains("Blocking waiting for file lock on the compiler\n"), "{said}");
    waiting.sandbox.write("go", "");
    end_of(first).done();
    package::check(&waiting.sandbox.path(OUTPUT)).unwrap();
}

#[test]
fn two_builds_of_one_package_can_run_at_once() {
    let sandbox = Sandbox::with_bare();
    let output = sandbox.path(OUTPUT);
    let build = |variant| sandbox.process_in("bare", ["build", "--variant", variant]);
    let digests = ["oci", "compat"].map(|variant| {
        Said::of(&mut build(variant)).done();
        package::check(&output).unwrap()
    });
    for _ in 0..5 {
        // The first of the builds has to compile again.
        sandbox.write("bare/src/lib.rs", bare::SOURCE);
        let running = ["oci", "compat", "oci"].map(|variant| start(&mut build(variant)));
        for child in running {
            end_of(child).done();
        }
        assert!(digests.contains(&package::check(&output).unwrap()));
        assert_eq!(package::leftovers(&sandbox.path("bare/target")), [""; 0]);
    }
}

#[test]
fn runs_with_other_flags_can_share_a_target_directory() {
    let sandbox = Sandbox::with_bare();
    let manifest = sandbox.read("bare/Cargo.toml");
    let more = "[features]\nextra = []\n[profile.mine]\ninherits = \"release\"\npanic = \"abort\"\n";
    sandbox.write("bare/Cargo.toml", format!("{manifest}\n{more}"));
    let extra = "#[cfg(feature = \"extra\")]\n#[unsafe(no_mangle)]\npub extern \"C\" fn extra() {}\n";
    sandbox.write("bare/src/lib.rs", format!("{}{extra}", bare::SOURCE));
    let run = |args: &str| sandbox.process_in("bare", args.split(' ').chain(["-o", "json"]));
    let digest = |said: Said| {
        let report: serde_json::Value = serde_json::from_str(&said.done().stdout).unwrap();
        report["packages"][0]["image"]["digest"].as_str().unwrap().to_owned()
    };
    let alone = [
        "build",
        "build --features extra",
        "build --variant compat",
        "build --optimize size",
        "build --profile mine",
        "build --target wasm32-unknown-unknown",
        "publish --to oci-layout:images",
        "publish --to oci-layout:images:size --optimize size",
    ]
    .map(|args| (args, digest(Said::of(&mut run(args)))));
    for turn in 0..3 {
        // All of them have to compile again.
        sandbox.write("bare/src/lib.rs", format!("{}{extra}// {turn}\n", bare::SOURCE));
        let mut plain = process("cargo");
        plain.current_dir(sandbox.path("bare")).args(["build", "--release", "--target", "wasm32-wasip1"]);
        let plain = start(&mut plain);
        let running: Vec<Child> = alone.iter().map(|(args, _)| start(&mut run(args))).collect();
        for (child, (args, expected)) in running.into_iter().zip(&alone) {
            assert_eq!(digest(end_of(child)), *expected, "{args}");
        }
        end_of(plain).done();
    }
}

#[test]
fn builds_of_two_packages_can_run_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"3\"\n");
    sandbox.add_bare("one");
    sandbox.add_bare("two");
    let output = |name: &str| sandbox.path("target/wasmplugin.d").join(name);
    Said::of(&mut sandbox.process_in("", ["build"])).done();
    let names = ["one", "two"];
    let digests = names.map(|name| package::check(&output(name)).unwrap());
    for _ in 0..3 {
        fs_err::remove_dir_all(sandbox.path("target")).unwrap();
        let running = names.map(|name| start(&mut sandbox.process_in(name, ["build"])));
        for child in running {
            end_of(child).done();
        }
        assert_eq!(names.map(|name| package::check(&output(name)).unwrap()), digests);
    }
}

#[test]
fn the_output_directory_is_always_complete() {
    let sandbox = Sandbox::new();
    assert!(
        can_exchange(&sandbox),
        "the file system of the temporary directory can't exchange two directories"
    );
    let wasm = wat::parse_str(bare::TEXT).unwrap();
    sandbox.write("bare.wasm", wasm);
    let build = |variant: &str| {
        let args = [
            "build",
            "--module",
            "bare.wasm",
            "--image",
            "registry.example:5000/acme/bare",
            "--variant",
            variant,
        ];
        sandbox.process_in("", args)
    };
    Said::of(&mut build("oci")).done();
    let place = sandbox.path("target/wasmplugin.d/bare");
    let identity = || {
        let directory = fs_err::metadata(&place).expect("the output directory always exists");
        (directory.ino(), directory.mtime(), directory.mtime_nsec())
    };
    let done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                let before = identity();
                let read = package::check(&place);
                if identity() == before {
                    read.unwrap();
                    reads += 1;
                }
            }
            reads
        });
        for turn in 0..60 {
            let said = Said::of(&mut build(if turn % 2 == 0 { "compat" } else { "oci" }));
            // The scope waits for the reader, so stop it before panicking.
            if said.code != Some(0) || reader.is_finished() {
                done.store(true, Ordering::Relaxed);
                panic!("turn {turn}: {}", said.stderr);
            }
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(reads > 0);
}

fn can_exchange(sandbox: &Sandbox) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    for name in ["this", "that"] {
        fs_err::create_dir(sandbox.path(name)).unwrap();
    }
    let [this, that] = ["this", "that"].map(|name| sandbox.path(name));
    renameat_with(CWD, this.as_str(), CWD, that.as_str(), RenameFlags::EXCHANGE).is_ok()
}
