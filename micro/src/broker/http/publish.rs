//! One message to everyone it is for.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::inbox::REPLAY;
use super::nodes::{BROADCAST, Target};
use super::{ID, Inner, TOPICS};
use crate::broker::envelope;
use crate::broker::queue::PATIENCE;
use crate::error::{Error, Result};
use crate::message::Message;

/// How long another member is looked for when none is left that takes a message.
const SEARCH: Duration = Duration::from_secs(2);

/// The pause before members are asked again: the first, and the longest that it doubles to.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// The wait for somebody to take one message.
struct Wait {
    since: Instant,
    pause: Duration,
}

impl Wait {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            pause: PAUSE.0,
        }
    }

    /// Waits a little after `error`; false once it has been long enough.
    async fn again(&mut self, error: &Error) -> bool {
        let limit = if is_full(error) { PATIENCE } else { SEARCH };
        if self.since.elapsed() >= limit {
            return false;
        }
        sleep(self.pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        self.pause = (self.pause * 2).min(PAUSE.1);
        true
    }
}

impl Inner {
    /// Hands `message` to one member of each group, and to every broadcast subscriber, all at once.
    pub(super) async fn publish(&self, topic: &str, message: &Message) -> Result<()> {
        let body = envelope::write(&TOPICS, topic, message, 1, self.post.limits())?;
        let mut groups: BTreeMap<String, Vec<Target>> = BTreeMap::new();
        for target in self.targets(topic).await? {
            let group = groups.entry(target.version.clone()).or_default();
            group.push(target);
        }
        let everyone = groups.remove(BROADCAST).unwrap_or_default();
        let everyone = join_all(everyone.iter().map(|target| self.tell(target, &body)));
        let groups = groups.into_iter();
        let groups = join_all(groups.map(|(group, members)| {
            let body = &body;
            async move { self.hand_to(topic, &group, members, body).await }
        }));
        let (told, handed) = tokio::join!(everyone, groups);
        told.into_iter().chain(handed).collect()
    }

    /// Hands a message to a broadcast subscriber, once it has room; one that is gone is not missed.
    async fn tell(&self, target: &Target, body: &Bytes) -> Result<()> {
        let mut wait = Wait::new();
        loop {
            match self.post(target, body).await {
                Err(error) if is_gone(&error) => {
                    tracing::debug!(id = target.id, %error, "a broadcast subscriber is gone");
                    return Ok(());
                }
                Err(error) if is_full(&error) && wait.again(&error).await => {}
                outcome => return outcome,
            }
        }
    }

    /// Hands a message to one of `members`, or to one that comes, or has room again, while none takes it.
    async fn hand_to(
        &self,
        topic: &str,
        group: &str,
        mut members: Vec<Target>,
        body: &Bytes,
    ) -> Result<()> {
        let mut wait = Wait::new();
        loop {
            let error = match self.hand_to_one_of(members, body).await {
                Ok(true) => return Ok(()),
                Ok(false) => Error::unavailable(ID, "every member has left").never_reached(),
                Err(error) => error,
            };
            if !error.is_never_reached() || !wait.again(&error).await {
                return Err(error.within(format!("group {group} of topic {topic}")));
            }
            members = self.members(topic, group).await?;
        }
    }

    /// Hands a message to one of `members`; false if there is none.
    ///
    /// # Errors
    ///
    /// [Never reached](Error::is_never_reached) if none of them took it.
    pub(super) async fn hand_to_one_of(
        &self,
        mut members: Vec<Target>,
        body: &Bytes,
    ) -> Result<bool> {
        fastrand::shuffle(&mut members);
        members.sort_by_key(Target::is_ejected);
        let mut refused = None;
        for member in members {
            match self.post(&member, body).await {
                Ok(()) => return Ok(true),
                Err(error) if !error.is_never_reached() => return Err(error),
                // One that will have room again is waited for the longest.
                Err(_) if refused.as_ref().is_some_and(is_full) => {}
                Err(error) => refused = Some(error),
            }
        }
        refused.map_or(Ok(false), Err)
    }

    pub(super) async fn members(&self, topic: &str, group: &str) -> Result<Vec<Target>> {
        let mut members = self.targets(topic).await?;
        members.retain(|member| member.version == group);
        Ok(members)
    }

    async fn post(&self, target: &Target, body: &Bytes) -> Result<()> {
        if let Some(candidate) = &target.candidate {
            let facts = &candidate.node.metadata;
            self.ends.agree(&target.address, facts)?;
        }
        let (address, path) = (&target.address, target.path);
        let sent = self
            .post
            .send(address, path, &target.id, body.clone())
            .await;
        if sent.as_ref().is_err_and(is_gone) {
            self.eject(target);
        }
        sent.map(drop)
    }

    /// Asks every member of the group to hand out what it parked.
    pub(super) async fn replay(&self, topic: &str, group: &str) -> Result<usize> {
        let members = self.members(topic, group).await?;
        let asked = join_all(members.iter().map(|member| {
            let asked = self
                .post
                .send(&member.address, REPLAY, &member.id, Bytes::new());
            async {
                match asked.await {
                    // Those of go-micro park nothing, and know no such path.
                    Err(error) if error.code() == 502 => Ok(0),
                    asked => asked,
                }
            }
        }));
        asked.await.into_iter().sum()
    }
}

/// True if the node has left, or died; false if it is only busy.
fn is_gone(error: &Error) -> bool {
    error.is_never_reached() && error.code() == 503
}

/// True if the node, or the group, has no room.
fn is_full(error: &Error) -> bool {
    error.is_never_reached() && error.code() == 429
}
