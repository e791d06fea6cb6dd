//! What happens to a plugin when it becomes a document of another kind.

use camino::Utf8Path;

use crate::diagnostics::Severity;
use crate::yaml::{Key, Node, Value};

/// What is known of a kind of document.
pub(super) struct Conversion {
    /// The name, which is the `kind` of a Kubernetes resource.
    pub(super) name: &'static str,
    /// The `apiVersion`, if it is a Kubernetes resource.
    pub(super) api_version: Option<&'static str>,
    /// The file that `build` writes one to.
    pub(super) file: &'static str,
    /// The path of the mapping whose `url` names an image, if there is one. A field with `[]` behind it is a list.
    pub(super) image_path: Option<&'static [&'static str]>,
    /// Makes one of a WasmPlugin and the file of its module, and notes what it can't express.
    pub(super) convert: fn(&Node, &Utf8Path, &mut Losses) -> Node,
}

/// Something of a plugin that a document of another kind can't express.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Whether traffic would be treated differently without it.
    pub severity: Severity,
    /// The path of the field: `spec.phase`.
    pub field: String,
    /// What is lost, in one line.
    pub message: String,
    /// What it is like without it.
    pub reason: String,
    /// What to do about it.
    pub help: String,
}

/// The losses of one conversion.
pub(super) struct Losses {
    kind: &'static str,
    pub(super) found: Vec<Loss>,
}

impl Losses {
    pub(super) fn of(kind: &'static str) -> Self {
        Losses { kind, found: Vec::new() }
    }

    /// Notes a field without which traffic would be treated differently.
    pub(super) fn error(&mut self, field: &str, reason: &str, help: &str) {
        self.note(Severity::Error, format!("{} has no field for `{field}`", self.kind), field, reason, help);
    }

    /// The same for a field of which only this value can't be expressed.
    pub(super) fn error_of_value(&mut self, field: &str, value: &str, reason: &str, help: &str) {
        let message = format!("{} can't express `{field}: {value}`", self.kind);
        self.note(Severity::Error, message, field, reason, help);
    }

    /// Notes a field that only changes the order of filters, or a policy.
    pub(super) fn warn(&mut self, field: &str, reason: &str, help: &str) {
        self.note(
            Severity::Warning,
            format!("{} has no field for `{field}`", self.kind),
            field,
            reason,
            help,
        );
    }

    /// The same for a field of which only this value can't be expressed.
    pub(super) fn warn_of_value(&mut self, field: &str, value: &str, reason: &str, help: &str) {
        let message = format!("{} can't express `{field}: {value}`", self.kind);
        self.note(Severity::Warning, message, field, reason, help);
    }

    /// Notes a field that the document needs, and that nothing in the plugin can fill.
    pub(super) fn missing(&mut self, field: &str, reason: &str, help: &str) {
        self.note(Severity::Error, format!("{} needs `{field}`", self.kind), field, reason, help);
    }

    /// Notes a field that isn't known, so nobody knows what its loss would change.
    pub(super) fn unknown(&mut self, field: &str) {
        let reason = "The field isn't known, so neither is what its loss would change.";
        self.error(field, reason, "Remove it from wasmplugin.yaml for this kind.");
    }

    fn note(&mut self, severity: Severity, message: String, field: &str, reason: &str, help: &str) {
        let (field, reason, help) = (field.to_owned(), reason.to_owned(), help.to_owned());
        self.found.push(Loss { severity, field, message, reason, help });
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
