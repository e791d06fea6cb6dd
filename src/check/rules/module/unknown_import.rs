//! The host provides every function that the module imports.
//!
//! Envoy refuses a module with an import that it doesn't know: `Failed to load Wasm module due to a missing
//! import: env.foo`. It reports only the first one. The known functions of `env` depend on the ABI of the module, and
//! those of WASI on the version of Envoy. (`V8::link` of the Proxy-Wasm host library; the tables in
//! [`hostcalls`](crate::check::hostcalls) were probed.)

use crate::check::hostcalls::{Abi, ENV_MODULE, HostCall, Provided, WASI_MODULES, find, of_module};
use crate::check::rule::{Docs, ENOUGH, Judge, ModuleSubject, Rule, import};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::mesh::names;
use crate::text::{list, nearest};
use crate::wasm::{Import, printable};

pub(in crate::check) const RULE: Rule = Rule {
    code: "unknown-import",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "The host provides every function that the module imports.",
        why: "Envoy refuses the module, and reports only the first missing function. What it provides depends on \
              the ABI version of the module and, for WASI, on the version of Envoy: 1.36 and 1.37 have no file \
              functions, and 1.39 has nearly all of WASI preview 1.",
        cure: "The cure depends on the function, and the finding shows it. The usual cases:\n\
               \n\
               | import | cause | cure |\n\
               | --- | --- | --- |\n\
               | `wasi_snapshot_preview1.poll_oneoff` | `std::thread::sleep` | the tick of the plugin |\n\
               | `wasi_snapshot_preview1.fd_readdir`, `path_*` | `std::fs` | the configuration, or \
               `include_bytes!` |\n\
               | `wasi_snapshot_preview1.sock_*` | `std::net` | `dispatch_http_call`, `dispatch_grpc_call` |\n\
               | `wasi:...` | the target wasm32-wasip2 | wasm32-wasip1 |\n\
               | `__wbindgen_placeholder__.*`, `wbg.*` | a dependency with a JavaScript feature | turn that \
               feature off |\n\
               | `env.proxy_redis_*` | an SDK for Higress | HTTP, or load the plugin there |",
        log: "Failed to load Wasm module due to a missing import: ...",
        severities: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let imports = subject.module.imported_functions();
    imports.filter_map(|(import, _)| missing(subject, import)).take(ENOUGH).collect()
}

fn missing(subject: &ModuleSubject<'_>, found: &Import) -> Option<Diagnostic> {
    let name = format!("{}.{}", printable(&found.module), printable(&found.name));
    let refused = format!("the module with `Failed to load Wasm module due to a missing import: {name}`");
    let (reason, cure, meshes) = match find(&found.module, &found.name) {
        None => (
            format!("No version of Envoy provides this function. It refuses {refused}."),
            cure(found),
            Vec::new(),
        ),
        Some(HostCall { provided: Provided::ByAbi(abis), name, .. }) => {
            if abis.contains(&subject.abi) {
                return None;
            }
            let reason = format!(
                "Envoy provides this function only to modules that use ABI {}, but this one uses ABI {}. It refuses \
                 {refused}.",
                list(*abis),
                subject.abi
            );
            (reason, cure_for_abi(name, subject.abi), Vec::new())
        }
        Some(call) => {
            let refusing = subject.refusing(|mesh| !call.is_provided(subject.abi, mesh));
            if refusing.is_empty() {
                return None;
            }
            let (verb, refuse) =
                if refusing.len() == 1 { ("doesn't", "refuses") } else { ("don't", "refuse") };
            let reason =
                format!("{} {verb} provide this WASI function, and {refuse} {refused}.", names(&refusing));
            (reason, cure_for_wasi(call.name), refusing)
        }
    };
    let finding = RULE
        .finding(
            format!("the host doesn't provide `{name}`"),
            [Place::Item(import(&found.module, &found.name))],
        )
        .reason(reason)
        .help(cure)
        .meshes(meshes);
    Some(finding)
}

/// What to do about a function that no version of Envoy provides.
fn cure(found: &Import) -> String {
    match spelling(&found.module, &found.name) {
        Some(name) => format!("A function with a similar name exists: `{name}`."),
        None => origin(&found.module, &found.name).to_owned(),
    }
}

fn spelling(module: &str, name: &str) -> Option<&'static str> {
    const LONGEST: usize = 64;
    if name.len() > LONGEST || name.starts_with(HIGRESS) || is_of_a_draft(name) {
        return None;
    }
    nearest(name, of_module(module).iter().map(|call| call.name))
}

