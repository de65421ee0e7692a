//! Handlers that wait, on their way from the place where they were first polled to where they are polled on: every order
//! of few events.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::frame::{END, Kind, take};
use super::super::limits_preface;
use super::super::preface::LENGTH;
use super::limits::{call, frame};
use super::*;

/// What is known of a handler.
#[derive(Default)]
struct Watched {
    is_ready: AtomicBool,
    is_polled: AtomicBool,
    waker: Mutex<Option<Waker>>,
    dropped: AtomicUsize,
}

impl Watched {
    /// Lets it be ready, and wakes whoever polled it last.
    fn wake(&self) {
        self.is_ready.store(true, Ordering::SeqCst);
        let waker = self.waker.lock().unwrap().take();
        waker.into_iter().for_each(Waker::wake);
    }

    fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }
}

/// A handler that is ready when it is told to be.
struct Handling(Arc<Watched>);

impl Future for Handling {
    type Output = Result<Response>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Response>> {
        let watched = &self.0;
        assert!(
            !watched.is_polled.swap(true, Ordering::SeqCst),
            "twice at once"
        );
        assert_eq!(watched.dropped(), 0, "after it was dropped");
        *watched.waker.lock().unwrap() = Some(cx.waker().clone());
        let is_ready = watched.is_ready.load(Ordering::SeqCst);
        watched.is_polled.store(false, Ordering::SeqCst);
        match is_ready {
            true => Poll::Ready(Ok(Response::new(ContentType::MSGPACK, Body::default()))),
            false => Poll::Pending,
        }
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// Whether the task of the connection was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What may happen, in any order.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The connection's task has its turn, if it was woken.
    Turn,
    /// The tasks elsewhere have theirs.
    Tasks,
    FirstIsReady,
    SecondIsReady,
    FirstIsCancelled,
}

const EVENTS: [Event; 5] = [
    Event::Turn,
    Event::Tasks,
    Event::FirstIsReady,
    Event::SecondIsReady,
    Event::FirstIsCancelled,
];

/// A connection with two calls, polled by hand.
struct Bench {
    server: BoxFuture<'static, ()>,
    woken: Arc<Woken>,
    peer: DuplexStream,
    handlers: [Arc<Watched>; 2],
}

impl Bench {
    /// With `is_late`, the calls come behind one that has used up the time in place.
    async fn new(is_late: bool) -> Self {
        let handlers: [Arc<Watched>; 2] = Default::default();
        let watched = handlers.clone();
        let handler = accept(move |request: Request| {
            let body = request.body.into_bytes().unwrap();
            match body.first() {
                Some(number) => Handling(Arc::clone(&watched[usize::from(*number)])),
                None => {
                    let until = Instant::now() + Duration::from_micros(150);
                    while Instant::now() < until {}
                    let watched = Watched::default();
                    watched.wake();
                    Handling(Arc::new(watched))
                }
            }
        });
        let (mut peer, there) = duplex(1 << 16);
        let site = Site::new(Limits::default());
        let server = async move { serve(there, Peer::new("here"), handler, &site).await };
        let greeting = limits_preface(&Limits::default()).write();
        let busy = if is_late {
            call(END, 9, b"")
        } else {
            Vec::new()
        };
        let calls = [busy, call(END, 1, &[0]), call(END, 2, &[1])];
        peer.write_all(&[&greeting[..], &calls.concat()].concat())
            .await
            .unwrap();
        Self {
            server: server.boxed(),
            woken: Arc::new(Woken(AtomicBool::new(true))),
            peer,
            handlers,
        }
    }

    fn turn(&mut self) {
        if self.woken.0.swap(false, Ordering::SeqCst) {
            let waker = Waker::from(Arc::clone(&self.woken));
            let polled = self.server.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending(), "the connection ended");
        }
    }

    async fn happens(&mut self, event: Event) {
        match event {
            Event::Turn => self.turn(),
            Event::Tasks => tokio::task::yield_now().await,
            Event::FirstIsReady => self.handlers[0].wake(),
            Event::SecondIsReady => self.handlers[1].wake(),
            Event::FirstIsCancelled => {
                let cancel = frame(Kind::Cancel, END, 1, b"");
                self.peer.write_all(&cancel).await.unwrap();
            }
        }
    }

    /// Everybody who was woken has turns until nobody is.
    async fn settle(&mut self) {
        for _ in 0..20 {
            self.turn();
            tokio::task::yield_now().await;
        }
        assert!(
            !self.woken.0.load(Ordering::SeqCst),
            "it never comes to rest"
        );
    }

    /// How the server ended each call: in order, with the kind of frame.
    fn ends(&mut self) -> Vec<(u32, Kind)> {
        let mut bytes = Vec::new();
        while let Some(Ok(1..)) = self.peer.read_buf(&mut bytes).now_or_never() {}
        let (mut rest, mut ends) = (&bytes[LENGTH..], Vec::new());
        while let Some((frame, length)) = take(rest).unwrap() {
            ends.push((frame.call, frame.kind));
            rest = &rest[length..];
        }
        ends.retain(|(call, _)| *call != 9);
        ends.sort_by_key(|(call, _)| *call);
        ends
    }
}

/// Runs every order of so many events, and then what every order must have come to.
async fn try_every_order(count: u32, is_late: bool) {
    for number in 0..EVENTS.len().pow(count) {
        let digit = |place| EVENTS[number / EVENTS.len().pow(place) % EVENTS.len()];
        let order: Vec<Event> = (0..count).map(digit).collect();
        let mut bench = Bench::new(is_late).await;

        for event in &order {
            bench.happens(*event).await;
        }
        bench.settle().await;
        bench.handlers.iter().for_each(|handler| handler.wake());
        bench.settle().await;

        let ends = bench.ends();
        assert!(
            matches!(ends[..], [(1, _), (2, Kind::Reply)]),
            "{order:?}: {ends:?}"
        );
        assert!(
            matches!(ends[0].1, Kind::Reply | Kind::Cancel),
            "{order:?}: {ends:?}"
        );
        let begun = ends[0].1 == Kind::Reply;
        let dropped = bench.handlers.each_ref().map(|handler| handler.dropped());
        assert_eq!(dropped[1], 1, "{order:?}");
        assert!(
            dropped[0] == 1 || (!begun && dropped[0] == 0),
            "{order:?}: {dropped:?}"
        );
    }
}

#[tokio::test]
async fn handlers_that_wait_here_lose_no_wake_and_are_dropped_once_in_every_order() {
    try_every_order(5, false).await;
}

#[tokio::test]
async fn handlers_that_wait_elsewhere_lose_no_wake_and_are_dropped_once_in_every_order() {
    try_every_order(5, true).await;
}
