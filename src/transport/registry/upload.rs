//! The upload of one blob: the registry returns a URL, and one request sends all bytes there. If that is too much for
//! one request, they are sent in several.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Method, RequestBuilder, StatusCode, Url};
use tokio::time::Instant;

use crate::context::Context;
use crate::error::Error;
use crate::shell::Progress;
use crate::transport::content::BlobContent;
use crate::transport::registry::client::{
    Client, Failure, REQUEST_LIMIT, Reply, SLOWEST_TRANSFER, STALL_LIMIT,
};
use crate::transport::registry::error::{RequestError, RequestErrorKind};

/// The size of a part, unless the registry requires larger ones. Most limits for the body of a request are larger.
const PART: usize = 512 << 10;
/// The size that the registry requires for all parts except the last one.
const SMALLEST_PART: &str = "OCI-Chunk-Min-Length";
const BYTES: &str = "application/octet-stream";

/// Uploads a blob. If its bytes are sent again, they are added to the total of the progress bar.
pub(super) async fn upload(
    ctx: &Context,
    client: &Client,
    blob: &BlobContent,
    progress: &Progress,
) -> Result<(), Failure> {
    let reply = send_whole(ctx, client, blob, progress).await?;
    let reply = match reply.response.status() {
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::RANGE_NOT_SATISFIABLE => {
            progress.expect(blob.size());
            send_parts(ctx, client, blob, progress).await?
        }
        _ => reply,
    };
    // The location in the response is ignored because it is already known.
    if reply.response.status().is_success() { Ok(()) } else { Err(client.refused(reply).await.into()) }
}

/// An upload that the registry has begun.
struct Begun {
    place: Url,
    part: usize,
}

async fn begin(ctx: &Context, client: &Client) -> Result<Begun, Failure> {
    let begin = |builder: RequestBuilder| builder.header(CONTENT_LENGTH, 0).timeout(REQUEST_LIMIT);
    let reply = client.send(ctx, Method::POST, &client.url("blobs/uploads/"), begin).await?;
    if reply.response.status() != StatusCode::ACCEPTED {
        return Err(unexpected(client, reply).await.into());
    }
    let smallest = reply.response.headers().get(SMALLEST_PART);
    let smallest = smallest.and_then(|size| size.to_str().ok()?.parse().ok()).unwrap_or_default();
    Ok(Begun { place: place(client, reply)?, part: PART.max(smallest) })
}

/// Where the registry wants the bytes.
fn place(client: &Client, reply: Reply) -> Result<Url, RequestError> {
    let location = reply.response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let place = location.and_then(|location| reply.response.url().join(location).ok());
    let kind = match place {
        None => RequestErrorKind::NotARegistry("no URL for the upload".to_owned()),
        Some(place) => match client.permitted(place) {
            Ok(place) => return Ok(place),
            Err(error) => RequestErrorKind::Elsewhere(error),
        },
    };
    Err(RequestError::new(reply.request, kind))
}

/// The URL for the last request of an upload.
fn closing(mut place: Url, blob: &BlobContent) -> Url {
    place.query_pairs_mut().append_pair("digest", &blob.digest().to_string());
    place
}

async fn send_whole(
    ctx: &Context,
    client: &Client,
    blob: &BlobContent,
    progress: &Progress,
) -> Result<Reply, Failure> {
    let place = closing(begin(ctx, client).await?.place, blob);
    let (sent, unreadable) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(None)));
    let put = |builder: RequestBuilder| {
        progress.expect(sent.swap(0, Ordering::Relaxed));
        let body = body(blob, progress, &sent, &unreadable);
        builder.header(CONTENT_LENGTH, blob.size()).header(CONTENT_TYPE, BYTES).body(body)
    };
    let reply = client.send(ctx, Method::PUT, &place, put);
    let reply = match select(Box::pin(reply), Box::pin(stalled(&sent, blob.size()))).await {
        Either::Left((reply, _)) => reply,
        Either::Right(((), _)) => {
            return Err(RequestError::stalled(client.request_line(&Method::PUT, &place)).into());
        }
    };
    // The body broke off, so the registry has stored nothing.
    match unreadable.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) => Err(Failure::Other(error)),
        None => reply,
    }
}

async fn send_parts(
    ctx: &Context,
    client: &Client,
    blob: &BlobContent,
    progress: &Progress,
) -> Result<Reply, Failure> {
    let Begun { mut place, part } = begin(ctx, client).await?;
    let count = progress.counter();
    let mut chunks = blob.chunks();
    let mut start = 0;
    while start < blob.size() {
        let mut bytes = Vec::new();
        while bytes.len() < part
            && let Some(chunk) = chunks.next()
        {
            bytes.extend_from_slice(&chunk.map_err(Failure::Other)?);
        }
        let bytes = Bytes::from(bytes);
        let end = start + bytes.len() as u64;
        let range = format!("{start}-{}", end - 1);
        let patch = |builder: RequestBuilder| {
            let builder = builder.header(CONTENT_LENGTH, bytes.len()).header(CONTENT_RANGE, &range);
            builder.header(CONTENT_TYPE, BYTES).body(bytes.clone()).timeout(REQUEST_LIMIT)
        };
        let reply = client.send(ctx, Method::PATCH, &place, patch).await?;
        if !reply.response.status().is_success() {
            return Ok(reply);
        }
        place = self::place(client, reply)?;
        count(bytes.len() as u64);
        start = end;
    }
    let close = |builder: RequestBuilder| builder.header(CONTENT_LENGTH, 0).timeout(REQUEST_LIMIT);
    client.send(ctx, Method::PUT, &closing(place, blob), close).await
}

async fn unexpected(client: &Client, reply: Reply) -> RequestError {
    if reply.response.status().is_success() {
        let found = format!("{} instead of the start of an upload", reply.response.status());
        return RequestError::new(reply.request, RequestErrorKind::NotARegistry(found));
    }
    client.refused(reply).await
}

/// The bytes of a blob. Advances the progress bar as they are sent. If they can't be read or don't have the right
/// digest, the body breaks off before its end.
fn body(
    blob: &BlobContent,
    progress: &Progress,
    sent: &Arc<AtomicU64>,
    unreadable: &Arc<Mutex<Option<Error>>>,
) -> Body {
    let (count, sent, unreadable) = (progress.counter(), Arc::clone(sent), Arc::clone(unreadable));
    Body::wrap_stream(stream::iter(blob.chunks().map(move |chunk| match chunk {
        Ok(chunk) => {
            let size = chunk.len() as u64;
            count(size);
            sent.fetch_add(size, Ordering::Relaxed);
            Ok(chunk)
        }
        Err(error) => {
            *unreadable.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            Err("the blob can't be read")
        }
    })))
}

/// Returns when no bytes were sent for too long. A slow connection is fine. When all bytes were sent, some may still be
/// on their way, and the registry has to store them.
async fn stalled(sent: &AtomicU64, size: u64) {
    let (mut before, mut since) = (0, Instant::now());
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = sent.load(Ordering::Relaxed);
        if now != before {
            (before, since) = (now, Instant::now());
        }
        let storing = Duration::from_secs(if now == size { size / SLOWEST_TRANSFER } else { 0 });
        if since.elapsed() > STALL_LIMIT + storing {
            return;
        }
    }
}
