//! The `url` of a resource, which the mesh fetches the module from.

/// A url that every version of Istio accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Url {
    /// An image in a registry.
    Oci(OciUrl),
    /// A module in a file in the proxy's container.
    File,
    /// A module on an HTTP server, with `http://` or `https://`.
    Http(HttpUrl),
}

/// `http://[USER@]HOST[:PORT]...`, or the same with `https://`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl {
    pub tls: bool,
    /// Whether the url has a user name, and perhaps a password.
    pub has_login: bool,
    /// A name or an address. An IPv6 address has no brackets.
    pub host: String,
    pub port: u16,
}

/// `oci://REPOSITORY[:TAG][@DIGEST]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciUrl {
    pub repository: String,
    pub tag: Option<String>,
    /// The digest, including `sha256:`.
    pub digest: Option<String>,
}

/// A url isn't valid.
#[derive(Debug, PartialEq, Eq)]
pub struct UrlError {
    /// What is wrong, as a predicate that follows the name of the field.
    pub reason: String,
    /// What to write instead.
    pub help: String,
}

impl Url {
    /// Parses a url.
    ///
    /// # Errors
    ///
    /// If the webhook, istiod or the proxy of any version of Istio would refuse it.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        let refuse = |reason: String, help: &str| Err(UrlError { reason, help: help.to_owned() });
        if let Some(wrong) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
            return refuse(
                format!("contains `{}`", wrong.escape_debug()),
                "remove whitespace and control characters",
            );
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(UrlError {
                reason: "has no scheme: Istio would treat the host of a registry with a port as a scheme"
                    .to_owned(),
                help: format!("write `oci://{text}`"),
            });
        };
        match scheme {
            "oci" => OciUrl::parse(rest).map(Url::Oci),
            "http" | "https" => HttpUrl::parse(scheme == "https", rest).map(Url::Http),
            "file" if rest.starts_with('/') && rest.len() > 1 => Ok(Url::File),
            "file" => refuse(
                "has no absolute path".to_owned(),
                "write `file:///PATH/plugin.wasm`, with a path in the proxy's container",
            ),
            other => refuse(
                format!("has the scheme `{other}`, which Istio refuses"),
                "write `oci://` for an image, or `https://`, `http://` or `file://` for a module",
            ),
        }
    }
}

impl HttpUrl {
    fn parse(tls: bool, rest: &str) -> Result<HttpUrl, UrlError> {
        let refuse = |reason: &str| {
            let help = "write `https://HOST/PATH/plugin.wasm`, or `https://HOST:PORT/PATH/plugin.wasm`";
            Err(UrlError { reason: reason.to_owned(), help: help.to_owned() })
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, authority),
        };
        // An IPv6 address is in brackets, because it contains colons.
        let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest),
            None => address.split_at(address.find(':').unwrap_or(address.len())),
        };
        if host.is_empty() {
            return refuse("has no host");
        }
        let port = match port.strip_prefix(':').map(str::parse) {
            None if port.is_empty() => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(Ok(port)) => port,
            _ => return refuse("has an invalid port"),
        };
        Ok(HttpUrl { tls, has_login: login.is_some(), host: host.to_owned(), port })
    }
}

