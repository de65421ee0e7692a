//! The task that follows one service.
//!
//! It watches, then gets, so that nothing is missed in between; when the watcher ends, it does both again.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::snapshot::{Candidate, Nodes};
use super::{Followed, ID, Shared};
use crate::error::{Error, Result};
use crate::registry::{Action, Event, Service, Watcher};

/// How long the registry may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The pause before the registry is asked anew: the first, and the longest that it doubles to.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// The shortest time between two questions because of ejected nodes, and how far clients spread theirs.
const ASK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(50));

/// How long nodes stay that a registry no longer lists after it could not be reached: a heartbeat and a half.
const DOUBT: Duration = Duration::from_secs(45);

/// How long further nodes are waited for after the first: who waited for one is to spread over all that come together.
const SETTLE: Duration = Duration::from_millis(20);

/// How long a name is followed that nothing is known of and nobody waits for.
const UNKNOWN: Duration = Duration::from_secs(10);

/// What is known of a service beside its nodes.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// The registry has answered.
    pub(super) is_answered: bool,
    /// The registry has, or had, a record of it.
    pub(super) is_known: bool,
    /// Why the registry cannot be reached now.
    pub(super) trouble: Option<Arc<Error>>,
    /// When the registry last told of it.
    pub(super) told_at: Instant,
    /// Since when there is no node, if there is none.
    pub(super) empty_since: Instant,
}

pub(super) struct Tending {
    shared: Arc<Shared>,
    followed: Arc<Followed>,
    standing: watch::Sender<Standing>,
    nodes: Nodes,
    doubt: Option<Doubt>,
    /// When to show the first nodes.
    show_at: Option<Instant>,
    /// When to ask again because of ejected nodes.
    ask_at: Option<Instant>,
    asked_at: Instant,
}

/// Nodes that a registry came back without. It may have lost its data, so that they have yet to announce themselves.
struct Doubt {
    ids: HashSet<String>,
    ends: Instant,
}

enum Ended {
    /// Changes may have been missed.
    Missed,
    /// Nothing is known of the service and nobody waits for it.
    Abandoned,
}

impl Tending {
    /// Starts the task for `name`; it ends with `shared.stop`.
    pub(super) fn start(shared: &Arc<Shared>, name: Arc<str>) -> Arc<Followed> {
        let (standing, receiver) = watch::channel(Standing {
            is_answered: false,
            is_known: false,
            trouble: None,
            told_at: Instant::now(),
            empty_since: Instant::now(),
        });
        let followed = Arc::new(Followed {
            name,
            snapshot: ArcSwapOption::empty(),
            standing: receiver,
            ask: Notify::new(),
        });
        let tending = Self {
            shared: Arc::clone(shared),
            followed: Arc::clone(&followed),
            standing,
            nodes: Nodes::default(),
            doubt: None,
            show_at: None,
            ask_at: None,
            asked_at: Instant::now(),
        };
        let stop = shared.stop.clone();
        tokio::spawn(stop.run_until_cancelled_owned(tending.run()));
        followed
    }

