//! A bound socket: accepts connections, has them served, and ends them.
//!
//! What is spoken on them is the business of whoever binds it, by a [`Serve`].

use std::fmt;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::address;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::peer::Peer;
use crate::tls::{Acceptor, Ends, Protocol, Stream};

/// Who speaks in the errors of this module.
const ID: &str = "micro.listener";

/// What serves the connections of a listener.
pub(crate) trait Serve: Send + Sync + 'static {
    /// What it speaks, the preferred one first.
    const PROTOCOLS: &'static [Protocol];

    /// Serves one connection until either side ends it. It is dropped when the listener is closed.
    fn serve(&self, stream: Stream, peer: Peer, site: &Site) -> impl Future<Output = ()> + Send;
}

/// How long to wait after the system refused a connection, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// What the connections of one listener share.
pub(crate) struct Site {
    pub(crate) limits: Limits,
    drain: CancellationToken,
    /// The same as `drain`, to be asked for every call.
    leaving: AtomicBool,
    /// How many connections there are.
    open: AtomicUsize,
}

impl Site {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            drain: CancellationToken::new(),
            leaving: AtomicBool::new(false),
            open: AtomicUsize::new(0),
        }
    }

    /// When a connection that begins now takes no more calls; `None` is never.
    pub(crate) fn expiry(&self) -> Option<Instant> {
        let age = self.limits.connection_age;
        let age = age - age / 1000 * fastrand::u32(0..=100);
        let expiry = Instant::now().checked_add(age);
        expiry.filter(|_| !age.is_zero())
    }

    /// True once no more is to be begun.
    pub(crate) fn is_draining(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Ready once no more is to be begun.
    pub(crate) fn draining(&self) -> WaitForCancellationFuture<'_> {
        self.drain.cancelled()
    }

    /// Has connections begin no more, and end.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
        self.drain.cancel();
    }
}

/// What every connection of one listener needs.
struct Served<S> {
    site: Arc<Site>,
    /// What secures them, if they are.
    acceptor: Option<Acceptor>,
    serve: S,
}

/// A bound address, served by one task that owns the tasks of all its connections. Dropping it closes it.
pub(crate) struct Listener {
    address: String,
    site: Arc<Site>,
    serving: AbortHandle,
    ended: CancellationToken,
}

impl Listener {
    /// Binds `address` and has `serve` serve what comes there, secured if `ends` say so.
    ///
    /// # Errors
    ///
    /// `bad_request` if that is no address, or if what secures it cannot be used, `unavailable` if it cannot be bound.
    pub(crate) async fn bind<S: Serve>(
        address: &str,
        serve: S,
        limits: Limits,
        ends: &Ends,
    ) -> Result<Self> {
        let acceptor = ends.acceptor(S::PROTOCOLS)?;
        let wanted = address::parse(address)?;
        let unbound = |source: io::Error| {
            Error::unavailable(
                ID,
                format!("{wanted} cannot be listened at: choose another address"),
            )
            .with_source(source)
        };
        let socket = TcpListener::bind(wanted).await.map_err(unbound)?;
        let bound = socket.local_addr().map_err(unbound)?;
        let site = Arc::new(Site::new(limits));
        let ended = CancellationToken::new();
        let last = ended.clone().drop_guard();
        let serving = Arc::new(Served {
            site: Arc::clone(&site),
            acceptor,
            serve,
        });
        let serving = tokio::spawn(async move {
            let _last = last;
            accept(socket, serving).await;
        });
        Ok(Self {
            address: bound.to_string(),
            site,
            serving: serving.abort_handle(),
            ended,
        })
    }

    /// Where it listens, with the real port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.site.open.load(Ordering::Relaxed)
    }

    /// Stops accepting connections, lets what is being answered finish, and waits until all connections have ended.
    pub(crate) async fn drain(&self) {
        self.site.leave();
        self.ended.cancelled().await;
    }

    /// Ends every connection at once.
    pub(crate) fn close(&self) {
        // The connections end with the task that owns them.
        self.serving.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.address)
    }
}

/// What the accepting task has to act on.
enum Event {
    Accepted(TcpStream, SocketAddr),
    Refused(io::Error),
    Drain,
}

/// Accepts until told to drain, then waits for the connections to end.
async fn accept<S: Serve>(socket: TcpListener, served: Arc<Served<S>>) {
    let site = &served.site;
    let mut connections = JoinSet::new();
    let mut pause = PAUSE.0;
    loop {
        match next(&socket, &mut connections, site).await {
            Event::Accepted(stream, peer) => {
                pause = PAUSE.0;
                start(&mut connections, stream, peer, &served);
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
                start(&mut connections, stream, peer, &served);
            }
        }
    }
    while let Some(ended) = connections.join_next().await {
        site.open.store(connections.len(), Ordering::Relaxed);
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
        site.open.store(connections.len(), Ordering::Relaxed);
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

fn start<S: Serve>(
    connections: &mut JoinSet<()>,
    stream: TcpStream,
    peer: SocketAddr,
    served: &Arc<Served<S>>,
) {
    // A small reply must not wait for the acknowledgement of the last one. Without, it only comes later.
    let _ = stream.set_nodelay(true);
    let served = Arc::clone(served);
    connections.spawn(async move {
        if let Some((stream, peer)) = served.begin(stream, peer.to_string()).await {
            served.serve.serve(stream, peer, &served.site).await;
        }
    });
}

impl<S> Served<S> {
    /// The connection, secured if it is to be, and who is at its other end; `None` if that cannot be spoken to.
    async fn begin(&self, stream: TcpStream, peer: String) -> Option<(Stream, Peer)> {
        let Some(acceptor) = &self.acceptor else {
            return Some((Stream::Plain(stream), Peer::new(peer)));
        };
        let limits = &self.site.limits;
        let accepting = tokio::time::timeout(limits.head_timeout, acceptor.accept(stream));
        let late = async {
            self.site.draining().await;
            tokio::time::sleep(limits.linger).await;
        };
        tokio::select! {
            accepted = accepting => match accepted {
                Ok(Ok((stream, names))) => return Some((stream, Peer::proven(peer, names))),
                Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    tracing::debug!(%peer, "a connection ended in the TLS handshake");
                }
                Ok(Err(error)) => tracing::warn!(%peer, %error, "no TLS handshake"),
                Err(_) => tracing::warn!(%peer, "no TLS handshake within head_timeout"),
            },
            () = late => {}
        }
        None
    }
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
