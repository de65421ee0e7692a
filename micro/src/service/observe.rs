//! What can be seen of a service from outside.

use std::future::Future;

use super::Service;
use crate::error::Result;
use crate::server::Check;
use crate::telemetry::Metrics;

impl Service {
    /// The numbers of calls and messages, if they are [counted](crate::Builder::metrics).
    pub fn metrics(&self) -> Option<&Metrics> {
        self.parts.metrics.as_ref()
    }

    /// Says that the service is not ready while `check` fails, or takes longer than
    /// [`check_timeout`](crate::server::Options::check_timeout). It is run whenever `GET /health/ready` asks.
    ///
    /// ```
    /// # async fn ping() -> micro::Result<()> { Ok(()) }
    /// # fn example(service: micro::Service) -> micro::Service {
    /// service.check("db", async || ping().await)
    /// # }
    /// ```
    pub fn check<F, Fut>(mut self, name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.checks.push(Check::new(name.into(), check));
        self
    }
}
