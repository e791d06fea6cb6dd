//! A registry, as the OCI distribution specification has it.
//!
//! A push is blobs first and the manifest last, so whoever reads the tag meanwhile, or after a push that died,
//! finds the image that was there before.

mod auth;
mod connection;
mod credentials;
mod error;

use std::time::Duration;

use futures_util::future::{Either, select, try_join_all};
use futures_util::stream;
use oci_client::secrets::RegistryAuth;
use oci_client::token_cache::RegistryTokenType;
use oci_client::{Reference, RegistryOperation};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderValue};
use tokio::runtime::Runtime;

use crate::context::Context;
use crate::digest::Digest;
use crate::error::Result;
use crate::image::{Blob, Image, Part, Variant};
use crate::process::Interrupted;
use crate::reference::{Repository, Tag};
use crate::shell::Progress;

use connection::Connection;
use credentials::Credential;
use error::{Answer, Outcome, Task};

pub use connection::{ConnectionError, Protocol};
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

/// A repository in a registry that has let us in.
pub struct Registry {
    repository: Repository,
    connection: Connection,
    /// What names the repository to oci-client.
    reference: Reference,
    auth: RegistryAuth,
    /// Who we said that we are, for the errors.
    who: Option<String>,
    secrets: Vec<String>,
    runtime: Runtime,
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
/// What is sent at a time, and how often the bar moves.
const CHUNK: usize = 64 << 10;
/// How long to wait before each further attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
const POLL: Duration = Duration::from_millis(50);

const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

impl Registry {
    /// Asks the registry of `repository` to let us in, for reading and writing.
    ///
    /// # Errors
    ///
    /// Where there is none, or it does not let us in.
    pub fn open(ctx: &Context, repository: &Repository, access: &Access) -> Result<Self> {
        let credential = match &access.login {
            Some(login) => Some(Credential::given(login.clone())),
            None => credentials::find(ctx, repository)?,
        };
        let (registry, path) = repository.parts();
        let reference = Reference::with_tag(registry.to_owned(), path.to_owned(), String::new());
        let connection = Connection::prepare(ctx, reference.resolve_registry(), &access.protocol)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut registry = Registry {
            repository: repository.clone(),
            connection,
            reference,
            auth: RegistryAuth::Anonymous,
            who: credential.as_ref().map(Credential::who),
            secrets: credential.iter().flat_map(Credential::secrets).collect(),
            runtime,
        };
        registry.auth = registry.run(ctx, Task::Connect, repository.to_string(), async || {
            let Connection { http, base, .. } = &registry.connection;
            auth::authorize(http, base, path, credential.as_ref()).await
        })?;
        registry.runtime.block_on(registry.tell_oci_client());
        Ok(registry)
    }

    /// oci-client would ask again how to log in, and not tell where that fails.
    async fn tell_oci_client(&self) {
        let client = &self.connection.oci;
        if let RegistryAuth::Basic(name, password) = &self.auth {
            for operation in [RegistryOperation::Pull, RegistryOperation::Push] {
                let token = RegistryTokenType::Basic(name.clone(), password.clone());
                client.tokens.insert(&self.reference, operation, token).await;
            }
        }
        // For one that is not known it asks nobody.
        if !matches!(self.auth, RegistryAuth::Anonymous) {
            client.store_auth_if_needed(self.reference.resolve_registry(), &self.auth).await;
        }
    }

