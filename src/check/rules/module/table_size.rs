//! A table isn't larger than the engine allows.
//!
//! V8 compiles no module that has a table with an initial size of more than 10,000,000 entries: `Failed to load Wasm
//! bytecode`. A larger maximum is fine, and so are several tables that are larger together. (Confirmed in Envoy 1.36 and
//! 1.40.)

use crate::check::rule::{Docs, ENOUGH, Judge, ModuleSubject, Rule};
use crate::diagnostics::{Diagnostic, Place, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "table-size",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "Each table of the module has an initial size of at most 10000000 entries.",
        why: "Envoy's engine refuses to compile a module with a larger table. A larger maximum is fine.",
        cure: "Lower the initial size of the table, for example the linker option `--table-base`.",
        log: "Failed to load Wasm bytecode",
        severities: "",
    },
};

const MOST_ENTRIES: u64 = 10_000_000;

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    let tables = subject.module.tables.iter().map(|table| table.initial).enumerate();
    let large = tables.filter(|(_, entries)| *entries > MOST_ENTRIES).take(ENOUGH);
    let finding = |(index, entries)| {
        RULE.finding(
            format!("the initial size of the table is {entries} entries; at most {MOST_ENTRIES} are allowed"),
            [Place::Item(format!("table {index}"))],
        )
        .reason("Envoy refuses the module with `Failed to load Wasm bytecode`.")
        .help(RULE.docs.cure)
    };
    large.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, messages};

    #[test]
    fn the_limit_is_exact() {
        let module = "(module (table 10000000 funcref) (table 10000000 20000000 funcref))";
        assert_eq!(judge(&RULE, module, NEWEST), []);
        let module = r#"(module (import "env" "t" (table 10000001 funcref)) (table 1 funcref) (table 10000002 funcref))"#;
        assert_eq!(
            messages(&RULE, module, NEWEST),
            [
                "the initial size of the table is 10000001 entries; at most 10000000 are allowed",
                "the initial size of the table is 10000002 entries; at most 10000000 are allowed"
            ]
        );
    }
}
