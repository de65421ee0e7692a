//! The messages of a stream, handed from whoever writes them to whoever carries them on.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Sink, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use super::Outgoing;
use crate::error::{Error, Result};

/// Who speaks in the errors of this module.
const ID: &str = "micro.transport";

/// How many messages of a stream may wait to be read.
const WINDOW: usize = 16;

/// Both ends of a half of a stream. If the writing end is dropped before it is closed, the stream was cut short.
pub(super) fn pipe() -> (Outgoing, BoxStream<'static, Result<Bytes>>) {
    let (sender, receiver) = mpsc::channel(WINDOW);
    let sender = PollSender::new(sender);
    let outlet = Outlet {
        sender,
        ended: false,
    };
    (Box::pin(outlet), messages(receiver))
}

/// What the outgoing half of a stream hands to the other side.
enum Item {
    Message(Bytes),
    Failed(Error),
    End,
}

/// The outgoing half: says [`Item::End`] when it is closed, nothing when it is dropped.
struct Outlet {
    sender: PollSender<Item>,
    ended: bool,
}

impl Outlet {
    fn gone<T>(_: T) -> Error {
        Error::unavailable(ID, "the far end has left the stream")
    }
}

impl Sink<Result<Bytes>> for Outlet {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.sender.poll_reserve(cx).map_err(Self::gone)
    }

    fn start_send(mut self: Pin<&mut Self>, item: Result<Bytes>) -> Result<()> {
        let item = item.map_or_else(
            |error| {
                self.ended = true;
                Item::Failed(error)
            },
            Item::Message,
        );
        self.sender.send_item(item).map_err(Self::gone)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !self.ended {
            ready!(self.sender.poll_reserve(cx)).map_err(Self::gone)?;
            self.sender.send_item(Item::End).map_err(Self::gone)?;
            self.ended = true;
        }
        self.sender.close();
        Poll::Ready(Ok(()))
    }
}

/// The messages that an [`Outlet`] sends.
fn messages(receiver: mpsc::Receiver<Item>) -> BoxStream<'static, Result<Bytes>> {
    stream::unfold(Some(receiver), async |receiver| {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Item::Message(message)) => Some((Ok(message), Some(receiver))),
            Some(Item::Failed(error)) => Some((Err(error.over_the_wire()), None)),
            Some(Item::End) => None,
            None => Some((
                Err(Error::cancelled(
                    ID,
                    "the caller left the stream before its end",
                )),
                None,
            )),
        }
    })
    .boxed()
}
