//! Messages straight from publishers to subscribers over HTTP, in the form of go-micro's HTTP broker.
//!
//! [`nodes`] says who is asked, [`post`] asks, [`inbox`] answers, and [`envelope`] is what goes between. A subscription
//! is announced and served by [`subscription`].

mod inbox;
mod nodes;
mod post;
mod publish;
mod query;
mod subscription;

use std::fmt;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use tokio::sync::{Mutex, OnceCell};

use self::inbox::{Entries, Hub};
use self::post::Post;
use super::{
    Backend, Broker, Capabilities, Consumer, Options, Scheme, Subscription, Terms, envelope,
};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::registry::Cache;
use crate::tls::Ends;

const ID: &str = "micro.broker.http";

/// Where go-micro's generations look for the topic.
const TOPICS: [&str; 2] = [envelope::OLD_TOPIC, envelope::TOPIC];

/// The service that subscribers belong to, as go-micro calls it: the name that is expected in their certificates.
const SUBSCRIBERS: &str = "micro.http.broker";

/// A broker without a server: publishers find subscribers through the registry, and post messages to them. It is that of
/// go-micro, with which it exchanges messages both ways.
///
/// A process that subscribes listens on an address of its own: the first of [`Options::addresses`], or any free port of
/// 127.0.0.1, or of every interface if the registry reaches other hosts. Each subscription is a node in the registry, for 60 s at a time, whose version is the group. The
/// first publish of a process waits until the registry has answered.
///
/// # Promises
///
/// A message is handed over when a subscriber's process has it in its memory. One that a member of a group did not take
/// (it could not be connected to, it was leaving, or it had no room) goes to another member, for up to 2 s;
/// then the publisher is told. What may have been taken is sent to nobody else. Subscribers of go-micro take a message by
/// handling it, and say nothing of its failure.
///
/// The process that took a message tries it again, and keeps up to 1,024 messages for each subscription, and as many that
/// are parked. A subscription that is left gives what it did not begin, and what is parked, to other members of its group.
/// If there is none, it handles itself what it took, and what is parked is lost. What a process holds when it is
/// killed is lost.
///
/// # TLS
///
/// With [`Options::tls`] both ends speak TLS only. Subscribers must have a certificate for `micro.http.broker`, or for the
/// name that is expected instead of all.
///
/// # On the wire
///
/// `POST /?id=NODE` (or `/_sub`, for older generations) with `{"Header": {…}, "Body": "base64"}`; the topic is in the
/// header as `Micro-Topic` and as `:topic`. The reply is 200 without a body, also for an unknown node. A message that
/// was not taken is answered with `Micro-Reached: no`, which go-micro ignores.
#[derive(Clone)]
pub struct HttpBroker(Arc<Inner>);

struct Inner {
    options: Options,
    schemes: Vec<Scheme>,
    cache: Cache,
    /// Subscribers can be announced.
    registers: bool,
    /// Set once the registry has said what it knows.
    settled: OnceCell<()>,
    /// What secures the connections of both ends.
    ends: Ends,
    post: Post,
    entries: Arc<Entries>,
    /// What listens, as long as a subscription needs it.
    hub: Mutex<Weak<Hub>>,
}

impl HttpBroker {
    /// A broker that finds subscribers in the registry of `options`. Nothing is bound before the first subscription.
    ///
    /// # Errors
    ///
    /// `bad_request` if there is no registry, or if what secures connections cannot be used.
    pub fn new(options: &Options) -> Result<Self> {
        let Some(registry) = &options.registry else {
            let detail = "the HTTP broker finds subscribers through a registry: give it one";
            return Err(Error::bad_request(ID, detail));
        };
        let schemes = match &*options.schemes {
            [] => vec![Scheme::default()],
            chosen => chosen.to_vec(),
        };
        let ends = Ends::open(&options.tls)?;
        Ok(Self(Arc::new(Inner {
            schemes,
            cache: Cache::new(Arc::clone(registry)),
            registers: registry.capabilities().registers,
            settled: OnceCell::new(),
            post: Post::new(&options.limits, ends.way(SUBSCRIBERS)),
            ends,
            entries: Arc::default(),
            hub: Mutex::default(),
            options: options.clone(),
        })))
    }
}

#[async_trait]
impl Broker for HttpBroker {
    async fn publish(&self, topic: &str, message: Message) -> Result<()> {
        self.0.publish(topic, &message).await
    }

    async fn subscribe(
        &self,
        topic: &str,
        terms: Terms,
        consumer: Consumer,
    ) -> Result<Subscription> {
        terms.check(topic, self)?;
        if !self.0.registers {
            let detail = format!(
                "nobody would find the subscriber of {topic}: the HTTP broker announces it in the registry, and this one announces nothing. Choose another registry or another broker"
            );
            return Err(Error::bad_request(ID, detail));
        }
        subscription::start(self, topic, terms, consumer).await
    }

    async fn replay(&self, topic: &str, group: &str) -> Result<usize> {
        self.0.replay(topic, group).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_MEMORY
    }

    fn is_secured(&self) -> bool {
        self.0.ends.is_on()
    }

    fn name(&self) -> &'static str {
        "http"
    }
}

impl fmt::Debug for HttpBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBroker")
            .field("schemes", &self.0.schemes)
            .finish_non_exhaustive()
    }
}

inventory::submit! {
    Backend { names: &["http"], open: |options| Ok(Arc::new(HttpBroker::new(options)?)) }
}
