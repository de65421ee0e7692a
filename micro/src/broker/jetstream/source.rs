//! Where one member gets its messages: the queue of its group on the server, asked for as many as there is room for.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull::{BatchConfig, Config};
use async_nats::jetstream::consumer::{AckPolicy, Consumer as Queue, DeliverPolicy};
use async_nats::jetstream::message::Message as Taken;
use async_nats::{Message as Carried, StatusCode, Subscriber};
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::Inner;
use crate::error::Result;
use crate::nats::{ANSWER, Link};

/// How long the server waits for an ack, or for word that a message is still being handled, before it hands it out again.
pub(super) const ACK: Duration = Duration::from_secs(15);

/// How long the server remembers that messages are wanted.
const WANTED: Duration = Duration::from_secs(30);

/// How long a broadcast subscriber may be away before the server forgets it.
const AWAY: Duration = Duration::from_secs(5 * 60);

/// How many messages of a group may be in the hands of its members, and how many of those may ask for more.
const IN_HAND: i64 = 20_000;
const ASKING: i64 = 4096;

/// How much later the clock of the server may be.
const SLACK: Duration = Duration::from_secs(60);

/// What the server says of a wish that it gives up: how many messages it did not bring.
const LEFT: &str = "Nats-Pending-Messages";

/// One place at a queue on the server.
pub(super) struct Source {
    pub(super) queue: Queue<Config>,
    context: Context,
    inbox: String,
    messages: Subscriber,
    /// How many messages were asked for and have not come.
    asked: usize,
    /// When the server has forgotten what was asked of it last.
    until: Instant,
    /// What was asked before the connection was lost is forgotten, too.
    link: watch::Receiver<Link>,
    /// Where a queue begins that has to be made again.
    pub(super) since: DeliverPolicy,
}

impl Source {
    /// A place at the queue `name` of `topic`, which is made if it is not there, and then begins `since`.
    pub(super) async fn open(
        inner: &Inner,
        topic: &str,
        name: &str,
        is_shared: bool,
        since: DeliverPolicy,
    ) -> Result<Self> {
        let client = inner.nats.client().await?;
        let link = inner.nats.link();
        let stream = inner.stream(topic).await?;
        let config = Config {
            durable_name: Some(name.to_owned()),
            deliver_policy: since,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK,
            filter_subject: topic.to_owned(),
            max_ack_pending: IN_HAND,
            max_waiting: ASKING,
            inactive_threshold: if is_shared { Duration::ZERO } else { AWAY },
            ..Config::default()
        };
        let queue = stream.get_or_create_consumer(name, config).await;
        let queue = queue.map_err(|error| inner.without(error))?;
        let inbox = client.new_inbox();
        let messages = client.subscribe(inbox.clone()).await;
        Ok(Self {
            since: DeliverPolicy::ByStartTime {
                start_time: (SystemTime::now() - SLACK).into(),
            },
            context: inner.context().await?.clone(),
            queue,
            inbox,
            messages: messages.map_err(|error| inner.nats.away(error))?,
            asked: 0,
            until: Instant::now(),
            link,
        })
    }

    /// The next message, of as many as there is room for. Nothing is lost if this is dropped.
    ///
    /// # Errors
    ///
    /// Why no more come, and the place has to be taken again.
    pub(super) async fn next(&mut self, room: usize) -> Result<Taken, String> {
        loop {
            self.ask(room).await?;
            tokio::select! {
                message = self.messages.next() => {
                    let message = message.ok_or("the connection was closed")?;
                    if let Some(taken) = self.read(message)? {
                        return Ok(taken);
                    }
                }
                _ = self.link.changed() => return Err("the connection was lost".to_owned()),
                () = sleep_until(self.until + ANSWER) => return Err("the server says nothing".to_owned()),
            }
        }
    }

    /// Asks for what there is room for; for a few at once, if there are more to come.
    async fn ask(&mut self, room: usize) -> Result<(), String> {
        let more = room.saturating_sub(self.asked);
        if more == 0 || (self.asked > 0 && more < room / 2) {
            return Ok(());
        }
        let wish = BatchConfig {
            batch: more,
            expires: Some(WANTED),
            ..BatchConfig::default()
        };
        self.asked += more;
        let asked = self.queue.request_batch(wish, self.inbox.clone().into());
        match timeout(ANSWER, asked).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("the server takes nothing".to_owned()),
        }
        self.until = Instant::now() + WANTED;
        Ok(())
    }

    fn read(&mut self, message: Carried) -> Result<Option<Taken>, String> {
        match message.status {
            None => {
                self.asked = self.asked.saturating_sub(1);
                let context = self.context.clone();
                Ok(Some(Taken { message, context }))
            }
            // Nothing came of what was wanted for so long.
            Some(StatusCode::TIMEOUT) => {
                let left = message.headers.as_ref().and_then(|all| all.get(LEFT));
                let left = left.and_then(|left| left.as_str().parse().ok());
                self.asked = self.asked.saturating_sub(left.unwrap_or(self.asked));
                Ok(None)
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Ok(None),
            Some(status) => {
                let why = message.description.unwrap_or_default();
                Err(format!("{status} {why}"))
            }
        }
    }

    /// Asks for no more; what has come.
    pub(super) async fn close(&mut self) -> Vec<Taken> {
        self.messages.drain().await.ok();
        let mut rest = Vec::new();
        // Without a connection nothing comes.
        while let Ok(Some(message)) = timeout(ANSWER, self.messages.next()).await {
            rest.extend(self.read(message).ok().flatten());
        }
        rest
    }
}
