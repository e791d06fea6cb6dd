//! Shell sessions: the messages of the program, and the files that it leaves behind. Each case is a directory.
//!
//! `cases/SUBJECT/CASE/session.txt` lists the commands. After each command are its exit code, the paths that it created
//! (`+`), changed (`~`) or removed (`-`), its standard error, and its standard output if it isn't empty:
//!
//! ```text
//! input: crate
//! # The optional first line names a directory of `tests/inputs`. Comments can follow.
//!
//! $ cargo-wasmplugin build --profile nothing
//! ? 101
//! error: profile `nothing` is not defined
//!
//! $ ls src
//! ? 0
//! --- standard output
//! lib.rs
//! ```
//!
//! The commands of a case run in one sandbox. It has the files of the input and of `cases/SUBJECT/CASE/in`, which
//! overrides the input. Each `*.wat` file is assembled to a `*.wasm` file next to it. `[ROOT]` is the sandbox, `[TOOL]` is
//! the program, `[..]` is any part of a line and `...` is any number of lines.
//!
//! To add a case, create its directory and write only the commands. Then run
//! `SNAPSHOTS=overwrite cargo test --test it cases`, and review `git diff tests/it/cases`. Do the same after changing
//! messages.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use snapbox::Data;
use snapbox::data::DataFormat;

use crate::support::running::{Said, process, tool};
use crate::support::{Sandbox, package, snapshot, tree};

/// Each subject has its own test, so that they run in parallel.
macro_rules! subjects {
    ($($subject:ident)*) => {
        const SUBJECTS: &[&str] = &[$(stringify!($subject)),*];
        $(
            #[test]
            fn $subject() {
                run_all(stringify!($subject));
            }
        )*
    };
}

subjects! { manifests module optimizer places project resource settings usage }

fn directory(name: &str) -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// The names of all entries in a directory.
fn names(directory: &Utf8Path) -> BTreeSet<String> {
    let entries = directory.read_dir_utf8().unwrap_or_else(|error| panic!("{directory}: {error}"));
    entries.map(|entry| entry.unwrap().file_name().to_owned()).collect()
}

#[test]
fn every_subject_has_a_test() {
    assert_eq!(names(&directory("it/cases")), SUBJECTS.iter().map(|subject| (*subject).to_owned()).collect());
}

#[test]
fn every_input_is_used() {
    let mut used = BTreeSet::new();
    for subject in SUBJECTS {
        let subject = directory("it/cases").join(subject);
        for case in names(&subject) {
            used.extend(Session::read(&subject.join(case)).unwrap().input);
        }
    }
    assert_eq!(names(&directory("inputs")), used);
}

#[test]
fn a_misspelt_case_is_an_error() {
    let sandbox = Sandbox::new();
    let session = "input: crate\n\n$ cargo-wasmplugin build\n";
    sandbox.write("good/session.txt", session);
    Session::read(&sandbox.path("good")).unwrap();
    sandbox.write("another-file/session.txt", session);
    sandbox.write("another-file/stderr.txt", "");
    sandbox.write("another-directory/session.txt", session);
    sandbox.write("another-directory/inn/made.wat", "");
    sandbox.write("no-session/in/made.wat", "");
    sandbox.write("no-command/session.txt", "input: crate\n");
    sandbox.write("head/session.txt", format!("inputs: crate\n{session}"));
    sandbox.write("two-inputs/session.txt", format!("input: module\n{session}"));
    for case in names(&sandbox.path("")).into_iter().filter(|case| case != "good") {
        assert!(Session::read(&sandbox.path(&case)).is_err(), "{case}");
    }
    let unknown = sandbox.path("unknown");
    sandbox.write("unknown/session.txt", "input: creat\n\n$ true\n");
    assert!(run(&unknown).is_err_and(|error| error.contains("creat")));
    sandbox.write("unknown/session.txt", "$ cargo-wasmplugni build\n");
    assert!(run(&unknown).is_err_and(|error| error.contains("not found")));
}

/// Runs all cases of a subject, and reports all differences together.
fn run_all(subject: &str) {
    let subject = directory("it/cases").join(subject);
    let cases = names(&subject);
    assert!(!cases.is_empty(), "{subject} has no cases");
    let differing: Vec<String> = cases.iter().filter_map(|case| run(&subject.join(case)).err()).collect();
    let count = differing.len();
    assert!(differing.is_empty(), "{count} of {} cases differ:\n\n{}", cases.len(), differing.join("\n"));
}

/// The commands of a case, and its input.
struct Session {
    input: Option<String>,
    /// The lines before the first command.
    head: String,
    commands: Vec<String>,
}

impl Session {
    /// Reads the session of a case.
    ///
    /// # Errors
    ///
    /// If the directory has an unexpected file, or a line of the head is neither the name of an input nor a comment.
    fn read(case: &Utf8Path) -> Result<Session, String> {
        let unknown = names(case).into_iter().find(|name| !["in", "session.txt"].contains(&name.as_str()));
        if let Some(unknown) = unknown {
            return Err(format!("{case}: a case has `session.txt` and `in/`, and not `{unknown}`"));
        }
        let text = fs_err::read_to_string(case.join("session.txt")).map_err(|error| error.to_string())?;
        let head: String = text.split_inclusive('\n').take_while(|line| !line.starts_with("$ ")).collect();
        let mut input = None;
        for line in head.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
            match line.strip_prefix("input: ") {
                Some(name) if input.is_none() => input = Some(name.to_owned()),
                _ => return Err(format!("{case}: unexpected line before the first command: {line}")),
            }
        }
        let commands: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect();
        if commands.is_empty() {
            return Err(format!("{case}: the session has no command: one starts with `$ `"));
        }
        Ok(Session { input, head, commands })
    }
}

