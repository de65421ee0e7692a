//! What a server says of itself to whoever asks by GET: probes and collectors, not callers.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::health::Health;
use crate::telemetry::{CONTENT_TYPE, Metrics};
use crate::transport::Page;

/// The pages of one server.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) metrics: Option<Metrics>,
    pub(crate) health: Health,
    /// What the server offers, as OpenAPI tells it.
    pub(crate) openapi: Option<String>,
}

impl Pages {
    /// The page at `path`, if there is one.
    pub(super) fn find(&self, path: &str) -> Option<BoxFuture<'static, Page>> {
        match path {
            "/metrics" => {
                let text = self.metrics.as_ref()?.snapshot().to_string();
                Some(ready(Page::new(200, CONTENT_TYPE, text)).boxed())
            }
            "/openapi.json" => {
                let text = self.openapi.clone()?;
                Some(ready(Page::new(200, "application/json", text)).boxed())
            }
            "/health/live" => Some(ready(Health::live()).boxed()),
            "/health" | "/health/ready" => Some(self.health.clone().ready().boxed()),
            _ => None,
        }
    }
}
