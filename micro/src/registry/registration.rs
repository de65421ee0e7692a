//! Keeps records announced until they are taken back.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Registry, Service};
use crate::error::Result;

/// How long taking back a registration may hold up a stopping server.
const DEREGISTER: Duration = Duration::from_secs(2);

/// Records in a registry, renewed until they are taken back.
#[derive(Debug)]
pub(crate) struct Registration {
    registry: Arc<dyn Registry>,
    services: Arc<[Service]>,
    stop: CancellationToken,
    heartbeat: JoinHandle<()>,
}

impl Registration {
    /// Announces `services` for `ttl` now and every `interval`, and in time before the `ttl` is over.
    ///
    /// A `ttl` of zero is one without end, an `interval` of zero renews nothing: both as in go-micro.
    ///
    /// # Errors
    ///
    /// The registry's, if the first announcement failed; later ones are logged and tried again.
    pub(crate) async fn start(
        registry: Arc<dyn Registry>,
        services: Vec<Service>,
        ttl: Duration,
        interval: Duration,
    ) -> Result<Self> {
        let services: Arc<[Service]> = services.into();
        let interval = interval.min(if ttl.is_zero() {
            Duration::MAX
        } else {
            ttl / 3
        });
        let ttl = (!ttl.is_zero()).then_some(ttl);
        for (done, service) in services.iter().enumerate() {
            if let Err(error) = registry.register(service, ttl).await {
                take_back(&*registry, &services[..done]).await;
                let to = registry.describe();
                let context = format!("cannot register {} with {to}", service.name);
                return Err(error.within(context));
            }
        }
        let stop = CancellationToken::new();
        let heartbeat = tokio::spawn(beat(
            Arc::clone(&registry),
            Arc::clone(&services),
            ttl,
            interval,
            stop.clone(),
        ));
        Ok(Self {
            registry,
            services,
            stop,
            heartbeat,
        })
    }

    /// Ends the heartbeat, then takes the records back; waits at most 2 s for the registry.
    pub(crate) async fn end(&mut self) {
        // The heartbeat ends first: it must not announce again what is taken back here.
        self.stop.cancel();
        if let Err(error) = (&mut self.heartbeat).await
            && error.is_panic()
        {
            tracing::error!(%error, "the heartbeat failed");
        }
        take_back(&*self.registry, &self.services).await;
    }

    /// What is announced.
    pub(crate) fn services(&self) -> &[Service] {
        &self.services
    }
}

/// Takes the records of `services` back, if the registry answers in time.
async fn take_back(registry: &dyn Registry, services: &[Service]) {
    let all = async {
        for service in services {
            if let Err(error) = registry.deregister(service).await {
                tracing::warn!(service = service.name, %error, "cannot deregister");
            }
        }
    };
    if tokio::time::timeout(DEREGISTER, all).await.is_err() {
        tracing::warn!(registry = %registry.describe(), "the registry does not answer: left registered");
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn beat(
    registry: Arc<dyn Registry>,
    services: Arc<[Service]>,
    ttl: Option<Duration>,
    interval: Duration,
    stop: CancellationToken,
) {
    if interval.is_zero() {
        return;
    }
    while stop
        .run_until_cancelled(tokio::time::sleep(interval))
        .await
        .is_some()
    {
        for service in &*services {
            let renewed = stop
                .run_until_cancelled(registry.register(service, ttl))
                .await;
            if let Some(Err(error)) = renewed {
                tracing::warn!(service = service.name, %error, "cannot renew the registration, trying again");
            }
        }
    }
}
