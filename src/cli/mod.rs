//! The command line: arguments become the options of one operation. Only this part knows clap.

mod args;
mod build;
mod new;
mod overrides;
mod package;
mod publish;
mod resolve;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use crate::context::{Context, Env};
use crate::error::{Error, Exit, Explain, Result};
use crate::interrupt::Interrupt;
use crate::ops::pipeline::OutputError;
use crate::optimize;

/// Ship Proxy-Wasm filters into Envoy, Istio and OpenShift Service Mesh
///
/// What the mesh would refuse, this command refuses first, and says why and what to do.
#[derive(Debug, Parser)]
#[command(
    name = "cargo-wasmplugin",
    bin_name = "cargo wasmplugin",
    version,
    styles = args::STYLES,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = args::examples("\
  A first filter, from an empty folder:
    cargo wasmplugin new hello --image quay.io/acme/hello
    cd hello
    cargo wasmplugin build

  Its image into the registry, and its resource into the cluster:
    cargo wasmplugin publish -o yaml | kubectl apply -f -

Exit codes: 0 done, 1 the mesh would refuse it, 2 wrong usage, 130 interrupted, 101 anything else")
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
    Build(Box<build::Build>),
    Publish(Box<publish::Publish>),
    Resolve(Box<resolve::Resolve>),
    /// Not for people: the optimizer, inside its limits
    #[command(name = optimize::SUBCOMMAND, hide = true)]
    WasmOpt {
        program: Option<OsString>,
        #[arg(last = true)]
        args: Vec<OsString>,
    },
}

/// Runs the program; the first of `args` is its name.
pub fn run(args: Vec<OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data that was asked for; clap writes them to standard output.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let env = Env::of_process();
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

/// What this command line could say differently, in an error of a part that doesn't know the command line.
fn advice(error: &Error) -> Option<&'static str> {
    let output = error.downcast_ref::<OutputError>()?;
    output.is_about_the_place().then_some("choose another directory with `--target-dir`")
}

fn dispatch(cli: &Cli, env: Env) -> Result<Exit> {
    let context = || Context::new(cli.global.shell(&env), env, Interrupt::install()?);
    match &cli.command {
        Command::New(new) => new.run(&context()?).map(|()| Exit::Done),
        Command::Build(build) => build.run(&context()?, &cli.global),
        Command::Publish(publish) => publish.run(&context()?, &cli.global),
        Command::Resolve(resolve) => resolve.run(&context()?, &cli.global),
        Command::WasmOpt { program, args } => {
            optimize::child(program.as_deref(), args).map_err(OptimizerFailed)?;
            Ok(Exit::Done)
        }
    }
}

/// What the optimizer said, for the parent of this process.
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
