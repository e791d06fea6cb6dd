//! The host in the url works inside a cluster.
//!
//! Istio's agent and the controller of Envoy Gateway fetch the url inside their own pods, where `localhost` is the pod.
//! Istio's fetcher seems to accept IPv6 addresses, but nobody has run that yet.

use url::Host;

use crate::check::rule::{Docs, Judge, ReferenceSubject, Rule};
use crate::diagnostics::{Diagnostic, Place, Severity};
use crate::resource::Url;

pub(in crate::check) const RULE: Rule = Rule {
    code: "url-host",
    severity: Severity::Warning,
    judge: Judge::Reference(judge),
    docs: Docs {
        what: "The host in the url of the resource isn't `localhost`, a loopback address or an IPv6 address.",
        why: "Inside the cluster, `localhost` is the pod of the proxy or of the controller, where no registry \
              listens. IPv6 addresses in a url haven't been tried with any mesh.",
        cure: "Set `pull-image` to the name that the cluster uses for the repository. The image is still pushed to \
               `image`.",
        log: "cannot fetch Wasm module",
        severities: "",
    },
};

fn judge(subject: &ReferenceSubject<'_>) -> Vec<Diagnostic> {
    // Without an image, the resource is for an Envoy on this machine.
    if subject.kind.image_path().is_none() {
        return Vec::new();
    }
    let pulled = subject.repository.map(|repository| format!("oci://{repository}"));
    let field = subject.draft.root().at(&["spec", "url"]);
    // The url of an image is filled in.
    let url = match field.as_ref().and_then(|field| Url::parse(field.as_str()?).ok()) {
        Some(url @ (Url::Http(_) | Url::File)) => Some(url),
        _ => pulled.and_then(|url| Url::parse(&url).ok()),
    };
    let (host, help) = match url {
        Some(Url::Oci(url)) => {
            let registry = url.repository.split('/').next().unwrap_or_default();
            (registry.to_owned(), "set `pull-image` to the name that the cluster uses for the repository")
        }
        Some(Url::Http(url)) => (url.host, "write the host name that the cluster uses for the server"),
        Some(Url::File) | None => return Vec::new(),
    };
    let Some(problem) = problem(&host) else { return Vec::new() };
    let complaint = format!("names `{host}`, which is {problem}");
    let finding = match field {
        Some(field) => subject.finding(&RULE, &field, &complaint, ""),
        None => {
            let place = Place::Field { path: "spec.url".to_owned(), location: None };
            RULE.finding(format!("`spec.url` {complaint}"), [place])
        }
    };
    vec![finding.help(help)]
}

/// What is wrong with a host, which may have a port.
fn problem(host: &str) -> Option<&'static str> {
    let name = match (host.find(']'), host.matches(':').count()) {
        (Some(bracket), _) => host[..=bracket].to_owned(),
        // An IPv6 address.
        (None, 2..) => format!("[{host}]"),
        (None, _) => host.split(':').next().unwrap_or_default().to_owned(),
    };
    match Host::parse(&name).ok()? {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            (name == "localhost" || name.ends_with(".localhost")).then_some(ITSELF)
        }
        Host::Ipv4(address) => (address.is_loopback() || address.is_unspecified()).then_some(ITSELF),
        Host::Ipv6(address) => {
            let address = address.to_canonical();
            let is_itself = address.is_loopback() || address.is_unspecified();
            Some(if is_itself { ITSELF } else { "an IPv6 address, which may not work in every mesh" })
        }
    }
}

const ITSELF: &str = "the pod itself inside the cluster";

#[cfg(test)]
mod tests {
    use super::{ITSELF, problem};

    #[test]
    fn this_machine_is_recognized_under_every_name() {
        for host in [
            "localhost",
            "LOCALHOST:5000",
            "localhost.",
            "registry.localhost:80",
            "127.0.0.1",
            "127.8.0.1:5000",
            "0.0.0.0:5000",
            "[::1]:5000",
            "[::1]",
            "::1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(problem(host), Some(ITSELF), "{host}");
        }
        for host in ["[fd00::1]:5000", "fd00::1"] {
            assert!(problem(host).is_some_and(|problem| problem.contains("IPv6")), "{host}");
        }
        for host in ["quay.io", "localhost.example:5000", "10.0.0.1:5000", "kind-registry:5000"] {
            assert_eq!(problem(host), None, "{host}");
        }
    }
}
