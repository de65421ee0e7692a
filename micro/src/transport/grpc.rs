//! Every call by gRPC, whatever the node says that it speaks.

use std::sync::Arc;

use async_trait::async_trait;

use super::http::grpc;
use super::{Accept, Backend, Channel, Facts, HttpTransport, Limits, Listener, Options, Transport};
use crate::error::Result;
use crate::tls::Ends;

/// Calls and streams by gRPC, to servers of any make; a node whose record says `protocol=grpc` is called so by
/// [`AutoTransport`](super::AutoTransport) and [`HttpTransport`], too.
///
/// The path of a call is `/SERVICE.Greeter/Hello`: the name of the service called is the package of its `.proto` file.
/// Calls share one connection to a node. What listens is [`HttpTransport`], which answers gRPC besides the rest.
///
/// Messages go as protobuf, JSON or MessagePack (`application/grpc`, `+json`, `+msgpack`), as the caller's content type
/// says; servers that are not ours take protobuf. They may be compressed by gzip where the other side offers it.
///
/// # Errors
///
/// The status of a foreign server has these codes: `INVALID_ARGUMENT` and `OUT_OF_RANGE` 400, `UNAUTHENTICATED` 401,
/// `PERMISSION_DENIED` 403, `NOT_FOUND` 404, `ALREADY_EXISTS` and `ABORTED` 409, `FAILED_PRECONDITION` 412,
/// `RESOURCE_EXHAUSTED` 429, `CANCELLED` 499, `UNIMPLEMENTED` 501, `UNAVAILABLE` 503, `DEADLINE_EXCEEDED` 504, and 500 for
/// the rest. Between our own ends, and from go-micro, errors arrive as they were.
#[derive(Clone, Debug, Default)]
pub struct GrpcTransport {
    limits: Limits,
    ends: Ends,
    http: HttpTransport,
}

impl GrpcTransport {
    /// A transport with these bounds.
    pub fn new(limits: Limits) -> Self {
        Self {
            http: HttpTransport::new(limits.clone()),
            limits,
            ends: Ends::default(),
        }
    }

    /// A transport as `options` want it, secured if they say so.
    ///
    /// # Errors
    ///
    /// `bad_request` for files that cannot be used.
    pub fn open(options: &Options) -> Result<Self> {
        Ok(Self {
            limits: options.limits.clone(),
            ends: Ends::open(&options.tls)?,
            http: HttpTransport::open(options)?,
        })
    }
}

#[async_trait]
impl Transport for GrpcTransport {
    fn dial(&self, address: &str, facts: &Facts) -> Result<Arc<dyn Channel>> {
        grpc::dial(address, facts, &self.limits, &self.ends)
    }

    async fn listen(&self, address: &str, accept: Arc<dyn Accept>) -> Result<Box<dyn Listener>> {
        self.http.listen(address, accept).await
    }

    fn facts(&self) -> &'static [(&'static str, &'static str)] {
        self.http.facts()
    }

    fn name(&self) -> &'static str {
        "grpc"
    }
}

inventory::submit! {
    Backend {
        names: &["grpc"],
        open: |options| Ok(Arc::new(GrpcTransport::open(options)?)),
    }
}