/// What to do about a function, depending on where it comes from.
fn origin(module: &str, name: &str) -> &'static str {
    match module {
        _ if module.starts_with("wasi:") => {
            "This is WASI preview 2. Build for wasm32-wasip1 or wasm32-unknown-unknown, not for wasm32-wasip2."
        }
        "wasi" => {
            "This is wasi-threads. A plugin has only one thread: build for wasm32-wasip1, and don't start threads."
        }
        _ if module.starts_with("__wbindgen") || module == "wbg" => {
            "A dependency was built for a browser. Turn off its JavaScript feature (`js`, `wasm-bindgen`, \
             `wasmbind`), or build for wasm32-wasip1. `cargo tree --target wasm32-unknown-unknown --invert wasm-bindgen` shows the dependency."
        }
        ENV_MODULE if name.starts_with(HIGRESS) => {
            "Only the gateway of Higress has this function. Call Redis through HTTP, or load the plugin in Higress."
        }
        ENV_MODULE if is_of_a_draft(name) => {
            "This name comes from a draft of the ABI that no proxy implements. Use an SDK for ABI 0.2.1, such as the \
             `proxy-wasm` crate 0.2."
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

fn cure_for_abi(name: &str, abi: Abi) -> String {
    match name {
        "proxy_clear_route_cache" => {
            "Call the foreign function `clear_route_cache` instead: \
             `self.call_foreign_function(\"clear_route_cache\", None)`."
                .to_owned()
        }
        "proxy_continue_request" | "proxy_continue_response" => {
            "Use its replacement `proxy_continue_stream`: in Rust, `resume_http_request` and `resume_http_response` \
             of the `proxy-wasm` crate 0.2."
                .to_owned()
        }
        "proxy_get_configuration" => {
            "Read the configuration as a buffer: in Rust, with `get_plugin_configuration` and `get_vm_configuration` \
             of the `proxy-wasm` crate 0.2."
                .to_owned()
        }
        _ => format!(
            "Use a single version of one SDK for both the imports and the marker `{}`. `cargo tree --duplicates` \
             shows whether there are two versions of `proxy-wasm`.",
            abi.marker()
        ),
    }
}

fn cure_for_wasi(name: &str) -> String {
    let cure = match name {
        "poll_oneoff" => {
            "Remove the use of `std::thread::sleep`, in dependencies too. Use the tick of the plugin instead."
        }
        "sched_yield" => "Remove the use of `std::thread::yield_now` and spin locks, in dependencies too.",
        "clock_res_get" => "Remove the code that reads the resolution of a clock, in dependencies too.",
        "path_link" | "path_symlink" => {
            return "Remove the use of links in `std::fs`, in dependencies too: no version of Envoy supports them."
                .to_owned();
        }
        _ if name.starts_with("sock_") => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge};

    fn importing(module: &str, name: &str, ty: &str) -> String {
        format!(r#"(module (import "{module}" "{name}" (func {ty})))"#)
    }

    fn cure_of(module: &str, name: &str) -> String {
        let findings = judge(&RULE, &importing(module, name, ""), NEWEST);
        assert_eq!(findings.len(), 1, "{module}.{name}");
        findings[0].help[0].clone()
    }

    #[test]
    fn known_functions_pass() {
        let module = importing("env", "proxy_log", "(param i32 i32 i32) (result i32)");
        assert_eq!(judge(&RULE, &module, NEWEST), []);
        let module = importing("wasi_unstable", "fd_write", "(param i32 i32 i32 i32) (result i32)");
        assert_eq!(judge(&RULE, &module, &["istio-1.12"]), []);
    }

    #[test]
    fn wasi_depends_on_the_mesh() {
        let module = importing("wasi_snapshot_preview1", "path_rename", "");
        let findings = judge(&RULE, &module, &["istio-1.29", "istio-1.30", "istio-1.31"]);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].reason.starts_with("istio-1.29 and istio-1.30 don't provide"),
            "{}",
            findings[0].reason
        );
        assert!(findings[0].help[0].contains("std::fs"));
        assert_eq!(names(&findings[0].meshes), "istio-1.29 and istio-1.30");
        assert_eq!(judge(&RULE, &module, &["istio-1.31"]), []);
    }

    #[test]
    fn env_depends_on_the_abi() {
        let findings = judge(&RULE, &importing("env", "proxy_clear_route_cache", ""), NEWEST);
        assert!(findings[0].reason.contains("only to modules that use ABI 0.1.0,"), "{}", findings[0].reason);
        assert!(findings[0].help[0].contains("call_foreign_function"));
        let old = r#"(module (import "env" "proxy_clear_route_cache" (func (result i32)))
            (func (export "proxy_abi_version_0_1_0")))"#;
        assert_eq!(judge(&RULE, old, NEWEST), []);
    }

    #[test]
    fn the_cure_depends_on_where_the_import_comes_from() {
        for (module, name, part) in [
            ("wasi:cli/environment@0.2.0", "get-environment", "wasm32-wasip2"),
            ("__wbindgen_placeholder__", "__wbindgen_describe", "browser"),
            ("env", "proxy_redis_call", "Higress"),
            ("env", "proxy_dispatch_http_call", "draft"),
            ("env", "proxy_get_propety", "`proxy_get_property`"),
            ("env", "sqlite3_open", "linker"),
            ("wasi_snapshot_preview1", "proc_raise", "only functions of WASI preview 1"),
            ("wasi_snapshot_preview1", "fd_wirte", "`fd_write`"),
            ("elsewhere", "f", "Remove this import"),
        ] {
            let cure = cure_of(module, name);
            assert!(cure.contains(part), "{module}.{name}: {cure}");
        }
    }

    #[test]
    fn a_hostile_name_is_tamed() {
        let findings = judge(&RULE, &importing("env", &format!("\\1b[2J{}", "x".repeat(500)), ""), NEWEST);
        assert!(findings[0].message.len() < 200 && !findings[0].message.contains('\u{1b}'));
    }
}
