//! Publishing typed events.

use std::borrow::Cow;
use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Client, Core, Options};
use crate::broker;
use crate::codec::Format;
use crate::context::Context;
use crate::error::Result;
use crate::id;
use crate::message::{Body, ContentType, Message, Request, Response};
use crate::metadata::{Metadata, SECRETS};

/// Publishes events of one type to one topic. Cheap to clone.
pub struct Publisher<T> {
    client: Client,
    topic: Cow<'static, str>,
    format: Format<T>,
}

impl<T> Publisher<T> {
    pub(crate) fn new(client: &Client, topic: Cow<'static, str>, format: Format<T>) -> Self {
        Self {
            client: client.clone(),
            topic,
            format,
        }
    }

    /// Publishes `event` when awaited.
    pub fn publish(&self, event: &T) -> Publish {
        let content_type = self.content_type();
        let encoded = self.format.encoded(event, &content_type);
        let message = encoded.map(|body| Message {
            content_type,
            metadata: Metadata::new(),
            body,
        });
        Publish {
            client: self.client.clone(),
            topic: self.topic.clone(),
            message,
            detached: false,
        }
    }

    /// Protobuf or JSON, which subscribers of every kind read; a client set to another type than the default uses that.
    fn content_type(&self) -> ContentType {
        let wanted = &self.client.options().content_type;
        let types: Vec<ContentType> = self.format.content_types().collect();
        let chosen = (*wanted != Options::default().content_type).then(|| wanted.clone());
        let first = chosen
            .into_iter()
            .chain([ContentType::PROTOBUF, ContentType::JSON]);
        let own = first
            .chain(types.iter().cloned())
            .find(|own| types.contains(own));
        own.unwrap_or_else(|| wanted.clone())
    }
}

/// An event on its way; nothing is sent until it is awaited.
///
/// # Errors
///
/// The broker's; `unsupported` if the event has no form that can be sent.
#[must_use = "nothing is published until it is awaited"]
pub struct Publish {
    client: Client,
    topic: Cow<'static, str>,
    message: Result<Message>,
    detached: bool,
}

impl Publish {
    /// Sends `value` as `name` with the event, in place of one that would be inherited.
    pub fn metadata(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        if let Ok(message) = &mut self.message {
            message.metadata.set(name.as_ref(), value.as_ref());
        }
        self
    }

    /// Inherits no metadata from the call that is being served.
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    async fn send(self) -> Result<()> {
        let message = self.message?;
        let is_secret = |name: &str| {
            let own = SECRETS.iter().chain(&[broker::REASON, broker::ATTEMPTS]);
            own.into_iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        let mut metadata = match Context::current() {
            Some(context) if !self.detached => {
                context.hand_on(&message.metadata, |name| !is_secret(name))
            }
            _ => message.metadata,
        };
        metadata.set("Micro-Id", &id::random());
        let mut request = Request::new(self.client.name().clone(), self.topic);
        request.content_type = message.content_type;
        request.metadata = metadata;
        request.context = Context::current().unwrap_or_default();
        request.body = Body::Bytes(message.body);
        self.client.hand_out(request).await.map(drop)
    }
}

/// What is behind the wrappers: the broker takes the message, and the response is empty.
pub(super) fn run(core: Arc<Core>, request: Request) -> BoxFuture<'static, Result<Response>> {
    async move {
        let mut message = Message {
            content_type: request.content_type.clone(),
            metadata: request.metadata,
            body: request.body.into_bytes()?,
        };
        message.metadata.set("Micro-Topic", &request.endpoint);
        core.broker.publish(&request.endpoint, message).await?;
        Ok(Response::new(request.content_type, Body::default()))
    }
    .boxed()
}

impl IntoFuture for Publish {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'static, Result<()>>;

    fn into_future(self) -> Self::IntoFuture {
        self.send().boxed()
    }
}

impl<T> Clone for Publisher<T> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            topic: self.topic.clone(),
            format: self.format,
        }
    }
}

impl<T> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}
