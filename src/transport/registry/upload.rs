//! The upload of one blob: the registry names a place, and all bytes go there in one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Method, RequestBuilder, StatusCode};
use tokio::time::Instant;

use crate::context::Context;
use crate::image::Blob;
use crate::shell::Progress;
use crate::transport::registry::client::{Client, Failure, REQUEST_LIMIT, Reply, shown};
use crate::transport::registry::error::{Answer, Fault, Outcome};

/// What is sent at a time, and how often the bar moves.
const CHUNK: usize = 64 << 10;
/// How long an upload may stand still.
const STALL_LIMIT: Duration = Duration::from_secs(60);
/// How long a registry may take to store what it has got.
const STORE_LIMIT: Duration = Duration::from_secs(180);

/// Uploads a blob. Where its bytes are sent a second time, the bar is told of as many more.
pub(super) async fn upload(
    ctx: &Context,
    client: &Client,
    blob: &Blob,
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
        return Err(
            Answer::new(reply.request, Outcome::NoRegistry("no place for an upload".to_owned())).into()
        );
    };
    place.query_pairs_mut().append_pair("digest", &blob.digest.to_string());

    let sent = Arc::new(AtomicUsize::new(0));
    let put = |builder: RequestBuilder| {
        progress.expect(sent.swap(0, Ordering::Relaxed));
        let builder = builder.header(CONTENT_LENGTH, blob.bytes.len());
        builder.header(CONTENT_TYPE, "application/octet-stream").body(body(blob, progress, &sent))
    };
    let reply = client.send(ctx, Method::PUT, &place, put);
    let reply = match select(Box::pin(reply), Box::pin(stalled(&sent, blob.bytes.len()))).await {
        Either::Left((reply, _)) => reply?,
        Either::Right(((), _)) => {
            let outcome = Outcome::NoAnswer { fault: Fault::TimedOut, reason: "it stood still".to_owned() };
            return Err(Answer::new(shown(&Method::PUT, &place), outcome).into());
        }
    };
    // Where the blob is to be found from now on is known, so nobody has to tell.
    if reply.response.status().is_success() { Ok(()) } else { Err(client.refused(reply).await.into()) }
}

async fn unexpected(client: &Client, reply: Reply) -> Answer {
    if reply.response.status().is_success() {
        let told = format!("{} where an upload begins", reply.response.status());
        return Answer::new(reply.request, Outcome::NoRegistry(told));
    }
    client.refused(reply).await
}

/// The bytes of a blob, which move the bar as they are taken.
fn body(blob: &Blob, progress: &Progress, sent: &Arc<AtomicUsize>) -> Body {
    let (count, sent) = (progress.counter(), Arc::clone(sent));
    let chunks: Vec<Vec<u8>> = blob.bytes.chunks(CHUNK).map(<[u8]>::to_vec).collect();
    Body::wrap_stream(stream::iter(chunks.into_iter().map(move |chunk| {
        count(chunk.len());
        sent.fetch_add(chunk.len(), Ordering::Relaxed);
        Ok::<_, std::convert::Infallible>(chunk)
    })))
}

/// Ends where nothing has moved for too long. A slow line is not a dead one.
async fn stalled(sent: &AtomicUsize, size: usize) {
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
