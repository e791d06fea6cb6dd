//! How a module gets what the host requires, by programming language. SDKs for all of them exist.

use crate::wasm::Language;

/// How to link the SDK of the language, so that the module exports what the host calls.
pub(in crate::check) fn cure(language: Option<Language>) -> &'static str {
    match language {
        Some(Language::Rust) => {
            "Call `proxy_wasm::main!` from the `proxy-wasm` crate in the library, and build it with \
             `crate-type = [\"cdylib\"]` in `[lib]`. If another tool processes the module, keep the exports."
        }
        Some(Language::Go) => {
            "Use the SDK `github.com/proxy-wasm/proxy-wasm-go-sdk`, and build with Go 1.24 or later: \
             `GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared`. Other build modes export nothing that the host calls."
        }
        Some(Language::TinyGo) => {
            "Use an SDK for TinyGo, such as `github.com/tetratelabs/proxy-wasm-go-sdk`, which exports what the host \
             calls, and build with `tinygo build -target=wasi -scheduler=none`."
        }
        Some(Language::AssemblyScript) => {
            "Use the SDK `@solo-io/proxy-runtime`, and export its functions from the entry file: \
             `export * from \"@solo-io/proxy-runtime/proxy\"`."
        }
        Some(Language::C) => {
            "Link proxy-wasm-cpp-sdk, for example with its Bazel rule `proxy_wasm_cc_binary`, which keeps the exports \
             that the host calls."
        }
        None => {
            "Use an SDK for Proxy-Wasm, and keep its exports if another tool processes the module. In Rust, call \
             `proxy_wasm::main!` from the `proxy-wasm` crate in a library with `crate-type = [\"cdylib\"]`."
        }
    }
}
