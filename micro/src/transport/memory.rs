//! Calls within one process, without a network.
//!
//! Clones share one set of addresses. A handler runs in its caller's task.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, Sink, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, PollSender};

use super::{Accept, Backend, Channel, Facts, Listener, Socket, Transport};
use crate::error::{Error, Result};
use crate::message::{Body, Request, Response};

const ID: &str = "micro.transport.memory";

/// How many messages of a stream may wait to be read.
const WINDOW: usize = 16;

/// A transport within the process; for tests, and for several services in one program.
///
/// Addresses are any text; an empty one, or one that ends in `:0`, becomes a fresh one.
#[derive(Clone, Default)]
pub struct MemoryTransport(Arc<Shared>);

#[derive(Default)]
struct Shared {
    listeners: Mutex<HashMap<String, Arc<Bound>>>,
    fresh: AtomicU64,
}

struct Bound {
    accept: Arc<dyn Accept>,
    closed: CancellationToken,
}

impl MemoryTransport {
    /// A transport with addresses of its own.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Shared {
    fn listeners(&self) -> MutexGuard<'_, HashMap<String, Arc<Bound>>> {
        // The map is whole after any panic: each change is one call.
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for MemoryTransport {
    fn dial(&self, address: &str, _: &Facts) -> Result<Arc<dyn Channel>> {
        Ok(Arc::new(MemoryChannel::Address(
            Arc::clone(&self.0),
            address.to_owned(),
        )))
    }

    async fn listen(&self, address: &str, accept: Arc<dyn Accept>) -> Result<Box<dyn Listener>> {
        let address = if address.is_empty() || address.ends_with(":0") {
            format!(
                "memory:{}",
                self.0.fresh.fetch_add(1, Ordering::Relaxed) + 1
            )
        } else {
            address.to_owned()
        };
        let closed = CancellationToken::new();
        let bound = Arc::new(Bound {
            accept,
            closed: closed.clone(),
        });
        let mut listeners = self.0.listeners();
        if listeners.contains_key(&address) {
            return Err(Error::unavailable(
                ID,
                format!("{address} is in use: choose another address"),
            ));
        }
        listeners.insert(address.clone(), bound);
        drop(listeners);
        Ok(Box::new(MemoryListener {
            shared: Arc::clone(&self.0),
            address,
            closed,
        }))
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}

/// A channel to `accept` itself: no address, nothing that could be away.
pub(crate) fn direct(accept: Arc<dyn Accept>) -> Arc<dyn Channel> {
    let closed = CancellationToken::new();
    Arc::new(MemoryChannel::Direct(Arc::new(Bound { accept, closed })))
}

#[derive(Clone)]
enum MemoryChannel {
    Address(Arc<Shared>, String),
    Direct(Arc<Bound>),
}

impl MemoryChannel {
    fn bound(&self) -> Result<Arc<Bound>> {
        match self {
            Self::Direct(bound) => Ok(Arc::clone(bound)),
            Self::Address(shared, address) => {
                let bound = shared.listeners().get(address).cloned();
                bound.ok_or_else(|| {
                    Error::unavailable(ID, format!("nothing listens at {address}")).never_reached()
                })
            }
        }
    }
}

/// What the far end answered, marked as such.
async fn answer(bound: Arc<Bound>, mut request: Request) -> Result<Response> {
    request.peer = Some(Arc::from("memory"));
    let call = bound.accept.call(request);
    match bound.closed.run_until_cancelled(call).await {
        Some(answer) => answer.map(arrived).map_err(Error::over_the_wire),
        None => Err(Error::unavailable(
            ID,
            "the listener was closed during the call",
        )),
    }
}

/// The reply as the caller sees it: errors of its stream are those of another process.
fn arrived(mut response: Response) -> Response {
    if let Body::Stream(stream) = response.body {
        response.body = Body::Stream(stream.map_err(Error::over_the_wire).boxed());
    }
    response
}

impl Channel for MemoryChannel {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        async move { answer(self.bound()?, request).await }.boxed()
    }

    fn open(&self, mut request: Request) -> BoxFuture<'_, Result<Socket>> {
        async move {
            let bound = self.bound()?;
            let (sender, receiver) = mpsc::channel::<Item>(WINDOW);
            request.body = Body::Stream(incoming(receiver));
            let sender = PollSender::new(sender);
            Ok(Socket {
                outgoing: Box::pin(Outlet {
                    sender,
                    ended: false,
                }),
                incoming: answer(bound, request).boxed(),
            })
        }
        .boxed()
    }
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

/// The messages that an [`Outlet`] sends; one that is dropped before its end is a stream cut short.
fn incoming(receiver: mpsc::Receiver<Item>) -> BoxStream<'static, Result<Bytes>> {
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

struct MemoryListener {
    shared: Arc<Shared>,
    address: String,
    closed: CancellationToken,
}

impl MemoryListener {
    fn unbind(&self) {
        self.shared.listeners().remove(&self.address);
    }
}

#[async_trait]
impl Listener for MemoryListener {
    fn address(&self) -> &str {
        &self.address
    }

    // Calls in flight run in their callers' tasks: there is no connection to wait for.
    async fn drain(&self) {
        self.unbind();
    }

    fn close(&self) {
        self.unbind();
        self.closed.cancel();
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryTransport")
    }
}

impl fmt::Debug for MemoryChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(_, address) => write!(f, "MemoryChannel({address})"),
            Self::Direct(_) => f.write_str("MemoryChannel"),
        }
    }
}

impl fmt::Debug for MemoryListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryListener({})", self.address)
    }
}

inventory::submit! {
    Backend { names: &["memory"], open: |_| Ok(Arc::new(MemoryTransport::new())) }
}
