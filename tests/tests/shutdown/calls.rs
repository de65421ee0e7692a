//! Calls of one request and one reply.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::{AutoTransport, FramesTransport, HttpTransport, MemoryTransport, Transport};
use micro::{Call, Error, Running, Service};
use tokio::sync::Semaphore;

use super::{SHORT, SOON, begin_to_stop, build, soon};

/// A node whose handler waits, and a caller.
struct Pair {
    running: Running,
    address: String,
    caller: Service,
    /// As many as handlers have begun.
    begun: Arc<Semaphore>,
    /// Handlers end when it is closed.
    gate: Arc<Semaphore>,
    /// How many handlers are there.
    there: Arc<AtomicUsize>,
}

struct There(Arc<AtomicUsize>);

impl Drop for There {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pair {
    async fn new(transport: impl Transport + Clone + 'static, drain: Duration) -> Self {
        let builder = |name: &'static str| {
            let builder = Service::builder(name).registry(MemoryRegistry::new());
            builder.transport(transport.clone())
        };
        let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let there = Arc::new(AtomicUsize::new(0));
        let (seen, closed, counted) = (begun.clone(), gate.clone(), there.clone());
        let wait = unary(move |_: Context, text: Plain<String>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let there = There(counted.clone());
            seen.add_permits(1);
            let gate = closed.clone();
            async move {
                let _there = there;
                let _ = gate.acquire().await;
                Ok::<_, Error>(text)
            }
        });
        let node = build(builder("node"), drain).await;
        let running = node.endpoint("Node.Wait", wait).start().await.unwrap();
        Self {
            address: running.address().to_owned(),
            running,
            caller: build(builder("caller"), drain).await,
            begun,
            gate,
            there,
        }
    }

    fn call(&self) -> Call<Plain<String>> {
        let text = Plain("hello".to_owned());
        let call = self.caller.client().call("node", "Node.Wait", &text);
        call.address(self.address.clone()).timeout(SOON)
    }
}

macro_rules! over_every_transport {
    ($($fact:ident: $drain:expr;)*) => {
        over_every_transport!(over_memory MemoryTransport::new $($fact $drain)*);
        over_every_transport!(over_frames FramesTransport::default $($fact $drain)*);
        over_every_transport!(over_http HttpTransport::default $($fact $drain)*);
        over_every_transport!(over_the_default AutoTransport::default $($fact $drain)*);
    };
    ($module:ident $transport:ident::$new:ident $($fact:ident $drain:expr)*) => {
        mod $module {
            use super::{Pair, SHORT, SOON, $transport};

            $(#[tokio::test]
            async fn $fact() {
                super::$fact(Pair::new($transport::$new(), $drain).await).await;
            })*
        }
    };
}

over_every_transport! {
    a_call_in_flight_is_answered_while_its_server_stops: SOON;
    a_call_that_comes_while_its_server_stops_never_reaches_a_handler: SOON;
    a_call_that_outlasts_the_drain_of_its_server_ends_with_an_error: SHORT;
}

async fn a_call_in_flight_is_answered_while_its_server_stops(pair: Pair) {
    let call = tokio::spawn(pair.call().into_future());
    let _begun = soon(pair.begun.acquire()).await.unwrap();

    let stopping = begin_to_stop(pair.running).await;
    pair.gate.close();

    assert_eq!(soon(call).await.unwrap().unwrap().0, "hello");
    soon(stopping).await.unwrap();
}

async fn a_call_that_comes_while_its_server_stops_never_reaches_a_handler(pair: Pair) {
    let call = tokio::spawn(pair.call().into_future());
    let _begun = soon(pair.begun.acquire()).await.unwrap();
    let late = pair.call();

    let stopping = begin_to_stop(pair.running).await;
    let refused = soon(late.into_future()).await.unwrap_err();
    pair.gate.close();

    assert_eq!(refused.code(), 503, "{refused}");
    assert!(refused.is_never_reached(), "{refused}");
    soon(call).await.unwrap().unwrap();
    soon(stopping).await.unwrap();
}

async fn a_call_that_outlasts_the_drain_of_its_server_ends_with_an_error(pair: Pair) {
    let call = tokio::spawn(pair.call().into_future());
    let _begun = soon(pair.begun.acquire()).await.unwrap();

    soon(pair.running.stop()).await;

    let error = soon(call).await.unwrap().unwrap_err();
    assert_eq!(error.code(), 503, "{error}");
    assert!(!error.is_never_reached(), "{error}");
    assert_eq!(pair.there.load(Ordering::Relaxed), 0);
}
