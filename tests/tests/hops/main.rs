//! A calls B, B calls C: time and cancellation cross every hop, over frames and over HTTP, in a handler and in what it spawned.

mod streams;

use std::time::Instant;

use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::{FramesTransport, HttpTransport, MemoryTransport, Transport};
use micro::{Error, Running, Service};
use tokio::sync::mpsc;

/// Three services in one process, each with a client end of its own.
struct Chain {
    caller: Service,
    _b: Running,
    _c: Running,
    /// What the handler at the end has to say.
    told: mpsc::UnboundedReceiver<Word>,
}

#[derive(Debug, PartialEq)]
enum Word {
    /// It was called, with so much time left.
    Called(Option<Duration>),
    Dropped,
}

struct Guard(mpsc::UnboundedSender<Word>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send(Word::Dropped);
    }
}

async fn service<T: Transport + 'static>(
    registry: &MemoryRegistry,
    name: &'static str,
    transport: T,
) -> Service {
    let builder = Service::builder(name)
        .registry(registry.clone())
        .transport(transport);
    builder.linger(Duration::ZERO).build().await.unwrap()
}

/// How B calls C.
#[derive(Clone, Copy)]
enum By {
    Itself,
    /// A task that it spawned, and that ends with the call that it serves.
    Task,
}

impl Chain {
    async fn new<T: Transport + 'static>(transport: impl Fn() -> T, by: By) -> Self {
        let registry = MemoryRegistry::new();
        let (tell, told) = mpsc::unbounded_channel();
        let wait = unary(move |ctx: Context, _: Plain<()>| {
            let guard = Guard(tell.clone());
            async move {
                guard.0.send(Word::Called(ctx.time_left())).unwrap();
                std::future::pending::<micro::Result<Plain<()>>>().await
            }
        });
        let c = service(&registry, "c", transport())
            .await
            .endpoint("C.Wait", wait);
        let b = service(&registry, "b", transport()).await;
        let client = b.client().clone();
        let hand_on = unary(move |ctx: Context, nothing: Plain<()>| {
            let client = client.clone();
            let call = async move {
                let call = client.call::<_, Plain<()>>("c", "C.Wait", &nothing);
                call.await.map_err(Error::forward)
            };
            async move {
                match by {
                    By::Itself => call.await,
                    By::Task => {
                        let own = ctx.clone();
                        ctx.spawn(async move {
                            tokio::select! {
                                answer = call => answer,
                                () = own.cancelled() => Err(Error::cancelled("b", "left")),
                            }
                        });
                        std::future::pending().await
                    }
                }
            }
        });
        let b = b.endpoint("B.HandOn", hand_on);
        Self {
            caller: service(&registry, "a", transport()).await,
            _b: b.start().await.unwrap(),
            _c: c.start().await.unwrap(),
            told,
        }
    }

    fn call(&self) -> micro::Call<Plain<()>> {
        self.caller.client().call("b", "B.HandOn", &Plain(()))
    }
}

macro_rules! over_every_transport {
    ($($fact:ident: $run:ident($by:ident))*) => {
        mod over_frames {
            $(#[tokio::test]
            async fn $fact() {
                super::$run(super::FramesTransport::default, super::By::$by).await;
            })*
        }

        mod over_http {
            $(#[tokio::test]
            async fn $fact() {
                super::$run(super::HttpTransport::default, super::By::$by).await;
            })*
        }

        mod in_memory {
            $(#[tokio::test]
            async fn $fact() {
                let transport = super::MemoryTransport::new();
                super::$run(move || transport.clone(), super::By::$by).await;
            })*
        }
    };
}

over_every_transport! {
    the_time_at_the_first_hop_leaves_less_at_the_last: time_left(Itself)
    the_time_at_the_first_hop_leaves_less_to_what_a_task_calls: time_left(Task)
    dropping_the_call_at_the_first_hop_ends_the_handler_at_the_last: dropped(Itself)
    dropping_the_call_at_the_first_hop_ends_what_a_task_called: dropped(Task)
    time_that_runs_out_at_the_first_hop_ends_the_handler_at_the_last: expired(Itself)
    time_that_runs_out_at_the_first_hop_ends_what_a_task_called: expired(Task)
}

async fn time_left<T: Transport + 'static>(transport: impl Fn() -> T, by: By) {
    let mut chain = Chain::new(transport, by).await;
    let allowed = Duration::from_millis(500);

    let error = chain.call().timeout(allowed).await.unwrap_err();

    assert!(matches!(error.code(), 408 | 504), "{error}");
    let Some(Word::Called(Some(left))) = chain.told.recv().await else {
        panic!("the last hop was not called with a deadline");
    };
    assert!(left < allowed, "{left:?}");
}

async fn dropped<T: Transport + 'static>(transport: impl Fn() -> T, by: By) {
    let mut chain = Chain::new(transport, by).await;
    let mut call = chain.call().into_future();
    tokio::select! {
        _ = &mut call => unreachable!(),
        word = chain.told.recv() => assert!(matches!(word, Some(Word::Called(_)))),
    }
    let dropped = Instant::now();

    drop(call);

    assert_eq!(chain.told.recv().await, Some(Word::Dropped));
    let took = dropped.elapsed();
    assert!(took < Duration::from_millis(100), "{took:?}");
}

async fn expired<T: Transport + 'static>(transport: impl Fn() -> T, by: By) {
    let mut chain = Chain::new(transport, by).await;
    let call = chain.call().timeout(Duration::from_millis(200));

    call.await.unwrap_err();

    assert!(matches!(chain.told.recv().await, Some(Word::Called(_))));
    assert_eq!(chain.told.recv().await, Some(Word::Dropped));
}
