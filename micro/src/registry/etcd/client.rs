//! Calls of the members of one etcd cluster, by gRPC: one after the other until one answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;
use prost::Message;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Code, Request, Status};

use super::messages::{Authenticate, Authenticated};
use super::{ADDRESS, ID};
use crate::address::{Server, given_or};
use crate::error::{Error, Result};
use crate::http::grpc::{Own, Raw, Shared};
use crate::limits::Limits;
use crate::registry::members::Members;
use crate::tls::{Ends, Tls};

/// How long a member may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The members of a cluster.
pub(super) struct Client {
    members: Members<Shared>,
    user: Option<(String, String)>,
    /// Asked for with the user's password, and then sent with each call.
    token: Mutex<Option<AsciiMetadataValue>>,
}

impl Client {
    /// # Errors
    ///
    /// `bad_request` if one of `addresses` is none, or if what `tls` names cannot be read.
    pub(super) fn new(addresses: &[String], tls: &Tls) -> Result<Self> {
        let limits = Limits {
            message: 16 << 20,
            // A member that hangs is found by the pings of the connection, twice in this time.
            idle_timeout: Duration::from_secs(10),
            ..Limits::default()
        };
        let (mut members, mut user) = (Vec::new(), None);
        for address in given_or(addresses, ADDRESS) {
            let server = Server::parse(ID, address, 2379, ["http", "https"])?;
            let way = match server.is_secured {
                true => Ends::open(&tls.of_backend())?.way(&server.host),
                false => Ends::default().way(&server.host),
            };
            let member = Shared::new(ID, &server.address, &limits, way)?;
            members.push((server.address, member));
            user = user.or(server.user);
        }
        let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let user = user.or_else(|| {
            let password = variable("ETCD_PASSWORD").unwrap_or_default();
            variable("ETCD_USERNAME").map(|name| (name, password))
        });
        Ok(Self {
            members: Members::new(members),
            user,
            token: Mutex::default(),
        })
    }

    /// The addresses of the members.
    pub(super) fn addresses(&self) -> String {
        self.members.addresses()
    }

    /// The one answer to `message`, which may reach the cluster more than once.
    ///
    /// # Errors
    ///
    /// `unavailable` if no member answers, else what the cluster has against it.
    pub(super) async fn call<R: Message + Default>(
        &self,
        path: &'static str,
        message: &impl Message,
    ) -> Result<R> {
        let answer = self.first(path, message, false).await?;
        R::decode(answer.0).map_err(|source| unreadable(path, source))
    }

    /// The answers to `message`, which is the only one that is sent; the first has come.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call). The stream ends with an error once the connection does.
    pub(super) async fn open<R: Message + Default>(
        &self,
        path: &'static str,
        message: &impl Message,
    ) -> Result<BoxStream<'static, Result<R>>> {
        let (first, rest) = self.first(path, message, true).await?;
        let answers = stream::once(async { Ok(first) }).chain(rest);
        Ok(answers
            .map(move |answer| R::decode(answer?).map_err(|source| unreadable(path, source)))
            .boxed())
    }

    async fn first(
        &self,
        path: &'static str,
        message: &impl Message,
        stays: bool,
    ) -> Result<(Bytes, Answers)> {
        let message = Bytes::from(message.encode_to_vec());
        let exchange = |member| self.exchange(member, path, &message, stays);
        self.members.ask(ID, ANSWER, exchange).await
    }

    /// One call of one member; once more if the token is too old.
    async fn exchange(
        &self,
        member: &Shared,
        path: &'static str,
        message: &Bytes,
        stays: bool,
    ) -> Result<(Bytes, Answers)> {
        let mut is_fresh = false;
        loop {
            let mut token = self.token().clone();
            if let (None, Some(user)) = (&token, &self.user) {
                is_fresh = true;
                token = Some(self.log_in(member, user).await?);
            }
            let asked = ask(member, path, message.clone(), token, stays).await;
            match asked {
                Err(status)
                    if status.code() == Code::Unauthenticated
                        && !is_fresh
                        && self.user.is_some() =>
                {
                    *self.token() = None;
                }
                asked => return asked.map_err(|status| told(member, status)),
            }
        }
    }

    async fn log_in(
        &self,
        member: &Shared,
        (name, password): &(String, String),
    ) -> Result<AsciiMetadataValue> {
        let path = "/etcdserverpb.Auth/Authenticate";
        let message = Authenticate {
            name: name.clone(),
            password: password.clone(),
        };
        let message = Bytes::from(message.encode_to_vec());
        let asked = ask(member, path, message, None, false).await;
        let (answer, _) = asked.map_err(|status| told(member, status))?;
        let answer = Authenticated::decode(answer).map_err(|source| unreadable(path, source))?;
        let token = AsciiMetadataValue::try_from(answer.token);
        let token = token
            .map_err(|source| Error::bad_gateway(ID, "etcd's token is none").with_source(source))?;
        *self.token() = Some(token.clone());
        Ok(token)
    }

    fn token(&self) -> MutexGuard<'_, Option<AsciiMetadataValue>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Answers = BoxStream<'static, Result<Bytes>>;

/// The first answer of `member`, and those that follow; our half stays open if they are to.
async fn ask(
    member: &Shared,
    path: &'static str,
    message: Bytes,
    token: Option<AsciiMetadataValue>,
    stays: bool,
) -> Result<(Bytes, Answers), Status> {
    let own = |error: Error| Status::from_error(Box::new(Own::new(error)));
    let content_type = HeaderValue::from_static("application/grpc");
    let deadline = Some(Instant::now() + ANSWER);
    let mut grpc = member.grpc(content_type, deadline).await.map_err(own)?;
    let rest = match stays {
        true => stream::pending().left_stream(),
        false => stream::empty().right_stream(),
    };
    let mut request = Request::new(stream::iter([message]).chain(rest));
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token);
    }
    let reply = grpc
        .streaming(request, PathAndQuery::from_static(path), Raw)
        .await?;
    let mut answers = reply.into_inner();
    let first = answers.message().await?;
    let first = first.ok_or_else(|| Status::unavailable("it ended without an answer"))?;
    let address: Arc<str> = member.address().into();
    let rest = answers.map(move |answer| answer.map_err(|status| told_by(&address, status)));
    Ok((first, rest.boxed()))
}

fn told(member: &Shared, status: Status) -> Error {
    told_by(member.address(), status)
}

/// What a member has against a call, or why it did not hear of it.
fn told_by(address: &str, status: Status) -> Error {
    if let Some(own) = Own::of(&status) {
        return own;
    }
    let detail = format!("etcd at {address}: {}", status.message());
    match status.code() {
        Code::NotFound => Error::not_found(ID, detail),
        Code::InvalidArgument if status.message().contains("authentication failed") => {
            Error::unauthorized(ID, detail)
        }
        Code::InvalidArgument | Code::FailedPrecondition => Error::bad_request(ID, detail),
        Code::Unauthenticated => Error::unauthorized(ID, detail),
        Code::PermissionDenied => Error::forbidden(ID, detail),
        // No leader, a member that stops, a connection that broke.
        _ => Error::unavailable(ID, detail),
    }
    .with_source(status)
}

fn unreadable(path: &str, source: prost::DecodeError) -> Error {
    Error::bad_gateway(ID, format!("etcd's answer to {path} cannot be read")).with_source(source)
}
