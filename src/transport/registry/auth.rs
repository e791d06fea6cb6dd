//! How a registry is told who we are: it names a way in its first answer, and that way is taken.

use http_auth::ChallengeParser;
use oci_client::secrets::RegistryAuth;
use reqwest::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;

use crate::transport::registry::credentials::{Credential, Proof};
use crate::transport::registry::error::{Answer, Outcome};

/// What a registry asks for before it answers.
#[derive(Debug)]
enum Challenge {
    Basic,
    /// A token of the service at `realm`.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// What services of tokens answer, by either name.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Asks the registry at `base` how it wants to be told who we are, and does it: what comes back opens the
/// repository `path` for reading and writing.
pub(super) async fn authorize(
    http: &reqwest::Client,
    base: &str,
    path: &str,
    credential: Option<&Credential>,
) -> Result<RegistryAuth, Answer> {
    let url = format!("{base}/v2/");
    let request = format!("GET {url}");
    let response = http.get(&url).send().await.map_err(|error| Answer::of_client(request.clone(), error))?;
    let status = response.status();
    let refuse = |reason: &str| Answer::new(request.clone(), Outcome::NoRegistry(reason.to_owned()));
    match status {
        StatusCode::OK if is_page(&response) => Err(refuse("a page for people")),
        StatusCode::OK => Ok(match credential.map(|credential| &credential.proof) {
            // Some registries ask for nobody's name until there is something to be written.
            Some(Proof::Password(login)) => {
                RegistryAuth::Basic(login.username.clone(), login.password.reveal().to_owned())
            }
            _ => RegistryAuth::Anonymous,
        }),
        StatusCode::UNAUTHORIZED => {
            match (challenge(&response), credential.map(|credential| &credential.proof)) {
                (Some(Challenge::Bearer { realm, service }), proof) => {
                    token(http, base, path, &realm, service.as_deref(), proof).await
                }
                (Some(Challenge::Basic), Some(Proof::Password(login))) => {
                    Ok(RegistryAuth::Basic(login.username.clone(), login.password.reveal().to_owned()))
                }
                (Some(Challenge::Basic), _) => Err(Answer::of_response(request, response).await),
                (None, _) => Err(refuse("401 without a way to log in")),
            }
        }
        _ => Err(Answer::of_response(request, response).await),
    }
}

/// An answer of HTML where JSON belongs: a web server, or a page that asks people to log in.
fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// The challenge that is best to take: a token says less than a password.
fn challenge(response: &Response) -> Option<Challenge> {
    let headers =
        response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|header| header.to_str().ok());
    let mut basic = None;
    for challenge in headers.flat_map(ChallengeParser::new).flatten() {
        let parameter = |name: &str| {
            let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped())
        };
        if challenge.scheme.eq_ignore_ascii_case("bearer") {
            let realm = parameter("realm")?;
            return Some(Challenge::Bearer { realm, service: parameter("service") });
        }
        if challenge.scheme.eq_ignore_ascii_case("basic") {
            basic = Some(Challenge::Basic);
        }
    }
    basic
}

async fn token(
    http: &reqwest::Client,
    base: &str,
    path: &str,
    realm: &str,
    service: Option<&str>,
    proof: Option<&Proof>,
) -> Result<RegistryAuth, Answer> {
    let request = |method: &str| format!("{method} {}", realm.split('?').next().unwrap_or_default());
    let refuse = |reason: &str| Answer::new(request("GET"), Outcome::NotSent(reason.to_owned()));
    let url = Url::parse(realm).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| refuse("the registry names no url for tokens"))?;
    if proof.is_some() && base.starts_with("https:") && url.scheme() != "https" {
        return Err(refuse("the registry wants the credentials sent without encryption"));
    }
    let scope = format!("repository:{path}:pull,push");
    let mut query = vec![("scope", scope.as_str())];
    query.extend(service.map(|service| ("service", service)));
    let (method, builder) = match proof {
        None => ("GET", http.get(url).query(&query)),
        Some(Proof::Password(login)) => {
            let builder = http.get(url).query(&query);
            ("GET", builder.basic_auth(&login.username, Some(login.password.reveal())))
        }
        Some(Proof::IdentityToken(identity)) => {
            query.extend([
                ("grant_type", "refresh_token"),
                ("client_id", "cargo-wasmplugin"),
                ("refresh_token", identity.reveal()),
            ]);
            ("POST", http.post(url).form(&query))
        }
    };
    let response = builder.send().await.map_err(|error| Answer::of_client(request(method), error))?;
    if response.status() != StatusCode::OK {
        return Err(Answer::of_response(request(method), response).await);
    }
    let token = response.json::<Token>().await.ok().and_then(|token| token.token.or(token.access_token));
    let no_token = || Answer::new(request(method), Outcome::NoRegistry("no token".to_owned()));
    token.map(RegistryAuth::Bearer).ok_or_else(no_token)
}
