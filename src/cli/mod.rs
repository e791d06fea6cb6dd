//! The command line. Each command turns its arguments into the options of one operation. Only this module uses clap.

#![allow(
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    reason = "clap shows the comments on arguments as help"
)]

mod args;
mod build;
mod init;
mod new;
mod overrides;
mod package;
mod publish;
mod registry;
mod resolve;

use std::ffi::OsString;

use anstream::ColorChoice;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::compile::{CompileError, wrapper};
use crate::context::{Context, Env};
use crate::error::{Error, Exit, Explain, Result};
use crate::interrupt::Interrupt;
use crate::ops::pipeline::OutputError;
use crate::optimize::supervisor;
use crate::shell::{Shell, Verbosity};

/// Ship Proxy-Wasm filters into Envoy, Istio and OpenShift Service Mesh
///
/// Refuses modules and resources that the mesh would refuse, and says why and how to fix them.
#[derive(Debug, Parser)]
#[command(
    name = "cargo-wasmplugin",
    bin_name = "cargo wasmplugin",
    version,
    styles = args::STYLES,
    max_term_width = 100,
    after_help = args::examples("\
  Create and build a first filter:
    cargo wasmplugin new hello --image quay.io/acme/hello
    cd hello
    cargo wasmplugin build

  Push its image to the registry and apply its resource to the cluster:
    cargo wasmplugin publish -o yaml | kubectl apply -f -

Exit codes: 0 success, 1 the mesh would refuse the plugin, 2 usage error, 101 any other error, 130 interrupted")
)]
struct Cli {
    #[command(flatten)]
    global: args::GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(Box<new::New>),
    Init(Box<init::Init>),
    Build(Box<build::Build>),
    Publish(Box<publish::Publish>),
    Resolve(Box<resolve::Resolve>),
    /// Internal: runs the optimizer within limits
    #[command(name = supervisor::SUPERVISE, hide = true)]
    Supervise {
        program: OsString,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Internal: the embedded optimizer
    #[command(name = supervisor::EMBEDDED, hide = true)]
    WasmOpt {
        #[arg(last = true)]
        args: Vec<OsString>,
    },
}

/// Runs the program. The first of `args` is the program's name.
pub fn run(args: Vec<OsString>) -> Exit {
    let env = Env::of_process();
    if wrapper::is_called(&args) {
        let error = wrapper::become_rustc(&env, &args);
        Shell::new(Verbosity::Normal, ColorChoice::Auto).error(&WrapperFailed(error).into(), None);
        return Exit::Failure;
    }
    let command = Cli::command().color(color_of_usage(&args, &env));
    let parsed = command.try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // clap writes errors to standard error, and help and version to standard output.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let shell = cli.global.shell(&env);
    match dispatch(&cli, env) {
        Ok(exit) => exit,
        Err(error) => {
            if !error.is_reported() {
                shell.error(&error, advice(&error));
            }
            error.exit()
        }
    }
}

/// When to colour help and usage errors, which are printed before the arguments are parsed.
fn color_of_usage(args: &[OsString], env: &Env) -> clap::ColorChoice {
    let args: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    let with_value = args.iter().find_map(|arg| arg.strip_prefix("--color="));
    let before_value = || args.windows(2).find(|pair| pair[0] == "--color").map(|pair| pair[1]);
    match args::color(with_value.or_else(before_value), env) {
        ColorChoice::Always | ColorChoice::AlwaysAnsi => clap::ColorChoice::Always,
        ColorChoice::Never => clap::ColorChoice::Never,
        ColorChoice::Auto => clap::ColorChoice::Auto,
    }
}

/// Advice about options, for errors from modules that don't know the command line.
fn advice(error: &Error) -> Option<&'static str> {
    let output = error.downcast_ref().is_some_and(OutputError::may_work_elsewhere);
    let compiler = error.downcast_ref().is_some_and(CompileError::may_work_elsewhere);
    (output || compiler).then_some("choose another directory with `--target-dir`")
}

fn dispatch(cli: &Cli, env: Env) -> Result<Exit> {
    let context = || Context::new(cli.global.shell(&env), env, Interrupt::install()?);
    match &cli.command {
        Command::New(new) => new.run(&context()?).map(|()| Exit::Done),
        Command::Init(init) => init.run(&context()?).map(|()| Exit::Done),
        Command::Build(build) => build.run(&context()?, &cli.global),
        Command::Publish(publish) => publish.run(&context()?, &cli.global),
        Command::Resolve(resolve) => resolve.run(&context()?, &cli.global),
        Command::Supervise { program, args } => {
            let has_succeeded = supervisor::supervise(program, args).map_err(OptimizerFailed)?;
            Ok(if has_succeeded { Exit::Done } else { Exit::Failure })
        }
        Command::WasmOpt { args } => {
            supervisor::embedded(args).map_err(OptimizerFailed)?;
            Ok(Exit::Done)
        }
    }
}

/// Cargo called this program in place of rustc.
#[derive(Debug, thiserror::Error)]
#[error("failed to run rustc")]
struct WrapperFailed(#[source] std::io::Error);

impl Explain for WrapperFailed {}

/// The optimizer's message, which the parent process reads.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct OptimizerFailed(String);

impl Explain for OptimizerFailed {}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
