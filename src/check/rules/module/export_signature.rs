//! The exported functions that the host calls have the types that it expects.
//!
//! Envoy looks up its callbacks by name and compares types: `Bad function signature for: X, want: A, but the
//! module exports: B`. The type may depend on the ABI. Envoy doesn't look up, and so doesn't compare, `_start` if
//! there is an `_initialize`, `main` and `__main_void` if there is none, `__main_void` if there is a `main`, and
//! `proxy_on_memory_allocate` if there is a `malloc`. (`WasmBase::getFunctions` of the Proxy-Wasm host library;
//! confirmed in Envoy 1.40.)

use crate::check::hostcalls::{Abi, hook, notation};
use crate::check::rule::{Docs, Judge, ModuleSubject, Rule, export};
use crate::check::rules::module::allocator;
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::wasm::{ModuleInfo, printable};

pub(in crate::check) const RULE: Rule = Rule {
    code: "export-signature",
    severity: Severity::Error,
    judge: Judge::Exports(judge),
    docs: Docs {
        what: "The exported functions that the host calls have the types that it expects.",
        why: "Envoy looks up its callbacks by name and compares their types. Some types depend on the ABI \
              version: `proxy_on_request_headers` takes two numbers in 0.1.0 and three in later versions.",
        cure: "Let the SDK export the callbacks, or change the function to the type that the ABI defines.",
        log: "Bad function signature for: X, want: A, but the module exports: B",
        severities: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let functions = subject.module.exported_functions();
    let functions = functions.filter(|(export, _)| is_looked_up(subject.module, &export.name));
    functions.filter_map(|(export, ty)| mismatch(subject.abi, &export.name, &notation(ty))).collect()
}

fn is_looked_up(module: &ModuleInfo, name: &str) -> bool {
    let has = |name: &str| module.exported_functions().any(|(export, _)| export.name == name);
    let [first_allocator, second_allocator] = allocator::NAMES;
    match name {
        "_start" => !has("_initialize"),
        "main" => has("_initialize"),
        "__main_void" => has("_initialize") && !has("main"),
        _ if name == second_allocator => !has(first_allocator),
        _ => true,
    }
}

fn mismatch(abi: Abi, name: &str, got: &str) -> Option<Diagnostic> {
    let want = hook(abi, name)?.signature;
    if got == want {
        return None;
    }
    let other_abi =
        Abi::ALL.into_iter().find(|other| hook(*other, name).is_some_and(|hook| hook.signature == got));
    let got = printable(got);
    let finding = RULE
        .finding(
            format!("`{name}` has the type `{got}`, but the host expects `{want}`"),
            [Place::Item(export(name))],
        )
        .reason(format!(
            "Envoy refuses the module with `Bad function signature for: {name}, want: {want}, but the \
             module exports: {got}`."
        ))
        .help(match other_abi {
            Some(other) => format!(
                "That is the type in ABI {other}, but this module selects ABI {abi}. Use a single version \
                 of the SDK for both, or export `{}` instead.",
                other.marker()
            ),
            None => "Let the SDK export the callbacks (in Rust, the traits of `proxy-wasm`), or change the \
                     function to the type that the ABI defines."
                .to_owned(),
        });
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages, plugin};

    #[test]
    fn right_types_and_unknown_names_pass() {
        let module = plugin(
            r#"(func (export "proxy_on_tick") (param i32))
               (func (export "proxy_on_something_else") (param f64))
               (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0)"#,
        );
        assert_eq!(judge(&RULE, &module, NEWEST), []);
    }

    #[test]
    fn a_wrong_type_is_reported_with_envoys_message() {
        let findings = judge(&RULE, &plugin(r#"(func (export "proxy_on_tick") (param i64))"#), NEWEST);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].reason,
            "Envoy refuses the module with `Bad function signature for: proxy_on_tick, want: i32 -> void, but the \
             module exports: i64 -> void`."
        );
    }

    #[test]
    fn the_type_may_depend_on_the_abi() {
        let old = r#"(func (export "proxy_on_request_headers") (param i32 i32) (result i32) i32.const 0)"#;
        let findings = judge(&RULE, &plugin(old), NEWEST);
        assert!(findings[0].help[0].contains("ABI 0.1.0"), "{}", findings[0].help[0]);
        let matching = plugin(old).replace("proxy_abi_version_0_2_1", "proxy_abi_version_0_1_0");
        assert_eq!(judge(&RULE, &matching, NEWEST), []);
    }

    #[test]
    fn what_envoy_does_not_look_up_is_not_compared() {
        let wrong = r#"(func (export "_start") (param i32)) (func (export "proxy_on_memory_allocate"))"#;
        assert_eq!(messages(&RULE, &plugin(wrong), NEWEST).len(), 1);
        let initialized = format!(r#"{wrong} (func (export "_initialize"))"#);
        assert_eq!(judge(&RULE, &plugin(&initialized), NEWEST), []);
        let main = r#"(func (export "main") (param i32))"#;
        assert_eq!(judge(&RULE, &plugin(main), NEWEST), []);
        let both = format!(r#"{main} (func (export "_initialize"))"#);
        assert_eq!(messages(&RULE, &plugin(&both), NEWEST).len(), 1);
    }
}
