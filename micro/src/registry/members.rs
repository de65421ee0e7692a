//! The servers of one backend, asked in turn until one answers.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Error, Result};

/// Servers that answer for each other.
pub(super) struct Members<T> {
    /// Each with its address.
    all: Vec<(String, T)>,
    /// The one that answered last.
    current: AtomicUsize,
}

impl<T> Members<T> {
    pub(super) fn new(all: Vec<(String, T)>) -> Self {
        Self {
            all,
            current: AtomicUsize::new(0),
        }
    }

    /// Where they are.
    pub(super) fn addresses(&self) -> String {
        let addresses: Vec<_> = self.all.iter().map(|(address, _)| &**address).collect();
        addresses.join(", ")
    }

    /// What the first of them says that answers within `limit`, and is not `unavailable`.
    ///
    /// # Errors
    ///
    /// That answer's, or `unavailable` of `id`, which says why none did.
    pub(super) async fn ask<'a, R, F>(
        &'a self,
        id: &'static str,
        limit: Duration,
        ask: impl Fn(&'a T) -> F,
    ) -> Result<R>
    where
        F: Future<Output = Result<R>>,
    {
        let mut refusals = Vec::new();
        for turn in 0..self.all.len() {
            let place = self.current.load(Relaxed) % self.all.len();
            let (address, member) = &self.all[place];
            match timeout(limit, ask(member)).await {
                Ok(Err(error)) if error.code() == 503 => refusals.push(error.detail().to_owned()),
                Ok(answered) => return answered,
                Err(_) => refusals.push(format!("{address} did not answer within {limit:?}")),
            }
            if turn + 1 < self.all.len() {
                // Others may have turned to another one meanwhile.
                let next = (place + 1) % self.all.len();
                let _ = self.current.compare_exchange(place, next, Relaxed, Relaxed);
            }
        }
        let why = refusals.join("; ");
        Err(Error::unavailable(id, format!("no server answers: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Error, Members, Result};

    const LIMIT: Duration = Duration::from_secs(5);

    fn members() -> Members<&'static str> {
        Members::new(
            ["away", "hangs", "well"]
                .map(|one| (one.to_owned(), one))
                .into(),
        )
    }

    async fn answer(one: &str) -> Result<String> {
        match one {
            "away" => Err(Error::unavailable("test", "it is away")),
            "hangs" => std::future::pending().await,
            "refuses" => Err(Error::forbidden("test", "not you")),
            one => Ok(one.to_owned()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_that_answers_is_asked_first_from_then_on() {
        let members = members();
        members.ask("test", LIMIT, |one| answer(one)).await.unwrap();
        let begun = tokio::time::Instant::now();

        let said = members.ask("test", LIMIT, |one| answer(one)).await;

        assert_eq!(said.unwrap(), "well");
        assert!(begun.elapsed().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn if_none_answers_the_error_names_what_is_wrong_with_each() {
        let members = Members::new(vec![("a".to_owned(), "away"), ("b".to_owned(), "hangs")]);

        let error = members.ask("test", LIMIT, |one| answer(one)).await;

        let error = error.unwrap_err();
        assert_eq!(error.code(), 503);
        assert!(error.detail().contains("it is away") && error.detail().contains("b did not"));
    }

    #[tokio::test]
    async fn what_one_refuses_no_other_is_asked_for() {
        let members = Members::new(vec![("a".to_owned(), "refuses"), ("b".to_owned(), "well")]);

        let error = members.ask("test", LIMIT, |one| answer(one)).await;

        assert_eq!(error.unwrap_err().code(), 403);
    }
}
