//! Publishes, and returns once the server has confirmed.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

use super::names::Layout;
use super::{ID, PATIENCE};
use crate::amqp::{ANSWER, Amqp};
use crate::error::{Error, Result};

/// How long a publisher waits until it looks again for a server that is away: first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Publishes on a connection of its own: a server that is short of memory reads no more from those that publish.
#[derive(Debug)]
pub(super) struct Publisher {
    amqp: Amqp,
    layout: Layout,
    channel: Mutex<Option<Channel>>,
    /// Held while a message takes its number and its place in the line, which must be the same.
    line: Mutex<()>,
}

/// Where a message goes.
pub(super) struct To {
    exchange: ShortString,
    key: ShortString,
    /// True if it is an error that no queue takes it.
    mandatory: bool,
}

impl To {
    /// Whoever subscribed to the topic `key`.
    pub(super) fn topic(layout: Layout, key: ShortString) -> Self {
        Self {
            exchange: layout.exchange(),
            key,
            mandatory: false,
        }
    }

    /// One queue alone.
    pub(super) fn queue(key: ShortString) -> Self {
        Self {
            exchange: "".into(),
            key,
            mandatory: true,
        }
    }
}

impl Publisher {
    pub(super) fn new(amqp: Amqp, layout: Layout) -> Self {
        Self {
            amqp,
            layout,
            channel: Mutex::default(),
            line: Mutex::default(),
        }
    }

    pub(super) fn is_secured(&self) -> bool {
        self.amqp.is_secured()
    }

    /// Publishes, once there is a server; it has taken the message when this returns.
    ///
    /// # Errors
    ///
    /// `unavailable`, marked as never reached if no server was there in time, `too_many_requests` if a queue is full.
    pub(super) async fn publish(
        &self,
        to: To,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<()> {
        let channel = self.ready().await?;
        let options = BasicPublishOptions {
            mandatory: to.mandatory,
            immediate: false,
        };
        let published = async {
            let sending = channel.basic_publish(
                to.exchange.clone(),
                to.key.clone(),
                options,
                body,
                properties,
            );
            let mut sending = pin!(sending);
            let line = self.line.lock().await;
            let begun = poll!(sending.as_mut());
            drop(line);
            let sent = match begun {
                Poll::Ready(sent) => sent?,
                Poll::Pending => sending.await?,
            };
            sent.await
        };
        let confirmed = self.amqp.ask("publishing", published).await;
        if confirmed.is_err() {
            self.give_up(&channel).await;
        }
        match confirmed? {
            Confirmation::Nack(_) => {
                let detail = format!("RabbitMQ refused a message for {}: a queue is full", to.key);
                Err(Error::too_many_requests(ID, detail))
            }
            Confirmation::Ack(Some(_)) => {
                let detail = format!("RabbitMQ has no queue {}", to.key);
                Err(Error::not_found(ID, detail))
            }
            _ => Ok(()),
        }
    }

    /// The channel, once there is one.
    async fn ready(&self) -> Result<Channel> {
        let until = Instant::now() + PATIENCE;
        let mut pause = PAUSE.0;
        loop {
            let away = match timeout_at(until, self.channel()).await {
                Ok(Ok(channel)) => return Ok(channel),
                Ok(Err(error)) => error,
                Err(_) => {
                    let detail = format!("RabbitMQ did not answer within {PATIENCE:?}");
                    return Err(Error::unavailable(ID, detail).never_reached());
                }
            };
            pause = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
            if away.code() != 503 || Instant::now() + pause >= until {
                return Err(away);
            }
            sleep(pause).await;
            pause = (pause * 3).min(PAUSE.1);
        }
    }

    async fn channel(&self) -> Result<Channel> {
        let mut held = self.channel.lock().await;
        if let Some(channel) = held.take_if(|channel| channel.status().connected()) {
            *held = Some(channel.clone());
            return Ok(channel);
        }
        let amqp = &self.amqp;
        let channel = amqp.channel().await?;
        let ready = async {
            let confirms = channel.confirm_select(ConfirmSelectOptions::default());
            amqp.ask("asking for confirms", confirms).await?;
            self.layout.declare_exchange(amqp, &channel).await
        };
        ready.await.map_err(Error::never_reached)?;
        *held = Some(channel.clone());
        Ok(channel)
    }

    /// A channel on which a confirm did not come is used no more, nor a connection that is silent.
    async fn give_up(&self, channel: &Channel) {
        let mut held = self.channel.lock().await;
        if held.as_ref() != Some(channel) {
            return;
        }
        *held = None;
        if channel.status().connected() {
            tracing::warn!(
                "RabbitMQ did not confirm a message within {ANSWER:?}: its connection is given up"
            );
            self.amqp.cut().await;
        }
    }
}
