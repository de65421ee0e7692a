//! The bound socket: accepts connections, and ends them.

use std::fmt;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::{ID, connection};
use crate::address;
use crate::error::{Error, Result};
use crate::transport::{Accept, Limits, Listener};

/// How long to wait after the system refused a connection, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// What the connections of one listener share.
pub(super) struct Site {
    pub(super) accept: Arc<dyn Accept>,
    pub(super) limits: Limits,
    drain: CancellationToken,
    /// The same as `drain`, to be asked for every call.
    leaving: AtomicBool,
}

impl Site {
    pub(super) fn is_draining(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    pub(super) fn draining(&self) -> WaitForCancellationFuture<'_> {
        self.drain.cancelled()
    }

    fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
        self.drain.cancel();
    }
}

/// A bound address, served by one task that owns the tasks of all its connections.
pub(super) struct HttpListener {
    address: String,
    site: Arc<Site>,
    serving: AbortHandle,
    ended: CancellationToken,
}

impl HttpListener {
    pub(super) async fn bind(
        address: &str,
        accept: Arc<dyn Accept>,
        limits: Limits,
    ) -> Result<Self> {
        let wanted = address::parse(address)?;
        let unbound = |source: io::Error| {
            Error::unavailable(
                ID,
                format!("{wanted} cannot be bound: {source}; choose another address"),
            )
            .with_source(source)
        };
        let socket = TcpListener::bind(wanted).await.map_err(unbound)?;
        let bound = socket.local_addr().map_err(unbound)?;
        let site = Arc::new(Site {
            accept,
            limits,
            drain: CancellationToken::new(),
            leaving: AtomicBool::new(false),
        });
        let ended = CancellationToken::new();
        let last = ended.clone().drop_guard();
        let serving = Arc::clone(&site);
        let serving = tokio::spawn(async move {
            let _last = last;
            serve(socket, serving).await;
        });
        Ok(Self {
            address: bound.to_string(),
            site,
            serving: serving.abort_handle(),
            ended,
        })
    }
}

#[async_trait]
impl Listener for HttpListener {
    fn address(&self) -> &str {
        &self.address
    }

    async fn drain(&self) {
        self.site.leave();
        self.ended.cancelled().await;
    }

    // The connections end with the task that owns them.
    fn close(&self) {
        self.serving.abort();
    }
}

impl Drop for HttpListener {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for HttpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpListener({})", self.address)
    }
}

/// What the accepting task has to act on.
enum Event {
    Accepted(TcpStream, SocketAddr),
    Refused(io::Error),
    Drain,
}

/// Accepts until told to drain, then waits for the connections to end.
async fn serve(socket: TcpListener, site: Arc<Site>) {
    let mut connections = JoinSet::new();
    let mut pause = PAUSE.0;
    loop {
        match next(&socket, &mut connections, &site).await {
            Event::Accepted(stream, peer) => {
                pause = PAUSE.0;
                start(&mut connections, stream, peer, &site);
            }
            Event::Refused(error) if is_of_one_peer(&error) => {}
            Event::Refused(error) => {
                tracing::warn!(%error, ?pause, "no connection can be accepted; trying again");
                let _ = site
                    .drain
                    .run_until_cancelled(tokio::time::sleep(pause))
                    .await;
                pause = (pause * 2).min(PAUSE.1);
            }
            Event::Drain => break,
        }
    }
    // What the system has accepted already would be reset with the socket, and a call in it lost.
    if let Ok(socket) = socket.into_std() {
        while let Ok((stream, peer)) = socket.accept() {
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                start(&mut connections, stream, peer, &site);
            }
        }
    }
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

async fn next(socket: &TcpListener, connections: &mut JoinSet<()>, site: &Site) -> Event {
    let most = site.limits.connections.max(1);
    let mut drain = pin!(site.draining());
    let mut told = false;
    poll_fn(|cx| {
        while let Poll::Ready(Some(ended)) = connections.poll_join_next(cx) {
            report(ended);
        }
        if drain.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Event::Drain);
        }
        if connections.len() >= most {
            // They wait in the system's queue, until one of those that are open ends.
            if !told {
                tracing::warn!(most, "all connections are in use; new ones wait");
            }
            told = true;
            return Poll::Pending;
        }
        socket.poll_accept(cx).map(|accepted| match accepted {
            Ok((stream, peer)) => Event::Accepted(stream, peer),
            Err(error) => Event::Refused(error),
        })
    })
    .await
}

fn start(connections: &mut JoinSet<()>, stream: TcpStream, peer: SocketAddr, site: &Arc<Site>) {
    // A small reply must not wait for the acknowledgement of the last one. Without, it only comes later.
    let _ = stream.set_nodelay(true);
    connections.spawn(connection::serve(
        stream,
        Arc::from(peer.to_string()),
        Arc::clone(site),
    ));
}

/// True if the error is that of one connection that ended before it was accepted.
fn is_of_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended in a panic");
    }
}
