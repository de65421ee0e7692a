//! One subscription: announced, served, and wound up.

use std::sync::Arc;
use std::time::Duration;

use super::inbox::{Entry, Hub, Inbox, PARK};
use super::nodes::{BROADCAST, record};
use super::{HttpBroker, Inner, TOPICS};
use crate::broker::envelope;
use crate::broker::member::Member;
use crate::broker::queue::Queue;
use crate::broker::{Consumer, Delivery, Mode, Subscription, Terms};
use crate::error::Result;
use crate::id;
use crate::listener::Listener;
use crate::registry::{self, Registration, Service};

/// How long a subscription stays announced, and how often that is renewed: go-micro's values.
const TTL: Duration = Duration::from_secs(60);
const RENEWAL: Duration = Duration::from_secs(30);

/// Subscribes: listens, knows the subscription, and announces it, in this order.
pub(super) async fn start(
    broker: &HttpBroker,
    topic: &str,
    terms: Terms,
    consumer: Consumer,
) -> Result<Subscription> {
    let inner = Arc::clone(&broker.0);
    let hub = inner.hub().await?;
    let topic: Arc<str> = Arc::from(topic);
    let queue = Arc::new(Queue::new(&topic, &terms));
    let version = match &terms.mode {
        Mode::Group(name) => name.to_string(),
        Mode::Broadcast => BROADCAST.to_owned(),
    };
    let unique = id::random();
    let schemes = inner.schemes.iter().copied();
    let services: Vec<Service> = schemes
        .map(|scheme| {
            record(
                scheme,
                &topic,
                &version,
                &hub.address,
                &unique,
                inner.ends.is_on(),
            )
        })
        .collect();
    let announced = Announced {
        inner: Arc::clone(&inner),
        services: services.clone(),
    };
    for service in &services {
        for node in &service.nodes {
            inner.entries.insert(Entry {
                topic: Arc::clone(&topic),
                version: version.clone(),
                node: node.clone(),
                queue: Arc::clone(&queue),
            });
        }
    }
    let registry = Arc::clone(inner.cache.registry());
    let mut registration = Registration::start(registry, services, TTL, RENEWAL).await?;
    let member = Member::new(&queue, terms, consumer, Arc::new(broker.clone()));
    Ok(Subscription::new(|left| async move {
        let leave = async {
            left.await;
            // Deregister first: until publishers have heard of it, what they send is still taken.
            registration.end().await;
            drop(announced);
            queue.close();
        };
        member.run(leave).await;
        inner.hand_over(&queue, &member).await;
        drop(member);
        if let Some(hub) = Arc::into_inner(hub) {
            hub.listener.drain().await;
        }
    }))
}

/// The entries of one subscription; dropping it takes them back.
struct Announced {
    inner: Arc<Inner>,
    services: Vec<Service>,
}

impl Drop for Announced {
    fn drop(&mut self) {
        for node in self.services.iter().flat_map(|service| &service.nodes) {
            self.inner.entries.remove(&node.id);
        }
    }
}

impl Inner {
    /// What listens for this process, bound if nothing is.
    async fn hub(&self) -> Result<Arc<Hub>> {
        let mut slot = self.hub.lock().await;
        if let Some(hub) = slot.upgrade() {
            return Ok(hub);
        }
        let registry = self.cache.registry();
        let wanted = self.options.addresses.first();
        let wanted = registry::bind(&**registry, wanted.map_or("", String::as_str));
        let inbox = Inbox(Arc::clone(&self.entries));
        let bound = Listener::bind(wanted, inbox, self.options.limits.clone(), &self.ends).await;
        let listener = bound.map_err(|error| error.within("the broker (broker_address)"))?;
        let address = registry::advertised(&**registry, listener.address(), None);
        tracing::info!(
            "Broker Listening on {}; a message that was taken is lost if this process is killed before it is handled",
            listener.address()
        );
        let hub = Arc::new(Hub { listener, address });
        *slot = Arc::downgrade(&hub);
        Ok(hub)
    }

    /// Gives what was taken, and not begun, to other members of the group, and what is parked; handles here what none of
    /// them takes.
    async fn hand_over(&self, queue: &Queue, member: &Member) {
        while let Some(taken) = queue.take() {
            if !self.is_taken_elsewhere(queue, &taken.delivery, None).await {
                member.handle(taken).await;
            }
        }
        while let Some(delivery) = queue.unpark() {
            if !self.is_taken_elsewhere(queue, &delivery, Some(PARK)).await {
                return queue.keep(delivery.message);
            }
        }
    }

    /// True if another member took it, or may have taken it; asked at `path` if that is not where messages go.
    async fn is_taken_elsewhere(
        &self,
        queue: &Queue,
        delivery: &Delivery,
        path: Option<&'static str>,
    ) -> bool {
        let Some(group) = queue.group() else {
            return false;
        };
        let Delivery {
            topic,
            message,
            attempt,
        } = delivery;
        let handed = async {
            let body = envelope::write(&TOPICS, topic, message, *attempt, self.post.limits())?;
            let mut members = self.members(topic, group).await?;
            if let Some(path) = path {
                members.retain(|member| member.parks);
                members.iter_mut().for_each(|member| member.path = path);
            }
            self.hand_to_one_of(members, &body).await
        };
        match handed.await {
            Ok(is_taken) => is_taken,
            Err(error) if error.is_never_reached() => false,
            Err(error) => {
                let id = message.metadata.get("Micro-Id");
                tracing::warn!(%error, id, "a message may have been taken by another member, or be lost");
                true
            }
        }
    }
}
