//! What is lost of a plugin where it becomes a document of another kind.

use super::kind::Kind;
use crate::findings::{Finding, Severity};
use crate::yaml::{Key, Node, Value};

/// The code of every finding of this kind.
pub const LOST_FIELD: &str = "lost-field";

/// What was noted during a conversion.
pub(super) struct Losses {
    kind: Kind,
    pub(super) found: Vec<Finding>,
}

impl Losses {
    pub(super) fn of(kind: Kind) -> Self {
        Losses { kind, found: Vec::new() }
    }

    /// Notes a field without which traffic would be treated otherwise.
    pub(super) fn error(&mut self, field: &str, reason: &str, cure: &str) {
        self.note(Severity::Error, format!("{} has nothing for `{field}`", self.kind), field, reason, cure);
    }

    /// The same of a field that has a place, but for this value.
    pub(super) fn error_of_value(&mut self, field: &str, value: &str, reason: &str, cure: &str) {
        let message = format!("{} has nothing for `{field}: {value}`", self.kind);
        self.note(Severity::Error, message, field, reason, cure);
    }

    /// Notes a field whose loss concerns the order of filters, or a policy.
    pub(super) fn warn(&mut self, field: &str, reason: &str, cure: &str) {
        self.note(Severity::Warning, format!("{} has nothing for `{field}`", self.kind), field, reason, cure);
    }

    /// The same of a field that has a place, but for this value.
    pub(super) fn warn_of_value(&mut self, field: &str, value: &str, reason: &str, cure: &str) {
        let message = format!("{} has nothing for `{field}: {value}`", self.kind);
        self.note(Severity::Warning, message, field, reason, cure);
    }

    /// Notes that the document has to have a field, and has none that would do.
    pub(super) fn missing(&mut self, field: &str, reason: &str, cure: &str) {
        self.note(Severity::Error, format!("{} needs `{field}`", self.kind), field, reason, cure);
    }

    /// Notes a field of which nobody here knows what it does, and so what its loss would do.
    pub(super) fn unknown(&mut self, field: &str) {
        let reason = "The field is not known, so it cannot be told what would be other without it.";
        self.error(field, reason, "Leave it out of wasmplugin.yaml for this kind.");
    }

    fn note(&mut self, severity: Severity, message: String, field: &str, reason: &str, cure: &str) {
        let (reason, cure) = (reason.to_owned(), cure.to_owned());
        self.found.push(Finding {
            code: LOST_FIELD,
            severity,
            message,
            place: format!("`{field}`"),
            reason,
            cure,
        });
    }
}

/// The entries of a mapping that the API server keeps: it prunes nulls.
pub(super) fn entries(node: Option<&Node>) -> impl Iterator<Item = &(Key, Node)> {
    node.map_or(&[][..], Node::entries).iter().filter(|(_, node)| node.value != Value::Null)
}

/// Whether `match` lets through all traffic of a proxy for which only `modes` count: it is empty, or one of its
/// clauses has no ports and one of these modes.
pub(super) fn takes_all(clauses: &Node, modes: &[&str]) -> bool {
    let takes_all = |clause: &Node| {
        clause.get("ports").is_none_or(|ports| ports.items().is_empty())
            && clause.get("mode").and_then(Node::as_str).is_none_or(|mode| modes.contains(&mode))
    };
    clauses.items().is_empty() || clauses.items().iter().any(takes_all)
}
