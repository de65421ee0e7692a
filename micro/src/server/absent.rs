//! In place of gRPC's own services where the feature `grpc` is off: there are none.

use tokio_util::sync::CancellationToken;

use super::definition::Definition;
use super::health::Health;

/// None.
pub(super) fn definitions(_: &[Definition], _: &Health, _: &CancellationToken) -> [Definition; 0] {
    []
}
