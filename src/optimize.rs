//! Runs Binaryen's optimizer, which makes modules smaller and faster.
//!
//! It runs in a child process with limits for time and memory, because it crashes on some valid modules. Its results
//! are cached by content, so the same bytes are never optimized twice.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::{Resource, Rlimit, setrlimit};
use wasmparser::WasmFeatures;

use crate::config::Optimize;
use crate::context::{Context, PROGRAM};
use crate::digest::Digest;
use crate::error::{Error, Explain, Result};
use crate::module::{CompiledModule, OptimizedModule};
use crate::process::{self, ProcessError};
use crate::wasm::{self, ModuleInfo};

/// The hidden subcommand that runs the optimizer within its limits. Its arguments are an external wasm-opt, if one is
/// used, and wasm-opt's command line.
pub const SUBCOMMAND: &str = "__wasm-opt";

/// The time limit. A module of one megabyte takes a few seconds.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// The memory limit. A module of one megabyte takes about 200 MiB.
const MEMORY_LIMIT: u64 = 4 << 30;

/// How many results are cached for each package, so that switching between branches or settings is fast.
const KEPT: usize = 8;

/// The optimizer and its settings.
#[derive(Debug, Clone)]
pub struct Optimizer {
    /// This program, which runs the optimizer within its limits.
    launcher: Utf8PathBuf,
    /// An external wasm-opt; `None` for the embedded one.
    program: Option<Utf8PathBuf>,
    /// wasm-opt's option for the optimization level.
    level: &'static str,
    /// The name and version, for the keys of cached results.
    id: String,
}

impl Optimizer {
    /// The embedded optimizer, or `program` if the user selected one; `None` if the module isn't to be optimized.
    ///
    /// # Errors
    ///
    /// If the program doesn't exist or can't be run.
    pub fn of(ctx: &Context, optimize: Optimize, program: Option<&Utf8Path>) -> Result<Option<Self>> {
        let level = match optimize {
            Optimize::Speed => "-O3",
            Optimize::Size => "-Oz",
            Optimize::None => return Ok(None),
        };
        let launcher = process::this_program().map_err(OptimizeError::NoSelf)?;
        let program = match program {
            // Only a path is relative to the current directory; a name without a directory is looked up in PATH.
            Some(program) if program.components().count() > 1 => Some(ctx.cwd.join(program)),
            Some(program) => Some(program.to_owned()),
            None if cfg!(feature = "embedded-wasm-opt") => None,
            None => Some("wasm-opt".into()),
        };
        let id = match &program {
            None => "embedded".to_owned(),
            Some(program) => {
                let mut command = process::command(ctx, program);
                let version = process::output(ctx, command.arg("--version"), Some(TIME_LIMIT))
                    .map_err(|error| OptimizeError::of_version(program, error))?;
                format!("{program} {}", String::from_utf8_lossy(&version))
            }
        };
        Ok(Some(Optimizer { launcher, program, level, id }))
    }

    /// Identifies the optimizer and its version.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Optimizes `module`, or finds the result for the same bytes in the directory `cache`.
    ///
    /// # Errors
    ///
    /// If the optimizer can't read the module, crashes, or writes something that isn't a module or that needs more
    /// features than the input.
    pub fn optimize(
        &self,
        ctx: &Context,
        module: &CompiledModule,
        cache: &Utf8Path,
    ) -> Result<OptimizedModule> {
        let args = arguments(module.info.features, self.level, self.program.is_none());
        let identity = args.iter().chain([&self.id]).map(String::as_bytes).chain([PROGRAM.as_bytes()]);
        let key = Digest::of_parts(identity.chain([&module.bytes[..]]));
        let cached = cache.join(format!("{}.wasm", key.hex()));
        // A cached result that can't be read is ignored.
        if let Ok(bytes) = fs_err::read(&cached)
            && let Ok(optimized) = accept(module, bytes)
        {
            return Ok(optimized);
        }
        let optimized = accept(module, self.run(ctx, module, &args)?)?;
        store(cache, &cached, &optimized.bytes)?;
        Ok(optimized)
    }

    fn run(&self, ctx: &Context, module: &CompiledModule, args: &[String]) -> Result<Vec<u8>> {
        ctx.shell.status("Optimizing", &module.path);
        let dir = tempfile::Builder::new().prefix("cargo-wasmplugin-").tempdir()?;
        let (input, output) = (dir.path().join("in.wasm"), dir.path().join("out.wasm"));
        // The compiler's list of features isn't exact, but `args` is.
        fs_err::write(&input, wasm::without_target_features(&module.bytes))?;
        let mut command = process::command(ctx, &self.launcher);
        command.arg(SUBCOMMAND).args(&self.program).arg("--").arg(&input).arg("-o").arg(&output).args(args);
        process::output(ctx, &mut command, Some(TIME_LIMIT))
            .map_err(|error| OptimizeError::of_run(&module.path, error))?;
        match fs_err::read(&output) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(OptimizeError::NoModule { module: module.path.clone() }.into())
            }
            read => Ok(read?),
        }
    }
}

