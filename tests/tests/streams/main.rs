//! Every kind of stream, in every way that it can end, over every transport that carries streams. Afterwards nothing is
//! left of it: no handler, no task and no socket.
//!
//! In memory both ends are in one process, which no kill survives; there the runtime of one end goes in its place.

mod bidirectional;
mod caller;
mod chat;
mod handler;
mod process;
mod runtimes;

use std::sync::atomic::{AtomicUsize, Ordering};

use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::Transport;
use micro::{Call, Error, Result, Running, Service};
use tests::alone;
use tokio::time::timeout;

use chat::{Ask, Chat, ChatClient, How, Number};

/// What is waited for comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(10);

/// A node, and a client of it.
struct Pair {
    chat: Chat,
    client: ChatClient,
    running: Option<Running>,
    _caller: Service,
}

/// A service of that name, whose node is not looked for by those who know its address.
async fn service(
    name: &'static str,
    registry: &MemoryRegistry,
    transport: impl Transport + 'static,
) -> Service {
    let builder = Service::builder(name).registry(registry.clone());
    let builder = builder.transport(transport).linger(Duration::ZERO);
    builder.build().await.unwrap()
}

impl Pair {
    async fn new<T: Transport + Clone + 'static>(transport: T) -> Self {
        let registry = MemoryRegistry::new();
        let chat = Chat::default();
        let node = service("chat", &registry, transport.clone()).await;
        let running = node.handle(chat.clone()).start().await.unwrap();
        let caller = service("caller", &registry, transport).await;
        Self {
            chat,
            client: ChatClient::new(&caller),
            running: Some(running),
            _caller: caller,
        }
    }
}

fn asked(how: How, count: u32) -> Ask {
    Ask { how, count }
}

fn number(value: u32) -> Number {
    Number { value }
}

/// Numbers without end, slowly enough for others to run.
fn endless() -> impl Stream<Item = Number> + Send {
    stream::unfold((), async |()| {
        tokio::task::yield_now().await;
        Some((number(1), ()))
    })
}

async fn collect(
    mut stream: impl Stream<Item = Result<Number>> + Unpin,
) -> (Vec<u32>, Option<Error>) {
    let mut values = Vec::new();
    while let Some(item) = stream.next().await {
        match item {
            Ok(number) => values.push(number.value),
            Err(error) => return (values, Some(error)),
        }
    }
    (values, None)
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Server,
    Client,
    Bidirectional,
}

const KINDS: [Kind; 3] = [Kind::Server, Kind::Client, Kind::Bidirectional];

/// A stream with the node at `address` that goes on until something ends it, which may be an error.
async fn go_on(client: &ChatClient, kind: Kind, address: &str) -> Option<Error> {
    fn at<T>(call: Call<T>, address: &str) -> Call<T> {
        call.address(address).timeout(SOON)
    }
    let opened = match kind {
        Kind::Server => at(client.ticks(asked(How::Run, 0)), address).await,
        Kind::Client => return at(client.sum(endless()), address).await.err(),
        Kind::Bidirectional => at(client.talk(endless()), address).await,
    };
    match opened {
        Ok(replies) => collect(replies).await.1,
        Err(error) => Some(error),
    }
}

/// Waits until `count` grows no more, whatever turns the others get; says how far it came.
async fn settled(count: &AtomicUsize) -> usize {
    let settle = async {
        loop {
            let before = count.load(Ordering::Relaxed);
            for _ in 0..2000 {
                tokio::task::yield_now().await;
            }
            if count.load(Ordering::Relaxed) == before {
                return before;
            }
        }
    };
    timeout(SOON, settle).await.expect("nobody is held up")
}

/// Sees that `fact`, about two ends over `transport`, leaves no handler, no task and no socket behind.
fn over<T: Transport + Clone + 'static>(
    transport: impl FnOnce() -> T,
    fact: impl AsyncFnOnce(&mut Pair),
) {
    alone(async || {
        let mut pair = Pair::new(transport()).await;

        fact(&mut pair).await;

        let quiet = timeout(SOON, pair.chat.quiet()).await;
        quiet.expect("a handler is left");
    });
}

macro_rules! over_every_transport {
    ($($fact:ident)*) => {
        mod over_memory {
            $(#[test]
            fn $fact() {
                crate::over(micro::transport::MemoryTransport::new, super::$fact);
            })*
        }

        mod over_frames {
            $(#[test]
            fn $fact() {
                crate::over(micro::transport::FramesTransport::default, super::$fact);
            })*
        }

        mod over_http {
            $(#[test]
            fn $fact() {
                crate::over(micro::transport::HttpTransport::default, super::$fact);
            })*
        }

        mod over_the_default {
            $(#[test]
            fn $fact() {
                crate::over(micro::transport::AutoTransport::default, super::$fact);
            })*
        }
    };
}

pub(crate) use over_every_transport;
