//! A registry, as the OCI distribution specification has it.
//!
//! A push is blobs first and the manifest last, so whoever reads the tag meanwhile, or after a push that died,
//! finds the image that was there before.

mod auth;
mod client;
mod connection;
mod credentials;
mod error;
mod upload;

use std::time::Duration;

use camino::Utf8PathBuf;
use futures_util::future::{Either, select, try_join_all};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};
use tokio::runtime::Runtime;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::Result;
use crate::image::{Blob, Image, Part, Variant};
use crate::interrupt::Interrupted;
use crate::reference::{Repository, Tag};

use auth::Challenge;
use client::{Client, Failure, PAUSES, REQUEST_LIMIT, Reply};
use error::{Answer, Outcome, Task};

pub use connection::ConnectionError;
pub use credentials::{CredentialError, Login, Secret};
pub use error::{Altered, RegistryError};

/// How to get into a registry.
#[derive(Debug, Clone)]
pub struct Access {
    /// Who we are, where that is not what `docker login` and `podman login` left.
    pub login: Option<Login>,
    /// What is spoken.
    pub protocol: Protocol,
}

/// What is spoken with a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// Plain HTTP with this machine, TLS with every other one.
    Usual,
    /// Plain HTTP.
    Plain,
    /// TLS; the certificates in the file count beside those of the system.
    Tls {
        /// Certificates in PEM.
        cacert: Option<Utf8PathBuf>,
    },
}

/// A repository in a registry that has let us in.
pub struct Registry {
    client: Client,
    runtime: Option<Runtime>,
}

/// What a tag names in a registry: an image, or something else.
#[derive(Debug, Clone)]
pub struct Tagged {
    /// The bytes of the manifest.
    pub manifest: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

/// The specification obliges registries to take manifests of this size, and few take larger ones.
const LARGEST_MANIFEST: usize = 4 << 20;
/// No plugin comes near it.
const LARGEST_LAYER: u64 = 64 << 20;
/// How often it is asked whether a signal came.
const POLL: Duration = Duration::from_millis(50);

const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

impl Registry {
    /// Asks the registry of `repository` to let us in.
    ///
    /// # Errors
    ///
    /// Where there is none, or it does not let us in.
    pub fn open(ctx: &Context, repository: &Repository, access: &Access) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = Client::new(ctx, repository, access)?;
        let registry = Registry { client, runtime: Some(runtime) };
        let greeting = async || {
            let reply = registry.send(ctx, Method::GET, "", "").await?;
            match reply.response.status() {
                StatusCode::OK if !is_page(&reply.response) => Ok(()),
                StatusCode::OK => Err(no_registry(reply, "a page for people").into()),
                StatusCode::UNAUTHORIZED if Challenge::of(reply.response.headers()).is_none() => {
                    Err(no_registry(reply, "401 without a way to log in").into())
                }
                _ => Err(registry.client.refused(reply).await.into()),
            }
        };
        registry.run(ctx, Task::Connect, &repository.to_string(), greeting)?;
        Ok(registry)
    }

    /// What the tag names; nothing, where the registry does not know it.
    ///
    /// # Errors
    ///
    /// Where the registry does not tell.
    pub fn tagged(&self, ctx: &Context, tag: &Tag) -> Result<Option<Tagged>> {
        self.run(ctx, Task::Read, &self.name(tag), async || self.manifest(ctx, tag).await)
    }

    /// The bytes of a blob; nothing, where it is larger than any plugin.
    ///
    /// # Errors
    ///
    /// Where the registry does not give it.
    pub fn blob(&self, ctx: &Context, part: &Part) -> Result<Option<Vec<u8>>> {
        if part.size > LARGEST_LAYER {
            return Ok(None);
        }
        let blob = format!("blobs/{}", part.digest);
        self.run(ctx, Task::Read, self.client.repository.as_str(), async || {
            let reply = self.send(ctx, Method::GET, &blob, "").await?;
            match reply.response.status() {
                StatusCode::OK => Ok(Some(self.client.read(reply, LARGEST_LAYER as usize).await?)),
                _ => Err(self.client.refused(reply).await.into()),
            }
        })
    }

