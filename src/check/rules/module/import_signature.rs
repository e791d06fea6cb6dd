//! An imported function has the type that the host gives it.
//!
//! Envoy matches imports by name and by exact type: `Failed to load Wasm module due to an import type mismatch:
//! env.proxy_log, want: i32 i32 -> i32, but host exports: i32 i32 i32 -> i32`. Its own `path_link` and
//! `path_symlink` lack a parameter, so that no module made by a WASI compiler matches them. (`V8::link` of the
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
        what: "Imported functions have the types that the host gives them.",
        why: "Envoy matches imports by name and by exact type. It has the wrong type for two functions of WASI, \
              `path_link` and `path_symlink`: no Envoy loads a module that uses `std::fs::hard_link` or \
              `soft_link`.",
        cure: "Use an SDK for the ABI version of the module, and remove your own `extern` declarations.",
        log: "Failed to load Wasm module due to an import type mismatch: env.proxy_log, want: ..., but host \
              exports: ...",
        levels: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let imports = subject.module.imported_functions();
    imports.filter_map(|(import, ty)| mismatch(subject, import, ty)).take(ENOUGH).collect()
}

fn mismatch(subject: &ModuleSubject<'_>, found: &Import, ty: &FuncType) -> Option<Diagnostic> {
    let call = find(&found.module, &found.name)?;
    let want = notation(ty);
    // Where no mesh gives the function at all, another rule says so.
    let is_given = subject.meshes.iter().any(|mesh| call.is_given(subject.abi, mesh));
    if want == call.signature || !is_given {
        return None;
    }
    let (want, host) = (printable(&want), call.signature);
    Some(Diagnostic {
        rule: RULE.code,
        severity: RULE.severity,
        message: format!("`{}` is imported as `{want}`, and the host gives `{host}`", call.name),
        places: vec![Place::Item(import(&found.module, &found.name))],
        reason: format!(
            "Envoy refuses the module with `Failed to load Wasm module due to an import type mismatch: {}.{}, want: \
             {want}, but host exports: {host}`.",
            found.module, found.name
        ),
        help: vec![cure(call, subject.abi)],
        meshes: Vec::new(),
    })
}

fn cure(call: &HostCall, abi: Abi) -> String {
    let link = match (&call.provided, call.name) {
        (Provided::ByAbi(_), _) => {
            return format!(
                "Use an SDK for ABI {abi}, such as the `proxy-wasm` crate, and remove own `extern` declarations of \
                 this function."
            );
        }
        (Provided::ByWasi(_), "path_link") => "`std::fs::hard_link`",
        (Provided::ByWasi(_), "path_symlink") => "`std::fs::soft_link` and other symbolic links",
        _ => return "Use the declarations of the `wasi` or `libc` crate, not your own.".to_owned(),
    };
    format!(
        "Remove the use of {link}, in dependencies too. Envoy itself has the type of this function wrong, and there \
         are no files inside the proxy."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages};

    #[test]
    fn the_type_of_the_host_passes() {
        let module = r#"(module (import "env" "proxy_log" (func (param i32 i32 i32) (result i32))))"#;
        assert_eq!(judge(&RULE, module, NEWEST), []);
    }

    #[test]
    fn another_type_is_told_in_the_words_of_envoy() {
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
        assert_eq!(messages(&RULE, module, &["envoy-1.37"]).len(), 0, "it is unknown there");
    }
}
