//! What subscribers want, and what a broker can keep.

use std::borrow::Cow;
use std::fmt;

use super::{Broker, ID};
use crate::error::{Error, Result};

/// Who of the subscribers gets a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One member of the group of this name.
    Group(Cow<'static, str>),
    /// Everyone.
    Broadcast,
}

impl Mode {
    /// One member of the group called `name`.
    pub fn group(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Group(name.into())
    }
}

/// On what terms messages are wanted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Terms {
    /// Who of the subscribers gets a message.
    pub mode: Mode,
    /// How often a message of a group is handed out until it is parked. Default `None`: three times.
    pub retry: Option<u32>,
    /// How many messages are handled at once; at least 1. Default 1, which keeps their order.
    pub concurrency: usize,
    /// How many messages a subscriber's process takes, to be handled or waiting; at least 1. Default 1,024.
    pub room: usize,
    /// True if messages published while nobody is there must be kept. Default false.
    pub durable: bool,
}

impl Terms {
    /// The default terms.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            retry: None,
            concurrency: 1,
            room: 1024,
            durable: false,
        }
    }

    /// How often a message is handed out until it is parked, or until a broadcast is given up; at least 1.
    pub fn tries(&self) -> u32 {
        match self.mode {
            Mode::Group(_) => self.retry.unwrap_or(3).max(1),
            Mode::Broadcast => 1,
        }
    }

    /// Refuses what `broker` cannot keep; for brokers, to be asked first.
    ///
    /// # Errors
    ///
    /// `bad_request` naming what to leave out.
    pub fn check(&self, topic: &str, broker: &dyn Broker) -> Result<()> {
        let (name, can) = (broker.name(), broker.capabilities());
        let refused = |why: String| Err(Error::bad_request(ID, why));
        if self.durable && !can.durable {
            return refused(format!(
                "topic {topic} wants durable messages, and the {name} broker keeps none: leave out `durable` or choose another broker"
            ));
        }
        if matches!(&self.mode, Mode::Group(name) if name.is_empty()) {
            return refused(format!(
                "the group that listens to topic {topic} has no name: give it one, or write `broadcast`"
            ));
        }
        if self.retry.is_none() {
            return Ok(());
        }
        if self.mode == Mode::Broadcast {
            return refused(format!(
                "topic {topic} is a broadcast with `retry`, and broadcast messages are handed out once: leave out `retry` or write `group`"
            ));
        }
        if can.redelivery == Redelivery::None {
            return refused(format!(
                "topic {topic} wants messages again that failed, and the {name} broker hands them out once: leave out `retry` or choose another broker"
            ));
        }
        Ok(())
    }
}

/// What a broker promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// True if a message is handed out until it was handled; false if it may be lost.
    pub at_least_once: bool,
    /// True if messages survive a restart of the broker and wait for absent groups.
    pub durable: bool,
    /// Where a message that failed comes from again.
    pub redelivery: Redelivery,
    /// Which messages the only member of a group handles in the order in which they were published.
    pub order: Order,
    /// True if publishers wait for a group that has too much to handle, and are told if that lasts. False if such messages
    /// are kept for it elsewhere, or lost.
    pub waits: bool,
}

impl Capabilities {
    /// What a broker promises that keeps messages in the memory of the process that handles them.
    pub const IN_MEMORY: Self = Self {
        at_least_once: false,
        durable: false,
        redelivery: Redelivery::Memory,
        order: Order::Topic,
        waits: true,
    };
}

/// Where a message that failed comes from again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redelivery {
    /// Nowhere.
    #[default]
    None,
    /// The memory of the process that took it.
    Memory,
    /// The broker's server.
    Broker,
}

/// Which messages stay in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// None.
    #[default]
    None,
    /// Those of one topic with the same [`KEY`](super::KEY).
    Key,
    /// All of one topic.
    Topic,
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.at_least_once {
            "at least once"
        } else {
            "at most once"
        })?;
        f.write_str(if self.durable {
            ", durable"
        } else {
            ", not durable"
        })?;
        f.write_str(match self.redelivery {
            Redelivery::None => "; no redelivery",
            Redelivery::Memory => "; redelivery from this process's memory",
            Redelivery::Broker => "; redelivery by the broker",
        })?;
        f.write_str(match self.order {
            Order::None => "; in any order",
            Order::Key => "; in order for each key",
            Order::Topic => "; in order",
        })
    }
}
