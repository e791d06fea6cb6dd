//! The module exports a function with which the host allocates memory in the module.
//!
//! Envoy looks up `malloc`, then `proxy_on_memory_allocate`, and refuses a module that has neither with
//! `Wasm module is missing malloc function.` An export that isn't a function doesn't count. (`WasmBase::getFunctions`
//! of the Proxy-Wasm host library; confirmed in Envoy 1.40.)

use crate::check::rule::{Docs, Judge, ModuleSubject, Rule};
use crate::check::sdk;
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::wasm::Language;

pub(in crate::check) const RULE: Rule = Rule {
    code: "allocator",
    severity: Severity::Error,
    judge: Judge::Exports(judge),
    docs: Docs {
        what: "The module exports a function `malloc` or `proxy_on_memory_allocate`.",
        why: "The host passes headers and bodies in memory that this function allocates.",
        cure: "The `proxy-wasm` crate exports one: link it, and keep the exports if another tool processes the \
               module. Without an SDK, export `proxy_on_memory_allocate` with the type `i32 -> i32`.",
        log: "Wasm module is missing malloc function.",
        severities: "",
    },
};

/// The names of the allocator, in the order in which Envoy looks them up.
pub(in crate::check) const NAMES: [&str; 2] = ["malloc", "proxy_on_memory_allocate"];

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let has_allocator =
        subject.module.exported_functions().any(|(export, _)| NAMES.contains(&export.name.as_str()));
    if has_allocator {
        return Vec::new();
    }
    let finding = RULE
        .finding("the module exports no allocator for the host", [Place::item("the exports")])
        .reason(
            "Envoy refuses the module with `Wasm module is missing malloc function.` It passes headers and \
             bodies in memory that `malloc` or `proxy_on_memory_allocate` allocates.",
        )
        .help(match subject.module.language() {
            Some(Language::Rust) | None => RULE.docs.cure,
            language => sdk::cure(language),
        });
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, plugin};

    #[test]
    fn either_name_is_accepted() {
        let renamed = plugin("").replace("malloc", "proxy_on_memory_allocate");
        assert_eq!(judge(&RULE, &plugin(""), NEWEST), []);
        assert_eq!(judge(&RULE, &renamed, NEWEST), []);
    }

    #[test]
    fn it_has_to_be_a_function() {
        let module = r#"(module (global (export "malloc") i32 i32.const 0))"#;
        assert_eq!(judge(&RULE, module, NEWEST).len(), 1);
    }
}
