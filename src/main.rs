//! The `cargo-wasmplugin` executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Cargo runs `cargo wasmplugin build` as `cargo-wasmplugin wasmplugin build`.
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == "wasmplugin") {
        args.remove(1);
    }
    ExitCode::from(cargo_wasmplugin::cli::run(args).code())
}
