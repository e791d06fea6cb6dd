//! Binaryen's optimizer makes modules smaller and faster.
//!
//! It runs in a child process under a limit of time and memory, for it crashes on some valid modules. Its
//! result is kept by content, so that it never works twice on the same bytes.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::{Resource, Rlimit, setrlimit};
use wasmparser::WasmFeatures;

use crate::config::Optimize;
use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Explain, Result};
use crate::module::{CompiledModule, OptimizedModule};
use crate::process::{self, ProcessError};
use crate::wasm::{self, ModuleInfo};

/// The hidden subcommand that runs the optimizer inside its limits. What follows it is wasm-opt's own
/// command line, after the program where that is not this one.
pub const SUBCOMMAND: &str = "__wasm-opt";

/// How long the optimizer may take. A module of a megabyte takes some seconds.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// How much memory it may take. A module of a megabyte takes some 200 MiB.
const MEMORY_LIMIT: u64 = 4 << 30;

/// How many results are kept of each package, so that going back to a branch or a variant is quick.
const KEPT: usize = 8;

/// The program that optimizes.
#[derive(Debug, Clone)]
pub struct Optimizer {
    /// What runs it inside its limits.
    launcher: Utf8PathBuf,
    /// The wasm-opt of the user, where it is not the one inside us.
    program: Option<Utf8PathBuf>,
    /// What it is told to optimize for.
    level: &'static str,
    /// What tells its results from those of another one.
    id: String,
}

impl Optimizer {
    /// The optimizer inside this program, or `program` where the user gave one; nothing where nothing is to
    /// be optimized.
    ///
    /// # Errors
    ///
    /// Where that program cannot be run, or there is none.
    pub fn of(ctx: &Context, optimize: Optimize, program: Option<&Utf8Path>) -> Result<Option<Self>> {
        let level = match optimize {
            Optimize::Speed => "-O3",
            Optimize::Size => "-Oz",
            Optimize::None => return Ok(None),
        };
        let launcher = std::env::current_exe().map_err(OptimizeError::NoSelf)?;
        let launcher =
            Utf8PathBuf::try_from(launcher).map_err(|error| OptimizeError::NoSelf(error.into_io_error()))?;
        let program = match program {
            // Only a path has a folder that it is relative to; a bare name is looked up in PATH.
            Some(program) if program.components().count() > 1 => Some(ctx.cwd.join(program)),
            Some(program) => Some(program.to_owned()),
            None if cfg!(feature = "embedded-wasm-opt") => None,
            None => Some("wasm-opt".into()),
        };
        let id = match &program {
            None => concat!("embedded in ", env!("CARGO_PKG_VERSION")).to_owned(),
            Some(program) => {
                let mut asked = process::command(ctx, program);
                let version = process::output(ctx, asked.arg("--version"), Some(TIME_LIMIT))
                    .map_err(|error| OptimizeError::of(program.as_str(), error))?;
                format!("{program} {}", String::from_utf8_lossy(&version))
            }
        };
        Ok(Some(Optimizer { launcher, program, level, id }))
    }

    /// What tells its results from those of another one, or of another version of it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Optimizes `module`, or finds in the folder `cache` what it made of the same bytes before.
    ///
    /// # Errors
    ///
    /// Where the optimizer cannot read the module, dies of it, or makes something else than a module that
    /// needs no more of a proxy than the one before.
    pub fn optimize(
        &self,
        ctx: &Context,
        module: &CompiledModule,
        cache: &Utf8Path,
    ) -> Result<OptimizedModule> {
        let args = arguments(module.info.features, self.level, self.program.is_none());
        let identity = args.iter().chain([&self.id]).map(String::as_bytes);
        let key = Digest::of_parts(identity.chain([&module.bytes[..]]));
        let cached = cache.join(format!("{}.wasm", key.hex()));
        // A result that cannot be read any more is as good as none.
        if let Ok(bytes) = fs_err::read(&cached)
            && let Ok(optimized) = accept(module, bytes)
        {
            return Ok(optimized);
        }
        let optimized = accept(module, self.run(ctx, module, &args)?)?;
        keep(cache, &cached, &optimized.bytes)?;
        Ok(optimized)
    }

