//! Consumers that tell what they see, and what holds them up.

use std::fmt;

use tokio::sync::{mpsc, watch};

use crate::broker::{Consumer, Delivery};
use crate::conformance::{ID, soon};
use crate::error::{Error, Result};

/// What consumers were handed, in order.
#[derive(Debug)]
pub struct Seen {
    sender: mpsc::UnboundedSender<One>,
    receiver: mpsc::UnboundedReceiver<One>,
}

/// One message, and who was handed it.
#[derive(Debug)]
pub struct One {
    /// The consumer's name.
    pub who: &'static str,
    /// What it was handed.
    pub delivery: Delivery,
}

impl One {
    /// The body, as text.
    pub fn body(&self) -> String {
        String::from_utf8_lossy(&self.delivery.message.body).into_owned()
    }
}

impl Seen {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A consumer that acks everything.
    pub fn consumer(&self, who: &'static str) -> Consumer {
        self.failing(who, |_| false)
    }

    /// One that fails what `fails`.
    pub fn failing(
        &self,
        who: &'static str,
        fails: impl Fn(&Delivery) -> bool + Send + Sync + 'static,
    ) -> Consumer {
        self.ending(who, move |delivery| match fails(delivery) {
            true => Err(Error::conflict(who, "unlucky")),
            false => Ok(()),
        })
    }

    /// One that fails what `fails` for good.
    pub fn hopeless(
        &self,
        who: &'static str,
        fails: impl Fn(&Delivery) -> bool + Send + Sync + 'static,
    ) -> Consumer {
        self.ending(who, move |delivery| match fails(delivery) {
            true => Err(Error::conflict(who, "hopeless").permanent()),
            false => Ok(()),
        })
    }

    fn ending(
        &self,
        who: &'static str,
        end: impl Fn(&Delivery) -> Result<()> + Send + Sync + 'static,
    ) -> Consumer {
        let sender = self.sender.clone();
        Consumer::new(move |delivery| {
            let ended = end(&delivery);
            // A check that has ended looks no more.
            sender.send(One { who, delivery }).ok();
            Box::pin(async { ended })
        })
    }

    /// The next one.
    ///
    /// # Errors
    ///
    /// `internal` if none comes soon.
    pub async fn next(&mut self) -> Result<One> {
        let next = soon("a message", self.receiver.recv()).await?;
        next.ok_or_else(|| Error::internal(ID, "no consumer is left"))
    }

    /// The bodies of the next `count`, with who was handed them, sorted.
    ///
    /// # Errors
    ///
    /// `internal` if they do not come soon.
    pub async fn sorted(&mut self, count: usize) -> Result<Vec<(&'static str, String)>> {
        let mut got = Vec::new();
        for _ in 0..count {
            let one = self.next().await?;
            got.push((one.who, one.body()));
        }
        got.sort();
        Ok(got)
    }

    /// How many are there now.
    pub fn all(&mut self) -> usize {
        std::iter::from_fn(|| self.receiver.try_recv().ok()).count()
    }
}

impl Default for Seen {
    fn default() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver }
    }
}

/// What holds consumers up.
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// One that lets nothing pass.
    pub fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Lets all pass from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// `after`, once this is open.
    pub fn before(&self, after: Consumer) -> Consumer {
        self.between(Consumer::new(|_| Box::pin(async { Ok(()) })), after)
    }

    /// `before` at once, and `after` once this is open.
    pub fn between(&self, before: Consumer, after: Consumer) -> Consumer {
        let open = self.0.clone();
        Consumer::new(move |delivery| {
            let (mut open, before, after) = (open.subscribe(), before.clone(), after.clone());
            Box::pin(async move {
                before.handle(delivery.clone()).await?;
                open.wait_for(|open| *open).await.ok();
                after.handle(delivery).await
            })
        })
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&*self.0.borrow()).finish()
    }
}
