//! Requests to a registry: authenticated if the registry requires it, redirected if that is safe, retried if that may
//! help, and with a limit on the time and the size of each response.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::lock::Mutex;
use reqwest::header::{AUTHORIZATION, HeaderValue, LOCATION, WARNING};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use tokio::time::{Instant, timeout, timeout_at};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::reference::Repository;
use crate::transport::registry::access::{Access, Scope, Security};
use crate::transport::registry::auth::{self, Challenge, TokenRequest};
use crate::transport::registry::connection::{Connection, is_local};
use crate::transport::registry::credential::{Credential, Proof};
use crate::transport::registry::credentials;
use crate::transport::registry::error::{
    Elsewhere, NetworkFault, RegistryError, RequestError, RequestErrorKind, Task,
};
use crate::transport::registry::message;
use crate::transport::registry::patience::{Patience, retry_after};
use crate::transport::registry::secrets::Secrets;

/// How long a request with little data may take.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// How long a transfer may go without progress.
pub(super) const STALL_LIMIT: Duration = Duration::from_secs(60);
/// How long a request may take with its retries and the bodies of all responses.
const ATTEMPTS_LIMIT: Duration = Duration::from_secs(180);
/// A transfer that takes longer than that must be at least this fast, in bytes per second.
pub(super) const SLOWEST_TRANSFER: u64 = 64 << 10;
/// How much of an error response is read, and for how long.
const LARGEST_ERROR: usize = 64 << 10;
const ERROR_LIMIT: Duration = Duration::from_secs(10);
const LARGEST_TOKEN: usize = 1 << 20;
const MOST_REDIRECTS: usize = 10;

/// An HTTP client for one repository.
pub(super) struct Client {
    http: reqwest::Client,
    /// `https://quay.io/`
    base: Url,
    pub(super) repository: Repository,
    pub(super) access: Access,
    scope: Scope,
    identity: RefCell<Identity>,
    /// Parallel requests that are refused must not all log in.
    login: Mutex<()>,
    secrets: RefCell<Secrets>,
    /// The warnings of the registry that were shown.
    warnings: RefCell<BTreeSet<String>>,
}

/// How we have authenticated so far.
#[derive(Default)]
struct Identity {
    /// `None` until the registry requires authentication for the first time.
    credential: Option<Option<Credential>>,
    authorization: Option<HeaderValue>,
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
    pub(super) fn new(
        ctx: &Context,
        repository: &Repository,
        access: &Access,
        security: &Security,
        scope: Scope,
    ) -> Result<Self> {
        let (registry, _) = repository.parts();
        let Connection { http, base } = Connection::to(ctx, registry, access, security)?;
        let mut secrets = Secrets::default();
        if let Some(login) = &access.login {
            login.secrets().iter().for_each(|secret| secrets.add(secret));
        }
        Ok(Client {
            http,
            base,
            repository: repository.clone(),
            access: access.clone(),
            scope,
            identity: RefCell::default(),
            login: Mutex::default(),
            secrets: RefCell::new(secrets),
            warnings: RefCell::default(),
        })
    }

    /// The URL of a path below the repository.
    pub(super) fn url(&self, below: &str) -> Url {
        let (_, path) = self.repository.parts();
        self.join(&format!("/v2/{path}/{below}"))
    }

    /// The URL of the registry itself.
    pub(super) fn root(&self) -> Url {
        self.join("/v2/")
    }

    fn join(&self, path: &str) -> Url {
        self.base.join(path).expect("a repository with a digest or a tag is a valid path")
    }