/// Runs a case and compares it with its session.
///
/// # Errors
///
/// If it differs. The error has the differences.
fn run(case: &Utf8Path) -> Result<(), String> {
    let session = Session::read(case)?;
    let sandbox = Sandbox::new();
    let input = session.input.map(|input| directory("inputs").join(input));
    let own = Some(case.join("in")).filter(|own| own.exists());
    for files in [input, own].into_iter().flatten() {
        fill(&sandbox, &files).map_err(|error| format!("{case}: {files}: {error}"))?;
    }
    let steps: Vec<String> = session
        .commands
        .iter()
        .map(|command| step(&sandbox, command).map_err(|error| format!("{case}: {command}: {error}")))
        .collect::<Result<_, _>>()?;
    let actual = session.head + &steps.join("\n");
    let expected = Data::read_from(case.join("session.txt").as_std_path(), Some(DataFormat::Text));
    let assert = snapshot::assert().redact_with(sandbox.redactions()).normalize_paths(false);
    assert.try_eq(None, actual.into(), expected).map_err(|differences| differences.to_string())
}

/// Copies files into the sandbox, and assembles WebAssembly text files.
fn fill(sandbox: &Sandbox, from: &Utf8Path) -> io::Result<()> {
    for path in tree::files(from)?.into_keys() {
        let to = sandbox.path(&path);
        fs_err::create_dir_all(to.parent().unwrap())?;
        // Copies the mode too, so that cases can have executables.
        fs_err::copy(from.join(&path), &to)?;
        if path.extension() == Some("wat") {
            let module = wat::parse_file(from.join(&path)).map_err(io::Error::other)?;
            fs_err::write(to.with_extension("wasm"), module)?;
        }
    }
    Ok(())
}

/// Runs a command, and formats its output and its changes as in a session.
///
/// # Errors
///
/// If the command doesn't exist, something is half-written, or a session can't show the output.
fn step(sandbox: &Sandbox, command: &str) -> Result<String, String> {
    let before = state(sandbox);
    let mut shell = process("sh");
    let programs =
        [tool().parent().unwrap().as_os_str(), &std::env::var_os("PATH").unwrap()].join(":".as_ref());
    let said = Said::of(shell.args(["-c", command]).current_dir(sandbox.path("")).env("PATH", programs));
    let after = state(sandbox);
    let leftovers = package::leftovers(&sandbox.path("target"));
    if !leftovers.is_empty() {
        return Err(format!("something is half-written: {leftovers:?}"));
    }
    let code = said.code.ok_or("a signal ended it")?;
    // The exit codes of the shell itself.
    if [126, 127].contains(&code) {
        return Err(said.stderr);
    }
    let mut text = format!("$ {command}\n? {code}\n");
    text += &differences(&before, &after);
    text += &snapshot::without_waits(&said.stderr);
    if !said.stdout.is_empty() {
        text += &format!("--- standard output\n{}", said.stdout);
    }
    if !text.ends_with('\n') || text.lines().skip(1).any(|line| line.starts_with("$ ")) {
        return Err(format!(
            "the output doesn't end in a line break, or a line looks like a command:\n{text}"
        ));
    }
    Ok(text)
}

/// The content of a sandbox, from [`tree::walk`].
type State = BTreeMap<Utf8PathBuf, Option<Vec<u8>>>;

/// Everything in the sandbox. In the target directory, only the packages count, because the other files are internal to
/// cargo and the program.
fn state(sandbox: &Sandbox) -> State {
    let mut state = tree::walk(&sandbox.path("")).unwrap();
    let packages: Vec<Utf8PathBuf> = state
        .keys()
        .filter(|path| path.starts_with("target") && path.ends_with("plugin.wasm"))
        .map(|path| path.parent().unwrap().to_owned())
        .collect();
    state.retain(|path, _| {
        !path.starts_with("target")
            || path == "target"
            || packages.iter().any(|package| path.starts_with(package))
    });
    state
}

/// A line for each path that changed, except those in a new directory.
fn differences(before: &State, after: &State) -> String {
    let is_new = |path: &Utf8Path| after.contains_key(path) && !before.contains_key(path);
    let paths: BTreeSet<&Utf8PathBuf> = before.keys().chain(after.keys()).collect();
    let line = |path: &Utf8PathBuf| {
        let sign = match (before.get(path), after.get(path)) {
            (None, _) if is_new(path.parent()?) => return None,
            (None, _) => '+',
            (_, None) => '-',
            (before, after) if before != after => '~',
            _ => return None,
        };
        Some(format!("{sign} {path}\n"))
    };
    paths.into_iter().filter_map(line).collect()
}
