//! A module imports functions, and at most one memory and one table.
//!
//! Envoy creates one memory and one table for a module that imports them, under any name. It provides no globals, so
//! an imported global is a `missing import`. With a second memory or table, V8 gets fewer objects than it needs:
//! `Failed to create new Wasm instance`. (`V8::link` of the Proxy-Wasm host library; confirmed in Envoy 1.40.)

use crate::check::rule::{Docs, ENOUGH, Judge, ModuleSubject, Rule, import};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::wasm::{Import, Item};

pub(in crate::check) const RULE: Rule = Rule {
    code: "import-kind",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "The module imports functions, and otherwise at most one memory and one table.",
        why: "Envoy provides no globals, so an imported global is a missing import. If a module imports a second \
              memory or table, the engine gets fewer objects than it needs.",
        cure: "Link the module completely, and not as a position-independent library: without \
               `-C relocation-model=pic`, without `-shared`, and without the linker options `--import-*`.",
        log: "Failed to load Wasm module due to a missing import: ...`, `Failed to create new Wasm instance",
        severities: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let imports = &subject.module.imports;
    let globals = imports.iter().filter(|import| matches!(import.item, Item::Global(_))).map(global);
    let tables = imports.iter().filter(|import| matches!(import.item, Item::Table(_))).skip(1);
    let memories = imports.iter().filter(|import| matches!(import.item, Item::Memory(_))).skip(1);
    globals.chain(tables.chain(memories).map(second)).take(ENOUGH).collect()
}

fn global(found: &Import) -> Diagnostic {
    let place = import(&found.module, &found.name);
    RULE.finding("the module imports a global", [Place::item(&place)])
        .reason(format!(
            "Envoy provides no globals. It refuses the module: `missing {}`.",
            place.replace('`', "")
        ))
        .help(RULE.docs.cure)
}

fn second(found: &Import) -> Diagnostic {
    let kind = found.item.kind();
    RULE.finding(
        format!("the module imports more than one {kind}"),
        [Place::Item(import(&found.module, &found.name))],
    )
    .reason(format!(
        "Envoy provides only one {kind}. It refuses the module with `Failed to create new Wasm instance`."
    ))
    .help(format!("Define the {kind} in the module: link without `--import-{kind}`."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages};

    #[test]
    fn one_memory_and_one_table_can_be_imported() {
        let module = r#"(module (import "a" "m" (memory 1)) (import "b" "t" (table 1 funcref)))"#;
        assert_eq!(judge(&RULE, module, NEWEST), []);
    }

    #[test]
    fn globals_and_second_memories_and_tables_cannot() {
        let module = r#"(module
            (import "env" "g" (global i32))
            (import "env" "m" (memory 1)) (import "env" "m2" (memory 1))
            (import "env" "t" (table 1 funcref)) (import "env" "t2" (table 1 funcref)))"#;
        assert_eq!(
            messages(&RULE, module, NEWEST),
            [
                "the module imports a global",
                "the module imports more than one table",
                "the module imports more than one memory"
            ]
        );
        assert!(judge(&RULE, module, NEWEST)[0].reason.contains("`missing import env.g`"));
    }
}
