//! The download of one blob into a temporary file.

use std::io::Write as _;

use fs_err::File;
use reqwest::{Method, RequestBuilder, StatusCode};
use tokio::time::timeout;

use crate::context::Context;
use crate::digest::Hasher;
use crate::image::Descriptor;
use crate::transport::registry::client::{Client, Failure, REQUEST_LIMIT, STALL_LIMIT, request_line};
use crate::transport::registry::error::{NetworkFault, RequestError, RequestErrorKind};

/// A proxy reads at most 256 MiB of a module, so no layer of a filter is larger than this.
const LARGEST_BLOB: u64 = 512 << 20;

/// Downloads a blob into an unnamed file, which is deleted when it is closed.
pub(super) async fn download(ctx: &Context, client: &Client, blob: &Descriptor) -> Result<File, Failure> {
    let url = client.url(&format!("blobs/{}", blob.digest));
    let request = request_line(&Method::GET, &url);
    let failed = |kind| Failure::from(RequestError::new(request.clone(), kind));
    let stalled = |_| {
        failed(RequestErrorKind::NoResponse {
            fault: NetworkFault::TimedOut,
            reason: "the transfer made no progress".to_owned(),
        })
    };
    let unexpected = |found: String| failed(RequestErrorKind::NotARegistry(found));
    if blob.size > LARGEST_BLOB {
        return Err(failed(RequestErrorKind::NotSent(format!(
            "the blob is larger than {LARGEST_BLOB} bytes"
        ))));
    }
    let reply = client.send(ctx, Method::GET, &url, |builder: RequestBuilder| builder);
    let reply = timeout(REQUEST_LIMIT, reply).await.map_err(stalled)??;
    if reply.response.status() != StatusCode::OK {
        return Err(client.refused(reply).await.into());
    }
    let mut response = reply.response;
    let file = tempfile::tempfile().map_err(|error| Failure::Other(error.into()))?;
    let mut file = File::from_parts(file, format!("{}@{}", client.repository, blob.digest));
    let (mut hasher, mut size) = (Hasher::default(), 0);
    while let Some(chunk) = timeout(STALL_LIMIT, response.chunk())
        .await
        .map_err(stalled)?
        .map_err(|error| client.unanswered(&request, error))?
    {
        size += chunk.len() as u64;
        if size > blob.size {
            return Err(unexpected(format!("more than the {} bytes of the blob", blob.size)));
        }
        hasher.update(&chunk);
        file.write_all(&chunk).map_err(|error| Failure::Other(error.into()))?;
    }
    let digest = hasher.digest();
    if digest != blob.digest {
        return Err(unexpected(format!("a blob with the digest {digest}")));
    }
    Ok(file)
}
