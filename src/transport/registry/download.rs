//! The download of one blob into a temporary file, and the check whether it can be downloaded.

use std::io::Write as _;

use fs_err::File;
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::time::timeout;

use crate::context::Context;
use crate::digest::Hasher;
use crate::image::Descriptor;
use crate::transport::registry::client::{Client, Failure, REQUEST_LIMIT, STALL_LIMIT};
use crate::transport::registry::error::{RequestError, RequestErrorKind, is_temporary};

/// A proxy reads at most 256 MiB of a module, so no layer of a filter is larger than this.
const LARGEST_BLOB: u64 = 512 << 20;

/// Downloads a blob into an unnamed file, which is deleted when it is closed.
pub(super) async fn download(ctx: &Context, client: &Client, blob: &Descriptor) -> Result<File, Failure> {
    let url = client.url(&format!("blobs/{}", blob.digest));
    let request = client.request_line(&Method::GET, &url);
    let failed = |kind| Failure::from(RequestError::new(request.clone(), kind));
    let stalled = |_| Failure::from(RequestError::stalled(request.clone()));
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

/// Whether a mesh could download the blob with the size that the manifest says. Requests the first byte, because some
/// registries respond to HEAD from memory although the blob has been lost.
pub(super) async fn has(ctx: &Context, client: &Client, blob: &Descriptor) -> Result<bool, Failure> {
    let url = client.url(&format!("blobs/{}", blob.digest));
    let first = |builder: RequestBuilder| builder.header(RANGE, "bytes=0-0").timeout(REQUEST_LIMIT);
    let reply = client.send(ctx, Method::GET, &url, first).await?;
    match reply.response.status() {
        StatusCode::OK => Ok(reply.response.content_length() == Some(blob.size)),
        StatusCode::PARTIAL_CONTENT => Ok(whole_size(&reply.response) == Some(blob.size)),
        // A user without the right to ask may still upload. If not, the response to the upload says why.
        status if status.is_client_error() && !is_temporary(status.as_u16()) => Ok(false),
        _ => Err(client.refused(reply).await.into()),
    }
}

/// The size of the blob that a response contains a part of: 7 in `bytes 0-0/7`.
fn whole_size(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.rsplit_once('/')?.1.parse().ok()
}
