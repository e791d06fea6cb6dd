//! The program: drops the word that cargo adds, runs the command line, returns the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // `cargo wasmplugin build` runs us as `cargo-wasmplugin wasmplugin build`.
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == "wasmplugin") {
        args.remove(1);
    }
    ExitCode::from(cargo_wasmplugin::cli::run(args).code())
}