/// Accepts the optimizer's output for `module` if it is a module that needs no more features.
fn accept(module: &CompiledModule, bytes: Vec<u8>) -> Result<OptimizedModule, OptimizeError> {
    let info = ModuleInfo::read(&bytes)
        .map_err(|error| OptimizeError::Broken { module: module.path.clone(), source: Box::new(error) })?;
    if !module.info.features.contains(info.features) {
        return Err(OptimizeError::NeedsMore { module: module.path.clone() });
    }
    Ok(OptimizedModule { bytes: bytes.into(), info })
}

/// wasm-opt's command line without the files. It enables exactly the features that the module uses, because wasm-opt
/// may use all enabled features, and a proxy may not support more.
fn arguments(features: WasmFeatures, level: &str, is_embedded: bool) -> Vec<String> {
    // The embedded version has another name for this feature.
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

/// Adds a result to the cache of the package, and removes the oldest ones.
fn store(cache: &Utf8Path, path: &Utf8Path, bytes: &[u8]) -> Result<()> {
    fs_err::create_dir_all(cache)?;
    crate::fs::write_atomically(path, bytes)?;
    let entries = fs_err::read_dir(cache)?.flatten();
    let mut kept: Vec<_> =
        entries.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
    kept.sort();
    for (_, old) in kept.iter().rev().skip(KEPT) {
        // Another run may have removed it already.
        let _ = fs_err::remove_file(old);
    }
    Ok(())
}

/// Runs in the child process: sets the limits, then optimizes.
///
/// # Errors
///
/// If the optimizer fails: its message.
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
        // Setting a limit fails if the user has set a stricter one, which is fine.
        let _ = setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) });
    }
}

fn become_program(program: &OsStr, args: &[OsString]) -> Result<(), String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "exec replaces this process, so no child process can be left running"
    )]
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
    Err("cargo-wasmplugin was built without an optimizer".to_owned())
}

/// The module could not be optimized.
#[derive(Debug, thiserror::Error)]
pub enum OptimizeError {
    /// The path of this program isn't known.
    #[error("failed to get the path of cargo-wasmplugin")]
    NoSelf(#[source] std::io::Error),
    /// The external optimizer can't be started.
    #[error("failed to run the optimizer `{program}`")]
    NoProgram { program: Utf8PathBuf, source: ProcessError },
    /// The optimizer reported an error or crashed.
    #[error("the optimizer failed on `{module}`")]
    Failed { module: Utf8PathBuf, source: ProcessError },
    /// The external optimizer failed to print its version.
    #[error("the optimizer `{program}` failed")]
    NoVersion { program: Utf8PathBuf, source: ProcessError },
    /// There is no output.
    #[error("the optimizer wrote no module for `{module}`")]
    NoModule { module: Utf8PathBuf },
    /// The output isn't a valid module.
    #[error("the optimizer wrote an invalid module for `{module}`")]
    Broken { module: Utf8PathBuf, source: Box<wasm::ReadError> },
    /// The output uses features that the input doesn't use.
    #[error("the optimizer added WebAssembly features to `{module}` that a proxy may not support")]
    NeedsMore { module: Utf8PathBuf },
}

impl OptimizeError {
    fn of_version(program: &Utf8Path, error: ProcessError) -> Error {
        let program = program.to_owned();
        match error {
            ProcessError::Interrupted(interrupted) => interrupted.into(),
            source @ ProcessError::Start { .. } => OptimizeError::NoProgram { program, source }.into(),
            source => OptimizeError::NoVersion { program, source }.into(),
        }
    }

    fn of_run(module: &Utf8Path, error: ProcessError) -> Error {
        match error {
            ProcessError::Interrupted(interrupted) => interrupted.into(),
            source => OptimizeError::Failed { module: module.to_owned(), source }.into(),
        }
    }
}

impl Explain for OptimizeError {
    fn help(&self) -> Vec<String> {
        match self {
            OptimizeError::NoSelf(_) => Vec::new(),
            OptimizeError::NoProgram { .. } => vec![
                "install Binaryen, which contains wasm-opt, or pass its path with `--wasm-opt PATH`"
                    .to_owned(),
                "or skip the optimization with `--optimize none`".to_owned(),
            ],
            _ => vec![
                "try a newer version of wasm-opt with `--wasm-opt PATH`".to_owned(),
                "or skip the optimization with `--optimize none`".to_owned(),
            ],
        }
    }
}