    fn run(&self, ctx: &Context, module: &CompiledModule, args: &[String]) -> Result<Vec<u8>> {
        ctx.shell.status("Optimizing", &module.path);
        let folder = tempfile::Builder::new().prefix("cargo-wasmplugin-").tempdir()?;
        let (input, output) = (folder.path().join("in.wasm"), folder.path().join("out.wasm"));
        // The advice that the compiler left about features is not exact; `args` is.
        fs_err::write(&input, wasm::without_target_features(&module.bytes))?;
        let mut command = process::command(ctx, &self.launcher);
        command.arg(SUBCOMMAND).args(&self.program).arg("--").arg(&input).arg("-o").arg(&output).args(args);
        process::output(ctx, &mut command, Some(TIME_LIMIT))
            .map_err(|error| OptimizeError::of(module.path.as_str(), error))?;
        Ok(fs_err::read(&output)?)
    }
}

/// Takes what the optimizer made of `module` where it is a module that needs no more of a proxy.
fn accept(module: &CompiledModule, bytes: Vec<u8>) -> Result<OptimizedModule, OptimizeError> {
    let info = ModuleInfo::read(&bytes)
        .map_err(|error| OptimizeError::Broken { module: module.path.clone(), source: Box::new(error) })?;
    if !module.info.features.contains(info.features) {
        return Err(OptimizeError::NeedsMore { module: module.path.clone() });
    }
    Ok(OptimizedModule { bytes: bytes.into(), info })
}

/// wasm-opt's command line without the files: exactly the features that the module uses, for what more it
/// is allowed it may use, and a proxy may not have.
fn arguments(features: WasmFeatures, level: &str, is_embedded: bool) -> Vec<String> {
    // The embedded one names this feature in its own way.
    let multi_memory = if is_embedded { "multi-memory" } else { "multimemory" };
    let names = [
        (WasmFeatures::MUTABLE_GLOBAL, "mutable-globals"),
        (WasmFeatures::SATURATING_FLOAT_TO_INT, "nontrapping-float-to-int"),
        (WasmFeatures::SIGN_EXTENSION, "sign-ext"),
        (WasmFeatures::REFERENCE_TYPES, "reference-types"),
        (WasmFeatures::MULTI_VALUE, "multivalue"),
        (WasmFeatures::BULK_MEMORY, "bulk-memory"),
        (WasmFeatures::SIMD, "simd"),
        (WasmFeatures::RELAXED_SIMD, "relaxed-simd"),
        (WasmFeatures::THREADS, "threads"),
        (WasmFeatures::TAIL_CALL, "tail-call"),
        (WasmFeatures::EXTENDED_CONST, "extended-const"),
        (WasmFeatures::MEMORY64, "memory64"),
        (WasmFeatures::MULTI_MEMORY, multi_memory),
        (WasmFeatures::EXCEPTIONS.union(WasmFeatures::LEGACY_EXCEPTIONS), "exception-handling"),
        (WasmFeatures::GC.union(WasmFeatures::FUNCTION_REFERENCES), "gc"),
    ];
    let used = names.iter().filter(|(any_of, _)| features.intersects(*any_of));
    let mut args = vec!["-g".to_owned(), level.to_owned(), "--mvp-features".to_owned()];
    args.extend(used.map(|(_, name)| format!("--enable-{name}")));
    args
}

