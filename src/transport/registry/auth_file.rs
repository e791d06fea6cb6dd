//! The files that `docker login` and `podman login` write, as far as they are about one registry.

use base64::Engine as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::reference::Repository;
use crate::transport::registry::credential::{BASE64, Login, Proof, Secret};

/// The credentials in docker's config.json or podman's auth.json. An entry is parsed only when it is used, so that a
/// broken entry for another registry doesn't stop a push.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AuthFile {
    #[serde(deserialize_with = "null_is_none")]
    auths: Map<String, Value>,
    #[serde(deserialize_with = "null_is_none")]
    cred_helpers: Map<String, Value>,
    #[serde(deserialize_with = "null_is_none")]
    creds_store: String,
}

/// An entry of `auths`. An empty field means the same as a missing one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    #[serde(deserialize_with = "null_is_none")]
    auth: String,
    #[serde(deserialize_with = "null_is_none")]
    username: String,
    #[serde(deserialize_with = "null_is_none")]
    password: String,
    #[serde(deserialize_with = "null_is_none")]
    identitytoken: String,
    #[serde(deserialize_with = "null_is_none")]
    registrytoken: String,
}

/// Docker reads null as a missing field.
fn null_is_none<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A file or an entry is not in the format that docker and podman write.
#[derive(Debug)]
pub(super) struct Malformed;

const DOCKER_HUB: &[&str] =
    &["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"];

impl AuthFile {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        serde_json::from_slice(bytes).map_err(|_| Malformed)
    }

    /// Reads `.dockercfg`, which has only the entries.
    pub(super) fn read_dockercfg(bytes: &[u8]) -> Result<Self, Malformed> {
        let auths = serde_json::from_slice(bytes).map_err(|_| Malformed)?;
        Ok(AuthFile { auths, ..AuthFile::default() })
    }

    /// The credential helper for a registry, and the registry's name in that helper.
    pub(super) fn helper<'r>(&self, repository: &'r Repository) -> Option<(String, &'r str)> {
        let (registry, _) = repository.parts();
        let canonical = normal(registry);
        // Docker has a name of its own for its registry.
        let server = if canonical == "docker.io" { DOCKER_HUB[0] } else { registry };
        let mut helpers = self.cred_helpers.iter().filter(|(key, _)| normal(key) == canonical);
        let of_registry = helpers.find_map(|(_, program)| program.as_str().filter(|name| !name.is_empty()));
        let of_all = Some(self.creds_store.as_str()).filter(|name| !name.is_empty());
        Some((format!("docker-credential-{}", of_registry.or(of_all)?), server))
    }

    /// The credential in the entries. The longest key that covers the repository takes precedence.
    pub(super) fn entry(&self, repository: &Repository) -> Result<Option<Proof>, Malformed> {
        let name = normal(repository.as_str());
        let covers = |key: &str| {
            let rest = name.strip_prefix(&normal(key))?;
            (rest.is_empty() || rest.starts_with('/')).then_some(name.len() - rest.len())
        };
        let entries = self.auths.iter().filter_map(|(key, entry)| Some((covers(key)?, entry)));
        let mut entries: Vec<_> = entries.filter(|(_, entry)| !entry.is_null()).collect();
        entries.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        for (_, entry) in entries {
            if let Some(proof) = Entry::deserialize(entry).map_err(|_| Malformed)?.proof()? {
                return Ok(Some(proof));
            }
        }
        Ok(None)
    }
}

impl Entry {
    fn proof(self) -> Result<Option<Proof>, Malformed> {
        if !self.registrytoken.is_empty() {
            return Ok(Some(Proof::RegistryToken(Secret::new(self.registrytoken))));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Some(Proof::IdentityToken(Secret::new(self.identitytoken))));
        }
        let (username, password) = if self.auth.is_empty() {
            (self.username, self.password)
        } else {
            let decoded = BASE64.decode(&self.auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let (username, password) =
                decoded.as_deref().and_then(|text| text.split_once(':')).ok_or(Malformed)?;
            // Some passwords end with the NUL of a C string. Docker removes it too.
            (username.to_owned(), password.trim_end_matches('\0').to_owned())
        };
        let is_complete = !username.is_empty() && !password.is_empty();
        Ok(is_complete.then_some(Proof::Password(Login { username, password: Secret::new(password) })))
    }
}

