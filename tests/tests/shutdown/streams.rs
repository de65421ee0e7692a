//! Streams of every kind.

use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::{AutoTransport, FramesTransport, MemoryTransport, Transport};
use micro::{Result, Running, Service};
use tokio::sync::mpsc;

use super::{SHORT, SOON, begin_to_stop, build, soon};

type Number = Plain<u32>;

struct Echo;

#[micro::service(name = "echo")]
impl Echo {
    /// As many numbers; more than a window holds, so that the last are made when the first were read.
    #[micro::handler]
    async fn count(&self, to: Number) -> Result<impl Stream<Item = Result<Number>>> {
        Ok(stream::iter((0..to.0).map(|number| Ok(Plain(number)))))
    }

    #[micro::handler]
    async fn sum(&self, mut numbers: Streaming<Number>) -> Result<Number> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?.0;
        }
        Ok(Plain(sum))
    }

    #[micro::handler]
    async fn talk(&self, numbers: Streaming<Number>) -> Result<impl Stream<Item = Result<Number>>> {
        Ok(numbers)
    }
}

struct Pair {
    running: Running,
    client: EchoClient,
    _caller: Service,
}

impl Pair {
    async fn new(transport: impl Transport + Clone + 'static, drain: Duration) -> Self {
        let registry = MemoryRegistry::new();
        let builder = |name: &'static str| {
            let builder = Service::builder(name).registry(registry.clone());
            builder.transport(transport.clone())
        };
        let node = build(builder("echo"), drain).await.handle(Echo);
        let running = node.start().await.unwrap();
        let caller = build(builder("caller"), drain).await;
        Self {
            running,
            client: EchoClient::new(&caller),
            _caller: caller,
        }
    }
}

/// What the test says, one at a time.
fn said() -> (
    mpsc::UnboundedSender<Number>,
    impl Stream<Item = Number> + Send,
) {
    let (say, mut said) = mpsc::unbounded_channel();
    (say, stream::poll_fn(move |cx| said.poll_recv(cx)))
}

macro_rules! over_every_transport {
    ($($fact:ident: $drain:expr;)*) => {
        over_every_transport!(over_memory MemoryTransport::new $($fact $drain)*);
        over_every_transport!(over_frames FramesTransport::default $($fact $drain)*);
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
    a_server_stream_goes_on_to_its_end_while_its_server_stops: SOON;
    a_client_stream_goes_on_to_its_end_while_its_server_stops: SOON;
    a_bidirectional_stream_goes_on_to_its_end_while_its_server_stops: SOON;
    a_server_stream_that_outlasts_the_drain_ends_with_an_error: SHORT;
    a_client_stream_that_outlasts_the_drain_ends_with_an_error: SHORT;
    a_bidirectional_stream_that_outlasts_the_drain_ends_with_an_error: SHORT;
}

const MANY: u32 = 50_000;

async fn a_server_stream_goes_on_to_its_end_while_its_server_stops(pair: Pair) {
    let mut numbers = pair.client.count(Plain(MANY)).await.unwrap();
    numbers.next().await.unwrap().unwrap();

    let stopping = begin_to_stop(pair.running).await;
    let rest: Vec<_> = numbers.map(|number| number.unwrap().0).collect().await;

    assert!(rest.into_iter().eq(1..MANY));
    soon(stopping).await.unwrap();
}

async fn a_client_stream_goes_on_to_its_end_while_its_server_stops(pair: Pair) {
    let (say, said) = said();
    let (begun, mut begins) = mpsc::unbounded_channel();
    let said = said.inspect(move |_| begun.send(()).unwrap());
    let sum = tokio::spawn(pair.client.sum(said).into_future());
    say.send(Plain(1)).unwrap();
    begins.recv().await.unwrap();

    let stopping = begin_to_stop(pair.running).await;
    say.send(Plain(2)).unwrap();
    drop(say);

    assert_eq!(soon(sum).await.unwrap().unwrap().0, 3);
    soon(stopping).await.unwrap();
}

async fn a_bidirectional_stream_goes_on_to_its_end_while_its_server_stops(pair: Pair) {
    let (say, said) = said();
    let mut heard = pair.client.talk(said).await.unwrap();
    say.send(Plain(1)).unwrap();
    assert_eq!(heard.next().await.unwrap().unwrap().0, 1);

    let stopping = begin_to_stop(pair.running).await;
    say.send(Plain(2)).unwrap();
    assert_eq!(heard.next().await.unwrap().unwrap().0, 2);
    drop(say);

    assert!(heard.next().await.is_none());
    soon(stopping).await.unwrap();
}

async fn a_server_stream_that_outlasts_the_drain_ends_with_an_error(pair: Pair) {
    let mut numbers = pair.client.count(Plain(MANY)).await.unwrap();
    numbers.next().await.unwrap().unwrap();

    soon(pair.running.stop()).await;
    let last = numbers
        .filter_map(async |number| number.err())
        .collect::<Vec<_>>();

    assert_eq!(last.await[0].code(), 503);
}

async fn a_client_stream_that_outlasts_the_drain_ends_with_an_error(pair: Pair) {
    let (say, said) = said();
    let (begun, mut begins) = mpsc::unbounded_channel();
    let said = said.inspect(move |_| begun.send(()).unwrap());
    let sum = tokio::spawn(pair.client.sum(said).into_future());
    say.send(Plain(1)).unwrap();
    begins.recv().await.unwrap();

    soon(pair.running.stop()).await;

    assert_eq!(soon(sum).await.unwrap().unwrap_err().code(), 503);
}

async fn a_bidirectional_stream_that_outlasts_the_drain_ends_with_an_error(pair: Pair) {
    let (say, said) = said();
    let mut heard = pair.client.talk(said).await.unwrap();
    say.send(Plain(1)).unwrap();
    heard.next().await.unwrap().unwrap();

    soon(pair.running.stop()).await;

    assert_eq!(heard.next().await.unwrap().unwrap_err().code(), 503);
}
