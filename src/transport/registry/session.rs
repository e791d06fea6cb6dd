//! A session with a registry, for one of its repositories.
//!
//! A push writes the blobs first, then checks that they can be read, and writes the manifest last. A proxy that reads the
//! tag during a push, or after a push was killed, gets the old image.

use std::time::Duration;

use fs_err::File;
use futures_util::future::{Either, select, try_join_all};
use oci_spec::image::MediaType;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};
use tokio::runtime::Runtime;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::image::{Blob, DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, Descriptor, Manifest};
use crate::interrupt::Interrupted;
use crate::reference::{Reference, Repository, Tag};
use crate::transport::content::BlobContent;
use crate::transport::registry::access::{Access, Scope, Security};
use crate::transport::registry::auth::Challenge;
use crate::transport::registry::client::{Client, Failure, REQUEST_LIMIT, Reply};
use crate::transport::registry::download::{download, has};
use crate::transport::registry::error::{Altered, RequestError, RequestErrorKind, Task};
use crate::transport::registry::patience::Patience;
use crate::transport::registry::upload::upload;
use crate::transport::sink::{Sink, Step, Transfer};
use crate::transport::source::{LARGEST_MANIFEST, Source};

/// A repository in a registry that has accepted our credentials.
pub struct Registry {
    client: Client,
    runtime: Option<Runtime>,
}

/// How often to check for a signal while waiting.
const POLL: Duration = Duration::from_millis(50);

impl Registry {
    /// Opens the registry of `repository`. If it requires a token, the token is for `scope`.
    ///
    /// # Errors
    ///
    /// If there is no registry, or it doesn't accept our credentials.
    pub fn open(
        ctx: &Context,
        repository: &Repository,
        access: &Access,
        security: &Security,
        scope: Scope,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = Client::new(ctx, repository, access, security, scope)?;
        let registry = Registry { client, runtime: Some(runtime) };
        let check = async || {
            let reply = registry.send(ctx, Method::GET, "", "").await?;
            match reply.response.status() {
                StatusCode::OK if !is_page(&reply.response) => Ok(()),
                StatusCode::OK => Err(not_a_registry(reply, "an HTML page").into()),
                // A token for the repository need not be valid here. Whether it is valid shows in the next request.
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if registry.client.has_token() => Ok(()),
                StatusCode::UNAUTHORIZED if Challenge::of(reply.response.headers()).is_none() => {
                    Err(not_a_registry(reply, "401 without a supported way to log in").into())
                }
                _ => Err(registry.client.refused(reply).await.into()),
            }
        };
        registry.run(ctx, Task::Connect, &repository.to_string(), check)?;
        Ok(registry)
    }

    /// Uploads blobs in parallel.
    async fn upload(&self, ctx: &Context, blobs: &[BlobContent]) -> Result<()> {
        if blobs.is_empty() {
            return Ok(());
        }
        let progress = ctx.shell.progress("Pushing", blobs.iter().map(BlobContent::size).sum());
        let name = self.client.repository.as_str();
        let uploads = blobs.iter().map(async |blob| {
            let upload = async || upload(ctx, &self.client, blob, &progress).await;
            self.client.attempt(ctx, Task::Upload, name, blob.size(), upload).await
        });
        try_join_all(uploads).await.map(drop)
    }

    /// The blobs that can't be read, or have another size.
    async fn absent(&self, ctx: &Context, blobs: Vec<Descriptor>) -> Result<Vec<Descriptor>> {
        let checks = blobs.into_iter().map(async |blob| {
            let check = async || has(ctx, &self.client, &blob).await;
            let name = self.client.repository.as_str();
            let has = self.client.attempt(ctx, Task::Read, name, 0, check).await?;
            Ok::<_, Error>((!has).then_some(blob))
        });
        Ok(try_join_all(checks).await?.into_iter().flatten().collect())
    }

    /// Waits until all blobs can be read. Some registries take a moment for that.
    async fn wait_for(&self, ctx: &Context, mut blobs: Vec<Descriptor>) -> Result<()> {
        let mut patience = Patience::new(self.client.access.patience);
        loop {
            blobs = self.absent(ctx, blobs).await?;
            if blobs.is_empty() {
                return Ok(());
            }
            let Some(pause) = patience.pause(None) else { break };
            tokio::time::sleep(pause).await;
        }
        // The error says why. There is none if only the size in the headers was missing or wrong.
        for blob in &blobs {
            self.download(ctx, blob).await?;
        }
        Ok(())
    }

