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
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::dial::{dial, unreachable};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::phase::{self, Phase};
use crate::tls::{Protocol, Stream, Way};

/// How long a connection may take to settle after its last call before another is used.
const SETTLE: Duration = Duration::from_secs(1);

/// The connections to one node: at most as many as allowed; calls beyond that wait for one, in order.
pub(crate) struct Pool {
    address: String,
    limits: Limits,
    /// How they begin.
    way: Way,
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
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    open: Open,
    used_before: bool,
    _place: SemaphorePermit<'a>,
}

/// Why there is no reply.
pub(crate) enum Failed {
    /// Nothing was sent.
    Refused(Error),
    /// The connection broke.
    Broken {
        source: hyper::Error,
        /// True if the peer cannot have seen the message.
        is_unsent: bool,
    },
}

impl Pool {
    pub(crate) fn new(address: &str, limits: &Limits, way: Way) -> Self {
        Self {
            address: address.to_owned(),
            limits: limits.clone(),
            way,
            places: Semaphore::new(limits.pool.clamp(1, Semaphore::MAX_PERMITS)),
            state: Mutex::default(),
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A fresh connection that is nobody else's, and counts for none, to be done with as the caller likes.
    ///
    /// # Errors
    ///
    /// As [`lease`](Self::lease).
    pub(crate) async fn dial(&self, deadline: Option<Deadline>) -> Result<Stream> {
        dial(
            &self.address,
            &self.limits,
            deadline,
            &self.way,
            Protocol::Http,
        )
        .await
    }

    /// A connection that no other call uses, for a call that must be answered by `deadline`.
    ///
    /// # Errors
    ///
    /// `unavailable` if there is none and the node cannot be connected to, `timeout` if there is too little time to tell;
    /// no handler was reached.
    pub(crate) async fn lease(&self, deadline: Option<Deadline>) -> Result<Lease<'_>> {
        let place = match self.places.try_acquire() {
            Ok(place) => place,
            Err(_) => {
                phase::enter(Phase::Room);
                let place = self.places.acquire().await;
                place.map_err(|_| unreachable(&self.address, "the pool is closed"))?
            }
        };
        let idle = self.settled().await;
        let used_before = idle.is_some();
        let open = match idle {
            Some(open) => open,
            None => self.connect(deadline).await?,
        };
        phase::enter(Phase::Reply);
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
            phase::enter(Phase::Room);
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
        phase::enter(Phase::Connection);
        let address = &*self.address;
        let stream = self.dial(deadline).await?;
        let (sender, connection) = http1::Builder::new()
            .max_header_size(self.limits.head)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| unreachable(address, &source).with_source(source))?;
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
    /// An empty map for the head.
    pub(crate) fn headers(&mut self) -> HeaderMap {
        std::mem::take(&mut self.open.headers)
    }

    /// Sends `message`, on a fresh connection if the one at hand turns out to be closed; `again` amends it before that.
    pub(crate) async fn send(
        &mut self,
        message: hyper::Request<Full<Bytes>>,
        deadline: Option<Deadline>,
        again: impl FnOnce(&mut hyper::Request<Full<Bytes>>) -> Result<()>,
    ) -> Result<hyper::Response<Incoming>, Failed> {
        let mut failed = match self.open.sender.try_send_request(message).await {
            Ok(reply) => return Ok(reply),
            Err(failed) => failed,
        };
        let mut unsent = failed.take_message();
        // The peer may have closed a connection since it carried a call.
        if self.used_before
            && let Some(mut message) = unsent.take()
        {
            let fresh = self.pool.connect(deadline).await;
            self.open = fresh.map_err(Failed::Refused)?;
            self.used_before = false;
            phase::enter(Phase::Reply);
            again(&mut message).map_err(Failed::Refused)?;
            failed = match self.open.sender.try_send_request(message).await {
                Ok(reply) => return Ok(reply),
                Err(failed) => failed,
            };
            unsent = failed.take_message();
        }
        Err(Failed::Broken {
            source: failed.into_error(),
            is_unsent: unsent.is_some(),
        })
    }

    /// Keeps the connection for the next call, and `headers` for its head.
    pub(crate) fn give_back(mut self, pool: &Arc<Pool>, mut headers: HeaderMap) {
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
