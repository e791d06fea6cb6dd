//! A target is in the same namespace as the plugin.

use crate::check::rule::{Docs, Judge, ResourceSubject, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::Field;

pub(in crate::check) const RULE: Rule = Rule {
    code: "target-namespace",
    severity: Severity::Error,
    judge: Judge::Resource(judge),
    docs: Docs {
        what: "The targets in `spec.targetRef` and `spec.targetRefs` have no `namespace`.",
        why: "Istio's webhook refuses a target in another namespace.",
        cure: "Remove `namespace`, and create the plugin in the namespace of its target.",
        log: "cross namespace referencing is not currently supported",
        severities: "",
    },
};

fn judge(subject: &ResourceSubject<'_>) -> Vec<Diagnostic> {
    let targets = subject.draft.targets();
    let namespaces = targets.iter().filter_map(|target| target.get("namespace"));
    let set = namespaces.filter(|namespace| namespace.as_str().is_some_and(|name| !name.is_empty()));
    let finding = |namespace: Field<'_>| {
        subject
            .finding(&RULE, &namespace, "is set", "")
            .help("remove `namespace`: a target is in the namespace of the plugin")
    };
    set.map(finding).collect()
}
