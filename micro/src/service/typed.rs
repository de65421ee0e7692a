//! What a generated client is made of: a client end and the name of a service.

use std::borrow::Cow;

use futures_util::Stream;

use super::Service;
use crate::broker::MemoryBroker;
use crate::client::{Call, Client, Method};
use crate::codec::{Format, Streaming};
use crate::server::{self, Handle};
use crate::transport;

/// Calls the methods of one service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    client: Client,
    service: Cow<'static, str>,
}

impl ServiceClient {
    /// Of the service called `name`, found through the registry of `service`; an empty name is that of `service`.
    pub fn new(name: &'static str, service: &Service) -> Self {
        let name = if name.is_empty() {
            Cow::Owned(service.name().to_owned())
        } else {
            Cow::Borrowed(name)
        };
        Self {
            client: service.client().clone(),
            service: name,
        }
    }

    /// Of the service called `name`, whatever its contract says.
    pub fn named(name: impl Into<String>, service: &Service) -> Self {
        Self {
            client: service.client().clone(),
            service: Cow::Owned(name.into()),
        }
    }

    /// Of `implementation` itself, in this process: for tests. Calls are encoded and routed as any other.
    pub fn local(implementation: impl Handle) -> Self {
        let definition = implementation.definition();
        let service = definition.name.clone();
        let accept = server::accept(&[definition]);
        let channel = transport::direct(accept);
        Self {
            client: Client::to(channel, std::sync::Arc::new(MemoryBroker::new())),
            service,
        }
    }

    /// A call of a method of one request and one reply.
    pub fn unary<Q, R>(
        &self,
        method: &Method,
        requests: Format<Q>,
        replies: Format<R>,
        request: Q,
    ) -> Call<R>
    where
        Q: Send + 'static,
        R: 'static,
    {
        Call::unary(
            &self.client,
            self.service.clone(),
            method.clone(),
            (requests, replies),
            request,
        )
    }

    /// A call of a method that streams its replies.
    pub fn server_streaming<Q, R>(
        &self,
        method: &Method,
        requests: Format<Q>,
        replies: Format<R>,
        request: Q,
    ) -> Call<Streaming<R>>
    where
        Q: Send + 'static,
        R: 'static,
    {
        Call::server_streaming(
            &self.client,
            self.service.clone(),
            method.clone(),
            (requests, replies),
            request,
        )
    }

    /// A call of a method that is sent a stream.
    pub fn client_streaming<Q, R>(
        &self,
        method: &Method,
        requests: Format<Q>,
        replies: Format<R>,
        messages: impl Stream<Item = Q> + Send + 'static,
    ) -> Call<R>
    where
        Q: Send + 'static,
        R: 'static,
    {
        Call::client_streaming(
            &self.client,
            self.service.clone(),
            method.clone(),
            (requests, replies),
            messages,
        )
    }

    /// A call of a method that streams both ways.
    pub fn bidirectional<Q, R>(
        &self,
        method: &Method,
        requests: Format<Q>,
        replies: Format<R>,
        messages: impl Stream<Item = Q> + Send + 'static,
    ) -> Call<Streaming<R>>
    where
        Q: Send + 'static,
        R: 'static,
    {
        Call::bidirectional(
            &self.client,
            self.service.clone(),
            method.clone(),
            (requests, replies),
            messages,
        )
    }
}