    async fn run(mut self) {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            match self.follow().await {
                Ok(Ended::Missed) => {}
                Ok(Ended::Abandoned) => return,
                Err(error) => self.lost(error),
            }
            if self.is_abandoned() {
                return;
            }
            if began.elapsed() > PAUSE.1 {
                failures = 0;
            }
            let pause = PAUSE.0.saturating_mul(1 << failures).min(PAUSE.1);
            failures = (failures + 1).min(16);
            sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        }
    }

    /// Keeps the nodes up to date until the watcher ends.
    async fn follow(&mut self) -> Result<Ended> {
        let shared = Arc::clone(&self.shared);
        let name = Arc::clone(&self.followed.name);
        let mut watcher = answered(shared.registry.watch(Some(&name))).await?;
        self.ask().await?;
        loop {
            match self.next(&mut watcher).await {
                Next::Event(Some(event)) => self.apply(event?),
                Next::Event(None) => return Ok(Ended::Missed),
                Next::Ejected => {
                    let jitter = ASK.1.mul_f64(fastrand::f64());
                    let at = (self.asked_at + ASK.0).max(Instant::now() + jitter);
                    self.ask_at.get_or_insert(at);
                }
                Next::Time => {
                    if self.is_abandoned() {
                        return Ok(Ended::Abandoned);
                    }
                    self.end_doubt();
                    if self.show_at.is_some_and(|at| at <= Instant::now()) {
                        self.show(true);
                    }
                    if self.ask_at.is_some_and(|at| at <= Instant::now()) {
                        self.ask().await?;
                    }
                }
            }
        }
    }

    async fn next(&self, watcher: &mut Watcher) -> Next {
        let followed = Arc::clone(&self.followed);
        let event = watcher.next();
        let ejected = pin!(followed.ask.notified());
        let next = select(event, ejected);
        let next = match self.wake_at() {
            None => next.await,
            Some(at) => match timeout_at(at, next).await {
                Ok(next) => next,
                Err(_) => return Next::Time,
            },
        };
        match next {
            Either::Left((event, _)) => Next::Event(event),
            Either::Right(_) => Next::Ejected,
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        let standing = self.standing.borrow();
        let abandoned = (!standing.is_known).then(|| Instant::now() + UNKNOWN);
        let doubt = self.doubt.as_ref().map(|doubt| doubt.ends);
        [abandoned, doubt, self.show_at, self.ask_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Forgets the service if nothing is known of it and nobody waits for it.
    fn is_abandoned(&self) -> bool {
        let standing = self.standing.borrow();
        // One receiver belongs to `followed`, the others to those who wait.
        let abandoned = !standing.is_known
            && standing.empty_since.elapsed() >= UNKNOWN
            && self.standing.receiver_count() <= 1;
        drop(standing);
        if abandoned {
            self.shared.forget(&self.followed.name);
        }
        abandoned
    }

    /// Takes over what the registry knows now.
    async fn ask(&mut self) -> Result<()> {
        self.ask_at = None;
        self.asked_at = Instant::now();
        let registry = Arc::clone(&self.shared.registry);
        let services = match answered(registry.get(&self.followed.name)).await {
            Err(error) if error.code() == 404 => Vec::new(),
            services => services?,
        };
        self.replace(services);
        Ok(())
    }

    fn replace(&mut self, services: Vec<Service>) {
        let is_known = !services.is_empty();
        let mut found = Nodes::default();
        for service in services {
            for candidate in self.candidates(service) {
                found.insert(candidate);
            }
        }
        let (was_lost, away) = {
            let standing = self.standing.borrow();
            (standing.trouble.is_some(), standing.told_at.elapsed())
        };
        let mut doubt = self.doubt.take().unwrap_or_else(|| Doubt {
            ids: HashSet::new(),
            ends: Instant::now() + DOUBT,
        });
        if was_lost {
            doubt.ends = Instant::now() + DOUBT;
            doubt.ids.extend(self.nodes.ids().cloned());
        }
        doubt.ids.retain(|id| !found.contains(id));
        for candidate in doubt.ids.iter().filter_map(|id| self.nodes.get(id)) {
            found.insert(Arc::clone(candidate));
        }
        self.doubt = (!doubt.ids.is_empty()).then_some(doubt);
        self.nodes = found;
        if was_lost {
            tracing::info!(service = %self.followed.name, ?away, "the registry answers again");
        }
        self.show(is_known);
    }

    fn apply(&mut self, event: Event) {
        let doubted = self.doubt.as_mut().map(|doubt| &mut doubt.ids);
        if let Some(doubted) = doubted {
            for node in &event.service.nodes {
                doubted.remove(&node.id);
            }
        }
        if event.action == Action::Delete {
            for node in &event.service.nodes {
                self.nodes.remove(&node.id);
            }
        } else {
            for candidate in self.candidates(event.service) {
                candidate.offer();
                self.nodes.insert(candidate);
            }
        }
        if self.nodes.is_empty() || self.followed.snapshot.load().is_some() {
            self.show(true);
        } else {
            self.show_at.get_or_insert(Instant::now() + SETTLE);
        }
    }

    fn candidates(&self, service: Service) -> Vec<Arc<Candidate>> {
        let prefers_local = self.shared.registry.prefers_local();
        self.nodes
            .candidates(&self.followed.name, service, prefers_local)
    }

    fn end_doubt(&mut self) {
        if self
            .doubt
            .as_ref()
            .is_some_and(|doubt| doubt.ends <= Instant::now())
        {
            for id in self.doubt.take().into_iter().flat_map(|doubt| doubt.ids) {
                self.nodes.remove(&id);
            }
            self.show(true);
        }
    }

    /// Lets callers see the nodes; the registry has just answered.
    fn show(&mut self, is_known: bool) {
        self.show_at = None;
        let shown = self.followed.snapshot.load_full();
        if self.nodes.is_empty() && shown.is_some() {
            // Before callers see that there is none: they wait for so long from then on.
            self.standing
                .send_modify(|standing| standing.empty_since = Instant::now());
        }
        self.followed
            .snapshot
            .store(self.nodes.snapshot(&self.followed.name, shown));
        self.standing.send_modify(|standing| {
            standing.is_answered = true;
            standing.is_known |= is_known;
            standing.trouble = None;
        });
    }

    /// The registry cannot be reached: what is known stays in use.
    fn lost(&self, error: Error) {
        if self.standing.borrow().trouble.is_none() {
            let nodes = self.nodes.ids().count();
            tracing::warn!(service = %self.followed.name, nodes, %error,
                "the registry cannot be reached; the nodes known last stay in use");
        }
        let trouble = Some(Arc::new(error));
        self.standing.send_modify(|standing| {
            // Until just now it would have told of a change.
            if standing.trouble.is_none() {
                standing.told_at = Instant::now();
            }
            standing.trouble = trouble;
        });
    }
}

enum Next {
    Event(Option<Result<Event>>),
    Ejected,
    Time,
}

/// What the registry answers, or an error if it does not.
async fn answered<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(ANSWER, answer).await.unwrap_or_else(|_| {
        let detail = format!("the registry did not answer within {ANSWER:?}");
        Err(Error::unavailable(ID, detail))
    })
}
