//! The open connections to one node.
//!
//! A connection carries one call at a time. The last one used is used next, so that those not needed grow old and
//! are closed, here before at the far end.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant as Deadline};

use bytes::Bytes;
use http_body_util::Full;
use hyper::HeaderMap;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::ID;
use crate::error::{Error, Result};
use crate::transport::Limits;

/// How long a connection may take to settle after its last call before another is used.
const SETTLE: Duration = Duration::from_secs(1);

/// How long a node may not answer before it is taken for dead: the system asks a second time after a second.
const TELLING: Duration = Duration::from_millis(1500);

/// The connections to one node: at most as many as allowed; calls beyond that wait for one, in order.
pub(super) struct Pool {
    address: String,
    limits: Limits,
    places: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The oldest first.
    idle: VecDeque<(Instant, Open)>,
    /// The task that closes what idles too long, while there is something to close.
    sweeper: Option<AbortHandle>,
}

/// A connection, and the map for its next head, kept since the last one.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    headers: HeaderMap,
    /// Ends with this: a peer that reads no more must not keep a call alive that was dropped.
    _task: AbortOnDropHandle<()>,
}

/// The use of a connection for one call; dropped before it is [given back](Self::give_back), it closes it.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    open: Open,
    used_before: bool,
    _place: SemaphorePermit<'a>,
}

impl Pool {
    pub(super) fn new(address: &str, limits: &Limits) -> Self {
        Self {
            address: address.to_owned(),
            limits: limits.clone(),
            places: Semaphore::new(limits.pool.clamp(1, Semaphore::MAX_PERMITS)),
            state: Mutex::default(),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A connection that no other call uses, for a call that must be answered by `deadline`.
    ///
    /// # Errors
    ///
    /// `unavailable` if there is none and the node cannot be connected to, `timeout` if there is too little time to tell;
    /// no handler was reached.
    pub(super) async fn lease(&self, deadline: Option<Deadline>) -> Result<Lease<'_>> {
        let place = self
            .places
            .acquire()
            .await
            .map_err(|_| self.unreachable("the pool is closed"))?;
        let idle = self.settled().await;
        let used_before = idle.is_some();
        let open = match idle {
            Some(open) => open,
            None => self.connect(deadline).await?,
        };
        Ok(Lease {
            pool: self,
            open,
            used_before,
            _place: place,
        })
    }

    /// The connection used last that is still open.
    async fn settled(&self) -> Option<Open> {
        loop {
            let mut open = self.youngest()?;
            if open.sender.is_ready() {
                return Some(open);
            }
            // Its task may be about to notice that the last reply is complete, or that the peer has closed.
            if let Ok(Ok(())) = timeout(SETTLE, open.sender.ready()).await {
                return Some(open);
            }
        }
    }

    fn youngest(&self) -> Option<Open> {
        let mut state = self.state();
        let (since, open) = state.idle.pop_back()?;
        if since.elapsed() >= self.longest_idle() {
            // The others are older still.
            state.idle.clear();
            return None;
        }
        Some(open)
    }

    /// Half of what a server allows, so that a call is never sent on a connection that the server is closing.
    fn longest_idle(&self) -> Duration {
        self.limits.idle_timeout / 2
    }

    /// A fresh connection, for a call that must be answered by `deadline`.
    async fn connect(&self, deadline: Option<Deadline>) -> Result<Open> {
        // What takes longer than that leaves no time for the call itself; another node may be nearer.
        let half = deadline.map(|at| at.saturating_duration_since(Deadline::now()) / 2);
        let most = self.limits.connect_timeout;
        let limit = half.map_or(most, |half| half.min(most));
        let stream = match timeout(limit, TcpStream::connect(&self.address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(source)) => return Err(self.unreachable(&source).with_source(source)),
            Err(_) if limit < most.min(TELLING) => {
                let node = &self.address;
                let detail = format!(
                    "{node} was not connected to within {limit:.0?}, half of the time left"
                );
                return Err(Error::timeout(ID, detail).never_reached());
            }
            Err(_) => {
                let why = format_args!(
                    "no answer within {limit:.0?} (connect_timeout, or half of the call's time)"
                );
                return Err(self.unreachable(why));
            }
        };
        // Without, a small call only goes out later.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::Builder::new()
            .max_header_size(self.limits.head)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| self.unreachable(&source).with_source(source))?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a node ended");
            }
        });
        Ok(Open {
            sender,
            headers: HeaderMap::with_capacity(USUAL_HEADERS),
            _task: AbortOnDropHandle::new(task),
        })
    }

    fn unreachable(&self, why: impl fmt::Display) -> Error {
        let detail = format!("{} cannot be connected to: {why}", self.address);
        Error::unavailable(ID, detail).never_reached()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one call, so that a panic leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what has idled too long; false once nothing is left to close later.
    fn sweep(&self) -> bool {
        let longest = self.longest_idle();
        let mut state = self.state();
        while state
            .idle
            .front()
            .is_some_and(|(since, _)| since.elapsed() >= longest)
        {
            state.idle.pop_front();
        }
        if state.idle.is_empty() {
            state.sweeper = None;
        }
        !state.idle.is_empty()
    }
}

/// What a head has without metadata, with some room.
const USUAL_HEADERS: usize = 16;

impl Lease<'_> {
    pub(super) fn sender(&mut self) -> &mut SendRequest<Full<Bytes>> {
        &mut self.open.sender
    }

    /// An empty map for the head.
    pub(super) fn headers(&mut self) -> HeaderMap {
        std::mem::take(&mut self.open.headers)
    }

    /// True if the connection carried a call before, so that the peer may have closed it since.
    pub(super) fn is_used_before(&self) -> bool {
        self.used_before
    }

    /// Puts a fresh connection in the place of this one.
    ///
    /// # Errors
    ///
    /// As [`Pool::lease`].
    pub(super) async fn renew(&mut self, deadline: Option<Deadline>) -> Result<()> {
        self.open = self.pool.connect(deadline).await?;
        self.used_before = false;
        Ok(())
    }

    /// Keeps the connection for the next call, and `headers` for its head.
    pub(super) fn give_back(mut self, pool: &Arc<Pool>, mut headers: HeaderMap) {
        headers.clear();
        self.open.headers = headers;
        let mut state = pool.state();
        state.idle.push_back((Instant::now(), self.open));
        if state.sweeper.is_none() {
            state.sweeper = Some(start_sweeper(pool));
        }
    }
}

fn start_sweeper(pool: &Arc<Pool>) -> AbortHandle {
    let period = (pool.longest_idle() / 2).max(Duration::from_millis(1));
    let pool: Weak<Pool> = Arc::downgrade(pool);
    let sweeping = tokio::spawn(async move {
        loop {
            tokio::time::sleep(period).await;
            match pool.upgrade() {
                Some(pool) if pool.sweep() => {}
                _ => return,
            }
        }
    });
    sweeping.abort_handle()
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(sweeper) = self.state().sweeper.take() {
            sweeper.abort();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.address)
    }
}
