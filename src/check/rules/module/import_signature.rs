//! An imported function has the type that the host provides.
//!
//! Envoy matches imports by name and by exact type: `Failed to load Wasm module due to an import type mismatch:
//! env.proxy_log, want: i32 i32 -> i32, but host exports: i32 i32 i32 -> i32`. Its own `path_link` and
//! `path_symlink` lack a parameter, so no module from a WASI compiler matches them. (`V8::link` of the
//! Proxy-Wasm host library; confirmed in Envoy 1.40.)

use crate::check::hostcalls::{Abi, HostCall, Provided, find, notation};
use crate::check::rule::{Docs, ENOUGH, Judge, ModuleSubject, Rule, import};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::wasm::{FuncType, Import, printable};

pub(in crate::check) const RULE: Rule = Rule {
    code: "import-signature",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "The imported functions have the types that the host provides.",
        why: "Envoy matches imports by name and by exact type. It has the wrong type for two functions of WASI, \
              `path_link` and `path_symlink`: no Envoy loads a module that uses `std::fs::hard_link` or \
              `soft_link`.",
        cure: "Use an SDK for the module's ABI version, and remove your own `extern` declarations.",
        log: "Failed to load Wasm module due to an import type mismatch: env.proxy_log, want: ..., but host \
              exports: ...",
        severities: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let imports = subject.module.imported_functions();
    imports.filter_map(|(import, ty)| mismatch(subject, import, ty)).take(ENOUGH).collect()
}

fn mismatch(subject: &ModuleSubject<'_>, found: &Import, ty: &FuncType) -> Option<Diagnostic> {
    let call = find(&found.module, &found.name)?;
    let want = notation(ty);
    // For a mesh that doesn't provide the function, `unknown-import` reports it.
    let refusing = subject.refusing(|mesh| call.is_provided(subject.abi, mesh));
    if want == call.signature || refusing.is_empty() {
        return None;
    }
    let (want, host) = (printable(&want), call.signature);
    let finding = RULE
        .finding(
            format!("`{}` is imported as `{want}`, but the host provides `{host}`", call.name),
            [Place::Item(import(&found.module, &found.name))],
        )
        .reason(format!(
            "Envoy refuses the module with `Failed to load Wasm module due to an import type mismatch: \
             {}.{}, want: {want}, but host exports: {host}`.",
            found.module, found.name
        ))
        .help(cure(call, subject.abi))
        .meshes(refusing);
    Some(finding)
}

fn cure(call: &HostCall, abi: Abi) -> String {
    let link = match (&call.provided, call.name) {
        (Provided::ByAbi(_), _) => {
            return format!(
                "Use an SDK for ABI {abi}, such as the `proxy-wasm` crate, and remove your own `extern` \
                 declarations of this function."
            );
        }
        (Provided::ByWasi(_), "path_link") => "`std::fs::hard_link`",
        (Provided::ByWasi(_), "path_symlink") => "`std::fs::soft_link` and other symbolic links",
        _ => return "Use the declarations of the `wasi` or `libc` crate instead of your own.".to_owned(),
    };
    format!(
        "Remove the use of {link}, in dependencies too. Envoy itself declares this function with a wrong \
         type, and there are no files inside the proxy."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages};
    use crate::mesh::names;

    #[test]
    fn the_type_that_the_host_provides_passes() {
        let module = r#"(module (import "env" "proxy_log" (func (param i32 i32 i32) (result i32))))"#;
        assert_eq!(judge(&RULE, module, NEWEST), []);
    }

    #[test]
    fn a_wrong_type_is_reported_with_envoys_message() {
        let module = r#"(module (import "env" "proxy_log" (func (param i32 i32) (result i32))))"#;
        let findings = judge(&RULE, module, NEWEST);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0]
                .reason
                .contains("env.proxy_log, want: i32 i32 -> i32, but host exports: i32 i32 i32 -> i32")
        );
    }

    #[test]
    fn no_module_can_link_files() {
        let module = r#"(module (import "wasi_snapshot_preview1" "path_symlink"
            (func (param i32 i32 i32 i32 i32) (result i32))))"#;
        assert!(judge(&RULE, module, NEWEST)[0].help[0].contains("std::fs::soft_link"));
        let meshes = &judge(&RULE, module, &["envoy-1.37", "envoy-1.39"])[0].meshes;
        assert_eq!(names(meshes), "envoy-1.39");
        assert_eq!(messages(&RULE, module, &["envoy-1.37"]).len(), 0, "`unknown-import` reports it there");
    }
}
