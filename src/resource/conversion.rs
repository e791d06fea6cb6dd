//! The conversion of a WasmPlugin to another kind, and what is lost in it.

use camino::Utf8Path;

use crate::diagnostics::Severity;
use crate::yaml::{Key, Node, Value};

/// How to convert a WasmPlugin to one kind.
pub(super) struct Conversion {
    /// The name; the `kind` if it is a Kubernetes resource.
    pub(super) name: &'static str,
    /// The `apiVersion`, if it is a Kubernetes resource.
    pub(super) api_version: Option<&'static str>,
    /// The name of the file that `build` writes.
    pub(super) file: &'static str,
    /// The path of the mapping with the `url` of the image, if there is one. A field with the suffix `[]` is a list.
    pub(super) image_path: Option<&'static [&'static str]>,
    /// The first minor version of Istio whose API server knows the kind, if not all of them do.
    pub(super) since: Option<u8>,
    /// Converts a WasmPlugin with the module in a file, and records what the kind can't express.
    pub(super) convert: fn(&Node, &Utf8Path, &mut Losses) -> Node,
}

/// A field of a WasmPlugin, or a value, that another kind can't express.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// An error if traffic would be treated differently without it, else a warning.
    pub severity: Severity,
    /// The path of the field: `spec.phase`.
    pub field: String,
    /// What is lost, in one line.
    pub message: String,
    /// What happens without it.
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

    /// Records a field without which traffic would be treated differently.
    pub(super) fn error(&mut self, field: &str, reason: &str, help: &str) {
        self.note(Severity::Error, format!("{} has no field for `{field}`", self.kind), field, reason, help);
    }

    /// The same if only this value of the field can't be expressed.
    pub(super) fn error_of_value(&mut self, field: &str, value: &str, reason: &str, help: &str) {
        let message = format!("{} can't express `{field}: {value}`", self.kind);
        self.note(Severity::Error, message, field, reason, help);
    }

    /// Records a field that only affects the order of filters, or a policy.
    pub(super) fn warn(&mut self, field: &str, reason: &str, help: &str) {
        self.note(
            Severity::Warning,
            format!("{} has no field for `{field}`", self.kind),
            field,
            reason,
            help,
        );
    }

    /// The same if only this value of the field can't be expressed.
    pub(super) fn warn_of_value(&mut self, field: &str, value: &str, reason: &str, help: &str) {
        let message = format!("{} can't express `{field}: {value}`", self.kind);
        self.note(Severity::Warning, message, field, reason, help);
    }

    /// Records a required field that can't be set from the WasmPlugin.
    pub(super) fn missing(&mut self, field: &str, reason: &str, help: &str) {
        self.note(Severity::Error, format!("{} needs `{field}`", self.kind), field, reason, help);
    }

    /// Records an unknown field.
    pub(super) fn unknown(&mut self, field: &str) {
        let reason = "The field isn't known, so the effect of losing it isn't known either.";
        self.error(field, reason, "Remove it from wasmplugin.yaml for this kind.");
    }

    fn note(&mut self, severity: Severity, message: String, field: &str, reason: &str, help: &str) {
        let (field, reason, help) = (field.to_owned(), reason.to_owned(), help.to_owned());
        self.found.push(Loss { severity, field, message, reason, help });
    }
}

/// The entries of a mapping without nulls, which the API server prunes.
pub(super) fn entries(node: Option<&Node>) -> impl Iterator<Item = &(Key, Node)> {
    node.map_or(&[][..], Node::entries).iter().filter(|(_, node)| node.value != Value::Null)
}

/// Whether `match` selects all traffic of a proxy that has only these modes: it is empty, or one of its clauses has no
/// ports and one of the modes.
pub(super) fn selects_all(clauses: &Node, modes: &[&str]) -> bool {
    let selects_all = |clause: &Node| {
        clause.get("ports").is_none_or(|ports| ports.items().is_empty())
            && clause.get("mode").and_then(Node::as_str).is_none_or(|mode| modes.contains(&mode))
    };
    clauses.items().is_empty() || clauses.items().iter().any(selects_all)
}
