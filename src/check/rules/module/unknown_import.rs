//! The host provides every function that the module imports.
//!
//! Envoy refuses a module with an import that it doesn't know: `Failed to load Wasm module due to a missing
//! import: env.foo`. It reports only the first one. The known functions of `env` depend on the ABI of the module, and
//! those of WASI on the version of Envoy. (`V8::link` of the Proxy-Wasm host library; the tables in
//! [`hostcalls`](crate::check::hostcalls) were probed.)

use crate::check::hostcalls::{HostCall, Provided, find};
use crate::check::import_cure;
use crate::check::rule::{Docs, Judge, MOST, ModuleSubject, Rule, import};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::mesh::{Mesh, names};
use crate::text::{count, list};
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
               | `env.proxy_redis_*` | an SDK for Higress | HTTP, or load the plugin there |\n\
               | other `env.proxy_*` | an SDK for another host | another SDK, or load the plugin there |\n\
               | `env.abort` | AssemblyScript | `asc --use abort=abort_proc_exit` |\n\
               | `gojs.*` | Go for a browser | `GOOS=wasip1`, `-buildmode=c-shared` |\n\
               \n\
               Functions with the same cause are one finding.",
        log: "Failed to load Wasm module due to a missing import: ...",
        severities: "",
    },
};

/// A function that the host doesn't provide. Functions with the same cause are one finding.
struct Missing<'a> {
    import: &'a Import,
    cause: Cause,
}

#[derive(PartialEq)]
struct Cause {
    /// Which proxies don't provide the function.
    provision: String,
    cure: String,
    meshes: Vec<&'static Mesh>,
}

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let mut groups: Vec<Vec<Missing<'_>>> = Vec::new();
    for missing in subject.module.imported_functions().filter_map(|(import, _)| missing(subject, import)) {
        match groups.iter_mut().find(|group| group[0].cause == missing.cause) {
            Some(group) => group.push(missing),
            None => groups.push(vec![missing]),
        }
    }
    groups.into_iter().filter_map(finding).collect()
}

fn missing<'a>(subject: &ModuleSubject<'_>, import: &'a Import) -> Option<Missing<'a>> {
    let language = subject.module.language();
    let cause = match find(&import.module, &import.name) {
        None => Cause {
            provision: "No version of Envoy provides this function".to_owned(),
            cure: import_cure::unknown(import, language),
            meshes: Vec::new(),
        },
        Some(HostCall { provided: Provided::ByAbi(abis), .. }) if abis.contains(&subject.abi) => return None,
        Some(HostCall { provided: Provided::ByAbi(abis), name, .. }) => Cause {
            provision: format!(
                "Envoy provides this function only to modules that use ABI {}, but this one uses ABI {}",
                list(*abis),
                subject.abi
            ),
            cure: import_cure::for_abi(name, subject.abi, language),
            meshes: Vec::new(),
        },
        Some(call) => {
            let meshes = subject.refusing(|mesh| !call.is_provided(subject.abi, mesh));
            if meshes.is_empty() {
                return None;
            }
            let verb = if meshes.len() == 1 { "doesn't" } else { "don't" };
            Cause {
                provision: format!("{} {verb} provide this WASI function", names(&meshes)),
                cure: import_cure::for_wasi(call.name, language),
                meshes,
            }
        }
    };
    Some(Missing { import, cause })
}

fn finding(group: Vec<Missing<'_>>) -> Option<Diagnostic> {
    const MOST_NAMES: usize = 3;
    let name = |missing: &Missing<'_>| {
        format!("{}.{}", printable(&missing.import.module), printable(&missing.import.name))
    };
    let named: Vec<String> =
        group.iter().take(MOST_NAMES).map(|missing| format!("`{}`", name(missing))).collect();
    let message = match group.len() - named.len() {
        0 => format!("the host doesn't provide {}", list(named)),
        others => {
            format!("the host doesn't provide {} and {}", named.join(", "), count(others, "other function"))
        }
    };
    // A hostile module can import a million functions.
    let places = group
        .iter()
        .take(MOST)
        .map(|missing| Place::Item(import(&missing.import.module, &missing.import.name)));
    let finding = RULE.finding(message, places.collect::<Vec<_>>());
    let first = name(group.first()?);
    let is_one = group.len() == 1;
    let Cause { mut provision, cure, meshes } = group.into_iter().next()?.cause;
    if !is_one {
        provision = provision
            .replace("this function", "these functions")
            .replace("this WASI function", "these WASI functions");
    }
    let reason = format!(
        "{provision}. {} the module with `Failed to load Wasm module due to a missing import: {first}`.",
        if meshes.len() > 1 { "They refuse" } else { "It refuses" }
    );
    Some(finding.reason(reason).help(cure).meshes(meshes))
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
            findings[0]
                .reason
                .starts_with("istio-1.29 and istio-1.30 don't provide this WASI function. They refuse"),
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
            ("env", "proxy_get_secret", "extension"),
            ("env", "proxy_kv_store_get", "extension"),
            ("env", "sqlite3_open", "linker"),
            ("gojs", "runtime.wasmExit", "GOOS=wasip1"),
            ("wasi_snapshot_preview1", "proc_raise", "only functions of WASI preview 1"),
            ("wasi_snapshot_preview1", "fd_wirte", "`fd_write`"),
            ("elsewhere", "f", "Remove this import"),
        ] {
            let cure = cure_of(module, name);
            assert!(cure.contains(part), "{module}.{name}: {cure}");
        }
    }

    #[test]
    fn functions_with_one_cause_are_one_finding() {
        let import = |module: &str, name: &str| format!(r#"(import "{module}" "{name}" (func))"#);
        let imports: String = (0..500).map(|number| import("env", &format!("c_{number}"))).collect();
        let module = format!(
            "(module {imports} {} {} {})",
            import("env", "proxy_redis_init"),
            import("wasi_snapshot_preview1", "path_rename"),
            import("wasi_snapshot_preview1", "fd_readdir")
        );
        let messages = crate::check::tests::messages(&RULE, &module, &["istio-1.29", "istio-1.31"]);
        assert_eq!(
            messages,
            [
                "the host doesn't provide `env.c_0`, `env.c_1`, `env.c_2` and 497 other functions",
                "the host doesn't provide `env.proxy_redis_init`",
                "the host doesn't provide `wasi_snapshot_preview1.path_rename` and `wasi_snapshot_preview1.fd_readdir`",
            ]
        );
    }

    #[test]
    fn a_hostile_name_is_tamed() {
        let findings = judge(&RULE, &importing("env", &format!("\\1b[2J{}", "x".repeat(500)), ""), NEWEST);
        assert!(findings[0].message.len() < 200 && !findings[0].message.contains('\u{1b}'));
    }
}
