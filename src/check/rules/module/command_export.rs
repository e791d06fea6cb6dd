//! The module is a reactor, which keeps its state between calls, and not a command.
//!
//! If nothing calls `__wasm_call_ctors` in a library for wasm32-wasip1, wasm-ld links it as a command. It wraps
//! each export in a function `*.command_export` that first runs the constructors and finally the destructors.
//! A proxy calls these exports for every request, so memory leaks, and state is initialized again and again. Only
//! the name section has these names, so this rule has to run before stripping. (WebAssembly/WASI#471,
//! rust-lang/rust#108381.)

use crate::check::rule::{Docs, Judge, ModuleSubject, Rule, export};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::text::count;

pub(in crate::check) const RULE: Rule = Rule {
    code: "command-export",
    severity: Severity::Warning,
    judge: Judge::Exports(judge),
    docs: Docs {
        what: "The linker hasn't wrapped the exported functions as commands.",
        why: "If nothing calls `__wasm_call_ctors`, wasm-ld links a library for wasm32-wasip1 as a command: each \
              exported function first runs the constructors and finally the destructors. A proxy calls these \
              exports for every request, so memory leaks, and global state can be lost.",
        cure: "Call `proxy_wasm::main!` (proxy-wasm 0.2 or later) instead of writing `_start` or `_initialize`: it \
               runs the constructors only once.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let wrapped: Vec<_> = subject
        .module
        .exported_functions()
        .filter(|(export, _)| {
            let name = subject.module.function_name(export.index);
            name.is_some_and(|name| name.ends_with(".command_export"))
        })
        .map(|(export, _)| export)
        .collect();
    let Some(first) = wrapped.first() else {
        return Vec::new();
    };
    let finding = RULE
        .finding(
            format!("the linker has wrapped {} as commands", count(wrapped.len(), "exported function")),
            [Place::Item(export(&first.name))],
        )
        .reason(
            "The linker treated the library as a command, which starts anew with each call. A proxy calls \
             the same instance for every request, so memory leaks, and global state can be lost or \
             damaged.",
        )
        .help(RULE.docs.cure);
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

    #[test]
    fn a_command_is_warned_about_once() {
        let module = plugin(
            r#"(func $proxy_on_log.command_export (export "proxy_on_log") (param i32))
               (func $proxy_on_tick.command_export (export "proxy_on_tick") (param i32))"#,
        );
        let findings = judge(&RULE, &module, NEWEST);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, Severity::Warning);
        assert_eq!(findings[0].message, "the linker has wrapped 2 exported functions as commands");
    }
}
