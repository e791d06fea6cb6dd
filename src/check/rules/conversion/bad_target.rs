//! The resource can be attached to its targets.

use crate::check::rule::{ConversionSubject, Docs, Judge, Rule};
use crate::diagnostics::{Diagnostic, Severity};
use crate::resource::{Field, Kind, TARGET_KINDS, TargetKind};
use crate::text::{nearest, quoted};

pub(in crate::check) const RULE: Rule = Rule {
    code: "bad-target",
    severity: Severity::Error,
    judge: Judge::Conversion(judge),
    docs: Docs {
        what: "The targets in `spec.targetRef` and `spec.targetRefs` are of a kind that the resource can be attached \
               to, and have the group of that kind. Only a target of an EnvoyExtensionPolicy has a `sectionName`.",
        why: "The API server, or the webhook of the mesh, compares the kind together with its group, and refuses all \
              other targets.",
        cure: "Write the group that the finding shows. For a route, use the kind EnvoyExtensionPolicy.",
        log: "targetRef must be to one of",
        severities: "",
    },
};

fn judge(subject: &ConversionSubject<'_>) -> Vec<Diagnostic> {
    // An Envoy without a mesh has no targets.
    if subject.kind == Kind::Envoy {
        return Vec::new();
    }
    subject.draft.targets().iter().flat_map(|target| findings(subject, target)).collect()
}

fn findings(subject: &ConversionSubject<'_>, target: &Field<'_>) -> Vec<Diagnostic> {
    let Some((field, name)) = target.get("kind").and_then(|field| Some((field.clone(), field.as_str()?)))
    else {
        return Vec::new();
    };
    let is_policy = subject.kind == Kind::EnvoyExtensionPolicy;
    let mut found = Vec::new();
    match TargetKind::named(name) {
        None => found.push(unknown(subject, &field, name)),
        // A policy loses such a target, which is a finding of its own.
        Some(kind) if is_policy && !kind.is_of_envoy_gateway() => {}
        Some(kind) if !is_policy && !kind.is_of_istio() => {
            let complaint = format!("is `{name}`, which a {} can't be attached to", subject.kind);
            found.push(
                subject
                    .finding(&RULE, &field, &complaint, "only for Envoy Gateway")
                    .help("for Envoy Gateway, use `--kind EnvoyExtensionPolicy`")
                    .help("for Istio, name the Gateway of the route"),
            );
        }
        Some(kind) => found.extend(wrong_group(subject, target, kind)),
    }
    if let Some(section) = target.get("sectionName").filter(|_| !is_policy) {
        let complaint = format!("is not a field of a {}", subject.kind);
        found.push(
            subject
                .finding(&RULE, &section, &complaint, "only for Envoy Gateway")
                .help("remove it: Istio attaches a plugin to the whole Gateway, and `match` selects ports"),
        );
    }
    found
}

fn unknown(subject: &ConversionSubject<'_>, field: &Field<'_>, name: &str) -> Diagnostic {
    let is_policy = subject.kind == Kind::EnvoyExtensionPolicy;
    let allowed = TARGET_KINDS
        .iter()
        .filter(|kind| if is_policy { kind.is_of_envoy_gateway() } else { kind.is_of_istio() })
        .map(|kind| kind.name);
    let expected = format!("expected one of {}", quoted(allowed.clone()));
    let similar = nearest(name, allowed).map(|similar| format!("a similar value exists: `{similar}`"));
    Diagnostic {
        help: similar.into_iter().collect(),
        ..subject.finding(&RULE, field, &format!("is `{name}`"), expected)
    }
}

fn wrong_group(subject: &ConversionSubject<'_>, target: &Field<'_>, kind: &TargetKind) -> Option<Diagnostic> {
    let group = target.get("group");
    let stated = match &group {
        // A group of another type is a finding of its own.
        Some(group) => group.as_str()?,
        None => "",
    };
    if kind.is_in_group(stated) {
        return None;
    }
    let label = match kind.group {
        "" => format!("a {} is in the core group", kind.name),
        group => format!("a {} is in the group `{group}`", kind.name),
    };
    let help = match kind.group {
        "" => "remove `group`".to_owned(),
        group => format!("write `group: {group}`"),
    };
    let finding = match &group {
        Some(field) => subject.finding(&RULE, field, &format!("is `{stated}`"), label),
        None => subject.finding(&RULE, target, "has no `group`", label),
    };
    Some(finding.help(help))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::check;
    use crate::diagnostics::source::SourceFile;
    use crate::resource::Draft;

    fn found(kind: Kind, target: &str) -> Vec<String> {
        let text = format!("{{apiVersion: a, kind: b, spec: {{targetRefs: [{{name: a, {target}}}]}}}}");
        let draft = Draft::read(Arc::new(SourceFile { path: "a".into(), text }), "a").unwrap();
        let found = check::conversion(&draft, kind, &[]);
        found.iter().map(|finding| format!("{}: {}", finding.rule, finding.message)).collect()
    }

    #[test]
    fn the_group_has_to_be_that_of_the_kind() {
        for kind in TARGET_KINDS {
            let policy = if kind.is_of_istio() { Kind::WasmPlugin } else { Kind::EnvoyExtensionPolicy };
            let (name, group) = (kind.name, kind.group);
            assert_eq!(found(policy, &format!("kind: {name}, group: {group:?}")), [""; 0]);
            let wrong = found(policy, &format!("kind: {name}, group: extensions.istio.io"));
            assert_eq!(wrong, ["bad-target: `spec.targetRefs[0].group` is `extensions.istio.io`"], "{name}");
            let missing = found(policy, &format!("kind: {name}"));
            assert_eq!(missing.is_empty(), group.is_empty(), "{name}: {missing:?}");
        }
        assert_eq!(found(Kind::WasmPlugin, "kind: Service, group: core"), [""; 0]);
    }

    #[test]
    fn only_policies_are_attached_to_routes_and_sections() {
        let route = "kind: HTTPRoute, group: gateway.networking.k8s.io, sectionName: web";
        assert_eq!(found(Kind::EnvoyExtensionPolicy, route), [""; 0]);
        for kind in [Kind::WasmPlugin, Kind::TrafficExtension] {
            assert_eq!(
                found(kind, route),
                [
                    format!(
                        "bad-target: `spec.targetRefs[0].kind` is `HTTPRoute`, which a {kind} can't be attached to"
                    ),
                    format!("bad-target: `spec.targetRefs[0].sectionName` is not a field of a {kind}"),
                ]
            );
        }
        assert_eq!(
            found(Kind::WasmPlugin, "kind: Deployment"),
            ["bad-target: `spec.targetRefs[0].kind` is `Deployment`"]
        );
        assert_eq!(
            found(Kind::EnvoyExtensionPolicy, "kind: Service"),
            ["lost-field: EnvoyExtensionPolicy can't express `spec.targetRefs[0].kind: Service`"]
        );
    }
}
