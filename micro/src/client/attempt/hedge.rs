//! A second attempt beside the first: the one that is answered first settles the call.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::timeout;

use super::send::{Prepared, copied};
use super::{Attempts, Ended, Found, retry};
use crate::message::Request;
use crate::registry::{Candidate, Snapshot};
use crate::telemetry;

impl Attempts {
    /// True if another node may be asked while `candidate` is at it: once a call, and never for a stream.
    pub(super) fn may_hedge(&self, candidate: &Candidate) -> bool {
        !self.hedge.is_zero() && !self.streams() && self.is_repeatable(candidate)
    }

    /// An attempt on `candidate`, beside which there is one on another node if the first takes its time.
    pub(super) async fn hedged(
        &mut self,
        found: Found<'_>,
        snapshot: &Snapshot,
        candidate: Arc<Candidate>,
        request: &mut Request,
    ) -> Ended {
        let number = self.number;
        let prepared = match self.prepare(found, snapshot, &candidate, request).await {
            Ok(prepared) => prepared,
            Err(error) => return (candidate, number, Err(error)),
        };
        let mut copy = copied(request);
        self.tried.push(Arc::clone(&candidate));
        let mut slow = Box::pin(send(prepared, found, snapshot, candidate, number, request));
        if let Ok(ended) = timeout(self.hedge, &mut slow).await {
            return ended;
        }
        let Some(other) = self.second(found, snapshot) else {
            return slow.await;
        };
        self.spent.attempted();
        self.hedge = Duration::ZERO;
        self.number += 1;
        telemetry::hedged(found.metrics, &copy);
        let Ok(prepared) = self.prepare(found, snapshot, &other, &mut copy).await else {
            return slow.await;
        };
        self.tried.push(Arc::clone(&other));
        let fresh = send(prepared, found, snapshot, other, self.number, &mut copy);
        let ended = race(slow, Box::pin(fresh)).await;
        telemetry::attempted(&ended.0.node.address, ended.1);
        // Of the two it is the one that the plan wrote last.
        *request = copy;
        ended
    }

    /// Another node that may run the method, if the budget has something left for it.
    fn second(&self, found: Found<'_>, snapshot: &Snapshot) -> Option<Arc<Candidate>> {
        let other = self.choose(found.selector, snapshot)?;
        (self.is_repeatable(other) && found.budget.take()).then(|| Arc::clone(other))
    }
}

async fn send(
    prepared: Prepared,
    found: Found<'_>,
    snapshot: &Snapshot,
    candidate: Arc<Candidate>,
    number: u32,
    request: &mut Request,
) -> Ended {
    let answer = prepared
        .send(found, snapshot, &candidate, request, false)
        .await;
    (candidate, number, answer)
}

/// The first of both to answer. The other is dropped, which cancels it; one that fails leaves it to the other.
async fn race<F: Future<Output = Ended> + Unpin>(slow: F, fresh: F) -> Ended {
    let (ended, other) = match select(slow, fresh).await {
        Either::Left(first) | Either::Right(first) => first,
    };
    match &ended.2 {
        Err(error) if retry::is_mendable(error) => other.await,
        _ => ended,
    }
}
