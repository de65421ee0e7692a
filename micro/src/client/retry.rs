//! Whether a call that failed may be made again.

use super::call::Method;
use crate::error::Error;
use crate::registry::Candidate;

/// True if `error` of `candidate` may be mended by running the method again, and that is safe.
///
/// The node that may have run it has to say that the method is idempotent, and a compiled contract must agree.
pub(super) fn is_safe(error: &Error, method: &Method, candidate: &Candidate) -> bool {
    let announced = candidate
        .endpoint(&method.endpoint)
        .is_some_and(|endpoint| {
            endpoint
                .metadata
                .get("idempotent")
                .is_some_and(|value| value == "true")
        });
    // An error that the far end did not answer is a connection that broke.
    let mendable = error.is_retryable() || !error.is_downstream();
    mendable && announced && method.idempotent.unwrap_or(true)
}
