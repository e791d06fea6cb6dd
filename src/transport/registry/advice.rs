//! What to do about the errors of requests to a registry.

use crate::error::Explain;
use crate::image::Variant;
use crate::transport::registry::error::{NetworkFault, RegistryError, RequestErrorKind, Task};

impl Explain for RegistryError {
    fn help(&self) -> Vec<String> {
        let (registry, _) = self.repository.parts();
        match &self.error.kind {
            RequestErrorKind::Status { code, message, .. } => self.help_for_status(*code, message),
            RequestErrorKind::NoResponse { fault, .. } => vec![self.help_for_fault(*fault)],
            RequestErrorKind::NotARegistry(_) => vec![not_a_registry(registry)],
            RequestErrorKind::Elsewhere(_) => {
                vec![format!("configure `{registry}` to return the URLs that its clients use")]
            }
            RequestErrorKind::NotSent(_) => Vec::new(),
        }
    }
}

fn not_a_registry(registry: &str) -> String {
    format!("check `image`: `{registry}` must be a container registry")
}

fn use_tls() -> String {
    "pass `--tls`, or `--cacert FILE`, if the registry uses TLS".to_owned()
}

/// Whether the registry says that a tag can't be changed. Registries use different statuses for this.
fn is_immutable(message: &str) -> bool {
    let message = message.to_lowercase();
    ["tag_invalid", "immutable", "overwrit", "imagetagalreadyexists"]
        .iter()
        .any(|word| message.contains(word))
}

/// Whether the registry says that there is no space for the image. Registries use different statuses for this.
fn is_over_quota(code: u16, message: &str) -> bool {
    let message = message.to_lowercase();
    code == 507
        || ["quota", "upper limit", "storage limit", "no space"].iter().any(|word| message.contains(word))
}

impl RegistryError {
    /// Whether the request was the first one, which asks whether there is a registry. The others in the same task go
    /// to a token service.
    fn is_first_request(&self) -> bool {
        self.task == Task::Connect && self.error.request.ends_with("/v2/")
    }

    fn is_plain_http(&self) -> bool {
        self.error.request.contains(" http://")
    }

    fn help_for_fault(&self, fault: NetworkFault) -> String {
        let (registry, _) = self.repository.parts();
        match fault {
            NetworkFault::Unreachable => format!(
                "check that `{registry}` is the right registry, that it is running, and that your network allows access to it (HTTPS_PROXY, NO_PROXY)"
            ),
            NetworkFault::Certificate => {
                "pass the certificate of its authority, or its own if it is self-signed, with `--cacert FILE`"
                    .to_owned()
            }
            NetworkFault::CertificateTime => {
                "renew the certificate of the server, or correct the clock of this machine".to_owned()
            }
            NetworkFault::CertificateName => {
                "use a host name that the certificate of the server is valid for".to_owned()
            }
            NetworkFault::ClientCertificate => {
                "pass a client certificate that the server accepts with `--cert FILE --key FILE`".to_owned()
            }
            NetworkFault::NoTls => "pass `--plain-http` if the registry doesn't use encryption".to_owned(),
            // Most TLS servers answer plain HTTP with an alert, or with nothing.
            NetworkFault::NotHttp | NetworkFault::Broken
                if self.is_first_request() && self.is_plain_http() =>
            {
                format!("{}; if not, check that `{registry}` is a container registry", use_tls())
            }
            NetworkFault::NotHttp => not_a_registry(registry),
            NetworkFault::ProxyLogin => proxy_login(),
            NetworkFault::Broken | NetworkFault::TimedOut => {
                "run the command again: a blob that arrived is not uploaded twice".to_owned()
            }
        }
    }

    fn help_for_status(&self, code: u16, message: &str) -> Vec<String> {
        let (registry, path) = self.repository.parts();
        let log_in = || format!("log in with `docker login {registry}` or `podman login {registry}`");
        let right = if self.task == Task::Read { "pull from and push to" } else { "push to" };
        let is_client_error = (400..500).contains(&code);
        match (code, self.task) {
            (400, Task::Connect) if self.is_first_request() && self.is_plain_http() => vec![use_tls()],
            (400, Task::Connect) if !self.is_first_request() => {
                vec!["check the login: the token service didn't accept the request".to_owned(), log_in()]
            }
            (_, Task::Tag(_)) if is_client_error && is_immutable(message) => vec![
                "the registry doesn't allow this tag to change: increase `version` in Cargo.toml, or push under another tag with `--tag`".to_owned(),
            ],
            (_, Task::Upload | Task::Tag(_)) if is_over_quota(code, message) => vec![
                format!("delete images from the registry, or raise the quota of `{path}`"),
            ],
            _ if self.error.lost_a_blob() => vec![
                "run the command again: the registry lost a blob, or part of its upload".to_owned(),
                format!("if that doesn't help, the servers of `{registry}` don't share their storage"),
            ],
            (401, _) => match &self.who {
                None => vec![log_in(), "or pass `--username NAME --password-stdin`".to_owned()],
                Some(who) => vec![
                    format!(
                        "the registry rejected {who}: check the username, the password, and the right to {right} `{path}`"
                    ),
                    log_in(),
                ],
            },
            (403, _) => vec![
                match &self.who {
                    Some(who) => format!("ask for the right to {right} `{path}` for {who}"),
                    None => log_in(),
                },
                format!("or create the repository `{path}` if the registry doesn't create it on a push"),
            ],
            (407, _) => vec![proxy_login()],
            (400 | 405 | 406 | 415 | 422, Task::Tag(Variant::Oci)) => vec![
                "push a plain container image instead: `--variant compat`, or `variant = \"compat\"` in Cargo.toml".to_owned(),
                "or configure the registry to allow `application/vnd.oci.empty.v1+json` with `application/vnd.module.wasm.config.v1+json` and `application/vnd.module.wasm.content.layer.v1+wasm` (Quay: ALLOWED_OCI_ARTIFACT_TYPES)".to_owned(),
            ],
            (405, _) => vec![
                "mirrors, caches and registries under maintenance don't accept pushes: pass the registry behind it with `--image`, and this name with `--pull-image`".to_owned(),
            ],
            (404, Task::Connect) | (300..400, _) => vec![not_a_registry(registry)],
            (404, _) => {
                vec![format!("create the repository `{path}` in the registry, then run the command again")]
            }
            (413, _) => {
                vec!["raise the limit for the size of a request body in the registry, or in a proxy in front of it".to_owned()]
            }
            (429, _) => {
                vec!["wait a while, then run the command again; logging in may raise the limit".to_owned()]
            }
            (409 | 412, _) => {
                vec!["another process may be changing the same image: run the command again".to_owned()]
            }
            (500.., _) => {
                vec!["the registry failed: look at its log, or try again later".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

fn proxy_login() -> String {
    "add the login of the proxy to its URL: `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`".to_owned()
}
