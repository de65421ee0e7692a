//! The client end of streams: messages of HTTP/1.1 back to back on a connection of their own.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, Sink, StreamExt};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncWrite, AsyncWriteExt as _, split};
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;
use tokio_util::task::AbortOnDropHandle;

use super::make::Make;
use super::queue::{Receiver, Sender, queue};
use super::{EOS, ID, head};
use crate::codec::envelope::{self, Envelope, Reply};
use crate::error::{Error, Result};
use crate::http::{Alike, Of, Reader, Start, Whole, pairs};
use crate::limits::Limits;
use crate::message::{Body, ContentType, Response};
use crate::tls::Stream;
use crate::transport::{Incoming, Outgoing, Socket};
use crate::wire;

/// How many messages of the caller wait to be sent.
const WINDOW: usize = 16;
/// How many bytes of them are written together.
const TOGETHER: usize = 16 << 10;

/// What all messages of one stream have in common.
pub(super) struct Terms {
    pub(super) node: String,
    pub(super) make: Make,
    pub(super) endpoint: String,
    /// How messages are written.
    pub(super) content_type: ContentType,
    /// What they are written into.
    pub(super) envelope: Option<&'static dyn Envelope>,
    pub(super) headers: HeaderMap,
}

/// Opens the stream on `connection`.
pub(super) fn start(connection: Stream, terms: Terms, limits: &Limits) -> Socket {
    let (outgoing, outbox) = mpsc::channel(WINDOW);
    let (inbox, incoming) = queue(limits.message);
    let (make, content_type) = (terms.make, terms.content_type.clone());
    let driving = drive(connection, terms, limits.clone(), outbox, inbox);
    let task = AbortOnDropHandle::new(tokio::spawn(driving));
    let outlet = Outlet {
        sender: PollSender::new(outgoing),
        ended: false,
    };
    Socket {
        outgoing: Box::pin(outlet) as Outgoing,
        incoming: accepted(make, content_type, incoming, task),
    }
}

/// What goes out.
enum Item {
    Message(Bytes),
    Failed(Error),
    End,
}

/// What comes in: the head of a message, and what it says.
struct Event {
    headers: HeaderMap,
    said: Said,
}

enum Said {
    /// The handler has accepted the stream.
    Opened,
    Message(Bytes),
    End,
}

/// Moves messages until either side has ended the stream for both.
async fn drive(
    connection: Stream,
    terms: Terms,
    limits: Limits,
    mut outbox: mpsc::Receiver<Item>,
    inbox: Sender<Result<Event>>,
) {
    let (read, write) = split(connection);
    let mut reader = Reader::new(read, Of::Replies, &limits);
    let mut requests = Requests::new(write, &terms);
    let sending = async {
        requests.open();
        loop {
            requests.flush().await?;
            if requests.has_ended {
                // What is left of the stream is up to the node.
                std::future::pending::<()>().await;
            }
            let Some(item) = outbox.recv().await else {
                // Dropped before its end: the node learns of it by the close.
                return Ok::<_, std::io::Error>(());
            };
            requests.add(item);
            while requests.has_room()
                && let Ok(item) = outbox.try_recv()
            {
                requests.add(item);
            }
        }
    };
    let receiving = async {
        loop {
            let mut size = 0;
            let event = match reader.next().await {
                Ok(Some(whole)) => {
                    size = whole.body.len();
                    event(&terms, whole)
                }
                Ok(None) => Err(broken(&terms, "closed")),
                Err(error) => {
                    Err(error.within(format_args!("{} at {}", terms.endpoint, terms.node)))
                }
            };
            let is_last = !matches!(&event, Ok(event) if !matches!(event.said, Said::End));
            if !inbox.send(event, size).await || is_last {
                return;
            }
        }
    };
    tokio::pin!(receiving);
    tokio::select! {
        biased;
        () = &mut receiving => {}
        sent = sending => if sent.is_err() {
            // Why the node takes no more it has said, or its silence does.
            receiving.await;
        },
    }
}

/// What goes to the node.
struct Requests<'a, W> {
    write: W,
    terms: &'a Terms,
    alike: Alike,
    buffer: BytesMut,
    number: u64,
    has_ended: bool,
}

impl<'a, W: AsyncWrite + Unpin> Requests<'a, W> {
    fn new(write: W, terms: &'a Terms) -> Self {
        Self {
            write,
            terms,
            alike: Alike::new("POST / HTTP/1.1", &terms.headers),
            buffer: BytesMut::new(),
            number: 0,
            has_ended: false,
        }
    }

    /// The first message, whose body means nothing: go-micro has the empty one there.
    fn open(&mut self) {
        let empty: &[u8] = match self.terms.content_type == ContentType::JSON {
            true => b"{}",
            false => b"",
        };
        let word = HeaderValue::from_static("tell");
        match self.terms.make {
            Make::Ours => self.write(&[(&head::OPENED, &word)], empty),
            Make::Mucp | Make::Older => self.message(empty),
        }
    }

    fn add(&mut self, item: Item) {
        self.has_ended = !matches!(item, Item::Message(_));
        match (item, self.terms.make) {
            (Item::Message(message), _) => self.message(&message),
            (Item::End, Make::Ours) => self.say(EOS),
            (Item::Failed(error), Make::Ours | Make::Mucp) => {
                self.say(&wire::failure_text(&error));
            }
            // go-micro cannot end one side alone; older ones have no word for an end but the close.
            (Item::End | Item::Failed(_), _) => {}
        }
    }

