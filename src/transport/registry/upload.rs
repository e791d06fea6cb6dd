//! The upload of one blob: the registry returns a URL, and one request sends all bytes there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Method, RequestBuilder, StatusCode};
use tokio::time::Instant;

use crate::context::Context;
use crate::error::Error;
use crate::shell::Progress;
use crate::transport::content::BlobContent;
use crate::transport::registry::client::{Client, Failure, REQUEST_LIMIT, Reply, STALL_LIMIT, request_line};
use crate::transport::registry::error::{NetworkFault, RequestError, RequestErrorKind};

/// How long a registry may take to store what it has received.
const STORE_LIMIT: Duration = Duration::from_secs(180);

/// Uploads a blob. If its bytes are sent again, they are added to the total of the progress bar.
pub(super) async fn upload(
    ctx: &Context,
    client: &Client,
    blob: &BlobContent,
    progress: &Progress,
) -> Result<(), Failure> {
    let begin = |builder: RequestBuilder| builder.header(CONTENT_LENGTH, 0).timeout(REQUEST_LIMIT);
    let reply = client.send(ctx, Method::POST, &client.url("blobs/uploads/"), begin).await?;
    if reply.response.status() != StatusCode::ACCEPTED {
        return Err(unexpected(client, reply).await.into());
    }
    let location = reply.response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let place = location.and_then(|location| reply.response.url().join(location).ok());
    let Some(mut place) = place else {
        return Err(RequestError::new(
            reply.request,
            RequestErrorKind::NotARegistry("no URL for the upload".to_owned()),
        )
        .into());
    };
    place.query_pairs_mut().append_pair("digest", &blob.digest().to_string());

    let (sent, unreadable) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(None)));
    let put = |builder: RequestBuilder| {
        progress.expect(sent.swap(0, Ordering::Relaxed));
        let builder = builder.header(CONTENT_LENGTH, blob.size());
        builder.header(CONTENT_TYPE, "application/octet-stream").body(body(
            blob,
            progress,
            &sent,
            &unreadable,
        ))
    };
    let reply = client.send(ctx, Method::PUT, &place, put);
    let reply = match select(Box::pin(reply), Box::pin(stalled(&sent, blob.size()))).await {
        Either::Left((reply, _)) => reply,
        Either::Right(((), _)) => {
            let kind = RequestErrorKind::NoResponse {
                fault: NetworkFault::TimedOut,
                reason: "the transfer made no progress".to_owned(),
            };
            return Err(RequestError::new(request_line(&Method::PUT, &place), kind).into());
        }
    };
    // The body broke off, so the registry has stored nothing.
    if let Some(error) = unreadable.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(Failure::Other(error));
    }
    let reply = reply?;
    // The location in the response is ignored because it is already known.
    if reply.response.status().is_success() { Ok(()) } else { Err(client.refused(reply).await.into()) }
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

/// Returns when no bytes were sent for too long. A slow connection is fine.
async fn stalled(sent: &AtomicU64, size: u64) {
    let (mut before, mut since) = (0, Instant::now());
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = sent.load(Ordering::Relaxed);
        if now != before {
            (before, since) = (now, Instant::now());
        }
        let limit = if now == size { STORE_LIMIT } else { STALL_LIMIT };
        if since.elapsed() > limit {
            return;
        }
    }
}
