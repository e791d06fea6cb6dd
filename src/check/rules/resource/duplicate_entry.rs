//! Lists have no duplicate entries.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use std::collections::HashSet;

use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::Field;
use crate::yaml::Value;

pub(in crate::check) const RULE: Rule = Rule {
    code: "duplicate-entry",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "`spec.vmConfig.env` lists each variable only once, and each clause of `spec.match` lists each port \
               only once.",
        why: "The API server refuses a duplicate.",
        cure: "Remove one of the two entries.",
        log: "Duplicate value",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let root = subject.draft.root();
    let (env, clauses) = (root.at(&["spec", "vmConfig", "env"]), root.at(&["spec", "match"]));
    let mut found = Vec::new();
    let mut names = HashSet::new();
    for name in env.iter().flat_map(Field::items).filter_map(|variable| variable.get("name")) {
        let Some(text) = name.as_str() else { continue };
        if !names.insert(text) {
            let complaint = format!("is a duplicate of `{text}`");
            found.push(subject.finding(&RULE, &name, &complaint, "each variable can be listed only once"));
        }
    }
    for ports in clauses.iter().flat_map(Field::items).filter_map(|clause| clause.get("ports")) {
        let mut numbers = HashSet::new();
        for number in ports.items().filter_map(|port| port.get("number")) {
            let Value::Int(port) = number.node.value else { continue };
            if !numbers.insert(port) {
                let complaint = format!("is a duplicate of {port}");
                found.push(subject.finding(&RULE, &number, &complaint, "each port can be listed only once"));
            }
        }
    }
    found
}