    fn message(&mut self, message: &[u8]) {
        let Some(envelope) = self.terms.envelope else {
            return self.write(&[], message);
        };
        let mut body = Vec::new();
        envelope.seal_call(&self.terms.endpoint, self.number, message, &mut body);
        self.number += 1;
        self.write(&[], &body);
    }

    fn say(&mut self, text: &str) {
        self.write(&[(&head::ERROR, &head::value(text))], b"");
    }

    fn write(&mut self, more: &[(&HeaderName, &HeaderValue)], body: &[u8]) {
        self.alike.write(more, body, &mut self.buffer);
    }

    /// True if more may be written together with what waits.
    fn has_room(&self) -> bool {
        !self.has_ended && self.buffer.len() < TOGETHER
    }

    async fn flush(&mut self) -> std::io::Result<()> {
        self.write.write_all_buf(&mut self.buffer).await?;
        self.write.flush().await
    }
}

/// What a message of the node says.
fn event(terms: &Terms, whole: Whole) -> Result<Event> {
    if !matches!(whole.head.start, Start::Reply(200)) {
        let detail = format!(
            "{} did not answer as a node does: {:?}",
            terms.node, whole.head.start
        );
        return Err(Error::bad_gateway(ID, detail));
    }
    let headers = whole.head.headers;
    let said = match head::error(&headers) {
        Some(text) if text == EOS => Said::End,
        Some(text) => {
            let error = wire::read_reply(pairs(&headers)).error;
            return Err(error.unwrap_or_else(|| Error::from_wire(&text)));
        }
        _ if headers.contains_key(head::OPENED) => Said::Opened,
        _ => match terms
            .envelope
            .map(|envelope| envelope.open_reply(&whole.body))
        {
            None => Said::Message(whole.body),
            Some(Ok(Reply::Message(message))) => Said::Message(message),
            Some(Ok(Reply::Failed(text))) if text == EOS => Said::End,
            Some(Ok(Reply::Failed(text))) => return Err(envelope::failure(&text)),
            Some(Err(error)) => return Err(broken(terms, error.detail())),
        },
    };
    Ok(Event { headers, said })
}

fn broken(terms: &Terms, why: &str) -> Error {
    let detail = format!(
        "the stream of {} at {} broke before its end: {why}",
        terms.endpoint, terms.node
    );
    Error::unavailable(ID, detail)
}

/// The incoming half. Only nodes of ours say when the handler has accepted the stream: of others it is taken for
/// granted, since they may have nothing to say before they are sent more.
fn accepted(
    make: Make,
    content_type: ContentType,
    mut events: Receiver<Result<Event>>,
    task: AbortOnDropHandle<()>,
) -> Incoming {
    async move {
        let mut response = Response::new(content_type, Body::default());
        let mut first = None;
        if make == Make::Ours {
            let Event { headers, said } = events.recv().await.unwrap_or_else(|| Err(gone(())))?;
            let reply = wire::read_reply(pairs(&headers));
            response.metadata = reply.metadata;
            if let Some(content_type) = reply.content_type {
                response.content_type = content_type;
            }
            first = match said {
                Said::Opened => None,
                said => Some(said),
            };
        }
        response.body = Body::Stream(items(first, events, task));
        Ok(response)
    }
    .boxed()
}

fn items(
    first: Option<Said>,
    events: Receiver<Result<Event>>,
    task: AbortOnDropHandle<()>,
) -> BoxStream<'static, Result<Bytes>> {
    let state = Some((first, events, task));
    futures_util::stream::unfold(state, async |state| {
        let (mut first, mut events, task) = state?;
        loop {
            let said = match first.take() {
                Some(said) => Ok(said),
                // Without a last word it was cut.
                None => match events.recv().await {
                    Some(event) => event.map(|event| event.said),
                    None => Err(gone(())),
                },
            };
            match said {
                Ok(Said::Opened) => {}
                Ok(Said::Message(message)) => {
                    return Some((Ok(message), Some((None, events, task))));
                }
                Ok(Said::End) => return None,
                Err(error) => return Some((Err(error), None)),
            }
        }
    })
    .boxed()
}

/// The outgoing half.
struct Outlet {
    sender: PollSender<Item>,
    ended: bool,
}

fn gone<T>(_: T) -> Error {
    Error::unavailable(ID, "the node has left the stream")
}

impl Sink<Result<Bytes>> for Outlet {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.sender.poll_reserve(cx).map_err(gone)
    }

    fn start_send(mut self: Pin<&mut Self>, item: Result<Bytes>) -> Result<()> {
        self.ended = item.is_err();
        let item = item.map_or_else(Item::Failed, Item::Message);
        self.sender.send_item(item).map_err(gone)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !self.ended {
            ready!(self.sender.poll_reserve(cx)).map_err(gone)?;
            self.sender.send_item(Item::End).map_err(gone)?;
            self.ended = true;
        }
        self.sender.close();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tokio_util::task::AbortOnDropHandle;

    use super::{items, queue};

    #[tokio::test]
    async fn a_stream_that_was_cut_has_no_clean_end() {
        let (sender, events) = queue(1);
        let task = AbortOnDropHandle::new(tokio::spawn(async {}));

        drop(sender);

        let end = items(None, events, task).next().await;
        assert_eq!(end.unwrap().unwrap_err().code(), 503);
    }
}
