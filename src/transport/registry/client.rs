//! Requests to a registry: authenticated if the registry requires it, retried if that may help, and with a limit on
//! the size of each response.

use std::cell::RefCell;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::reference::Repository;
use crate::transport::registry::access::{Access, Scope};
use crate::transport::registry::auth::{self, Challenge};
use crate::transport::registry::connection;
use crate::transport::registry::credentials::{self, Credential, Proof};
use crate::transport::registry::error::{RegistryError, RequestError, RequestErrorKind, Secrets, Task};

/// How long a request with little data may take.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// How long a transfer may go without progress.
pub(super) const STALL_LIMIT: Duration = Duration::from_secs(60);
/// How much of an error response is read.
const LARGEST_ERROR: usize = 64 << 10;
const LARGEST_TOKEN: usize = 1 << 20;
/// How long to wait before each retry.
pub(super) const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// An HTTP client for one repository.
pub(super) struct Client {
    http: reqwest::Client,
    /// `https://quay.io/`
    base: Url,
    pub(super) repository: Repository,
    access: Access,
    scope: Scope,
    identity: RefCell<Identity>,
}

/// How we have authenticated so far.
#[derive(Default)]
struct Identity {
    /// `None` until the registry requires authentication for the first time.
    credential: Option<Option<Credential>>,
    authorization: Option<HeaderValue>,
    secrets: Secrets,
}

/// Why a request failed.
pub(super) enum Failure {
    /// The registry refused it or didn't respond.
    Request(RequestError),
    /// Something failed locally.
    Other(Error),
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Failure::Request(error)
    }
}

/// A response, and the request as shown in messages.
pub(super) struct Reply {
    pub(super) request: String,
    pub(super) response: Response,
}

impl Client {
    pub(super) fn new(ctx: &Context, repository: &Repository, access: &Access, scope: Scope) -> Result<Self> {
        let (registry, _) = repository.parts();
        // Docker Hub's host differs from its name.
        let host = if registry == "docker.io" { "index.docker.io" } else { registry };
        let base = format!("{}://{host}/", connection::scheme(host, &access.protocol));
        let mut identity = Identity::default();
        if let Some(login) = &access.login {
            identity.secrets.add(login.password.reveal());
        }
        Ok(Client {
            http: connection::client(ctx, host, &access.protocol)?,
            base: Url::parse(&base).expect("a registry is a host with an optional port"),
            repository: repository.clone(),
            access: access.clone(),
            scope,
            identity: RefCell::new(identity),
        })
    }

    /// The URL of a path below the repository.
    pub(super) fn url(&self, below: &str) -> Url {
        let (_, path) = self.repository.parts();
        self.join(&format!("/v2/{path}/{below}"))
            .expect("a repository with a digest or a tag is a valid path")
    }

    /// The URL of the registry itself.
    pub(super) fn root(&self) -> Url {
        self.join("/v2/").expect("it is a valid path")
    }

    /// Resolves a URL from the registry, which may be relative.
    pub(super) fn join(&self, reference: &str) -> Option<Url> {
        self.base.join(reference).ok()
    }