    async fn download(&self, ctx: &Context, blob: &Descriptor) -> Result<File> {
        let download = async || download(ctx, &self.client, blob).await;
        self.client.attempt(ctx, Task::Read, self.client.repository.as_str(), blob.size, download).await
    }

    /// Writes the manifest under a tag and reads it back. All its blobs, which are `blobs`, must have been uploaded
    /// before. If the registry has lost one in the meantime, all are uploaded again.
    async fn tag(&self, ctx: &Context, tag: &Tag, manifest: &Blob, blobs: &[BlobContent]) -> Result<()> {
        let digest = manifest.descriptor.digest;
        let reference = Reference::Tag(tag.clone());
        let name = self.name(&reference);
        let size = blobs.iter().map(BlobContent::size).sum();
        let mut has_lost_blobs = false;
        let put = async || {
            if has_lost_blobs {
                self.upload(ctx, blobs).await.map_err(Failure::Other)?;
            }
            let Err(failure) = self.put(ctx, tag, manifest).await else { return Ok(()) };
            has_lost_blobs = matches!(&failure, Failure::Request(error) if error.needs_blobs());
            // The tag may have been written although the response was lost, and a retry fails if tags are immutable.
            match self.manifest(ctx, &reference).await {
                Ok(Some(found)) if found.descriptor.digest == digest => Ok(()),
                _ => Err(failure),
            }
        };
        let variant = Manifest::read(&manifest.bytes)?.variant();
        self.client.attempt(ctx, Task::Tag(variant), &name, size, put).await?;
        let found = self.read_back(ctx, &reference, digest).await?;
        if found != Some(digest) {
            let repository = self.client.repository.clone();
            return Err(Altered { repository, tag: tag.clone(), pushed: digest, found }.into());
        }
        ctx.shell.status("Verified", format_args!("{}:{tag} is {digest}", self.client.repository));
        Ok(())
    }

    async fn put(&self, ctx: &Context, tag: &Tag, manifest: &Blob) -> Result<(), Failure> {
        let url = self.client.url(&format!("manifests/{tag}"));
        let with = |builder: reqwest::RequestBuilder| {
            let builder = builder.header(CONTENT_TYPE, manifest.descriptor.media_type.to_string());
            builder.body(manifest.bytes.clone()).timeout(REQUEST_LIMIT)
        };
        let reply = self.client.send(ctx, Method::PUT, &url, with).await?;
        if reply.response.status().is_success() {
            Ok(())
        } else {
            Err(self.client.refused(reply).await.into())
        }
    }

    /// The digest of the manifest that a tag names now. Some registries take a moment to return a new manifest.
    async fn read_back(&self, ctx: &Context, tag: &Reference, pushed: Digest) -> Result<Option<Digest>> {
        let name = self.name(tag);
        let read = async || Ok(self.manifest(ctx, tag).await?.map(|found| found.descriptor.digest));
        let mut patience = Patience::new(self.client.access.patience);
        loop {
            let found = self.client.attempt(ctx, Task::Read, &name, 0, read).await?;
            let pause = patience.pause(None).filter(|_| found != Some(pushed));
            let Some(pause) = pause else { return Ok(found) };
            tokio::time::sleep(pause).await;
        }
    }

