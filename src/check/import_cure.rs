//! What to do about an import that the host doesn't provide.

use crate::check::hostcalls::{Abi, ENV_MODULE, WASI_MODULES, of_module};
use crate::text::nearest;
use crate::wasm::{Import, Language};

/// What to do about a function that no version of Envoy provides.
pub(in crate::check) fn unknown(found: &Import, language: Option<Language>) -> String {
    match spelling(&found.module, &found.name) {
        Some(name) => format!("A function with a similar name exists: `{name}`."),
        None => origin(&found.module, &found.name, language).to_owned(),
    }
}

fn spelling(module: &str, name: &str) -> Option<&'static str> {
    const LONGEST: usize = 64;
    if name.len() > LONGEST || name.starts_with(HIGRESS) || is_of_a_draft(name) {
        return None;
    }
    let near = nearest(name, of_module(module).iter().map(|call| call.name))?;
    // Other hosts have functions with similar names, such as `proxy_get_secret`.
    const MOST_TYPOS: usize = 2;
    let is_typo = module != ENV_MODULE || strsim::damerau_levenshtein(name, near) <= MOST_TYPOS;
    is_typo.then_some(near)
}

/// What to do about a function, depending on where it comes from.
fn origin(module: &str, name: &str, language: Option<Language>) -> &'static str {
    match module {
        _ if module.starts_with("wasi:") => {
            "This is WASI preview 2. Build for WASI preview 1: in Rust for wasm32-wasip1 or wasm32-unknown-unknown, and \
             not for wasm32-wasip2."
        }
        "wasi" => {
            "This is wasi-threads. A plugin has only one thread: build for wasm32-wasip1, and don't start threads."
        }
        "gojs" | "go" => {
            "The module was built for a browser. Build for WASI with Go 1.24 or later: `GOOS=wasip1 GOARCH=wasm go build \
             -buildmode=c-shared`."
        }
        _ if module.starts_with("__wbindgen") || module == "wbg" => {
            "A dependency was built for a browser. Turn off its JavaScript feature (`js`, `wasm-bindgen`, \
             `wasmbind`), or build for wasm32-wasip1. `cargo tree --target wasm32-unknown-unknown --invert \
             wasm-bindgen` shows the dependency."
        }
        ENV_MODULE if name.starts_with(HIGRESS) => {
            "Only the gateway of Higress has these functions. Call Redis through HTTP, or load the plugin in Higress."
        }
        ENV_MODULE if is_of_a_draft(name) => {
            "This name comes from a draft of the ABI that no proxy implements. Use an SDK for ABI 0.2.1, such as the \
             `proxy-wasm` crate 0.2."
        }
        ENV_MODULE if name.starts_with("proxy_") => {
            "This is an extension of the ABI that another host provides. Load the plugin there, or use an SDK without \
             extensions."
        }
        ENV_MODULE if language == Some(Language::AssemblyScript) && name == "abort" => {
            "Pass `--use abort=abort_proc_exit` to `asc`, so that the SDK ends the plugin instead of the host."
        }
        ENV_MODULE => {
            "The linker found no definition, so the function became an import. Link the library that defines it, or \
             remove the `extern` declaration. A C library, for example, has to be built for this target too."
        }
        _ if WASI_MODULES.contains(&module) => {
            "Envoy provides only functions of WASI preview 1, without opening sockets and without signals. Remove \
             the code that uses this function, in dependencies too."
        }
        _ => {
            "Envoy provides only functions of the modules `env` and `wasi_snapshot_preview1`. Remove this import."
        }
    }
}

/// The prefix of the Redis functions that Higress adds.
const HIGRESS: &str = "proxy_redis_";

/// Parts of names in the draft that should have followed ABI 0.2 and was dropped in 2023.
const OF_A_DRAFT: &[&str] = &[
    "_kvstore",
    "_timer",
    "proxy_call_custom_function",
    "proxy_dispatch_",
    "proxy_get_map_",
    "proxy_open_shared_queue",
    "proxy_resume_",
    "proxy_send_http_response",
    "proxy_set_map_",
];

fn is_of_a_draft(name: &str) -> bool {
    OF_A_DRAFT.iter().any(|part| name.contains(part))
}

/// What to do about a function that Envoy only provides to modules with another ABI.
pub(in crate::check) fn for_abi(name: &str, abi: Abi, language: Option<Language>) -> String {
    match (name, language) {
        ("proxy_clear_route_cache", Some(Language::Rust) | None) => {
            "Call the foreign function `clear_route_cache` instead: in Rust, \
             `self.call_foreign_function(\"clear_route_cache\", None)`."
                .to_owned()
        }
        ("proxy_clear_route_cache", _) => {
            "Call the foreign function `clear_route_cache` instead.".to_owned()
        }
        ("proxy_continue_request" | "proxy_continue_response", Some(Language::Rust) | None) => {
            "Use its replacement `proxy_continue_stream`: in Rust, `resume_http_request` and `resume_http_response` \
             of the `proxy-wasm` crate 0.2."
                .to_owned()
        }
        ("proxy_get_configuration", Some(Language::Rust) | None) => {
            "Read the configuration as a buffer: in Rust, with `get_plugin_configuration` and `get_vm_configuration` \
             of the `proxy-wasm` crate 0.2."
                .to_owned()
        }
        (_, Some(Language::Rust) | None) => format!(
            "Use a single version of one SDK for both the imports and the marker `{}`. In Rust, `cargo tree \
             --duplicates` shows whether there are two versions of `proxy-wasm`.",
            abi.marker()
        ),
        _ => format!("Use a single version of one SDK for both the imports and the marker `{}`.", abi.marker()),
    }
}

/// What to do about a WASI function that only newer versions of Envoy provide.
pub(in crate::check) fn for_wasi(name: &str, language: Option<Language>) -> String {
    let cure = match (language, name) {
        (Some(Language::Go), _) => {
            "The runtime of Go imports these functions, whatever the plugin does. Build it with TinyGo."
        }
        (Some(Language::C | Language::TinyGo | Language::AssemblyScript), _) => {
            "Remove the code that uses this function, in dependencies too: there are no files, no sockets and no \
             threads inside the proxy."
        }
        (_, "poll_oneoff") => {
            "Remove the use of `std::thread::sleep`, in dependencies too. Use the tick of the plugin instead."
        }
        (_, "sched_yield") => {
            "Remove the use of `std::thread::yield_now` and spin locks, in dependencies too."
        }
        (_, "clock_res_get") => "Remove the code that reads the resolution of a clock, in dependencies too.",
        (_, "path_link" | "path_symlink") => {
            return "Remove the use of links in `std::fs`, in dependencies too: no version of Envoy supports them."
                .to_owned();
        }
        (_, name) if name.starts_with("sock_") => {
            "Remove the use of `std::net`, in dependencies too. A plugin calls other services with \
             `dispatch_http_call` and `dispatch_grpc_call` of the SDK."
        }
        _ => {
            "Remove the use of `std::fs`, in dependencies too: there are no files inside the proxy. Pass settings in \
             the configuration of the plugin, and compile data in with `include_bytes!`."
        }
    };
    format!("{cure} Or remove the older meshes from the setting `mesh`.")
}