    /// Sends a request. If the registry requires authentication, authenticates and sends it once more. This can happen
    /// at any time, because a token may expire in the middle of a push.
    pub(super) async fn send(
        &self,
        ctx: &Context,
        method: Method,
        url: &Url,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Reply, Failure> {
        let request = request_line(&method, url);
        let mut was_authenticated = false;
        loop {
            let mut builder = with(self.http.request(method.clone(), url.clone()));
            // A registry may redirect an upload to another host, which must not see our credentials.
            if self.is_registry(url)
                && let Some(authorization) = &self.identity.borrow().authorization
            {
                builder = builder.header(AUTHORIZATION, authorization.clone());
            }
            let response = builder.send().await.map_err(|error| self.unanswered(&request, error))?;
            ctx.shell.verbose("Requested", format_args!("`{request}`: {}", response.status()));
            let asks = response.status() == StatusCode::UNAUTHORIZED && self.is_registry(response.url());
            if !asks || was_authenticated || !self.authenticate(ctx, &response).await? {
                return Ok(Reply { request, response });
            }
            was_authenticated = true;
        }
    }

    fn is_registry(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Authenticates as the challenge requires. Returns `false` if there is nothing new to send.
    async fn authenticate(&self, ctx: &Context, response: &Response) -> Result<bool, Failure> {
        let Some(challenge) = Challenge::of(response.headers()) else { return Ok(false) };
        let credential = self.credential(ctx)?;
        let proof = credential.as_ref().map(|credential| &credential.proof);
        let authorization = match (challenge, proof) {
            (Challenge::Bearer { realm, service }, proof) => {
                let token = self.token(&realm, service.as_deref(), proof).await?;
                let header = format!("Bearer {token}");
                self.identity.borrow_mut().secrets.add(&token);
                header
            }
            (Challenge::Basic, Some(Proof::Password(login))) => format!("Basic {}", login.basic()),
            (Challenge::Basic, _) => return Ok(false),
        };
        // A token that is not a valid header value is useless.
        let Ok(mut authorization) = HeaderValue::try_from(authorization) else { return Ok(false) };
        authorization.set_sensitive(true);
        let before = self.identity.borrow_mut().authorization.replace(authorization.clone());
        Ok(before != Some(authorization))
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        proof: Option<&Proof>,
    ) -> Result<String, Failure> {
        let (_, path) = self.repository.parts();
        let is_tls = self.base.scheme() == "https";
        let scope = format!("repository:{path}:{}", self.scope.actions());
        let request =
            auth::token_request(&self.http, is_tls, &scope, realm, service, proof).map_err(|error| {
                RequestError::new(
                    request_line(&Method::GET, &self.root()),
                    RequestErrorKind::NotSent(error.to_string()),
                )
            })?;
        let request = request.timeout(REQUEST_LIMIT).build();
        let request = request.map_err(|error| self.unanswered("the token request", error))?;
        let shown = request_line(request.method(), request.url());
        let response = self.http.execute(request).await.map_err(|error| self.unanswered(&shown, error))?;
        let reply = Reply { request: shown.clone(), response };
        if reply.response.status() != StatusCode::OK {
            return Err(self.refused(reply).await.into());
        }
        let body = self.read(reply, LARGEST_TOKEN).await?;
        let missing = || RequestError::new(shown, RequestErrorKind::NotARegistry("no token".to_owned()));
        Ok(auth::token(&body).ok_or_else(missing)?)
    }

    /// Our credential. Files and helpers are read once, and only if the registry requires authentication.
    fn credential(&self, ctx: &Context) -> Result<Option<Credential>, Failure> {
        if let Some(credential) = &self.identity.borrow().credential {
            return Ok(credential.clone());
        }
        let credential = match &self.access.login {
            Some(login) => Some(Credential::from_login(login.clone())),
            None => credentials::find(ctx, &self.repository).map_err(Failure::Other)?,
        };
        if let Some(credential) = &credential {
            ctx.shell.verbose("Logging in", credential.as_whom());
        }
        let mut identity = self.identity.borrow_mut();
        credential.iter().flat_map(Credential::secrets).for_each(|secret| identity.secrets.add(&secret));
        identity.credential = Some(credential.clone());
        Ok(credential)
    }

    /// The body of a reply, which must not be larger than `limit` bytes.
    pub(super) async fn read(&self, reply: Reply, limit: usize) -> Result<Vec<u8>, RequestError> {
        let Reply { request, mut response } = reply;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unanswered(&request, error))? {
            if body.len() + chunk.len() > limit {
                let found = format!("more than {limit} bytes");
                return Err(RequestError::new(request, RequestErrorKind::NotARegistry(found)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The error for an unexpected status. The message is in the body.
    pub(super) async fn refused(&self, reply: Reply) -> RequestError {
        let Reply { request, mut response } = reply;
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_ERROR {
                break;
            }
        }
        let body = String::from_utf8_lossy(&body);
        let message = self.identity.borrow().secrets.message(&body);
        let code = response.status().as_u16();
        let retry_after = retry_after.map(Duration::from_secs);
        RequestError::new(request, RequestErrorKind::Status { code, message, retry_after })
    }

    /// The error for a request that got no response.
    pub(super) fn unanswered(&self, request: &str, error: reqwest::Error) -> RequestError {
        RequestError::of_client(request.to_owned(), error, &self.identity.borrow().secrets)
    }

    /// Makes a request, and retries it if that may help.
    pub(super) async fn attempt<T>(
        &self,
        ctx: &Context,
        task: Task,
        name: &str,
        mut request: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T> {
        let mut pauses = PAUSES.iter();
        loop {
            let error = match request().await {
                Ok(done) => return Ok(done),
                Err(Failure::Other(error)) => return Err(error),
                Err(Failure::Request(error)) => error,
            };
            match pauses.next().and_then(|pause| error.may_pass_after(*pause)) {
                Some(pause) => {
                    ctx.shell.status("Retrying", &error);
                    tokio::time::sleep(pause).await;
                }
                None => return Err(self.error(task, name, error).into()),
            }
        }
    }

    fn error(&self, task: Task, name: &str, error: RequestError) -> RegistryError {
        let identity = self.identity.borrow();
        let who = identity.credential.iter().flatten().next().map(Credential::who);
        RegistryError { task, name: name.to_owned(), repository: self.repository.clone(), who, error }
    }
}

/// A request as shown in messages. The query is left out because it may contain a signature.
pub(super) fn request_line(method: &Method, url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    format!("{method} {url}")
}
