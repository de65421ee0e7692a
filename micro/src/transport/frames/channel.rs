//! The way to one node: connections that are opened when they are needed, more of them when one is full.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Broken;
use super::client::{Calling, Connection};
use crate::dial::{dial, refused, unreachable};
use crate::error::{Error, Result};
use crate::message::{Request, Response};
use crate::phase::{self, Phase};
use crate::tls::{self, Protocol, Stream, Way};
use crate::transport::{Channel, Limits, Socket};

/// How many connections to a node are open at most.
const MOST: usize = 4;

/// Calls one node in frames.
pub(in super::super) struct FramesChannel {
    address: Arc<str>,
    limits: Limits,
    dial: Dial,
    open: Mutex<Vec<Arc<Connection>>>,
    /// Held while connecting, so that callers who come together share what is opened, or why nothing was: the last
    /// failure that is the node's.
    connecting: tokio::sync::Mutex<Option<Unconnected>>,
    /// How often connecting has failed.
    failures: AtomicU64,
}

/// Opens a connection for who has time until then; nothing was sent on it.
pub(in super::super) type Dial =
    Box<dyn Fn(Option<Instant>) -> BoxFuture<'static, Result<Stream, Unconnected>> + Send + Sync>;

/// The connections themselves, begun in this `way`.
pub(in super::super) fn direct(address: &str, limits: &Limits, way: Way) -> Dial {
    let (address, limits) = (Arc::<str>::from(address), limits.clone());
    Box::new(move |deadline| {
        let (address, limits, way) = (Arc::clone(&address), limits.clone(), way.clone());
        async move {
            let dialed = dial(&address, &limits, deadline, &way, Protocol::Frames);
            let stream = dialed.await.map_err(Unconnected::Away)?;
            if stream.protocol() == Some(Protocol::Http) {
                let error = unreachable(&address, "it takes HTTP only");
                return Err(Unconnected::Mute(error));
            }
            Ok(stream)
        }
        .boxed()
    })
}

impl FramesChannel {
    pub(in super::super) fn new(address: &str, limits: Limits, dial: Dial) -> Self {
        Self {
            address: address.into(),
            limits,
            dial,
            open: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            failures: AtomicU64::new(0),
        }
    }

    fn open(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        // The list is whole after any panic: each change is one call.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that takes a call: one that is there and not full, or a new one.
    pub(in super::super) async fn connection(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Arc<Connection>, Unconnected> {
        if let Some(connection) = self.known() {
            return Ok(connection);
        }
        phase::enter(Phase::Connection);
        let before = self.failures.load(Ordering::Relaxed);
        let mut failure = self.connecting.lock().await;
        let connection = match self.known() {
            Some(connection) => connection,
            None => {
                // One after the other would wait for a node that does not answer, and those behind run out of time.
                let has_failed = self.failures.load(Ordering::Relaxed) != before;
                let shared = failure.as_ref().filter(|_| has_failed);
                if let Some(shared) = shared.and_then(Unconnected::again) {
                    return Err(shared);
                }
                let connected = self.connect(deadline).await.inspect_err(|failed| {
                    *failure = failed.again();
                    self.failures.fetch_add(1, Ordering::Relaxed);
                });
                let connection = connected?;
                self.open().push(Arc::clone(&connection));
                connection
            }
        };
        phase::enter(Phase::Reply);
        Ok(connection)
    }

    /// One that is open and not full; any that is open if no more may be.
    fn known(&self) -> Option<Arc<Connection>> {
        let mut open = self.open();
        open.retain(|connection| connection.is_open());
        let free = open.iter().find(|connection| !connection.is_saturated());
        let any = || open.first().filter(|_| open.len() >= MOST);
        free.or_else(any).cloned()
    }

    async fn connect(&self, deadline: Option<Instant>) -> Result<Arc<Connection>, Unconnected> {
        let address = &*self.address;
        let stream = (self.dial)(deadline).await?;
        let greeted = Connection::start(stream, Arc::clone(&self.address), &self.limits).await;
        greeted.map_err(|source| {
            if let Some(refused) = refused(address, &source) {
                return Unconnected::Away(refused.with_source(source));
            }
            if Broken::TLS_ONLY.is(&source) {
                return Unconnected::Away(tls::only(address));
            }
            let error = unreachable(address, format_args!("it does not speak frames: {source}"));
            Unconnected::Mute(error.with_source(source))
        })
    }
}

/// Why there is no connection. Nothing was sent.
pub(in super::super) enum Unconnected {
    /// The node is not there.
    Away(Error),
    /// It is, and does not speak frames.
    Mute(Error),
}

impl Unconnected {
    /// The same for others who have waited for it, unless it was for the time of who asked.
    fn again(&self) -> Option<Self> {
        let (make, error): (fn(Error) -> Self, _) = match self {
            Self::Away(error) => (Self::Away, error),
            Self::Mute(error) => (Self::Mute, error),
        };
        (error.code() == 503).then(|| {
            let (id, detail) = (error.id().to_owned(), error.detail().to_owned());
            make(Error::unavailable(id, detail).never_reached())
        })
    }
}

impl From<Unconnected> for Error {
    fn from(unconnected: Unconnected) -> Self {
        match unconnected {
            Unconnected::Away(error) | Unconnected::Mute(error) => error,
        }
    }
}

impl Channel for FramesChannel {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        async move {
            call(
                Some(self),
                self.connection(request.deadline).await?,
                request,
            )
            .await
        }
        .boxed()
    }

    fn open(&self, request: Request) -> BoxFuture<'_, Result<Socket>> {
        async move {
            open(
                Some(self),
                self.connection(request.deadline).await?,
                request,
            )
            .await
        }
        .boxed()
    }
}

pub(in super::super) async fn call(
    channel: Option<&FramesChannel>,
    connection: Arc<Connection>,
    mut request: Request,
) -> Result<Response> {
    let body = std::mem::take(&mut request.body).into_bytes()?;
    let (_, calling) = begin(channel, connection, request, Some(body)).await?;
    calling.await
}

pub(in super::super) async fn open(
    channel: Option<&FramesChannel>,
    connection: Arc<Connection>,
    request: Request,
) -> Result<Socket> {
    let (connection, calling) = begin(channel, connection, request, None).await?;
    let outgoing = Box::pin(connection.writer(&calling));
    Ok(Socket {
        outgoing,
        incoming: calling.boxed(),
    })
}

/// Begins a call once there is room for it: on `connection`, or on another of `channel` if that has begun to leave since
/// it was chosen.
async fn begin(
    channel: Option<&FramesChannel>,
    mut connection: Arc<Connection>,
    mut request: Request,
    mut body: Option<Bytes>,
) -> Result<(Arc<Connection>, Calling)> {
    let mut others = MOST;
    loop {
        let begun = poll_fn(|cx| {
            let begun = connection.begin(&mut request, &mut body, cx);
            if begun.is_pending() {
                phase::enter(Phase::Room);
            }
            begun
        });
        match (begun.await, channel) {
            (Err(_), Some(channel)) if !connection.is_open() && others > 0 => {
                others -= 1;
                connection = channel.connection(request.deadline).await?;
            }
            (begun, _) => {
                let calling = begun?;
                phase::enter(Phase::Reply);
                return Ok((connection, calling));
            }
        }
    }
}

impl fmt::Debug for FramesChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FramesChannel({})", self.address)
    }
}
