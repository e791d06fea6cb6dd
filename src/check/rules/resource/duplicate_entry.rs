//! Entries of a list that have to be unique are unique.

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
        what: "Every variable in `spec.vmConfig.env`, and every port of a clause of `spec.match`, is listed \
               once.",
        why: "The API server refuses a duplicate.",
        cure: "Remove one of the two.",
        log: "Duplicate value",
        levels: "",
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
            found.push(subject.finding(&RULE, &name, &complaint, "each variable may be listed once"));
        }
    }
    for ports in clauses.iter().flat_map(Field::items).filter_map(|clause| clause.get("ports")) {
        let mut numbers = HashSet::new();
        for number in ports.items().filter_map(|port| port.get("number")) {
            let Value::Int(port) = number.node.value else { continue };
            if !numbers.insert(port) {
                let complaint = format!("is a duplicate of {port}");
                found.push(subject.finding(&RULE, &number, &complaint, "each port may be listed once"));
            }
        }
    }
    found
}
