//! The host can access the memory of the module, and can allocate it.
//!
//! Envoy uses the exported memory, under any name, or creates the imported one. If there is neither, it loads the
//! module, and the first call that passes data ends the process with a segmentation fault. Its V8 allocates at most
//! 1 GiB: a larger initial size ends in `Failed to create new Wasm instance`. A larger maximum is fine. The host
//! reads addresses as 32 bits. (`include/proxy-wasm/limits.h` of the Proxy-Wasm host library; confirmed in
//! Envoy 1.40.)

use crate::check::rule::{Docs, Judge, ModuleSubject, Rule};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::wasm::{Item, Memory};

pub(in crate::check) const RULE: Rule = Rule {
    code: "module-memory",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "The module exports or imports a memory with an initial size of at most 1 GiB (16384 pages).",
        why: "If Envoy can't access the memory, it loads the module, and the first call that passes data ends the \
              process with a segmentation fault. It refuses a larger initial size; a larger maximum is fine. The \
              functions of Proxy-Wasm pass addresses as 32 bits, so the host can't access all of a memory with \
              64-bit addresses.",
        cure: "Remove linker options such as `--no-export-memory`, lower `--initial-memory`, and build for \
               wasm32.",
        log: "Failed to create new Wasm instance",
        severities: "Error; warning for 64-bit addresses.",
    },
};

/// 1 GiB in pages of 64 KiB.
const MOST_PAGES: u64 = 16384;

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let module = subject.module;
    let exported = module.exports.iter().any(|export| matches!(export.item, Item::Memory(_)));
    let visible = exported || module.memories.iter().any(|memory| memory.imported);
    let unreachable = (!visible).then(|| unreachable(!module.memories.is_empty()));
    let memories = module.memories.iter().enumerate();
    unreachable.into_iter().chain(memories.flat_map(|(index, memory)| limits(index, memory))).collect()
}

fn unreachable(defined: bool) -> Diagnostic {
    RULE.finding(
        match defined {
            true => "the memory of the module is not exported",
            false => "the module has no memory",
        },
        [Place::item("the exports")],
    )
    .reason(
        "The module crashes the proxy: Envoy loads it, and the first call that passes data, such as a log \
         message, ends the whole process with a segmentation fault.",
    )
    .help(
        "Export the memory. rustc does so by default: remove linker options such as `--no-export-memory`, \
         and keep the export if another tool processes the module.",
    )
}

fn limits(index: usize, memory: &Memory) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let pages = memory.ty.initial;
    if pages > MOST_PAGES {
        findings.push(
            RULE.finding(
                format!("the initial size of the memory is {pages} pages; at most {MOST_PAGES} are allowed"),
                [Place::Item(format!("memory {index}"))],
            )
            .reason(
                "Envoy allows a module at most 1 GiB of memory. It refuses this one with `Failed to create \
                 new Wasm instance`.",
            )
            .help(
                "Lower the linker option `--initial-memory`, and allocate large tables at run time instead \
                 of declaring them as statics.",
            ),
        );
    }
    if memory.ty.memory64 {
        let finding = RULE
            .finding("the memory has 64-bit addresses", [Place::Item(format!("memory {index}"))])
            .severity(Severity::Warning)
            .reason(
                "The functions of Proxy-Wasm pass addresses as 32 bits, so the host can't access all of it.",
            )
            .help("Build for wasm32 instead of wasm64.");
        findings.push(finding);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages};

    #[test]
    fn a_memory_that_the_host_can_access_passes() {
        for module in [
            r#"(module (memory (export "anything") 16384 65536))"#,
            r#"(module (import "env" "memory" (memory 1)))"#,
        ] {
            assert_eq!(judge(&RULE, module, NEWEST), []);
        }
    }

    #[test]
    fn a_memory_that_the_host_cannot_access_is_found() {
        assert_eq!(messages(&RULE, "(module)", NEWEST), ["the module has no memory"]);
        assert_eq!(
            messages(&RULE, "(module (memory 1))", NEWEST),
            ["the memory of the module is not exported"]
        );
    }

    #[test]
    fn a_memory_has_limits() {
        let large = r#"(module (memory (export "memory") 16385))"#;
        assert_eq!(
            messages(&RULE, large, NEWEST),
            ["the initial size of the memory is 16385 pages; at most 16384 are allowed"]
        );
        let wide = r#"(module (memory (export "memory") i64 1))"#;
        assert_eq!(messages(&RULE, wide, NEWEST), ["the memory has 64-bit addresses"]);
    }
}
