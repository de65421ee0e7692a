//! The client end of a stream: both directions driven by whoever waits for the reply.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{SinkExt, Stream, StreamExt};
use tokio::time::{Sleep, sleep_until};

use crate::error::{Error, Result};
use crate::message::{Body, Request, Response};
use crate::transport::{Channel, Outgoing};

/// Opens a stream over `channel` and waits until the handler has accepted it.
///
/// On an error what was to go out is given back in `request.body`, for another node: one message whole, and of a
/// stream what has not been taken.
pub(super) async fn open(
    channel: &dyn Channel,
    request: &mut Request,
    head: Request,
) -> Result<Response> {
    let socket = channel.open(head).await?;
    let body = std::mem::take(&mut request.body);
    let message = match &body {
        Body::Bytes(message) => Some(message.clone()),
        Body::Stream(_) => None,
    };
    let mut pump = Pump::new(socket.outgoing, body);
    let mut incoming = socket.incoming;
    let accepted = poll_fn(|cx| {
        pump.poll(cx);
        incoming.as_mut().poll(cx)
    });
    match accepted.await {
        Ok(mut response) => {
            if let Body::Stream(stream) = response.body {
                let sleep = request
                    .deadline
                    .map(|deadline| Box::pin(sleep_until(deadline.into())));
                response.body = Body::Stream(
                    Replies {
                        stream,
                        pump,
                        sleep,
                        ended: false,
                    }
                    .boxed(),
                );
            }
            Ok(response)
        }
        Err(error) => {
            request.body = message.map_or_else(|| pump.give_back(), Body::Bytes);
            Err(error)
        }
    }
}

/// Moves messages from the caller's stream to the far end, as fast as that takes them.
struct Pump {
    /// `None` once there is nothing more to move, or nobody to move it to.
    outgoing: Option<Outgoing>,
    source: Option<BoxStream<'static, Result<Bytes>>>,
    /// What failed in the caller's own stream.
    failed: Option<Error>,
}

impl Pump {
    fn new(outgoing: Outgoing, body: Body) -> Self {
        Self {
            outgoing: Some(outgoing),
            source: Some(body.into_stream()),
            failed: None,
        }
    }

    fn give_back(self) -> Body {
        self.source.map_or_else(Body::default, Body::Stream)
    }

    /// Moves what can be moved. A far end that takes no more says why in its replies, so that is no error here.
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Some(outgoing) = &mut self.outgoing {
            let polled = moved(outgoing, &mut self.source, &mut self.failed, cx);
            if polled.is_ready() {
                self.outgoing = None;
            }
        }
    }
}

fn moved(
    outgoing: &mut Outgoing,
    source: &mut Option<BoxStream<'static, Result<Bytes>>>,
    failed: &mut Option<Error>,
    cx: &mut Context<'_>,
) -> Poll<Result<()>> {
    while let Some(messages) = source {
        std::task::ready!(outgoing.poll_ready_unpin(cx))?;
        match messages.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(message))) => outgoing.start_send_unpin(Ok(message))?,
            Poll::Ready(Some(Err(error))) => {
                let detail = error.detail().to_owned();
                outgoing.start_send_unpin(Err(Error::new(
                    error.code(),
                    error.id().to_owned(),
                    detail,
                )))?;
                *failed = Some(error);
                *source = None;
            }
            Poll::Ready(None) => *source = None,
            Poll::Pending => {
                let _ = outgoing.as_mut().poll_flush(cx)?;
                return Poll::Pending;
            }
        }
    }
    outgoing.as_mut().poll_close(cx)
}

/// The replies of a stream; reading them drives the requests too.
struct Replies {
    stream: BoxStream<'static, Result<Bytes>>,
    pump: Pump,
    /// Until the deadline that the caller's own call has.
    sleep: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl Stream for Replies {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        this.pump.poll(cx);
        let next = match this.pump.failed.take() {
            Some(error) => Poll::Ready(Some(Err(error))),
            None => this.stream.poll_next_unpin(cx),
        };
        let late = |sleep: &mut Pin<Box<Sleep>>| sleep.as_mut().poll(cx).is_ready();
        let next = if next.is_pending() && this.sleep.as_mut().is_some_and(late) {
            Poll::Ready(Some(Err(outlived())))
        } else {
            next
        };
        this.ended = matches!(next, Poll::Ready(None | Some(Err(_))));
        next
    }
}

fn outlived() -> Error {
    let error = Error::timeout(
        "micro.client",
        "the stream was open when the time allowed for the call it serves ran out",
    );
    // It says nothing of the far end: that call has failed, and may say so.
    error.forward()
}
