//! The typed request of a call, kept until it is known how the node wants it written.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};

use crate::codec::Format;
use crate::error::Result;
use crate::message::{Body, ContentType};

/// What a call sends.
pub(super) trait Payload: Send {
    /// The message, or the messages, written as `content_type`.
    fn encode(&self, content_type: &ContentType) -> Result<Body>;

    /// The first that is wanted of what it can be written as, preferred first.
    fn content_type(&self, wanted: &dyn Fn(&ContentType) -> bool) -> Option<ContentType>;

    /// True as long as nothing of it is used up, so that it can be sent again.
    fn is_whole(&self) -> bool;
}

/// One message.
pub(super) struct One<Q> {
    pub(super) message: Q,
    pub(super) format: Format<Q>,
}

impl<Q: Send> Payload for One<Q> {
    fn encode(&self, content_type: &ContentType) -> Result<Body> {
        let bytes = self.format.encoded(&self.message, content_type)?;
        Ok(Body::Bytes(bytes))
    }

    fn content_type(&self, wanted: &dyn Fn(&ContentType) -> bool) -> Option<ContentType> {
        self.format.content_types().find(wanted)
    }

    fn is_whole(&self) -> bool {
        true
    }
}

/// A stream of messages: every body made of it takes from the one stream.
pub(super) struct Many<Q> {
    shared: Arc<Mutex<Source<Q>>>,
    format: Format<Q>,
}

struct Source<Q> {
    messages: BoxStream<'static, Q>,
    begun: bool,
}

impl<Q> Many<Q> {
    pub(super) fn new(messages: impl Stream<Item = Q> + Send + 'static, format: Format<Q>) -> Self {
        let source = Source {
            messages: messages.boxed(),
            begun: false,
        };
        Self {
            shared: Arc::new(Mutex::new(source)),
            format,
        }
    }
}

/// A stream that panicked is polled no more: its body ends with that panic.
fn lock<Q>(shared: &Mutex<Source<Q>>) -> MutexGuard<'_, Source<Q>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<Q: Send + 'static> Payload for Many<Q> {
    fn encode(&self, content_type: &ContentType) -> Result<Body> {
        let (shared, format, content_type) =
            (Arc::clone(&self.shared), self.format, content_type.clone());
        let messages = stream::poll_fn(move |cx| {
            // Only one body is alive at a time, so nobody waits for this lock.
            let mut source = lock(&shared);
            let polled = source.messages.poll_next_unpin(cx);
            source.begun |= polled.is_ready();
            polled
        });
        let encoded = messages.map(move |message| format.encoded(&message, &content_type));
        Ok(Body::Stream(encoded.boxed()))
    }

    fn content_type(&self, wanted: &dyn Fn(&ContentType) -> bool) -> Option<ContentType> {
        self.format.content_types().find(wanted)
    }

    fn is_whole(&self) -> bool {
        !lock(&self.shared).begun
    }
}

impl fmt::Debug for dyn Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload")
    }
}
