//! A service with every kind of stream, which counts its handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use micro::Error;
use micro::prelude::*;
use tokio::sync::Notify;

#[micro::message]
pub struct Number {
    pub value: u32,
}

/// How a stream of a handler goes.
#[micro::message]
#[derive(Copy)]
pub enum How {
    #[default]
    Count,
    Fail,
    Panic,
    /// It never ends.
    Run,
}

#[micro::message]
pub struct Ask {
    pub how: How,
    pub count: u32,
}

#[derive(Clone, Default)]
pub struct Chat {
    /// How many handlers are running.
    pub running: Arc<AtomicUsize>,
    /// Told when one has ended.
    ended: Arc<Notify>,
}

/// Counts a handler as long as it, or its stream, lives.
struct Alive(Chat);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
        self.0.ended.notify_one();
    }
}

impl Chat {
    fn alive(&self) -> Alive {
        self.running.fetch_add(1, Ordering::AcqRel);
        Alive(self.clone())
    }

    /// Waits until no handler runs any more.
    pub async fn quiet(&self) {
        while self.running.load(Ordering::Acquire) > 0 {
            self.ended.notified().await;
        }
    }
}

/// `count` numbers, and then what `how` says.
fn numbers(how: How, count: u32) -> impl Stream<Item = micro::Result<Number>> {
    let numbers = stream::iter((0..count).map(|value| Ok(Number { value })));
    let last = Number { value: count };
    let rest = stream::unfold(how, move |how| {
        let last = last.clone();
        async move {
            match how {
                How::Count => None,
                How::Fail => Some((Err(Error::conflict("chat", "no more")), How::Count)),
                How::Panic => panic!("as asked"),
                How::Run => {
                    tokio::task::yield_now().await;
                    Some((Ok(last), How::Run))
                }
            }
        }
    });
    numbers.chain(rest)
}

#[micro::service(name = "chat")]
impl Chat {
    #[micro::handler]
    async fn ticks(&self, ask: Ask) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        let alive = self.alive();
        Ok(numbers(ask.how, ask.count).inspect(move |_| {
            let _ = &alive;
        }))
    }

    /// The sum, or the error of the caller's stream; 7 panics, and over 1000 is enough.
    #[micro::handler]
    async fn sum(&self, mut numbers: Streaming<Number>) -> micro::Result<Number> {
        let _alive = self.alive();
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            match number.map_err(Error::forward)?.value {
                7 => panic!("as asked"),
                value if value > 1000 => return Ok(Number { value }),
                value => sum += value,
            }
        }
        Ok(Number { value: sum })
    }

    /// Says each number again; 7 panics, and over 1000 is too much.
    #[micro::handler]
    async fn talk(
        &self,
        numbers: Streaming<Number>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        let alive = self.alive();
        Ok(numbers.map(move |number| {
            let _ = &alive;
            match number?.value {
                7 => panic!("as asked"),
                value if value > 1000 => Err(Error::conflict("chat", "too much")),
                value => Ok(Number { value }),
            }
        }))
    }
}
