//! The same of streams, which travel in frames and in memory.

use std::time::Instant;

use futures_util::future::ready;
use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::{FramesTransport, MemoryTransport, Transport};
use micro::{Result, Running};
use tokio::sync::mpsc;

use super::{Guard, Word, service};

type Numbers = Plain<u32>;

/// The last hop: says what it hears, or counts.
struct C(mpsc::UnboundedSender<Word>);

impl C {
    fn called(&self, ctx: &Context) -> Guard {
        let guard = Guard(self.0.clone());
        guard.0.send(Word::Called(ctx.time_left())).unwrap();
        guard
    }
}

#[micro::service(name = "c")]
impl C {
    #[micro::handler]
    async fn count(
        &self,
        ctx: &Context,
        from: Numbers,
    ) -> Result<impl Stream<Item = Result<Numbers>>> {
        let guard = self.called(ctx);
        Ok(endless(from.0).map(Ok).inspect(move |_| {
            let _ = &guard;
        }))
    }

    #[micro::handler]
    async fn echo(
        &self,
        ctx: &Context,
        numbers: Streaming<Numbers>,
    ) -> Result<impl Stream<Item = Result<Numbers>>> {
        let guard = self.called(ctx);
        Ok(numbers.inspect(move |_| {
            let _ = &guard;
        }))
    }

    #[micro::handler]
    async fn sum(&self, ctx: &Context, mut numbers: Streaming<Numbers>) -> Result<Numbers> {
        let _guard = self.called(ctx);
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?.0;
        }
        Ok(Plain(sum))
    }
}

/// The hop between, which hands everything on.
struct B(CClient);

/// What has come of the caller's stream.
fn sound(numbers: Streaming<Numbers>) -> impl Stream<Item = Numbers> {
    numbers
        .take_while(|number| ready(number.is_ok()))
        .filter_map(|number| ready(number.ok()))
}

#[micro::service(name = "b")]
impl B {
    #[micro::handler]
    async fn count(&self, from: Numbers) -> Result<impl Stream<Item = Result<Numbers>>> {
        self.0.count(from).await
    }

    #[micro::handler]
    async fn echo(
        &self,
        numbers: Streaming<Numbers>,
    ) -> Result<impl Stream<Item = Result<Numbers>>> {
        self.0.echo(sound(numbers)).await
    }

    #[micro::handler]
    async fn sum(&self, numbers: Streaming<Numbers>) -> Result<Numbers> {
        self.0.sum(sound(numbers)).await
    }

    /// Reads for as long as there is something to read.
    #[micro::handler]
    async fn last(&self, from: Numbers) -> Result<Numbers> {
        let mut last = from;
        let mut numbers = self.0.count(from).await?;
        while let Some(number) = numbers.next().await {
            last = number?;
        }
        Ok(last)
    }
}

fn endless(from: u32) -> impl Stream<Item = Numbers> + Send {
    stream::unfold(from, async |number| {
        tokio::task::yield_now().await;
        Some((Plain(number), number.wrapping_add(1)))
    })
}

struct Chain {
    client: BClient,
    _b: Running,
    _c: Running,
    told: mpsc::UnboundedReceiver<Word>,
}

impl Chain {
    async fn new<T: Transport + 'static>(transport: impl Fn() -> T) -> Self {
        let registry = MemoryRegistry::new();
        let (tell, told) = mpsc::unbounded_channel();
        let c = service(&registry, "c", transport()).await.handle(C(tell));
        let b = service(&registry, "b", transport()).await;
        let next = CClient::new(&b);
        let caller = service(&registry, "a", transport()).await;
        Self {
            client: BClient::new(&caller),
            _b: b.handle(B(next)).start().await.unwrap(),
            _c: c.start().await.unwrap(),
            told,
        }
    }

    /// Waits until the last hop was called.
    async fn called(&mut self) -> Option<Duration> {
        match self.told.recv().await {
            Some(Word::Called(left)) => left,
            word => panic!("{word:?}"),
        }
    }

    /// How long after `stream` is dropped the handler at the last hop is.
    async fn ends_after(&mut self, stream: impl Sized) -> Duration {
        let dropped = Instant::now();
        drop(stream);
        assert_eq!(self.told.recv().await, Some(Word::Dropped));
        dropped.elapsed()
    }
}

/// Sees that it takes less than 100 ms; now and then more, if the machine is busy.
async fn assert_quick(mut once: impl AsyncFnMut() -> Duration) {
    let mut took = once().await;
    for _ in 0..4 {
        if took > Duration::from_millis(100) {
            took = took.min(once().await);
        }
    }
    assert!(took < Duration::from_millis(100), "{took:?}");
}

macro_rules! over_both_transports {
    ($($fact:ident)*) => {
        mod over_frames {
            $(#[tokio::test]
            async fn $fact() {
                super::$fact(super::Chain::new(super::FramesTransport::default).await).await;
            })*
        }

        mod in_memory {
            $(#[tokio::test]
            async fn $fact() {
                let transport = super::MemoryTransport::new();
                super::$fact(super::Chain::new(move || transport.clone()).await).await;
            })*
        }
    };
}

over_both_transports! {
    dropping_a_server_stream_at_the_first_hop_ends_the_handler_at_the_last
    dropping_a_bidirectional_stream_at_the_first_hop_ends_the_handler_at_the_last
    dropping_a_client_stream_at_the_first_hop_ends_the_handler_at_the_last
    a_stream_that_serves_a_call_has_less_time_than_that_and_ends_with_it
}

async fn dropping_a_server_stream_at_the_first_hop_ends_the_handler_at_the_last(mut chain: Chain) {
    assert_quick(async || {
        let mut numbers = chain.client.count(Plain(0)).await.unwrap();
        numbers.next().await.unwrap().unwrap();
        chain.called().await;

        chain.ends_after(numbers).await
    })
    .await;
}

async fn dropping_a_bidirectional_stream_at_the_first_hop_ends_the_handler_at_the_last(
    mut chain: Chain,
) {
    assert_quick(async || {
        let mut numbers = chain.client.echo(endless(0)).await.unwrap();
        numbers.next().await.unwrap().unwrap();
        chain.called().await;

        chain.ends_after(numbers).await
    })
    .await;
}

async fn dropping_a_client_stream_at_the_first_hop_ends_the_handler_at_the_last(mut chain: Chain) {
    assert_quick(async || {
        let mut sum = chain.client.sum(endless(0)).into_future();
        tokio::select! {
            _ = &mut sum => unreachable!(),
            _ = chain.called() => {}
        }

        chain.ends_after(sum).await
    })
    .await;
}

async fn a_stream_that_serves_a_call_has_less_time_than_that_and_ends_with_it(mut chain: Chain) {
    let allowed = Duration::from_millis(300);

    let error = chain.client.last(Plain(0)).timeout(allowed).await;

    assert!(matches!(error.unwrap_err().code(), 408 | 504));
    let left = chain.called().await;
    assert!(left.is_some_and(|left| left < allowed), "{left:?}");
    assert_eq!(chain.told.recv().await, Some(Word::Dropped));
}
