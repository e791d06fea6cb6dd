//! Requests to a registry: told who we are where it asks, tried again where that may help, and read no further
//! than they should be.

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
use crate::transport::registry::error::{Answer, Outcome, RegistryError, Secrets, Task};

/// How long any request but an upload may take.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// How long the bytes of a blob may stand still.
pub(super) const STALL_LIMIT: Duration = Duration::from_secs(60);
/// How much of an answer is read that is to tell what is wrong.
const LARGEST_COMPLAINT: usize = 64 << 10;
const LARGEST_TOKEN: usize = 1 << 20;
/// How long to wait before each further attempt.
pub(super) const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// What speaks with the registry of one repository.
pub(super) struct Client {
    http: reqwest::Client,
    /// `https://quay.io/`
    base: Url,
    pub(super) repository: Repository,
    access: Access,
    scope: Scope,
    identity: RefCell<Identity>,
}

/// What the registry was told of us so far.
#[derive(Default)]
struct Identity {
    /// Looked for at the first time that the registry asks.
    credential: Option<Option<Credential>>,
    authorization: Option<HeaderValue>,
    secrets: Secrets,
}

/// Why a request did not do what it should.
pub(super) enum Failure {
    /// The registry's answer, or that there was none.
    Answer(Answer),
    /// Something on this side.
    Error(Error),
}

impl From<Answer> for Failure {
    fn from(answer: Answer) -> Self {
        Failure::Answer(answer)
    }
}

/// A response, and the request as it is told.
pub(super) struct Reply {
    pub(super) request: String,
    pub(super) response: Response,
}

impl Client {
    pub(super) fn new(ctx: &Context, repository: &Repository, access: &Access, scope: Scope) -> Result<Self> {
        let (registry, _) = repository.parts();
        // Docker Hub's registry is not where its name leads.
        let host = if registry == "docker.io" { "index.docker.io" } else { registry };
        let base = format!("{}://{host}/", connection::scheme(host, &access.protocol));
        let mut identity = Identity::default();
        if let Some(login) = &access.login {
            identity.secrets.add(login.password.reveal());
        }
        Ok(Client {
            http: connection::client(ctx, host, &access.protocol)?,
            base: Url::parse(&base).expect("a registry is a host with a port or without"),
            repository: repository.clone(),
            access: access.clone(),
            scope,
            identity: RefCell::new(identity),
        })
    }

    /// The url of a path below that of the repository.
    pub(super) fn url(&self, below: &str) -> Url {
        let (_, path) = self.repository.parts();
        self.join(&format!("/v2/{path}/{below}"))
            .expect("a repository and a digest or a tag are the path of a url")
    }

    /// The url of the registry itself.
    pub(super) fn root(&self) -> Url {
        self.join("/v2/").expect("it is the path of a url")
    }

    /// A url that the registry names, whole or in part.
    pub(super) fn join(&self, reference: &str) -> Option<Url> {
        self.base.join(reference).ok()
    }

    /// Sends a request. Where the registry asks who we are, it is told, and gets the request once more: a token
    /// also expires in the middle of a push.
    pub(super) async fn send(
        &self,
        ctx: &Context,
        method: Method,
        url: &Url,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Reply, Failure> {
        let request = shown(&method, url);
        let mut was_told = false;
        loop {
            let mut builder = with(self.http.request(method.clone(), url.clone()));
            // A registry may send an upload to another host, which is nobody to be told who we are.
            if self.is_registry(url)
                && let Some(authorization) = &self.identity.borrow().authorization
            {
                builder = builder.header(AUTHORIZATION, authorization.clone());
            }
            let response = builder.send().await.map_err(|error| self.unanswered(&request, error))?;
            ctx.shell.verbose("Asked", format_args!("`{request}`: {}", response.status()));
            let asks = response.status() == StatusCode::UNAUTHORIZED && self.is_registry(response.url());
            if !asks || was_told || !self.introduce(ctx, &response).await? {
                return Ok(Reply { request, response });
            }
            was_told = true;
        }
    }

    fn is_registry(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Does what the registry asks for to know who we are; `false` where there is nothing to tell it.
    async fn introduce(&self, ctx: &Context, response: &Response) -> Result<bool, Failure> {
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
        // A token that is no header's value is none.
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
                Answer::new(shown(&Method::GET, &self.root()), Outcome::NotSent(error.to_string()))
            })?;
        let request = request.timeout(REQUEST_LIMIT).build();
        let request = request.map_err(|error| self.unanswered("the request for a token", error))?;
        let told = shown(request.method(), request.url());
        let response = self.http.execute(request).await.map_err(|error| self.unanswered(&told, error))?;
        let reply = Reply { request: told.clone(), response };
        if reply.response.status() != StatusCode::OK {
            return Err(self.refused(reply).await.into());
        }
        let body = self.read(reply, LARGEST_TOKEN).await?;
        let none = || Answer::new(told, Outcome::NoRegistry("no token".to_owned()));
        Ok(auth::token(&body).ok_or_else(none)?)
    }

