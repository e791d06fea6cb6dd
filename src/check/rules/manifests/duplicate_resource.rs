//! A resource with a reference is defined only once.

use std::collections::HashMap;

use crate::check::rule::{Docs, Judge, ManifestsSubject, Rule};
use crate::diagnostics::source::Location;
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::resource::references::{ManifestFile, NamedResource};

pub(in crate::check) const RULE: Rule = Rule {
    code: "duplicate-resource",
    severity: Severity::Error,
    judge: Judge::Manifests(judge),
    docs: Docs {
        what: "The manifests that `resolve` reads define a resource (kind, namespace and name) with a reference \
               only once.",
        why: "The cluster keeps the one that is applied last, which can be the one without the resolved digest.",
        cure: "Remove one of the two.",
        log: "",
        severities: "",
    },
};

fn judge(subject: &ManifestsSubject<'_>) -> Vec<Diagnostic> {
    let mut first: HashMap<_, (&ManifestFile, &NamedResource)> = HashMap::new();
    let mut found = Vec::new();
    let resources = subject.files.iter().flat_map(|file| file.resources.iter().map(move |it| (file, it)));
    for (file, resource) in resources {
        let Some(other) = first.get(&resource.id) else {
            first.insert(&resource.id, (file, resource));
            continue;
        };
        if resource.has_references || other.1.has_references {
            found.push(finding((file, resource), *other));
        }
    }
    found
}

fn finding(second: (&ManifestFile, &NamedResource), first: (&ManifestFile, &NamedResource)) -> Diagnostic {
    let place = |(file, resource): (&ManifestFile, &NamedResource), label: &str| Place::Field {
        path: "metadata.name".to_owned(),
        location: Some(Location {
            file: file.source.clone(),
            span: resource.span.clone(),
            label: label.to_owned(),
        }),
    };
    let id = &second.1.id;
    RULE.finding(
        format!("duplicate {} `{}`", id.holder.kind, id.name),
        [place(second, "the second definition"), place(first, "the first definition")],
    )
    .help("remove one of the two")
}
