//! Runs cargo.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::Message;

use crate::compile::batch::{self, Batch};
use crate::compile::error::CompileError;
use crate::compile::options::CargoOptions;
use crate::compile::remap::Remapping;
use crate::compile::sources;
use crate::compile::toolchain::Toolchain;
use crate::compile::wrapper::Wrapper;
use crate::config::{Optimize, Target};
use crate::context::Context;
use crate::error::Result;
use crate::process::{self, ProcessError};
use crate::project::Project;

/// Runs cargo for the crates of a project.
pub(super) struct Compiler<'p> {
    pub(super) ctx: &'p Context,
    pub(super) project: &'p Project,
    pub(super) toolchain: &'p Toolchain,
    pub(super) options: &'p CargoOptions,
    /// The directory for the output of cargo.
    pub(super) directory: &'p Utf8Path,
    pub(super) wrapper: Wrapper,
}

impl Compiler<'_> {
    /// Compiles the crates for `target`, and writes the paths of their modules to `paths`.
    pub(super) fn compile(&self, target: Target, paths: &mut [Option<Utf8PathBuf>]) -> Result<()> {
        self.toolchain.ensure(self.ctx, target, self.options.offline)?;
        let mut done = None;
        loop {
            let outside =
                sources::outside_workspace(self.ctx, self.project, self.toolchain, self.options, target)?;
            let remapping = Remapping::of(self.ctx, self.project, self.toolchain, &outside, self.directory)?;
            // Cargo may have locked and unpacked crates from new places, whose paths have to be remapped too.
            if done.as_ref() == Some(&remapping) {
                if let Some(error) = outside.unlisted {
                    self.ctx.shell.warn(format_args!(
                        "the module may contain paths of this machine: cargo can't list the sources of all crates ({error})"
                    ));
                }
                return Ok(());
            }
            let cache = outside.is_locked.then(|| self.directory.join("features"));
            let batches = batch::batches(
                self.ctx,
                self.project,
                self.options,
                target,
                &outside.libraries,
                cache.as_deref(),
            );
            for batch in &batches {
                self.run(target, batch, &remapping, paths)?;
            }
            done = Some(remapping);
        }
    }

    fn run(
        &self,
        target: Target,
        batch: &Batch<'_>,
        remapping: &Remapping,
        paths: &mut [Option<Utf8PathBuf>],
    ) -> Result<()> {
        let Compiler { ctx, project, toolchain, options, .. } = *self;
        let mut name = remapping.digest().short();
        if let Some(owner) = batch.owner {
            name = format!("{name}-{owner}");
        }
        let directory = self.directory.join(name);
        let mut command = process::command(ctx, ctx.cargo());
        // Link-time optimization is off if the crate is compiled with other crate types as well.
        match batch.has_other_types {
            true => command.args(["rustc", "--lib", "--crate-type", "cdylib"]),
            false => command.args(["build", "--lib"]),
        };
        command.args(["--message-format", "json-render-diagnostics", "--target", target.triple()]);
        command.arg("--manifest-path").arg(project.workspace_root.join("Cargo.toml"));
        command.arg("--target-dir").arg(&directory);
        for &index in &batch.crates {
            command.arg("--package").arg(&project.crates[index].package.id.repr);
        }
        self.select_profile(&mut command, batch.optimize);
        command.args(batch.features.to_args()).args(&options.args);
        if project.has_build_dir {
            command.arg("--config").arg(format!("build.build-dir={:?}", directory.as_str()));
        }
        // Both would override the profile, and incremental compilation isn't reproducible. The variable overrides the key.
        match toolchain.config.is_set(ctx, &["build", "incremental"]) {
            true => command.env("CARGO_INCREMENTAL", "0"),
            false => command.env_remove("CARGO_INCREMENTAL"),
        };
        let wrapper = toolchain.wrapper(ctx);
        self.wrapper.wrap(&mut command, &remapping.flags(&directory), wrapper.as_deref());

        let ran = process::stream(ctx, &mut command, |line| {
            let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str(line) else { return };
            if !artifact.target.is_cdylib() {
                return;
            }
            let mut crates = batch.crates.iter();
            let index = crates.find(|&&index| project.crates[index].package.id == artifact.package_id);
            let module = artifact.filenames.into_iter().find(|path| path.extension() == Some("wasm"));
            if let (Some(&index), Some(module)) = (index, module) {
                paths[index] = Some(module);
            }
        });
        match ran {
            // Cargo has printed the reason, unless it was killed.
            Err(ProcessError::Failed { status, .. }) if status.code().is_some() => {
                Err(CompileError::Failed.into())
            }
            ran => Ok(ran?),
        }
    }

    /// Selects the profile. It is defined with `--config`, because cargo ignores profiles in workspace members. Values in
    /// the user's configuration have priority.
    fn select_profile(&self, command: &mut Command, optimize: Optimize) {
        if let Some(profile) = &self.options.profile {
            command.args(["--profile", profile]);
            return;
        }
        command.args(["--profile", "wasmplugin"]);
        if self.project.has_profile {
            return;
        }
        let opt_level = match optimize {
            Optimize::Speed | Optimize::None => "3",
            Optimize::Size => "\"z\"",
        };
        for (key, value) in [
            ("inherits", "\"release\""),
            ("lto", "true"),
            ("codegen-units", "1"),
            ("panic", "\"abort\""),
            ("strip", "\"debuginfo\""),
            ("opt-level", opt_level),
        ] {
            if !self.toolchain.config.is_set(self.ctx, &["profile", "wasmplugin", key]) {
                command.arg("--config").arg(format!("profile.wasmplugin.{key}={value}"));
            }
        }
    }
}