    /// Sends a request, and follows redirects. If the registry requires authentication, authenticates and sends it once
    /// more. This can happen at any time, because a token may expire in the middle of a push.
    pub(super) async fn send(
        &self,
        ctx: &Context,
        method: Method,
        url: &Url,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Reply, Failure> {
        let mut url = url.clone();
        let mut was_authenticated = false;
        let mut redirects = 0;
        loop {
            // A registry may redirect to another host, which must not see our credentials.
            let sent = match self.is_registry(&url) {
                true => self.identity.borrow().authorization.clone(),
                false => None,
            };
            let builder = with(self.http.request(method.clone(), url.clone()));
            let builder =
                sent.iter().fold(builder, |builder, sent| builder.header(AUTHORIZATION, sent.clone()));
            let reply = self.execute(ctx, self.request_line(&method, &url), builder).await?;
            let asks = reply.response.status() == StatusCode::UNAUTHORIZED && self.is_registry(&url);
            if asks && !was_authenticated && self.authenticate(ctx, &reply.response, sent.as_ref()).await? {
                was_authenticated = true;
                continue;
            }
            let Some(target) = redirection(&method, &reply.response) else { return Ok(reply) };
            redirects += 1;
            let elsewhere = |elsewhere| RequestErrorKind::Elsewhere(elsewhere);
            url = match redirects > MOST_REDIRECTS {
                true => Err(Elsewhere::Loop(MOST_REDIRECTS)),
                false => self.permitted(target),
            }
            .map_err(|error| RequestError::new(reply.request, elsewhere(error)))?;
        }
    }

    async fn execute(
        &self,
        ctx: &Context,
        request: String,
        builder: RequestBuilder,
    ) -> Result<Reply, RequestError> {
        let response = builder.send().await.map_err(|error| self.unanswered(&request, error))?;
        ctx.shell.verbose("Requested", format_args!("`{request}`: {}", response.status()));
        for header in response.headers().get_all(WARNING) {
            let text = message::of_warning(&String::from_utf8_lossy(header.as_bytes()))
                .map(|text| message::cleaned(text, &self.secrets.borrow()));
            if let Some(text) = text.filter(|text| self.warnings.borrow_mut().insert(text.clone())) {
                ctx.shell.warn(format_args!("the registry warns: {text}"));
            }
        }
        Ok(Reply { request, response })
    }

    fn is_registry(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// A URL from the registry, if we may send a request there.
    pub(super) fn permitted(&self, url: Url) -> Result<Url, Elsewhere> {
        if self.base.scheme() == "https" && url.scheme() != "https" {
            return Err(Elsewhere::Plain(self.shown(&url)));
        }
        let is_same_host = url.host() == self.base.host();
        if is_local(&url) && !is_same_host && !is_local(&self.base) {
            return Err(Elsewhere::Local(self.shown(&url)));
        }
        Ok(url)
    }

    /// Authenticates as the challenge requires. `sent` is what the refused request was authenticated with. Returns
    /// `false` if there is nothing new to send.
    async fn authenticate(
        &self,
        ctx: &Context,
        response: &Response,
        sent: Option<&HeaderValue>,
    ) -> Result<bool, Failure> {
        let Some(challenge) = Challenge::of(response.headers()) else { return Ok(false) };
        let _turn = self.login.lock().await;
        // A parallel request may have authenticated in the meantime.
        if self.identity.borrow().authorization.as_ref() != sent {
            return Ok(true);
        }
        let credential = self.credential(ctx)?;
        let proof = credential.as_ref().map(|credential| &credential.proof);
        let authorization = match (challenge, proof) {
            (_, Some(Proof::RegistryToken(token))) => format!("Bearer {}", token.reveal()),
            (Challenge::Bearer { realm, service }, proof) => {
                let token = self.token(ctx, &realm, service.as_deref(), proof).await?;
                let header = format!("Bearer {token}");
                self.secrets.borrow_mut().add(&token);
                header
            }
            (Challenge::Basic, Some(Proof::Password(login))) => format!("Basic {}", login.basic()),
            (Challenge::Basic, _) => return Ok(false),
        };
        // A token that is not a valid header value is useless.
        let Ok(mut authorization) = HeaderValue::try_from(authorization) else { return Ok(false) };
        authorization.set_sensitive(true);
        let is_new = sent != Some(&authorization);
        self.identity.borrow_mut().authorization = Some(authorization);
        Ok(is_new)
    }

    /// Whether we have a token. It is for the repository, so it need not be valid for other paths.
    pub(super) fn has_token(&self) -> bool {
        let identity = self.identity.borrow();
        let authorization = identity.authorization.as_ref().map(HeaderValue::as_bytes);
        authorization.is_some_and(|header| header.starts_with(b"Bearer "))
    }

    async fn token(
        &self,
        ctx: &Context,
        realm: &str,
        service: Option<&str>,
        proof: Option<&Proof>,
    ) -> Result<String, Failure> {
        let (_, path) = self.repository.parts();
        let scope = format!("repository:{path}:{}", self.scope.actions());
        let failed = |kind| RequestError::new(self.request_line(&Method::GET, &self.root()), kind);
        let wanted = TokenRequest { scope: &scope, service, proof };
        let url = wanted.url(realm).map_err(|error| failed(RequestErrorKind::NotSent(error.to_string())))?;
        let mut url = self.permitted(url).map_err(|error| failed(RequestErrorKind::Elsewhere(error)))?;
        let method = wanted.method();
        let mut redirects = 0;
        let reply = loop {
            let builder = wanted.to(&self.http, url.clone()).timeout(REQUEST_LIMIT);
            let reply = self.execute(ctx, self.request_line(&method, &url), builder).await?;
            let Some(target) = redirection(&method, &reply.response) else { break reply };
            redirects += 1;
            // The request contains the credentials, so it is sent to no other server.
            let is_same = target.origin() == url.origin() || is_upgrade(&url, &target);
            let elsewhere = match is_same {
                _ if redirects > MOST_REDIRECTS => Some(Elsewhere::Loop(MOST_REDIRECTS)),
                false if proof.is_some() => Some(Elsewhere::Foreign(self.shown(&target))),
                _ => None,
            };
            let target = elsewhere.map_or_else(|| self.permitted(target), Err);
            url = target
                .map_err(|error| RequestError::new(reply.request, RequestErrorKind::Elsewhere(error)))?;
        };
        if reply.response.status() != StatusCode::OK {
            return Err(self.refused(reply).await.into());
        }
        let shown = reply.request.clone();
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
            Some(login) => Some(login.clone()),
            None => credentials::find(ctx, &self.repository).map_err(Failure::Other)?,
        };
        if let Some(credential) = &credential {
            ctx.shell.verbose("Logging in", credential.as_whom());
            credential.secrets().iter().for_each(|secret| self.secrets.borrow_mut().add(secret));
        }
        self.identity.borrow_mut().credential = Some(credential.clone());
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

    /// The error for an unexpected status. The message is in the body, which need not end.
    pub(super) async fn refused(&self, reply: Reply) -> RequestError {
        let Reply { request, mut response } = reply;
        let retry_after = retry_after(response.headers());
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                body.extend_from_slice(&chunk);
                if body.len() > LARGEST_ERROR {
                    break;
                }
            }
        };
        // What has arrived until then is shown.
        let _ = timeout(ERROR_LIMIT, read).await;
        let message = message::of_body(&String::from_utf8_lossy(&body), &self.secrets.borrow());
        let code = response.status().as_u16();
        RequestError::new(request, RequestErrorKind::Status { code, message, retry_after })
    }

