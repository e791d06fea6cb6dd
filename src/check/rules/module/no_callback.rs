//! The host calls the plugin only if it exports a callback.
//!
//! No callback is required: Envoy loads a module with a marker, a memory and an allocator, and never calls it
//! again. (Confirmed in Envoy 1.40.) That is probably not what its author wants.

use crate::check::hostcalls::hook;
use crate::check::rule::{Docs, Judge, ModuleSubject, Rule};
use crate::check::rules::module::allocator;
use crate::check::sdk;
use crate::diagnostics::{Diagnostic, Place, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "no-callback",
    severity: Severity::Warning,
    judge: Judge::Exports(judge),
    docs: Docs {
        what: "The module exports a callback, such as `proxy_on_request_headers`.",
        why: "Envoy loads a module without a callback, and never calls it.",
        cure: "Link the SDK into the module: in Rust, call `proxy_wasm::main!` in the `cdylib` itself, and keep the \
               exports if another tool processes the module.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let has_callback = subject.module.exported_functions().any(|(export, _)| {
        let name = export.name.as_str();
        name.starts_with("proxy_on_")
            && !allocator::NAMES.contains(&name)
            && hook(subject.abi, name).is_some()
    });
    if has_callback {
        return Vec::new();
    }
    let finding = RULE
        .finding("the module exports no callback, so it does nothing", [Place::item("the exports")])
        .reason(format!(
            "Envoy would load the module, but never call it: no export is a `proxy_on_*` callback of ABI \
             {}.",
            subject.abi
        ))
        .help(sdk::cure(subject.module.language()));
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, plugin};

    #[test]
    fn one_callback_is_enough() {
        let module = plugin(r#"(func (export "proxy_on_log") (param i32))"#);
        assert_eq!(judge(&RULE, &module, NEWEST), []);
    }

    #[test]
    fn an_allocator_is_not_a_callback() {
        let module =
            plugin(r#"(func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 0)"#);
        let findings = judge(&RULE, &module, NEWEST);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, Severity::Warning);
    }
}
