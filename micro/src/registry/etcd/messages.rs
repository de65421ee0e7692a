//! The messages of etcd's API (v3), as far as a registry needs them: `etcdserverpb` and `mvccpb`.

use prost::Message;
use prost::bytes::Bytes;

/// `KeyValue`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Pair {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) value: Bytes,
}

/// `ResponseHeader`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Head {
    #[prost(int64, tag = "3")]
    pub(super) revision: i64,
}

/// `RangeRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Range {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) end: Bytes,
    #[prost(int64, tag = "3")]
    pub(super) limit: i64,
    #[prost(int64, tag = "4")]
    pub(super) revision: i64,
}

/// `RangeResponse`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Found {
    #[prost(message, optional, tag = "1")]
    pub(super) head: Option<Head>,
    #[prost(message, repeated, tag = "2")]
    pub(super) pairs: Vec<Pair>,
    #[prost(bool, tag = "3")]
    pub(super) more: bool,
}

/// `PutRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Put {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
    #[prost(int64, tag = "3")]
    pub(super) lease: i64,
}

/// `DeleteRangeRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Delete {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
}

/// A response of which nothing is read.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Done {}

/// `LeaseGrantRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Grant {
    /// In seconds.
    #[prost(int64, tag = "1")]
    pub(super) ttl: i64,
}

/// `LeaseGrantResponse` and `LeaseKeepAliveResponse`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Granted {
    #[prost(int64, tag = "2")]
    pub(super) id: i64,
    /// 0 if there is no such lease.
    #[prost(int64, tag = "3")]
    pub(super) ttl: i64,
}

/// `LeaseKeepAliveRequest` and `LeaseRevokeRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Lease {
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
}

/// `WatchRequest`, of which only the one that begins a watch is sent.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Watch {
    #[prost(message, optional, tag = "1")]
    pub(super) create: Option<WatchCreate>,
}

/// `WatchCreateRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct WatchCreate {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) end: Bytes,
    /// Changes come with what was there before.
    #[prost(bool, tag = "6")]
    pub(super) previous: bool,
    /// What is long comes in pieces.
    #[prost(bool, tag = "8")]
    pub(super) fragment: bool,
}

/// `WatchResponse`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Watched {
    #[prost(bool, tag = "4")]
    pub(super) canceled: bool,
    #[prost(string, tag = "6")]
    pub(super) reason: String,
    #[prost(message, repeated, tag = "11")]
    pub(super) changes: Vec<Change>,
}

/// `Event`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Change {
    /// 0 is a put, 1 a delete.
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) pair: Option<Pair>,
    #[prost(message, optional, tag = "3")]
    pub(super) previous: Option<Pair>,
}

/// `AuthenticateRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Authenticate {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) password: String,
}

/// `AuthenticateResponse`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Authenticated {
    #[prost(string, tag = "2")]
    pub(super) token: String,
}
