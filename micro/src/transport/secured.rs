//! The way to a node that must prove which service it is of.
//!
//! The names of services come from who calls, never from the registry: a connection that has proven one name carries the
//! calls of that service alone.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Channel, Facts, Socket};
use crate::error::Result;
use crate::message::{Request, Response};
use crate::tls::{Ends, Way};

/// How many services at one address are remembered; a client that met more forgets them all.
const SERVICES: usize = 256;

/// The channel to the node at `address`, made by `make`, as `ends` want it.
///
/// # Errors
///
/// What `make` says; `bad_gateway` if the node takes TLS only, and this end speaks none.
pub(super) fn dial<C: Channel + 'static>(
    ends: &Ends,
    address: &str,
    facts: &Facts,
    make: impl Fn(Way) -> Result<C> + Send + Sync + 'static,
) -> Result<Arc<dyn Channel>> {
    ends.agree(address, facts)?;
    // Also to tell at once what is wrong with the address.
    let channel = Arc::new(make(ends.way(""))?);
    if !ends.expects_services() {
        return Ok(channel);
    }
    Ok(Arc::new(ByService {
        address: address.to_owned(),
        ends: ends.clone(),
        make: Box::new(move |way| Ok(Arc::new(make(way)?))),
        known: Mutex::default(),
    }))
}

/// One channel for each service that is called there.
struct ByService {
    address: String,
    ends: Ends,
    make: Make,
    known: Mutex<HashMap<String, Arc<dyn Channel>>>,
}

/// Makes the channel that begins its connections that way.
type Make = Box<dyn Fn(Way) -> Result<Arc<dyn Channel>> + Send + Sync>;

impl ByService {
    fn to(&self, service: &str) -> Result<Arc<dyn Channel>> {
        // The map is whole after any panic: each change is one call.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = known.get(service) {
            return Ok(Arc::clone(channel));
        }
        let channel = (self.make)(self.ends.way(service))?;
        if known.len() >= SERVICES {
            known.clear();
        }
        known.insert(service.to_owned(), Arc::clone(&channel));
        Ok(channel)
    }
}

impl Channel for ByService {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        async move { self.to(&request.service)?.call(request).await }.boxed()
    }

    fn open(&self, request: Request) -> BoxFuture<'_, Result<Socket>> {
        async move { self.to(&request.service)?.open(request).await }.boxed()
    }
}

impl fmt::Debug for ByService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByService({})", self.address)
    }
}