    /// The blobs of the image that the registry has not yet.
    ///
    /// # Errors
    ///
    /// Where the registry cannot be asked.
    pub fn missing<'i>(&self, ctx: &Context, image: &'i Image) -> Result<Vec<&'i Blob>> {
        let asked = image.blobs().map(async |blob| {
            let place = format!("blobs/{}", blob.digest);
            let asked = async || {
                let reply = self.send(ctx, Method::HEAD, &place, "").await?;
                match reply.response.status() {
                    StatusCode::OK => Ok(None),
                    // Whoever may not ask may still upload; if not, that answer tells why.
                    status if status.is_client_error() => Ok(Some(blob)),
                    _ => Err(self.client.refused(reply).await.into()),
                }
            };
            self.client.attempt(ctx, Task::Read, self.client.repository.as_str(), asked).await
        });
        let missing = self.block(ctx, try_join_all(asked))??;
        Ok(missing.into_iter().flatten().collect())
    }

    /// Uploads blobs, side by side.
    ///
    /// # Errors
    ///
    /// Where the registry does not take one of them.
    pub fn upload(&self, ctx: &Context, blobs: &[&Blob]) -> Result<()> {
        let size = blobs.iter().map(|blob| blob.bytes.len()).sum();
        let progress = ctx.shell.progress("Pushing", size);
        let uploads = blobs.iter().map(async |blob| {
            let upload = async || upload::upload(ctx, &self.client, blob, &progress).await;
            self.client.attempt(ctx, Task::Upload, self.client.repository.as_str(), upload).await
        });
        self.block(ctx, try_join_all(uploads))??;
        Ok(())
    }

    /// Has the tag name the image, whose blobs are all there, and reads it back.
    ///
    /// # Errors
    ///
    /// Where the registry does not take the manifest, or gives back another one.
    pub fn tag(&self, ctx: &Context, tag: &Tag, image: &Image, variant: Variant) -> Result<()> {
        self.run(ctx, Task::Tag(variant), &self.name(tag), async || {
            let Err(failure) = self.put(ctx, tag, &image.manifest).await else { return Ok(()) };
            // What was done and not told may not be done twice: a tag can be one that does not change.
            match self.manifest(ctx, tag).await {
                Ok(Some(found)) if found.digest == image.digest() => Ok(()),
                _ => Err(failure),
            }
        })?;
        let found = self.block(ctx, self.read_back(ctx, tag, image.digest()))??;
        if found == Some(image.digest()) {
            return Ok(());
        }
        let repository = self.client.repository.clone();
        Err(Altered { repository, tag: tag.clone(), pushed: image.digest(), found }.into())
    }

    async fn put(&self, ctx: &Context, tag: &Tag, manifest: &Blob) -> Result<(), Failure> {
        let url = self.client.url(&format!("manifests/{tag}"));
        let with = |builder: reqwest::RequestBuilder| {
            let builder = builder.header(CONTENT_TYPE, manifest.media_type.to_string());
            builder.body(manifest.bytes.clone()).timeout(REQUEST_LIMIT)
        };
        let reply = self.client.send(ctx, Method::PUT, &url, with).await?;
        if reply.response.status().is_success() {
            Ok(())
        } else {
            Err(self.client.refused(reply).await.into())
        }
    }

    /// What the tag names now. Some registries take a moment until what was written can be read.
    async fn read_back(&self, ctx: &Context, tag: &Tag, pushed: Digest) -> Result<Option<Digest>> {
        let name = self.name(tag);
        let read = async || Ok(self.manifest(ctx, tag).await?.map(|found| found.digest));
        let mut found = self.client.attempt(ctx, Task::Read, &name, read).await?;
        for pause in PAUSES {
            if found == Some(pushed) {
                break;
            }
            tokio::time::sleep(pause).await;
            found = self.client.attempt(ctx, Task::Read, &name, read).await?;
        }
        Ok(found)
    }

    async fn manifest(&self, ctx: &Context, tag: &Tag) -> Result<Option<Tagged>, Failure> {
        let reply = self.send(ctx, Method::GET, &format!("manifests/{tag}"), MANIFESTS).await?;
        match reply.response.status() {
            StatusCode::OK => {
                let manifest = self.client.read(reply, LARGEST_MANIFEST).await?;
                Ok(Some(Tagged { digest: Digest::of(&manifest), manifest }))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.client.refused(reply).await.into()),
        }
    }

    /// A request without a body for what is `below` the repository, or for the registry itself.
    async fn send(&self, ctx: &Context, method: Method, below: &str, accept: &str) -> Result<Reply, Failure> {
        let url = if below.is_empty() { self.client.root() } else { self.client.url(below) };
        let with = |builder: reqwest::RequestBuilder| {
            let builder = builder.timeout(REQUEST_LIMIT);
            if accept.is_empty() { builder } else { builder.header(ACCEPT, accept) }
        };
        self.client.send(ctx, method, &url, with).await
    }

    fn name(&self, tag: &Tag) -> String {
        format!("{}:{tag}", self.client.repository)
    }

    fn run<T>(
        &self,
        ctx: &Context,
        task: Task,
        name: &str,
        request: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T> {
        self.block(ctx, self.client.attempt(ctx, task, name, request))?
    }

    /// Waits for what goes over the network, and for a signal to stop.
    fn block<T>(&self, ctx: &Context, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        let interrupted = async {
            loop {
                if let Err(interrupted) = ctx.interrupt.check() {
                    return interrupted;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        let either = async { select(Box::pin(work), Box::pin(interrupted)).await };
        match self.runtime.as_ref().expect("it is taken when this value goes").block_on(either) {
            Either::Left((done, _)) => Ok(done),
            Either::Right((interrupted, _)) => Err(interrupted),
        }
    }
}

impl Drop for Registry {
    /// The system's lookup of a name cannot be ended, and nobody waits for it any more.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn no_registry(reply: Reply, told: &str) -> Answer {
    Answer::new(reply.request, Outcome::NoRegistry(told.to_owned()))
}

/// An answer of HTML where JSON belongs: a web server, or a page that asks people to log in.
fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}
