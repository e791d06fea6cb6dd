//! The host can reach the memory of the module, and can hold it.
//!
//! Envoy takes the exported memory, by any name, or makes the imported one. Without either it loads the module,
//! and the first call that passes data ends the process with a segmentation fault. Its V8 gives a memory at most
//! 1 GiB: one that starts larger ends in `Failed to create new Wasm instance`. A larger maximum is fine. The host
//! reads addresses as 32 bits. (`include/proxy-wasm/limits.h` of the Proxy-Wasm host library; confirmed in
//! Envoy 1.40.)

use crate::check::rule::{Docs, Judge, ModuleSubject, Rule};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::wasm::{Item, Memory};

pub(in crate::check) const RULE: Rule = Rule {
    code: "memory",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "The module exports or imports a memory, and the memory starts with at most 1 GiB (16384 pages).",
        why: "If Envoy can't reach a memory, it loads the module, and the first call that passes data ends the \
              process with a segmentation fault. It refuses a memory that starts larger; a larger maximum is \
              fine. The functions of Proxy-Wasm pass addresses as 32 bits, so the host can't reach all of a \
              memory with 64-bit addresses.",
        cure: "Remove linker options such as `--no-export-memory`, lower `--initial-memory`, and build for \
               wasm32.",
        log: "Failed to create new Wasm instance",
        levels: "Error; warning for 64-bit addresses.",
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
    Diagnostic {
rule: RULE.code,
severity: RULE.severity,
message: match defined {
            true => "the memory of the module is not exported",
            false => "the module has no memory",
        }
        .to_owned(),
places: vec![Place::Item("the exports".to_owned())],
reason: "It kills the proxy: Envoy loads the module, and the first call that passes data, such as a line for \
                 the log, ends the whole process with a segmentation fault."
            .to_owned(),
help: vec!["Export the memory. rustc does so by default: remove linker options such as `--no-export-memory`, and \
               keep the export when the module is post-processed."
            .to_owned()],
meshes: Vec::new(),
}
}

fn limits(index: usize, memory: &Memory) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let pages = memory.ty.initial;
    if pages > MOST_PAGES {
        findings.push(Diagnostic {
rule: RULE.code,
severity: RULE.severity,
message: format!("the memory starts with {pages} pages; {MOST_PAGES} are the most"),
places: vec![Place::Item(format!("memory {index}"))],
reason: "Envoy gives a module at most 1 GiB of memory. It refuses this one with `Failed to create new \
                     Wasm instance`."
                .to_owned(),
help: vec!["Lower `--initial-memory` of the linker, and allocate large tables when they are needed instead of \
                   as statics."
                .to_owned()],
meshes: Vec::new(),
});
    }
    if memory.ty.memory64 {
        findings.push(Diagnostic {
            rule: RULE.code,
            severity: Severity::Warning,
            message: "the memory has 64-bit addresses".to_owned(),
            places: vec![Place::Item(format!("memory {index}"))],
            reason:
                "The functions of Proxy-Wasm pass addresses as 32 bits, so the host cannot reach all of it."
                    .to_owned(),
            help: vec!["Build for wasm32, not for wasm64.".to_owned()],
            meshes: Vec::new(),
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages};

    #[test]
    fn a_memory_that_the_host_reaches_passes() {
        for module in [
            r#"(module (memory (export "anything") 16384 65536))"#,
            r#"(module (import "env" "memory" (memory 1)))"#,
        ] {
            assert_eq!(judge(&RULE, module, NEWEST), []);
        }
    }

    #[test]
    fn a_memory_out_of_reach_does_not() {
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
            ["the memory starts with 16385 pages; 16384 are the most"]
        );
        let wide = r#"(module (memory (export "memory") i64 1))"#;
        assert_eq!(messages(&RULE, wide, NEWEST), ["the memory has 64-bit addresses"]);
    }
}