/// Writes a result so that nobody sees half of it, and forgets the oldest ones of the package.
fn keep(cache: &Utf8Path, place: &Utf8Path, bytes: &[u8]) -> Result<()> {
    fs_err::create_dir_all(cache)?;
    crate::fs::write_whole(place, bytes)?;
    let entries = fs_err::read_dir(cache)?.flatten();
    let mut kept: Vec<_> =
        entries.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
    kept.sort();
    for (_, old) in kept.iter().rev().skip(KEPT) {
        // Another run may have forgotten it first.
        let _ = fs_err::remove_file(old);
    }
    Ok(())
}

/// The part of the child: sets its limits, then optimizes.
///
/// # Errors
///
/// With what the optimizer says, as one text.
pub fn child(program: Option<&OsStr>, args: &[OsString]) -> Result<(), String> {
    limit_resources();
    match program {
        Some(program) => become_program(program, args),
        None => embedded(args),
    }
}

fn limit_resources() {
    let limits =
        [(Resource::As, MEMORY_LIMIT), (Resource::Cpu, TIME_LIMIT.as_secs() * 4), (Resource::Core, 0)];
    for (resource, limit) in limits {
        // A stricter limit of the user's stays, so a failure is ignored.
        let _ = setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) });
    }
}

fn become_program(program: &OsStr, args: &[OsString]) -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "nothing of this process is left to end with the child")]
    let error = std::process::Command::new(program).args(args).exec();
    Err(error.to_string())
}

#[cfg(feature = "embedded-wasm-opt")]
fn embedded(args: &[OsString]) -> Result<(), String> {
    let mut command = wasm_opt::integration::Command::new("wasm-opt");
    command.args(args);
    wasm_opt::integration::run_from_command_args(command).map_err(|error| {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    })
}

#[cfg(not(feature = "embedded-wasm-opt"))]
fn embedded(_args: &[OsString]) -> Result<(), String> {
    Err("this program was built without an optimizer".to_owned())
}

/// The module could not be optimized.
#[derive(Debug, thiserror::Error)]
pub enum OptimizeError {
    /// This program does not find itself.
    #[error("the path of this program cannot be found out")]
    NoSelf(#[source] std::io::Error),
    /// There is no such program.
    #[error("there is no optimizer `{program}`")]
    NoProgram {
        /// What was to be run.
        program: String,
        /// Why it was not.
        source: ProcessError,
    },
    /// It cannot read the module, or died of it.
    #[error("the optimizer cannot take `{subject}`")]
    Failed {
        /// The module, or the program where that did not even tell its version.
        subject: String,
        /// What it said.
        source: ProcessError,
    },
    /// What it made is no module.
    #[error("what the optimizer made of `{module}` is not valid")]
    Broken {
        /// The module that it was given.
        module: Utf8PathBuf,
        /// What is wrong with what it made.
        source: Box<wasm::ReadError>,
    },
    /// It used features that the module had not.
    #[error("the optimizer made a module of `{module}` that needs more of a proxy than before")]
    NeedsMore {
        /// The module that it was given.
        module: Utf8PathBuf,
    },
}

impl OptimizeError {
    fn of(subject: &str, error: ProcessError) -> crate::error::Error {
        match error {
            ProcessError::Interrupted(interrupted) => interrupted.into(),
            source @ ProcessError::Start { .. } => {
                OptimizeError::NoProgram { program: subject.to_owned(), source }.into()
            }
            source => OptimizeError::Failed { subject: subject.to_owned(), source }.into(),
        }
    }
}

impl Explain for OptimizeError {
    fn help(&self) -> Vec<String> {
        match self {
            OptimizeError::NoSelf(_) => Vec::new(),
            OptimizeError::NoProgram { .. } => vec![
                "install Binaryen, which has the program wasm-opt, or name it with `--wasm-opt PATH`"
                    .to_owned(),
                "or leave the module as it was compiled with `--optimize none`".to_owned(),
            ],
            _ => vec![
                "try a newer optimizer with `--wasm-opt PATH`".to_owned(),
                "or leave the module as it was compiled with `--optimize none`".to_owned(),
            ],
        }
    }
}