    /// What the tag names; nothing, where the registry does not know it.
    ///
    /// # Errors
    ///
    /// Where the registry does not tell.
    pub fn tagged(&self, ctx: &Context, tag: &Tag) -> Result<Option<Tagged>> {
        let url = self.url(&format!("manifests/{tag}"));
        self.run(ctx, Task::Read, format!("{}:{tag}", self.repository), async || {
            let request = format!("GET {url}");
            let failed = |error| Answer::of_client(request.clone(), error);
            let builder = self.connection.http.get(&url).header(ACCEPT, MANIFESTS);
            let builder = match &self.auth {
                RegistryAuth::Anonymous => builder,
                RegistryAuth::Basic(name, password) => builder.basic_auth(name, Some(password)),
                RegistryAuth::Bearer(token) => builder.bearer_auth(token),
            };
            let mut response = builder.send().await.map_err(failed)?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(None),
                _ => return Err(Answer::of_response(request, response).await),
            }
            let mut manifest = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                manifest.extend_from_slice(&chunk);
                if manifest.len() > LARGEST_MANIFEST {
                    let told = "a manifest of more than 4 MiB".to_owned();
                    return Err(Answer::new(request, Outcome::NoRegistry(told)));
                }
            }
            Ok(Some(Tagged { digest: Digest::of(&manifest), manifest }))
        })
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
        let digest = part.digest.to_string();
        let request = format!("GET {}", self.url(&format!("blobs/{digest}")));
        self.run(ctx, Task::Read, self.repository.to_string(), async || {
            let mut bytes = Vec::new();
            let pulled = self.connection.oci.pull_blob(&self.reference, digest.as_str(), &mut bytes).await;
            pulled.map_err(|error| Answer::of(request.clone(), error))?;
            Ok(Some(bytes))
        })
    }

    /// The blobs of the image that the registry has not yet.
    ///
    /// # Errors
    ///
    /// Where the registry cannot be asked.
    pub fn missing<'i>(&self, ctx: &Context, image: &'i Image) -> Result<Vec<&'i Blob>> {
        let blobs: Vec<&Blob> = image.blobs().collect();
        let found = self.run(ctx, Task::Read, self.repository.to_string(), async || {
            let asked = blobs.iter().map(async |blob| {
                let digest = blob.digest.to_string();
                match self.connection.oci.blob_exists(&self.reference, &digest).await {
                    Ok(found) => Ok(found),
                    Err(error) => {
                        let request = format!("HEAD {}", self.url(&format!("blobs/{digest}")));
                        match Answer::of(request, error) {
                            // Whoever may not ask may still upload; if not, that answer tells why.
                            Answer { outcome: Outcome::Status { .. }, .. } => Ok(false),
                            answer => Err(answer),
                        }
                    }
                }
            });
            try_join_all(asked).await
        })?;
        Ok(blobs.into_iter().zip(found).filter(|(_, found)| !found).map(|(blob, _)| blob).collect())
    }

    /// Uploads blobs, side by side.
    ///
    /// # Errors
    ///
    /// Where the registry does not take one of them.
    pub fn upload(&self, ctx: &Context, blobs: &[&Blob]) -> Result<()> {
        let size = blobs.iter().map(|blob| blob.bytes.len()).sum();
        let progress = ctx.shell.progress("Pushing", size);
        let uploads = blobs.iter().map(|blob| self.upload_one(ctx, blob, &progress));
        self.block(ctx, try_join_all(uploads))??;
        Ok(())
    }

    async fn upload_one(&self, ctx: &Context, blob: &Blob, progress: &Progress) -> Result<(), RegistryError> {
        let digest = blob.digest.to_string();
        let size = blob.bytes.len();
        let request = format!("POST {}", self.url("blobs/uploads/"));
        let mut attempts = 0;
        self.attempt(ctx, Task::Upload, self.repository.to_string(), None, async || {
            attempts += 1;
            if attempts > 1 {
                progress.expect(size);
            }
            let sent = progress.counter();
            let chunks: Vec<Vec<u8>> = blob.bytes.chunks(CHUNK).map(<[u8]>::to_vec).collect();
            let chunks = stream::iter(chunks.into_iter().map(move |chunk| {
                sent(chunk.len());
                Ok(chunk.into())
            }));
            let client = &self.connection.oci;
            let pushed = client.push_blob_stream(&self.reference, chunks, &digest, Some(size as u64)).await;
            pushed.map(drop).map_err(|error| Answer::of(request.clone(), error))
        })
        .await
    }

    /// Has the tag name the image, whose blobs are all there, and reads it back.
    ///
    /// # Errors
    ///
    /// Where the registry does not take the manifest, or gives back another one.
    pub fn tag(&self, ctx: &Context, tag: &Tag, image: &Image, variant: Variant) -> Result<()> {
        let (registry, path) = self.repository.parts();
        let reference = Reference::with_tag(registry.to_owned(), path.to_owned(), tag.to_string());
        let request = format!("PUT {}", self.url(&format!("manifests/{tag}")));
        let name = format!("{}:{tag}", self.repository);
        let written = self.attempt(ctx, Task::Tag, name, Some(variant), async || {
            let Blob { media_type, bytes, .. } = &image.manifest;
            let kind =
                HeaderValue::try_from(media_type.to_string()).expect("a media type is a header's value");
            let pushed = self.connection.oci.push_manifest_raw(&reference, bytes.clone(), kind).await;
            pushed.map(drop).map_err(|error| Answer::of(request.clone(), error))
        });
        self.block(ctx, written)??;
        let found = self.tagged(ctx, tag)?.map(|found| found.digest);
        if found == Some(image.digest()) {
            return Ok(());
        }
        Err(Altered { repository: self.repository.clone(), tag: tag.clone(), pushed: image.digest(), found }
            .into())
    }

    fn url(&self, below: &str) -> String {
        let (_, path) = self.repository.parts();
        format!("{}/v2/{path}/{below}", self.connection.base)
    }

    fn run<T>(
        &self,
        ctx: &Context,
        task: Task,
        name: String,
        request: impl AsyncFnMut() -> Result<T, Answer>,
    ) -> Result<T> {
        Ok(self.block(ctx, self.attempt(ctx, task, name, None, request))??)
    }

    /// Makes a request, and makes it again where that may help. All of ours may be made twice.
    async fn attempt<T>(
        &self,
        ctx: &Context,
        task: Task,
        name: String,
        variant: Option<Variant>,
        mut request: impl AsyncFnMut() -> Result<T, Answer>,
    ) -> Result<T, RegistryError> {
        let mut pauses = PAUSES.iter();
        loop {
            let answer = match request().await {
                Ok(done) => return Ok(done),
                Err(answer) => answer.without(&self.secrets),
            };
            match pauses.next().filter(|_| answer.may_pass()) {
                Some(pause) => {
                    ctx.shell.status("Retrying", &answer);
                    tokio::time::sleep(*pause).await;
                }
                None => {
                    let (repository, who) = (self.repository.clone(), self.who.clone());
                    return Err(RegistryError { task, name, repository, who, variant, answer });
                }
            }
        }
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
        match self.runtime.block_on(either) {
            Either::Left((done, _)) => Ok(done),
            Either::Right((interrupted, _)) => Err(interrupted),
        }
    }
}
