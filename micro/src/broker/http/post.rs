//! The publisher's end: one message to one node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, StatusCode, Uri};
use tokio::time::timeout;

use super::inbox::REPLAYED;
use super::{ID, query};
use crate::dial::refused as refused_by;
use crate::error::{Error, Result};
use crate::http::{AGENT, Failed, Inbound, Pool, is_closing, pairs};
use crate::limits::Limits;
use crate::tls::Way;
use crate::wire;

/// How long a subscriber may take to say that it has a message. Those of go-micro handle it first.
const ANSWER: Duration = Duration::from_secs(30);

/// How much of a reply is read: an error.
const REPLY: usize = 64 << 10;

/// How many addresses are remembered; a publisher that met more forgets them all, and connects anew.
const POOLS: usize = 4096;

/// The connections to the nodes posted to so far.
pub(super) struct Post {
    limits: Limits,
    /// How they begin.
    way: Way,
    pools: Mutex<HashMap<String, Arc<Pool>>>,
}

impl Post {
    pub(super) fn new(limits: &Limits, way: Way) -> Self {
        Self {
            limits: limits.clone(),
            way,
            pools: Mutex::default(),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Posts `body` for node `id`; says how many messages the node handed out again.
    ///
    /// # Errors
    ///
    /// Whatever went wrong; [never reached](Error::is_never_reached) if the node did not take it.
    pub(super) async fn send(
        &self,
        address: &str,
        path: &str,
        id: &str,
        body: Bytes,
    ) -> Result<usize> {
        let pool = self.pool(address);
        let mut lease = pool.lease(None).await?;
        let message = message(address, path, id, body, lease.headers())?;
        let sent = timeout(ANSWER, lease.send(message, None, |_| Ok(()))).await;
        let Ok(sent) = sent else {
            let detail = format!("{address} did not say within {ANSWER:?} that it took a message");
            return Err(Error::deadline_exceeded(ID, detail));
        };
        let reply = sent.map_err(|failed| match failed {
            Failed::Refused(error) => error,
            Failed::Broken { source, is_unsent } => broken(address, source, is_unsent),
        })?;
        let (parts, body) = reply.into_parts();
        let read = timeout(ANSWER, Inbound::new(body).read(REPLY)).await;
        let replayed = parts.headers.get(REPLAYED);
        let replayed = replayed.and_then(|count| count.to_str().ok()?.parse().ok());
        let is_refused = wire::read_reply(pairs(&parts.headers)).reached == Some(false);
        let text = match read {
            Ok(Ok(bytes)) if !is_closing(&parts.headers) => {
                lease.give_back(&pool, parts.headers);
                bytes
            }
            Ok(Ok(bytes)) => bytes,
            // The status has said all that matters.
            _ => Bytes::new(),
        };
        match parts.status {
            StatusCode::OK if is_refused => {
                let detail = format!("{address} has no subscriber {id} any more");
                Err(Error::unavailable(ID, detail).never_reached())
            }
            StatusCode::OK => Ok(replayed.unwrap_or(0)),
            status => Err(refused(address, status, &text, is_refused)),
        }
    }

    fn pool(&self, address: &str) -> Arc<Pool> {
        // The map is whole after any panic: each change is one call.
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(address) {
            return Arc::clone(pool);
        }
        if pools.len() >= POOLS {
            pools.clear();
        }
        let pool = Arc::new(Pool::new(address, &self.limits, self.way.clone()));
        pools.insert(address.to_owned(), Arc::clone(&pool));
        pool
    }
}

fn message(
    address: &str,
    path: &str,
    id: &str,
    body: Bytes,
    mut headers: HeaderMap,
) -> Result<hyper::Request<Full<Bytes>>> {
    let wrong = |what: &str| {
        let detail = format!("the node {id:?} at {address:?} cannot be posted to: {what}");
        Error::bad_gateway(ID, detail).never_reached()
    };
    let host =
        HeaderValue::from_str(address).map_err(|_| wrong("its address is no host and port"))?;
    let uri = Uri::try_from(query::write(path, id)).map_err(|_| wrong("its id is too long"))?;
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if body.is_empty() {
        // Only of a body that is there is the length written unasked.
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut message = hyper::Request::new(Full::new(body));
    *message.method_mut() = Method::POST;
    *message.uri_mut() = uri;
    *message.headers_mut() = headers;
    Ok(message)
}

fn broken(address: &str, source: hyper::Error, is_unsent: bool) -> Error {
    if let Some(refused) = refused_by(address, &source) {
        return refused.with_source(source);
    }
    let detail = format!("the connection to {address} broke, and it may have taken the message");
    if is_unsent {
        let detail = format!("the connection to {address} broke before the message was sent");
        return Error::unavailable(ID, detail)
            .with_source(source)
            .never_reached();
    }
    Error::unavailable(ID, detail).with_source(source)
}

/// What a node said instead of 200.
fn refused(address: &str, status: StatusCode, text: &[u8], is_refused: bool) -> Error {
    let said = Error::from_wire(&String::from_utf8_lossy(text));
    let detail = format!("{address} answered {status}: {}", said.detail());
    match is_refused {
        true => Error::new(status.as_u16(), ID, detail).never_reached(),
        false => Error::bad_gateway(ID, detail),
    }
}