impl OciUrl {
    fn parse(rest: &str) -> Result<OciUrl, UrlError> {
        let refuse = |reason: &str| {
            Err(UrlError {
                reason: reason.to_owned(),
                help:
                    "write `oci://REGISTRY/REPOSITORY:TAG@sha256:DIGEST`; the tag and the digest are optional"
                        .to_owned(),
            })
        };
        let (name, digest) = match rest.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (rest, None),
        };
        if digest.is_some_and(|digest| !digest.strip_prefix("sha256:").is_some_and(is_sha256)) {
            return refuse("has an invalid digest: expected `sha256:` and 64 of `0-9a-f`");
        }
        if name.contains(['?', '#']) {
            return refuse("has a query or a fragment, which Istio drops");
        }
        let Some((registry, path)) = name.split_once('/') else {
            return refuse("has a registry, but no repository");
        };
        let (path, tag) = match path.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (path, None),
        };
        if registry.is_empty() || path.split('/').any(str::is_empty) {
            return refuse("has no repository");
        }
        if tag.is_some_and(|tag| tag.is_empty() || tag.contains(['/', ':'])) {
            return refuse("has an invalid tag");
        }
        Ok(OciUrl {
            repository: format!("{registry}/{path}"),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

/// Whether the string is 64 lower-case hexadecimal digits, the only form of a hash that Istio accepts.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oci(repository: &str, tag: Option<&str>, digest: Option<&str>) -> Url {
        let (repository, tag, digest) =
            (repository.to_owned(), tag.map(str::to_owned), digest.map(str::to_owned));
        Url::Oci(OciUrl { repository, tag, digest })
    }

    fn http(tls: bool, host: &str, port: u16) -> Url {
        Url::Http(HttpUrl { tls, has_login: false, host: host.to_owned(), port })
    }

    #[test]
    fn urls_are_parsed() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (text, url) in [
            ("oci://reg:5000/a/b:v1".to_owned(), oci("reg:5000/a/b", Some("v1"), None)),
            ("oci://quay.io/a".to_owned(), oci("quay.io/a", None, None)),
            (format!("oci://[::1]:5000/a@{digest}"), oci("[::1]:5000/a", None, Some(&digest))),
            (format!("oci://quay.io/a:1@{digest}"), oci("quay.io/a", Some("1"), Some(&digest))),
            ("https://h/x.wasm?a=b".to_owned(), http(true, "h", 443)),
            ("http://h".to_owned(), http(false, "h", 80)),
            ("http://h?x=a@b:c".to_owned(), http(false, "h", 80)),
            ("https://[::1]:8443/x".to_owned(), http(true, "::1", 8443)),
            ("http://[::1]/x".to_owned(), http(false, "::1", 80)),
            ("file:///x.wasm".to_owned(), Url::File),
        ] {
            assert_eq!(Url::parse(&text), Ok(url), "{text}");
        }
        let Ok(Url::Http(url)) = Url::parse("https://me:it@h:1/x") else { panic!("it is refused") };
        assert_eq!((url.has_login, url.host.as_str(), url.port), (true, "h", 1));
    }

    #[test]
    fn urls_that_istio_refuses_are_refused_with_a_reason() {
        for (text, reason) in [
            ("", "has no scheme"),
            ("docker.io/a/b:v1", "has no scheme"),
            ("reg.example:5000/a:v1", "has no scheme"),
            ("docker://a/b", "has the scheme `docker`"),
            ("https+oci://a/b", "has the scheme `https+oci`"),
            ("OCI://a/b", "has the scheme `OCI`"),
            ("oci://a/b c", "contains ` `"),
            ("oci://quay.io", "has a registry, but no repository"),
            ("oci:///a", "has no repository"),
            ("oci://quay.io/", "has no repository"),
            ("oci://quay.io/a//b", "has no repository"),
            ("oci://quay.io/a:", "has an invalid tag"),
            ("oci://quay.io/a:b/c", "has an invalid tag"),
            ("oci://quay.io/a@sha256:12", "has an invalid digest"),
            ("oci://quay.io/a@", "has an invalid digest"),
            ("oci://quay.io/a?x", "has a query"),
            ("https:///x", "has no host"),
            ("https://:80/x", "has no host"),
            ("https://me@/x", "has no host"),
            ("https://h:/x", "has an invalid port"),
            ("https://h:65536/x", "has an invalid port"),
            ("https://[::1]80/x", "has an invalid port"),
            ("file://x.wasm", "has no absolute path"),
            ("file:///", "has no absolute path"),
        ] {
            let refusal = Url::parse(text).expect_err(text);
            assert!(refusal.reason.starts_with(reason), "{text}: {}", refusal.reason);
        }
        assert_eq!(Url::parse("reg:5000/a").unwrap_err().help, "write `oci://reg:5000/a`");
    }
}
