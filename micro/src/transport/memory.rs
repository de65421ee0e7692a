//! Calls within one process, without a network.
//!
//! Clones share one set of addresses. A handler runs in its caller's task.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::pipe::pipe;
use super::{Accept, Backend, Channel, Facts, Listener, Socket, Transport};
use crate::error::{Error, Result};
use crate::message::{Body, Request, Response};
use crate::peer::Peer;

const ID: &str = "micro.transport.memory";

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
    request.peer = Some(Peer::new("memory"));
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
            let (outgoing, messages) = pipe();
            request.body = Body::Stream(messages);
            Ok(Socket {
                outgoing,
                incoming: answer(bound, request).boxed(),
            })
        }
        .boxed()
    }
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
