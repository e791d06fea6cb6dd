//! The name section, if there is one, can be read.
//!
//! Before anything else, Envoy reads the names of functions for its backtraces. If a length in that section is wrong,
//! it refuses the whole module with `Failed to parse corrupted Wasm module`, although V8 would accept it. Names that
//! aren't UTF-8 or out of order are accepted. (Confirmed in Envoy 1.36 and 1.40.)

use crate::check::rule::{Docs, Judge, ModuleSubject, Rule};
use crate::diagnostics::{Diagnostic, Place, Severity};

pub(in crate::check) const RULE: Rule = Rule {
    code: "name-section",
    severity: Severity::Error,
    judge: Judge::Module(judge),
    docs: Docs {
        what: "The section with the names of functions, if there is one, is well formed.",
        why: "Before anything else, Envoy reads these names for its backtraces. If a length in the section is \
              wrong, it refuses the whole module, although the engine would accept it.",
        cure: "Find the tool that damages the section, or remove the section: `wasm-strip plugin.wasm`.",
        log: "Failed to parse corrupted Wasm module",
        severities: "",
    },
};

fn judge(subject: &ModuleSubject<'_>) -> Vec<Diagnostic> {
    if !subject.module.has_damaged_names {
        return Vec::new();
    }
    let finding = RULE
        .finding("the names of the functions can't be read", [Place::item("custom section `name`")])
        .reason(
            "Envoy reads these names for its backtraces, and refuses the module with `Failed to parse \
             corrupted Wasm module`.",
        )
        .help(RULE.docs.cure);
    vec![finding]
}

/// The finding for a module whose damaged name section was removed, so that a proxy accepts it.
pub(in crate::check) fn repaired() -> Diagnostic {
    RULE.finding(
        "the names of the functions can't be read, and were removed",
        [Place::item("custom section `name`")],
    )
    .severity(Severity::Warning)
    .reason("Envoy would refuse the module with `Failed to parse corrupted Wasm module`.")
    .help("Find the tool that damages the section.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{NEWEST, judge, plugin};

    #[test]
    fn readable_names_pass_even_if_they_are_odd() {
        for names in ["", "\\01\\05\\01\\00\\02ab", "\\01\\05\\01\\00\\02\\ff\\ff", "\\02\\03\\05\\00\\7f"] {
            assert_eq!(judge(&RULE, &plugin(&format!(r#"(@custom "name" "{names}")"#)), NEWEST), []);
        }
    }

    #[test]
    fn wrong_lengths_are_found() {
        for names in
            ["\\01\\7f\\00", "\\01\\05\\05\\00\\02ab", "\\01\\05\\01\\00\\7fab", "\\01\\06\\01\\00\\02abX"]
        {
            assert_eq!(judge(&RULE, &plugin(&format!(r#"(@custom "name" "{names}")"#)), NEWEST).len(), 1);
        }
    }
}
