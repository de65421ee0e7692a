//! A service with every kind of stream, which counts its handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use micro::Error;
use micro::prelude::*;
use tokio::sync::{Semaphore, watch};

#[micro::message]
#[derive(Copy)]
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
    /// It is never opened.
    Hang,
}

#[micro::message]
pub struct Ask {
    pub how: How,
    pub count: u32,
}

#[derive(Clone)]
pub struct Chat {
    /// How many handlers are running.
    running: watch::Sender<usize>,
    /// How many numbers they have made.
    pub made: Arc<AtomicUsize>,
    /// What a handler waits at that was sent an 8; nobody passes it before it is closed.
    pub gate: Arc<Semaphore>,
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            running: watch::Sender::new(0),
            made: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }
}

/// Counts a handler as long as it, or its stream, lives.
struct Alive(Chat);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

impl Chat {
    fn alive(&self) -> Alive {
        self.running.send_modify(|running| *running += 1);
        Alive(self.clone())
    }

    /// Waits until a handler runs.
    pub async fn busy(&self) {
        let mut running = self.running.subscribe();
        running.wait_for(|running| *running > 0).await.unwrap();
    }

    /// Waits until no handler runs any more.
    pub async fn quiet(&self) {
        let mut running = self.running.subscribe();
        running.wait_for(|running| *running == 0).await.unwrap();
    }

    /// The number, once the handler may go on; 7 panics, and 9 fails.
    async fn pass(&self, number: Number) -> micro::Result<Number> {
        match number.value {
            7 => panic!("as asked"),
            8 => drop(self.gate.acquire().await),
            9 => return Err(Error::conflict("chat", "no nines")),
            _ => {}
        }
        Ok(number)
    }
}

/// `count` numbers, and then what `how` says.
fn numbers(how: How, count: u32) -> impl Stream<Item = micro::Result<Number>> {
    let numbers = stream::iter((0..count).map(|value| Ok(Number { value })));
    let last = Number { value: count };
    let rest = stream::unfold(how, move |how| async move {
        match how {
            How::Count | How::Hang => None,
            How::Fail => Some((Err(Error::conflict("chat", "no more")), How::Count)),
            How::Panic => panic!("as asked"),
            How::Run => {
                tokio::task::yield_now().await;
                Some((Ok(last), How::Run))
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
        if ask.how == How::Hang {
            std::future::pending::<()>().await;
        }
        Ok(numbers(ask.how, ask.count).inspect(move |_| {
            alive.0.made.fetch_add(1, Ordering::Relaxed);
        }))
    }

    /// The sum, or the error of the caller's stream; over 1000 is enough.
    #[micro::handler]
    async fn sum(&self, mut numbers: Streaming<Number>) -> micro::Result<Number> {
        let _alive = self.alive();
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            let number = self.pass(number.map_err(Error::forward)?).await?;
            if number.value > 1000 {
                return Ok(number);
            }
            sum += number.value;
        }
        Ok(Number { value: sum })
    }

    /// Says each number again; over 1000 is enough.
    #[micro::handler]
    async fn talk(
        &self,
        numbers: Streaming<Number>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        let alive = Arc::new(self.alive());
        let is_enough =
            |number: &micro::Result<Number>| matches!(number, Ok(number) if number.value > 1000);
        let heard = numbers.take_while(move |number| std::future::ready(!is_enough(number)));
        Ok(heard.then(move |number| {
            let alive = Arc::clone(&alive);
            async move { alive.0.pass(number?).await }
        }))
    }

    /// Never says anything.
    #[micro::handler]
    async fn mute(
        &self,
        numbers: Streaming<Number>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Number>>> {
        let _alive = self.alive();
        std::future::pending::<()>().await;
        Ok(numbers)
    }
}