    async fn manifest(&self, ctx: &Context, reference: &Reference) -> Result<Option<Blob>, Failure> {
        let accept = [
            MediaType::ImageManifest.as_ref(),
            DOCKER_MANIFEST,
            MediaType::ImageIndex.as_ref(),
            DOCKER_MANIFEST_LIST,
        ];
        let reply =
            self.send(ctx, Method::GET, &format!("manifests/{reference}"), &accept.join(", ")).await?;
        match reply.response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.client.refused(reply).await.into()),
        }
        let media_type = content_type(&reply.response).unwrap_or_default().into();
        let request = reply.request.clone();
        let manifest = Blob::new(media_type, self.client.read(reply, LARGEST_MANIFEST as usize).await?);
        let digest = manifest.descriptor.digest;
        match reference {
            Reference::Digest(wanted) if *wanted != digest => {
                let found = format!("a manifest with the digest {digest}");
                Err(RequestError::new(request, RequestErrorKind::NotARegistry(found)).into())
            }
            _ => Ok(Some(manifest)),
        }
    }

    /// Sends a request without a body, for a path below the repository or, if it is empty, for the registry itself.
    async fn send(&self, ctx: &Context, method: Method, below: &str, accept: &str) -> Result<Reply, Failure> {
        let url = if below.is_empty() { self.client.root() } else { self.client.url(below) };
        let with = |builder: reqwest::RequestBuilder| {
            let builder = builder.timeout(REQUEST_LIMIT);
            if accept.is_empty() { builder } else { builder.header(ACCEPT, accept) }
        };
        self.client.send(ctx, method, &url, with).await
    }

    fn name(&self, reference: &Reference) -> String {
        match reference {
            Reference::Tag(tag) => format!("{}:{tag}", self.client.repository),
            Reference::Digest(digest) => format!("{}@{digest}", self.client.repository),
        }
    }

    fn run<T>(
        &self,
        ctx: &Context,
        task: Task,
        name: &str,
        request: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T> {
        self.block(ctx, self.client.attempt(ctx, task, name, 0, request))?
    }

    /// Waits for the network or for an interrupt.
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
        match self.runtime.as_ref().expect("only `drop` takes it").block_on(either) {
            Either::Left((done, _)) => Ok(done),
            Either::Right((interrupted, _)) => Err(interrupted),
        }
    }
}

impl Source for Registry {
    fn resolve(&self, ctx: &Context, reference: &Reference) -> Result<Option<Blob>> {
        self.run(ctx, Task::Read, &self.name(reference), async || self.manifest(ctx, reference).await)
    }

    fn open(&self, ctx: &Context, blob: &Descriptor) -> Result<BlobContent> {
        let file = self.block(ctx, self.download(ctx, blob))??;
        Ok(BlobContent::file(blob, file, 0))
    }
}

impl Sink for Registry {
    fn tagged(&self, ctx: &Context, tag: &Tag) -> Result<Option<Digest>> {
        let found = self.resolve(ctx, &Reference::Tag(tag.clone()))?;
        Ok(found.map(|manifest| manifest.descriptor.digest))
    }

    fn protects_versions(&self) -> bool {
        true
    }

    fn missing(&self, ctx: &Context, blobs: Vec<Descriptor>) -> Result<Vec<Descriptor>> {
        self.block(ctx, self.absent(ctx, blobs))?
    }

    fn announcement(&self, _ctx: &Context, names: &str, missing: usize, blobs: usize) -> (Step, String) {
        (Step::Push, format!("{names} ({missing} of {blobs} blobs)"))
    }

    fn write(&self, ctx: &Context, transfer: &Transfer<'_>) -> Result<()> {
        let open = |blob: &Descriptor| transfer.source.open(ctx, blob);
        let missing = transfer.blobs.iter().map(open).collect::<Result<Vec<_>>>()?;
        let all = Manifest::read(&transfer.manifest.bytes)?;
        let all = all.blobs().map(open).collect::<Result<Vec<_>>>()?;
        let write = async {
            self.upload(ctx, &missing).await?;
            self.wait_for(ctx, transfer.blobs.to_vec()).await?;
            for tag in transfer.tags {
                self.tag(ctx, tag, transfer.manifest, &all).await?;
            }
            Ok(())
        };
        self.block(ctx, write)?
    }
}

impl Drop for Registry {
    /// Doesn't wait for the system's lookup of a host name, which can't be cancelled.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn not_a_registry(reply: Reply, found: &str) -> RequestError {
    RequestError::new(reply.request, RequestErrorKind::NotARegistry(found.to_owned()))
}

/// HTML instead of JSON: a web server, or a login page.
fn is_page(response: &Response) -> bool {
    content_type(response).is_some_and(|kind| kind.starts_with("text/html"))
}

fn content_type(response: &Response) -> Option<&str> {
    response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok())
}