/// A key or a repository in the form that they are compared in: `quay.io/acme`. Docker writes URLs, podman doesn't, and
/// people write the address of the API.
fn normal(key: &str) -> String {
    let name = match key.split_once("://") {
        Some((_, rest)) => rest.split('/').next().unwrap_or_default(),
        None => key.trim_end_matches('/'),
    };
    let (registry, path) = name.split_once('/').unwrap_or((name, ""));
    let registry = registry.to_ascii_lowercase();
    let registry = registry.strip_suffix(":443").unwrap_or(&registry);
    let registry = if DOCKER_HUB.contains(&registry) { "docker.io" } else { registry };
    if ["", "v1", "v2"].contains(&path) { registry.to_owned() } else { format!("{registry}/{path}") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{AuthFile, Malformed, Proof};

    fn logins(config: Value) -> AuthFile {
        serde_json::from_value(config).unwrap()
    }

    /// The username in the entry for the repository.
    fn name(config: &Value, repository: &str) -> Option<String> {
        match logins(config.clone()).entry(&repository.parse().unwrap()).unwrap()? {
            Proof::Password(login) => Some(login.username),
            Proof::IdentityToken(token) => Some(format!("token {}", token.reveal())),
            Proof::RegistryToken(token) => Some(format!("registry token {}", token.reveal())),
        }
    }

    fn named(name: &str) -> Value {
        json!({ "username": name, "password": "p" })
    }

    #[test]
    fn the_longest_entry_takes_precedence() {
        let config = json!({ "auths": {
            "quay.io": named("a"), "quay.io/acme": named("b"), "quay.io/acme/hell": named("c"), "other.io": null,
        } });
        assert_eq!(name(&config, "quay.io/acme/hello").as_deref(), Some("b"));
        assert_eq!(name(&config, "quay.io/acme/hell").as_deref(), Some("c"));
        assert_eq!(name(&config, "quay.io/b/c").as_deref(), Some("a"));
        assert_eq!(name(&config, "quay.io:8443/b/c"), None);
        assert_eq!(name(&config, "other.io/b/c"), None);
    }

    #[test]
    fn all_names_of_docker_hub_are_recognized() {
        for key in ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "docker.io/acme"] {
            let config = json!({ "auths": { key: named("a") } });
            for repository in ["acme/hello", "index.docker.io/acme/hello", "registry-1.docker.io/acme/hello"]
            {
                assert_eq!(name(&config, repository).as_deref(), Some("a"), "{key} {repository}");
            }
        }
    }

    #[test]
    fn a_key_is_a_registry_in_any_spelling() {
        for key in
            ["q.io", "q.io/", "Q.IO", "q.io:443", "q.io/v2/", "q.io/acme/", "q.io/acme", "https://Q.io/v2/x"]
        {
            let config = json!({ "auths": { key: named("a") } });
            for repository in ["q.io/acme/x", "q.io:443/acme/x", "Q.io/acme/x"] {
                assert_eq!(name(&config, repository).as_deref(), Some("a"), "{key} {repository}");
            }
            assert_eq!(name(&config, "q.io:8443/acme/x"), None);
        }
        assert_eq!(name(&json!({ "auths": { "q.io/acm/": named("a") } }), "q.io/acme/x"), None);
        let dockercfg = AuthFile::read_dockercfg(br#"{"https://q.io/v1/":{"auth":"YTpw"}}"#).unwrap();
        assert!(dockercfg.entry(&"q.io/x".parse().unwrap()).unwrap().is_some());
    }

    #[test]
    fn entries_are_read_as_docker_reads_them() {
        // `a:p` and `a:pq`, with and without padding, and with the NUL of a C string.
        for auth in ["YTpw", "YTpwcQ==", "YTpwcQ", "YTpwAAA="] {
            assert_eq!(
                name(&json!({ "auths": { "q.io": { "auth": auth } } }), "q.io/x").as_deref(),
                Some("a")
            );
        }
        let config = json!({ "auths": { "q.io": { "auth": "YTpw", "identitytoken": "t", "email": 7 } } });
        assert_eq!(name(&config, "q.io/x").as_deref(), Some("token t"));
        let config =
            json!({ "auths": { "q.io": { "auth": "YTpw", "identitytoken": "", "username": "other" } } });
        assert_eq!(name(&config, "q.io/x").as_deref(), Some("a"));
        let config = json!({ "auths": { "q.io": { "auth": "YTpw", "registrytoken": "r" } } });
        assert_eq!(name(&config, "q.io/x").as_deref(), Some("registry token r"));
        let nulls = json!({ "auths": null, "credHelpers": null, "credsStore": null });
        assert_eq!(name(&nulls, "q.io/x"), None);
        for nothing in
            [json!({}), json!({ "auth": "" }), json!({ "username": "a", "password": null }), json!(null)]
        {
            assert_eq!(name(&json!({ "auths": { "q.io": nothing } }), "q.io/x"), None);
        }
        for wrong in [json!({ "auth": "%" }), json!({ "auth": "YQ==" }), json!([1]), json!({ "auth": 7 })] {
            let logins = logins(json!({ "auths": { "q.io": wrong } }));
            assert!(matches!(logins.entry(&"q.io/x".parse().unwrap()), Err(Malformed)), "{wrong}");
        }
    }

    #[test]
    fn helpers_are_asked_for_a_registry() {
        let asked = |config: Value, repository: &str| {
            let repository = repository.parse().unwrap();
            logins(config).helper(&repository).map(|(program, server)| format!("{program} {server}"))
        };
        let of = |config: Value| asked(config, "quay.io/acme/hello").unwrap_or_default();
        assert_eq!(
            of(json!({ "credHelpers": { "quay.io": "a" }, "credsStore": "b" })),
            "docker-credential-a quay.io"
        );
        assert_eq!(
            of(json!({ "credHelpers": { "quay.io": "" }, "credsStore": "b" })),
            "docker-credential-b quay.io"
        );
        for key in ["QUAY.IO", "quay.io:443", "https://quay.io/v2/"] {
            assert_eq!(of(json!({ "credHelpers": { key: "a" } })), "docker-credential-a quay.io");
        }
        assert_eq!(of(json!({ "credHelpers": { "quay.io/acme": "a" } })), "");
        let hub = asked(json!({ "credsStore": "b" }), "acme/hello");
        assert_eq!(hub.as_deref(), Some("docker-credential-b https://index.docker.io/v1/"));
    }
}