    /// The error for a request that got no response.
    pub(super) fn unanswered(&self, request: &str, error: reqwest::Error) -> RequestError {
        RequestError::of_client(request.to_owned(), error, &self.secrets.borrow())
    }

    /// Makes a request, and retries it if that may help. `size` is the number of bytes that it transfers.
    pub(super) async fn attempt<T>(
        &self,
        ctx: &Context,
        task: Task,
        name: &str,
        size: u64,
        mut request: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T> {
        let limit = ATTEMPTS_LIMIT.max(Duration::from_secs(size / SLOWEST_TRANSFER));
        let deadline = Instant::now() + limit;
        let mut patience = Patience::new(self.access.patience);
        let mut last = None;
        loop {
            let error = match timeout_at(deadline, request()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(Failure::Other(error))) => return Err(error),
                Ok(Err(Failure::Request(error))) => error,
                Err(_) => {
                    let error = last.unwrap_or_else(|| self.out_of_time(task, limit));
                    return Err(self.error(task, name, error).into());
                }
            };
            let pause = error.is_temporary().then(|| patience.pause(error.retry_after())).flatten();
            match pause.filter(|pause| Instant::now() + *pause < deadline) {
                Some(pause) => {
                    ctx.shell.status("Retrying", &error);
                    tokio::time::sleep(pause).await;
                    last = Some(error);
                }
                None => return Err(self.error(task, name, error).into()),
            }
        }
    }

    fn out_of_time(&self, task: Task, limit: Duration) -> RequestError {
        let method = if matches!(task, Task::Connect | Task::Read) { Method::GET } else { Method::PUT };
        let reason = format!("it took longer than {} seconds", limit.as_secs());
        let kind = RequestErrorKind::NoResponse { fault: NetworkFault::TimedOut, reason };
        RequestError::new(self.request_line(&method, &self.url("")), kind)
    }

    fn error(&self, task: Task, name: &str, error: RequestError) -> RegistryError {
        let identity = self.identity.borrow();
        let who = identity.credential.iter().flatten().next().map(Credential::who);
        RegistryError { task, name: name.to_owned(), repository: self.repository.clone(), who, error }
    }

    /// A request as shown in messages.
    pub(super) fn request_line(&self, method: &Method, url: &Url) -> String {
        format!("{method} {}", self.shown(url))
    }

    /// A URL as shown in messages. The query is left out because it may contain a signature.
    fn shown(&self, url: &Url) -> String {
        let mut url = url.clone();
        url.set_query(None);
        url.set_fragment(None);
        let _ = url.set_username("");
        let _ = url.set_password(None);
        self.secrets.borrow().redact(url.as_str())
    }
}

/// The target of a redirect. The method stays the same, so a body is sent again.
fn redirection(method: &Method, response: &Response) -> Option<Url> {
    let is_redirect = match response.status().as_u16() {
        301 | 302 | 307 | 308 => true,
        303 => *method == Method::GET || *method == Method::HEAD,
        _ => false,
    };
    let location = response.headers().get(LOCATION).filter(|_| is_redirect)?.to_str().ok()?;
    response.url().join(location).ok()
}

/// Whether a redirect leads to the same server with TLS.
fn is_upgrade(from: &Url, to: &Url) -> bool {
    let schemes = (from.scheme(), to.scheme()) == ("http", "https");
    schemes && from.host() == to.host() && from.port().is_none() && to.port().is_none()
}
