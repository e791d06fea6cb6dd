//! What a user logs in to a registry with.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A string that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[derive(Debug, Clone)]
pub struct Login {
    pub username: String,
    /// The password, or a token in place of one.
    pub password: Secret,
}

impl Login {
    /// Both, encoded for the `Authorization` header.
    pub(super) fn basic(&self) -> String {
        BASE64.encode(format!("{}:{}", self.username, self.password.reveal()))
    }
}

/// What we authenticate with, and where it was found.
#[derive(Debug, Clone)]
pub struct Credential {
    pub(super) proof: Proof,
    pub(super) source: String,
}

#[derive(Debug, Clone)]
pub(super) enum Proof {
    Password(Login),
    /// A token that the registry exchanges for others.
    IdentityToken(Secret),
    /// A token that the registry accepts as it is.
    RegistryToken(Secret),
}

impl Credential {
    /// The login from the flag or the variable `source`.
    pub fn given(login: Login, source: &str) -> Self {
        Credential { proof: Proof::Password(login), source: source.to_owned() }
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// The user and the source of the credential, for messages.
    pub(super) fn who(&self) -> String {
        match &self.proof {
            Proof::Password(login) => format!("`{}` (from {})", login.username, self.source),
            Proof::IdentityToken(_) => format!("an identity token (from {})", self.source),
            Proof::RegistryToken(_) => format!("a registry token (from {})", self.source),
        }
    }

    /// The end of a sentence that begins with "logging in".
    pub(super) fn as_whom(&self) -> String {
        let word = match &self.proof {
            Proof::Password(_) => "as",
            Proof::IdentityToken(_) | Proof::RegistryToken(_) => "with",
        };
        format!("{word} {}", self.who())
    }

    /// What must not be shown if the registry sends it back: the secret, and its form in a header.
    pub(super) fn secrets(&self) -> Vec<String> {
        match &self.proof {
            Proof::Password(login) => vec![login.password.reveal().to_owned(), login.basic()],
            Proof::IdentityToken(token) | Proof::RegistryToken(token) => vec![token.reveal().to_owned()],
        }
    }
}

/// Accepts base64 with or without padding, because tools write both.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
