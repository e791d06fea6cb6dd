//! Authentication: a 401 response contains a challenge that says how to authenticate.

use http_auth::ChallengeParser;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use reqwest::{Method, RequestBuilder, Url};
use serde::Deserialize;

use crate::transport::registry::credential::Proof;

/// The authentication that a registry requires.
#[derive(Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A password.
    Basic,
    /// A token from the service at `realm`.
    Bearer {
        /// Its URL.
        realm: String,
        /// Its name.
        service: Option<String>,
    },
}

impl Challenge {
    /// The best challenge: a token exposes less than a password.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let headers = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|header| header.to_str().ok());
        let mut found = None;
        for challenge in headers.flat_map(ChallengeParser::new).flatten() {
            let parameter = |name: &str| {
                let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                found.get_or_insert(Challenge::Basic);
            } else if challenge.scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = parameter("realm")
            {
                found = Some(Challenge::Bearer { realm, service: parameter("service") });
            }
        }
        found
    }
}

/// The registry doesn't say where tokens come from.
#[derive(Debug, thiserror::Error)]
#[error("the registry doesn't provide a valid URL to get a token from")]
pub(super) struct RealmError;

/// A request for a token.
pub(super) struct TokenRequest<'r> {
    pub(super) scope: &'r str,
    pub(super) service: Option<&'r str>,
    pub(super) proof: Option<&'r Proof>,
}

impl TokenRequest<'_> {
    pub(super) fn method(&self) -> Method {
        if matches!(self.proof, Some(Proof::IdentityToken(_))) { Method::POST } else { Method::GET }
    }

    /// The URL at the token service in the challenge.
    pub(super) fn url(&self, realm: &str) -> Result<Url, RealmError> {
        let url = Url::parse(realm).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let mut url = url.ok_or(RealmError)?;
        if self.method() == Method::GET {
            url.query_pairs_mut().extend_pairs(self.parameters());
        }
        Ok(url)
    }

    pub(super) fn to(&self, http: &reqwest::Client, url: Url) -> RequestBuilder {
        let builder = http.request(self.method(), url);
        match self.proof {
            None | Some(Proof::RegistryToken(_)) => builder,
            Some(Proof::Password(login)) => {
                builder.basic_auth(&login.username, Some(login.password.reveal()))
            }
            Some(Proof::IdentityToken(identity)) => {
                let mut form = self.parameters();
                form.extend([
                    ("grant_type", "refresh_token"),
                    ("client_id", "cargo-wasmplugin"),
                    ("refresh_token", identity.reveal()),
                ]);
                builder.form(&form)
            }
        }
    }

    fn parameters(&self) -> Vec<(&str, &str)> {
        [("scope", self.scope)].into_iter().chain(self.service.map(|service| ("service", service))).collect()
    }
}

/// The token in the response of a token service, which has one of two names. The other one can be empty. A token that
/// can't be part of a header is none.
pub fn token(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct TokenResponse {
        token: Option<String>,
        access_token: Option<String>,
    }
    let TokenResponse { token, access_token } = serde_json::from_slice(body).ok()?;
    let is_usable = |token: &String| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    token.into_iter().chain(access_token).find(is_usable)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

    use super::{Challenge, token};

    fn challenge(headers: &[&'static str]) -> Option<Challenge> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(WWW_AUTHENTICATE, HeaderValue::from_static(header));
        }
        Challenge::of(&map)
    }

    #[test]
    fn a_token_is_taken_before_a_password() {
        let bearer = r#"Bearer realm="https://auth.io/token",service="quay.io""#;
        for headers in [&[bearer][..], &["Basic realm=\"x\"", bearer], &[bearer, "Basic realm=\"x\""]] {
            let Some(Challenge::Bearer { realm, service }) = challenge(headers) else {
                panic!("{headers:?}");
            };
            assert_eq!((realm.as_str(), service.as_deref()), ("https://auth.io/token", Some("quay.io")));
        }
        assert!(matches!(challenge(&["Bearer service=\"x\"", "BASIC realm=\"x\""]), Some(Challenge::Basic)));
        assert!(challenge(&["Negotiate"]).is_none());
        assert!(challenge(&[]).is_none());
    }

    #[test]
    fn a_token_has_one_of_two_names() {
        for body in [
            r#"{"token":"a.b","access_token":"c"}"#,
            r#"{"token":"","access_token":"a.b"}"#,
            r#"{"token":null,"access_token":"a.b"}"#,
            r#"{"token":"a\n","access_token":"a.b","expires_in":300}"#,
        ] {
            assert_eq!(token(body.as_bytes()).as_deref(), Some("a.b"), "{body}");
        }
        for body in ["", "{}", "<html>", r#"{"token":""}"#, r#"{"token":"a b"}"#, r#"{"token":"é"}"#] {
            assert_eq!(token(body.as_bytes()), None, "{body}");
        }
    }
}
