//! An optimizer, and how it is run.

use std::io::ErrorKind;
use std::num::NonZero;
use std::thread::available_parallelism;

use camino::{Utf8Path, Utf8PathBuf};
use wasmparser::WasmFeatures;

use crate::config::Optimize;
use crate::context::{Context, PROGRAM};
use crate::digest::Digest;
use crate::error::Result;
use crate::fs::{self, MODULE_LIMIT};
use crate::module::{CompiledModule, OptimizedModule};
use crate::optimize::cache::Cache;
use crate::optimize::error::OptimizeError;
use crate::optimize::supervisor::{EMBEDDED, MOST_THREADS, SUPERVISE, TIME_LIMIT};
use crate::process;
use crate::wasm::{self, ModuleInfo};

/// The optimizer and its settings.
#[derive(Debug, Clone)]
pub struct Optimizer {
    /// This program, which supervises the optimizer.
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
        let enabled = enabled(&module.info);
        let args = arguments(enabled, self.level, self.program.is_none());
        let identity = args.iter().chain([&self.id]).map(String::as_bytes).chain([PROGRAM.as_bytes()]);
        let key = Digest::of_parts(identity.chain([&module.bytes[..]]));
        let cache = Cache::open(ctx, cache)?;
        if let Some(bytes) = cache.get(key)
            && let Ok(optimized) = accept(module, enabled, bytes)
        {
            return Ok(optimized);
        }
        let optimized = accept(module, enabled, self.run(ctx, module, &args, &cache)?)?;
        cache.put(key, &optimized.bytes)?;
        Ok(optimized)
    }

    fn run(
        &self,
        ctx: &Context,
        module: &CompiledModule,
        args: &[String],
        cache: &Cache<'_>,
    ) -> Result<Vec<u8>> {
        ctx.shell.status("Optimizing", &module.path);
        let directory = cache.work_directory()?;
        let (input, output) = (directory.path().join("in.wasm"), directory.path().join("out.wasm"));
        // The compiler's list of features isn't exact, but `args` is.
        fs_err::write(&input, wasm::without_target_features(&module.bytes))?;
        let mut command = process::command(ctx, &self.launcher);
        command.arg(SUPERVISE);
        match &self.program {
            Some(program) => command.arg(program),
            None => command.arg(&self.launcher).arg(EMBEDDED).arg("--"),
        };
        command.arg(&input).arg("-o").arg(&output).args(args).env("BINARYEN_CORES", threads(ctx).to_string());
        process::attended(ctx, &mut command, TIME_LIMIT)
            .map_err(|error| OptimizeError::of_run(&module.path, error, self.program.is_none()))?;
        match fs::read(&output, MODULE_LIMIT) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(OptimizeError::NoModule { module: module.path.clone() }.into())
            }
            read => Ok(read?),
        }
    }
}

/// The number of threads of the optimizer.
fn threads(ctx: &Context) -> usize {
    let chosen = ctx.env.get("BINARYEN_CORES").and_then(|count| count.to_str()?.parse().ok());
    let threads = chosen.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get));
    threads.clamp(1, MOST_THREADS)
}

/// Accepts the optimizer's output for `module` if it is a module that needs no more than the enabled features.
fn accept(
    module: &CompiledModule,
    enabled: WasmFeatures,
    bytes: Vec<u8>,
) -> Result<OptimizedModule, OptimizeError> {
    let info = ModuleInfo::read(&bytes)
        .map_err(|error| OptimizeError::Broken { module: module.path.clone(), source: Box::new(error) })?;
    if !enabled.contains(info.features) {
        return Err(OptimizeError::NeedsMore { module: module.path.clone() });
    }
    Ok(OptimizedModule { bytes: bytes.into(), info })
}

/// The features that wasm-opt has to enable to read a module: those that the module uses, and those that wasm-opt demands
/// together with them. Each V8 that supports function references or garbage collection supports the latter too.
fn enabled(module: &ModuleInfo) -> WasmFeatures {
    let mut features = module.features;
    if features.intersects(WasmFeatures::GC.union(WasmFeatures::FUNCTION_REFERENCES)) {
        features.insert(WasmFeatures::REFERENCE_TYPES.union(WasmFeatures::TAIL_CALL));
    }
    if module.has_passive_elements {
        features.insert(WasmFeatures::REFERENCE_TYPES);
    }
    features
}

/// wasm-opt's command line without the files. It enables no other features, because wasm-opt may use all enabled
/// features, and a proxy may not support more.
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
