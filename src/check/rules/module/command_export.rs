//! The module is a reactor, which keeps its state between calls, and not a command.
//!
//! If nothing calls `__wasm_call_ctors`, wasm-ld links a library as a command. It wraps each export in a function
//! `*.command_export` that first runs the constructors and finally the destructors. A proxy calls these exports for every
//! request, so memory leaks, and state is initialized again and again. With wasi-libc the destructors are called even if
//! they do nothing, which is harmless: 15,000 requests leaked no memory. Only the name section has these names, so this
//! rule has to run before stripping. (WebAssembly/WASI#471, rust-lang/rust#108381.)

use crate::check::rule::{Docs, Judge, ModuleSubject, Rule, export};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::text::count;
use crate::wasm::Language;

pub(in crate::check) const RULE: Rule = Rule {
    code: "command-export",
    severity: Severity::Warning,
    judge: Judge::Exports(judge),
    docs: Docs {
        what: "The exported functions don't run constructors or destructors.",
        why: "If nothing calls `__wasm_call_ctors`, wasm-ld links a library as a command: each exported function first \
              runs the constructors and finally the destructors. A proxy calls these exports for every request, so \
              memory leaks, and global state can be lost. Wrappers whose constructors and destructors do nothing are \
              fine.",
        cure: "Call `proxy_wasm::main!` (proxy-wasm 0.2 or later) instead of writing `_start` or `_initialize`: it \
               runs the constructors only once. Or build with `--target wasm32-unknown-unknown`, which links no C \
               library and so none of its constructors and destructors.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let wrapped: Vec<_> = subject
        .module
        .exported_functions()
        .filter(|(export, _)| subject.module.is_command(export.index))
        .map(|(export, _)| export)
        .collect();
    let Some(first) = wrapped.first() else {
        return Vec::new();
    };
    let finding = RULE
        .finding(
            format!(
                "constructors or destructors run with each call of {}",
                count(wrapped.len(), "exported function")
            ),
            [Place::Item(export(&first.name))],
        )
        .reason(
            "The linker treated the library as a command, which starts anew with each call. A proxy calls \
             the same instance for every request, so memory leaks, and global state can be lost or \
             damaged.",
        )
        .help(match subject.module.language() {
            Some(Language::Rust) | None => RULE.docs.cure,
            Some(_) => "Link the module as a reactor (`-mexec-model=reactor` of clang), which runs the constructors only once.",
        });
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, plugin};

    #[test]
    fn a_reactor_passes() {
        let module = plugin(r#"(func $proxy_on_tick (export "proxy_on_tick") (param i32))"#);
        assert_eq!(judge(&RULE, &module, NEWEST), []);
    }

    /// A module whose two exports are wrapped. The wrappers call a constructor and a destructor.
    fn command(constructor: &str, destructor: &str) -> String {
        let call = "call $__wasm_call_ctors call $callback call $__wasm_call_dtors";
        plugin(&format!(
            r#"(global $count (mut i32) (i32.const 0))
               (func $__wasm_call_ctors {constructor})
               (func $__wasm_call_dtors {destructor})
               (func $dummy nop)
               (func $count global.get $count i32.const 1 i32.add global.set $count)
               (func $callback)
               (func $proxy_on_log.command_export (export "proxy_on_log") (param i32) {call})
               (func $proxy_on_tick.command_export (export "proxy_on_tick") (param i32) {call})"#
        ))
    }

    #[test]
    fn a_command_is_warned_about_once() {
        for (constructor, destructor) in [
            ("call $count", ""),
            ("", "call $dummy call $count"),
            ("i32.const 0 global.set $count", "call $dummy"),
        ] {
            let findings = judge(&RULE, &command(constructor, destructor), NEWEST);
            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].severity, Severity::Warning);
            assert_eq!(
                findings[0].message,
                "constructors or destructors run with each call of 2 exported functions"
            );
        }
    }

    #[test]
    fn wrappers_that_do_nothing_pass() {
        for (constructor, destructor) in
            [("", ""), ("", "call $dummy call $dummy"), ("call $__wasm_call_dtors", "call $dummy return")]
        {
            assert_eq!(judge(&RULE, &command(constructor, destructor), NEWEST), []);
        }
    }

    #[test]
    fn a_function_of_the_host_does_something() {
        let module = plugin(
            r#"(import "env" "proxy_done" (func $__wasm_call_dtors (result i32)))
               (func $proxy_on_log.command_export (export "proxy_on_log") (param i32) call $__wasm_call_dtors drop)"#,
        );
        assert_eq!(judge(&RULE, &reordered(&module), NEWEST).len(), 1);
    }

    /// WebAssembly text has imports first.
    fn reordered(module: &str) -> String {
        let (start, end) = (module.find("(import").unwrap(), module.find("(func $proxy_on_log").unwrap());
        let import = &module[start..end];
        module.replace(import, "").replacen("(module", &format!("(module {import}"), 1)
    }
}
