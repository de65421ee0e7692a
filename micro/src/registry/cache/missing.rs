//! What a caller is told when a service has no node: which registry was asked, and what it knows instead.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::tend::Standing;
use super::{Cache, ID};
use crate::error::Error;
use crate::registry::Registry;

/// How many names are shown, and how many characters of each.
const SHOWN: (usize, usize) = (10, 60);

/// How many names are compared.
const COMPARED: usize = 1000;

/// How long the registry may take to list its names, and how long they are good for.
const LISTING: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));

/// The names that the registry knew a moment ago; callers that fail together share one listing.
#[derive(Default)]
pub(super) struct Seen(Mutex<Option<(Instant, Option<Names>)>>);

type Names = Arc<[String]>;

impl Seen {
    /// The names in order; `None` if the registry does not say.
    async fn names(&self, registry: &dyn Registry) -> Option<Names> {
        let mut seen = self.0.lock().await;
        match &*seen {
            Some((at, names)) if at.elapsed() < LISTING.1 => names.clone(),
            _ => {
                let listed = timeout(LISTING.0, registry.list()).await;
                let names = listed.ok().and_then(Result::ok).map(|services| {
                    let names = services.into_iter().map(|service| service.name);
                    let mut names = names.take(COMPARED).collect::<Vec<_>>();
                    names.sort_unstable();
                    names.dedup();
                    Names::from(names)
                });
                *seen = Some((Instant::now(), names.clone()));
                names
            }
        }
    }
}

impl Cache {
    /// Why `name` has no node, after the wait for one.
    pub(super) async fn missing(&self, name: &str, standing: &Standing) -> Error {
        let registry = self.registry();
        let asked = registry.describe();
        if standing.is_known {
            let detail = format!("no node of `{name}` is alive (registry: {asked})");
            return caused_by(Error::unavailable(ID, detail), standing);
        }
        if standing.trouble.is_some() {
            let detail =
                format!("the registry cannot be reached, so `{name}` is not found ({asked})");
            return caused_by(Error::unavailable(ID, detail), standing);
        }
        if !standing.is_answered {
            let detail = format!("the registry has not answered yet where `{name}` is ({asked})");
            return Error::unavailable(ID, detail);
        }
        let names = self.0.shared.seen.names(registry.as_ref()).await;
        let hint = hint(name, names.as_deref());
        Error::not_found(
            ID,
            format!("nothing announced a service called `{name}` (registry: {asked}){hint}"),
        )
    }
}

fn caused_by(error: Error, standing: &Standing) -> Error {
    match &standing.trouble {
        Some(trouble) => error.with_source(Arc::clone(trouble)),
        None => error,
    }
}

/// The end of the message: the nearest name, then those that were seen.
fn hint(name: &str, names: Option<&[String]>) -> String {
    let Some(names) = names else {
        return "; it did not list the services that it knows".to_owned();
    };
    if names.is_empty() {
        return "; no other service was seen either: is it running, with the same registry and namespace?"
            .to_owned();
    }
    let shown = names.iter().take(SHOWN.0).map(|name| short(name));
    let mut seen = shown.collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN.0 {
        seen = format!("{seen} and {} more", names.len() - SHOWN.0);
    }
    match nearest(name, names) {
        Some(near) => format!("; did you mean `{}`? seen: {seen}", short(near)),
        None => format!("; seen: {seen}"),
    }
}

fn short(name: &str) -> String {
    name.chars().take(SHOWN.1).collect()
}

/// The name that `name` was probably meant to be: the same but for dots and case, a part of it, or a few letters off.
fn nearest<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    let wanted = short(name).to_lowercase();
    let distance = |candidate: &str| {
        let candidate = short(candidate).to_lowercase();
        let last = |name: &str| name.rsplit('.').next().map(str::to_owned);
        if last(&candidate) == last(&wanted) {
            return 0;
        }
        strsim::damerau_levenshtein(&wanted, &candidate)
    };
    let near = names.iter().map(|name| (distance(name), name)).min()?;
    (near.0 <= wanted.chars().count().div_ceil(3)).then_some(near.1.as_str())
}

#[cfg(test)]
mod tests {
    use super::{hint, nearest};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_name_a_few_letters_off_is_near() {
        let names = names(&["audit", "greeter"]);

        assert_eq!(nearest("greter", &names), Some("greeter"));
    }

    #[test]
    fn a_name_in_another_domain_is_near() {
        let names = names(&["go.micro.srv.greeter", "audit"]);

        assert_eq!(nearest("greeter", &names), Some("go.micro.srv.greeter"));
    }

    #[test]
    fn a_name_that_is_quite_different_is_not_near() {
        assert_eq!(nearest("greeter", &names(&["audit"])), None);
    }

    #[test]
    fn ten_names_are_shown_and_the_others_counted() {
        let many = (0..50).map(|n| format!("s{n:02}")).collect::<Vec<_>>();

        let hint = hint("greeter", Some(&many));

        assert!(hint.ends_with("s08, s09 and 40 more"), "{hint}");
    }
}