    /// Who we are; what is in a file is looked for once, and only where somebody asks.
    fn credential(&self, ctx: &Context) -> Result<Option<Credential>, Failure> {
        if let Some(credential) = &self.identity.borrow().credential {
            return Ok(credential.clone());
        }
        let credential = match &self.access.login {
            Some(login) => Some(Credential::given(login.clone())),
            None => credentials::find(ctx, &self.repository).map_err(Failure::Error)?,
        };
        if let Some(credential) = &credential {
            ctx.shell.verbose("Login", credential.who());
        }
        let mut identity = self.identity.borrow_mut();
        credential.iter().flat_map(Credential::secrets).for_each(|secret| identity.secrets.add(&secret));
        identity.credential = Some(credential.clone());
        Ok(credential)
    }

    /// The body of a reply that has no more bytes than `limit`.
    pub(super) async fn read(&self, reply: Reply, limit: usize) -> Result<Vec<u8>, Answer> {
        let Reply { request, mut response } = reply;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unanswered(&request, error))? {
            if body.len() + chunk.len() > limit {
                let told = format!("more than {limit} bytes");
                return Err(Answer::new(request, Outcome::NoRegistry(told)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What a status that was not expected, and the body with it, come to.
    pub(super) async fn refused(&self, reply: Reply) -> Answer {
        let Reply { request, mut response } = reply;
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_COMPLAINT {
                break;
            }
        }
        let body = String::from_utf8_lossy(&body);
        let said = self.identity.borrow().secrets.said(&body);
        let code = response.status().as_u16();
        let retry_after = retry_after.map(Duration::from_secs);
        Answer::new(request, Outcome::Status { code, said, retry_after })
    }

    pub(super) fn unanswered(&self, request: &str, error: reqwest::Error) -> Answer {
        Answer::of_client(request.to_owned(), error, &self.identity.borrow().secrets)
    }

    /// Makes a request, and makes it again where that may help.
    pub(super) async fn attempt<T>(
        &self,
        ctx: &Context,
        task: Task,
        name: &str,
        mut request: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T> {
        let mut pauses = PAUSES.iter();
        loop {
            let answer = match request().await {
                Ok(done) => return Ok(done),
                Err(Failure::Error(error)) => return Err(error),
                Err(Failure::Answer(answer)) => answer,
            };
            match pauses.next().and_then(|pause| answer.may_pass_after(*pause)) {
                Some(pause) => {
                    ctx.shell.status("Retrying", &answer);
                    tokio::time::sleep(pause).await;
                }
                None => return Err(self.error(task, name, answer).into()),
            }
        }
    }

    fn error(&self, task: Task, name: &str, answer: Answer) -> RegistryError {
        let identity = self.identity.borrow();
        let who = identity.credential.iter().flatten().next().map(Credential::who);
        RegistryError { task, name: name.to_owned(), repository: self.repository.clone(), who, answer }
    }
}

/// A request as it is told. In a query there may be a signature.
pub(super) fn shown(method: &Method, url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    format!("{method} {url}")
}
