//! The token server of a registry. It signs tokens that contain the rights of a user.

use std::io::{BufReader, Read as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

use crate::support::http::{Head, Length, Server, answer};
use crate::support::registry::{PASSWORD, USER};

/// An identity token, which replaces the password. It must not be in any output or file of the program.
pub(crate) const IDENTITY_TOKEN: &str = "identity-token-9c21e0";

const SERVICE: &str = "registry of a test";
const ISSUER: &str = "tokens of a test";

/// The rights of a user in all repositories.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum May {
    /// The user gets no token.
    Nothing,
    Pull,
    /// The same, but a request for more gets no token at all.
    PullOnly,
    Push,
}

/// A token server on a free port of loopback, for [`With::Tokens`](super::registry::With::Tokens). It is stopped when
/// this value is dropped.
pub(crate) struct Tokens {
    server: Server,
    certificate: String,
    asked: Arc<Mutex<Vec<TokenRequest>>>,
}

/// A request for a token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TokenRequest {
    pub(crate) method: String,
    /// The requested scopes, such as `repository:acme/hello:pull,push`.
    pub(crate) scopes: Vec<String>,
    pub(crate) by: By,
    /// Whether a token was issued. It may be for less than was requested.
    pub(crate) issued: bool,
}

/// How the client authenticated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum By {
    Nothing,
    Password,
    IdentityToken,
    /// With a wrong password or identity token, or in an unknown way.
    Stranger,
}

impl Tokens {
    /// Starts the server. [`USER`] has the rights `user`, and clients without credentials have the rights `anonymous`.
    pub(crate) fn start(user: May, anonymous: May) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap();
        let signer = Signer {
            key: EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                key.serialized_der(),
                &SystemRandom::new(),
            )
            .unwrap(),
            certificate: BASE64_STANDARD.encode(certificate.der()),
        };
        let asked = Arc::new(Mutex::new(Vec::new()));
        let record = asked.clone();
        let server = Server::start(move |stream| {
            // Fails if the request is incomplete, or if the client has gone.
            let _ = serve(&stream, &signer, &record, user, anonymous);
        });
        Tokens { server, certificate: certificate.pem(), asked }
    }

    /// The requests for tokens so far.
    pub(crate) fn asked(&self) -> Vec<TokenRequest> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The URL that clients request tokens from.
    pub(crate) fn realm(&self) -> String {
        format!("http://{}/token", self.server.address())
    }

    pub(crate) fn service(&self) -> &'static str {
        SERVICE
    }

    pub(crate) fn issuer(&self) -> &'static str {
        ISSUER
    }

    /// The certificate of the signing key in PEM format.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }
}

fn serve(
    stream: &TcpStream,
    signer: &Signer,
    record: &Mutex<Vec<TokenRequest>>,
    user: May,
    anonymous: May,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let Some(head) = Head::read(&mut reader)? else { return Ok(()) };
    let mut body = String::new();
    head.body(&mut reader, Length::Known)?.read_to_string(&mut body)?;
    let mut words = head.first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let form = pairs(if method == "POST" { &body } else { query });
    let values = |name: &'static str| {
        let named = form.iter().filter(move |(other, _)| other == name);
        named.map(|(_, value)| value.as_str())
    };
    let is = |name: &'static str, value: &str| values(name).eq([value]);

    let password = format!("Basic {}", BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}")));
    let by = match (method, head.value("authorization")) {
        ("GET", None) => By::Nothing,
        ("GET", Some(value)) if value == password => By::Password,
        ("POST", None) if is("grant_type", "refresh_token") && is("refresh_token", IDENTITY_TOKEN) => {
            By::IdentityToken
        }
        _ => By::Stranger,
    };
    let may = match by {
        By::Nothing => anonymous,
        By::Password | By::IdentityToken => user,
        By::Stranger => May::Nothing,
    };
    let scopes: Vec<String> = values("scope").flat_map(str::split_whitespace).map(str::to_owned).collect();
    let asks_for_more = may == May::PullOnly && scopes.iter().any(|scope| !scope.ends_with(":pull"));
    let issued = may != May::Nothing && !asks_for_more && is("service", SERVICE) && path == "/token";
    let asked = TokenRequest { method: method.to_owned(), scopes, by, issued };
    record.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
    if !issued {
        let refusal = json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "no token for you" }] });
        return answer(stream, &head, 401, &[], refusal.to_string().as_bytes());
    }
    let access: Vec<Value> = asked.scopes.iter().filter_map(|scope| granted(scope, may)).collect();
    let token = signer.token(&access);
    // The two methods use different names for the token, so a client must know both.
    let name = if method == "GET" { "token" } else { "access_token" };
    let json = [("Content-Type".to_owned(), "application/json".to_owned())];
    let body = json!({ name: token, "expires_in": LIFETIME }).to_string();
    answer(stream, &head, 200, &json, body.as_bytes())
}

/// The part of the scope `TYPE:NAME:ACTIONS` that the rights allow.
fn granted(scope: &str, may: May) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let allowed = |action: &&str| *action == "pull" || (may == May::Push && *action == "push");
    let actions: Vec<&str> = actions.split(',').filter(allowed).collect();
    Some(json!({ "type": kind, "name": name, "actions": actions }))
}

/// How long a token is valid, in seconds.
const LIFETIME: u64 = 300;

struct Signer {
    key: EcdsaKeyPair,
    /// In base64.
    certificate: String,
}

impl Signer {
    /// A signed token in the format that the registry reads.
    fn token(&self, access: &[Value]) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [self.certificate] });
        let claims = json!({
            "iss": ISSUER,
            "sub": USER,
            "aud": SERVICE,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "access": access,
        });
        let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The names and values of a query or a form.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        let escaped = (*first == b'%').then(|| behind.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        match (first, escaped) {
            (b'+', _) => bytes.push(b' '),
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
