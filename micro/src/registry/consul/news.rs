//! That something changed in Consul, asked once however much is watched: by one question about its catalog, and by one
//! about its checks.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::ID;
use super::client::{Answer, Client};
use crate::error::{Error, Result};

/// How long the agent waits for a change before it says that there was none.
const WAIT: Duration = Duration::from_secs(55);

/// How long changes are gathered before they are asked for again.
const PAUSE: Duration = Duration::from_millis(250);

/// Of how many services it is remembered when they changed; of more it is as if all had.
const MOST: usize = 10_000;

/// Every service: what comes, goes or moves is in its index.
const CATALOG: &str = "/v1/catalog/services?stale";

/// The checks that do not pass, of every service. Consul before 1.5 answers with all.
const CHECKS: &str = "/v1/health/state/any?stale&filter=Status%20%21%3D%20%22passing%22";

/// What asks, while somebody listens.
#[derive(Default)]
pub(super) struct News(Mutex<Weak<Asking>>);

struct Asking {
    changes: watch::Receiver<Changes>,
    _task: AbortOnDropHandle<()>,
}

/// When what changed, as counts of changes.
#[derive(Default)]
struct Changes {
    count: u64,
    /// Something that may be of any service.
    any: u64,
    /// The checks of a service, by its name.
    checks: HashMap<String, u64>,
    /// Why no more is heard.
    ended: Option<(u16, String)>,
}

impl News {
    /// Hears of what changes from now on.
    ///
    /// # Errors
    ///
    /// As [`Client::get`].
    pub(super) async fn listen(&self, client: &Arc<Client>) -> Result<Listener> {
        let mut asking = self.0.lock().await;
        let known = asking
            .upgrade()
            .filter(|asking| asking.changes.has_changed().is_ok());
        let known = match known {
            Some(known) => known,
            None => {
                let begun = Arc::new(begin(client).await?);
                *asking = Arc::downgrade(&begun);
                begun
            }
        };
        let changes = known.changes.clone();
        let seen = changes.borrow().count;
        Ok(Listener {
            changes,
            seen,
            _asking: known,
        })
    }
}

async fn begin(client: &Arc<Client>) -> Result<Asking> {
    let catalog = client.get::<IgnoredAny>(CATALOG, Duration::ZERO);
    let checks = client.get::<Checks>(CHECKS, Duration::ZERO);
    let (catalog, checks) = tokio::try_join!(catalog, checks)?;
    let (sender, changes) = watch::channel(Changes::default());
    let client = Arc::clone(client);
    let task = tokio::spawn(async move {
        let ended = tokio::select! {
            ended = hear_of_catalog(&client, catalog, &sender) => ended,
            ended = hear_of_checks(&client, checks, &sender) => ended,
        };
        if let Err(error) = ended {
            sender.send_modify(|changes| {
                changes.ended = Some((error.code(), error.detail().to_owned()));
            });
        }
    });
    Ok(Asking {
        changes,
        _task: AbortOnDropHandle::new(task),
    })
}

async fn hear_of_catalog(
    client: &Client,
    mut known: Answer<IgnoredAny>,
    changes: &watch::Sender<Changes>,
) -> Result<()> {
    loop {
        let now = ask(client, CATALOG, known.index).await?;
        if now.index != known.index {
            changes.send_modify(Changes::any);
            sleep(PAUSE).await;
        }
        known = now;
    }
}

async fn hear_of_checks(
    client: &Client,
    mut known: Answer<Checks>,
    changes: &watch::Sender<Changes>,
) -> Result<()> {
    loop {
        let now = ask::<Checks>(client, CHECKS, known.index).await?;
        let names: Vec<_> = known.value.symmetric_difference(&now.value).collect();
        if !names.is_empty() {
            changes.send_modify(|changes| {
                for check in names {
                    changes.one(&check.service_name);
                }
            });
        }
        if now.index != known.index {
            sleep(PAUSE).await;
        }
        known = now;
    }
}

/// What is newer than `index`, or after a while what is there.
async fn ask<T: DeserializeOwned>(client: &Client, path: &str, index: u64) -> Result<Answer<T>> {
    let path = format!("{path}&index={index}&wait={}s", WAIT.as_secs());
    client.get(&path, WAIT).await
}

type Checks = BTreeSet<Check>;

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Check {
    node: String,
    #[serde(rename = "CheckID")]
    id: String,
    status: String,
    /// Empty if it is one of the node.
    service_name: String,
}

impl Changes {
    fn any(&mut self) {
        self.count += 1;
        self.any = self.count;
        self.checks.clear();
    }

    fn one(&mut self, service: &str) {
        if service.is_empty() || self.checks.len() >= MOST {
            return self.any();
        }
        self.count += 1;
        self.checks.insert(service.to_owned(), self.count);
    }
}

/// Hears of changes while it lives.
pub(super) struct Listener {
    changes: watch::Receiver<Changes>,
    seen: u64,
    _asking: Arc<Asking>,
}

impl Listener {
    /// Waits until the service of that name may have changed, or any if none is named.
    ///
    /// # Errors
    ///
    /// `unavailable` if nothing more is heard.
    pub(super) async fn changed(&mut self, service: Option<&str>) -> Result<()> {
        loop {
            {
                let changes = self.changes.borrow_and_update();
                if let Some((code, why)) = &changes.ended {
                    return Err(Error::new(*code, ID, why.clone()));
                }
                let latest = match service {
                    None => changes.count,
                    Some(name) => changes.checks.get(name).copied().unwrap_or(changes.any),
                };
                if latest > self.seen {
                    self.seen = changes.count;
                    return Ok(());
                }
            }
            if self.changes.changed().await.is_err() {
                return Err(Error::unavailable(ID, "nothing more is heard of Consul"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::{Arc, Asking, Changes, Listener, MOST, watch};
    use tokio_util::task::AbortOnDropHandle;

    fn listener() -> (watch::Sender<Changes>, Listener) {
        let (sender, changes) = watch::channel(Changes::default());
        let _task = AbortOnDropHandle::new(tokio::spawn(async {}));
        let asking = Asking {
            changes: changes.clone(),
            _task,
        };
        let listener = Listener {
            changes,
            seen: 0,
            _asking: Arc::new(asking),
        };
        (sender, listener)
    }

    fn hears(listener: &mut Listener, service: &str) -> bool {
        listener.changed(Some(service)).now_or_never().is_some()
    }

    #[tokio::test]
    async fn a_service_whose_checks_changed_is_told_of_and_no_other() {
        let (changes, mut listener) = listener();

        changes.send_modify(|changes| changes.one("audit"));

        assert!(!hears(&mut listener, "greeter"));
        assert!(hears(&mut listener, "audit"));
        assert!(!hears(&mut listener, "audit"));
    }

    #[tokio::test]
    async fn a_change_of_the_catalog_may_be_of_any_service() {
        let (changes, mut listener) = listener();

        changes.send_modify(|changes| changes.one("audit"));
        changes.send_modify(Changes::any);

        assert!(hears(&mut listener, "greeter"));
        assert!(!hears(&mut listener, "audit"));
    }

    #[tokio::test]
    async fn of_too_many_services_it_is_as_if_all_had_changed() {
        let (changes, mut listener) = listener();

        changes.send_modify(|changes| {
            for number in 0..=MOST {
                changes.one(&number.to_string());
            }
        });

        assert!(changes.borrow().checks.len() <= MOST);
        assert!(hears(&mut listener, "greeter"));
    }
}
