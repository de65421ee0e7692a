//! The server end: one call, whichever way it streams.

use std::io;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use http_body_util::BodyStream;
use hyper::Version;
use hyper::body::Body as _;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use tonic::codec::{CompressionEncoding, Streaming};
use tonic::metadata::MetadataMap;
use tonic::server::Grpc;
use tonic::{Request as Call, Response as Reply, Status};
use tower::service_fn;

use super::super::answer::Calls;
use super::super::unary;
use super::{ID, content_type, status, timeout};
use crate::error::{Error, Result};
use crate::http::grpc::Raw;
use crate::http::{Exchange, Outbound, pairs};
use crate::listener::Site;
use crate::message::{Body, Request, Response};
use crate::transport::Accept;
use crate::wire;

/// go-micro's clients of gRPC say by this how the body is encoded; ours and others have a content type.
const GO_MICRO: &str = "x-content-type";

/// True if the head is that of a call of gRPC.
pub(in super::super) fn is_asked(parts: &Parts) -> bool {
    let text = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|text| text.to_str().ok());
    parts.version == Version::HTTP_2 && text.and_then(content_type).is_some()
}

/// Answers the call.
pub(in super::super) async fn answer(
    calls: &Calls,
    exchange: Exchange<'_>,
) -> hyper::Response<Outbound> {
    let Exchange {
        site,
        peer,
        pace,
        parts,
        body,
        ..
    } = exchange;
    let reads_json = parts.headers.contains_key(GO_MICRO);
    let mut request = match request(&*calls.accept, &parts) {
        Ok(request) => request,
        Err(error) => return finish(status::of_error(&error, reads_json).into_http(), None),
    };
    request.peer = Some(peer.clone());
    let asked_for = parts.headers.get(CONTENT_TYPE).cloned();
    let failed = move |error| status::of_error(&error, reads_json);
    let limit = site.limits.message;
    let mut grpc = Grpc::new(Raw)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(limit)
        .max_encoding_message_size(limit);
    let mut call = hyper::Request::new(body.take());
    *call.headers_mut() = parts.headers;
    let accept = &*calls.accept;
    let reply = if accept.streams(&request) {
        pace.begin_handler();
        let mut request = Some(request);
        let serve = service_fn(|call: Call<Streaming<Bytes>>| {
            let request = request.take();
            async move {
                let mut request = request.ok_or_else(again)?;
                request.body = Body::Stream(messages(call.into_inner()));
                let response = accept.call(request).await.map_err(failed)?;
                let items = |body: Body| {
                    let items = body.into_stream();
                    Ok(items.map(move |item| item.map_err(failed)).boxed())
                };
                reply(site, response, items).map_err(failed)
            }
        });
        grpc.streaming(serve, call).await
    } else {
        let mut request = Some(request);
        let serve = service_fn(|call: Call<Bytes>| {
            let request = request.take();
            pace.begin_handler();
            async move {
                let mut request = request.ok_or_else(again)?;
                request.body = Body::Bytes(call.into_inner());
                let response = accept.call(request).await.map_err(failed)?;
                reply(site, response, Body::into_bytes).map_err(failed)
            }
        });
        grpc.unary(serve, call).await
    };
    finish(reply, asked_for)
}

fn finish(
    reply: hyper::Response<tonic::body::Body>,
    asked_for: Option<HeaderValue>,
) -> hyper::Response<Outbound> {
    let mut reply = reply.map(|body| match body.is_end_stream() {
        true => Outbound::from(Bytes::new()),
        false => {
            let frames = BodyStream::new(body);
            Outbound::pieces(frames.map(|frame| frame.map_err(io::Error::other)).boxed())
        }
    });
    if let Some(asked_for) = asked_for {
        reply.headers_mut().insert(CONTENT_TYPE, asked_for);
    }
    reply
}

/// That tonic called a handler twice, which it does not.
fn again() -> Status {
    Status::internal("called twice")
}

/// Which call the head means.
fn request(accept: &dyn Accept, parts: &Parts) -> Result<Request> {
    let mut request = wire::read_request(pairs(&parts.headers), Instant::now());
    let named = parts
        .uri
        .path()
        .strip_prefix('/')
        .and_then(|path| path.split_once('/'));
    let named = named.and_then(|(full, method)| {
        let (package, service) = full.rsplit_once('.').unwrap_or(("", full));
        let is_whole = !service.is_empty() && !method.is_empty() && !method.contains('/');
        is_whole.then_some((package, service, method))
    });
    let unknown = |name: &str| {
        let shown: String = name.chars().take(100).collect();
        let detail = format!("there is no {shown}: call /package.Service/Method");
        Error::not_implemented(ID, detail).never_reached()
    };
    let (package, service, method) = named.ok_or_else(|| unknown(parts.uri.path()))?;
    let endpoint = format!("{service}.{method}");
    let found = accept.locate(package, &endpoint);
    request.service = found.ok_or_else(|| unknown(parts.uri.path()))?;
    request.endpoint = endpoint.into();
    let text = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if let Some(own) = text(CONTENT_TYPE.as_str()).and_then(content_type) {
        request.content_type = own;
    }
    request.accept = None;
    if let Some(left) = text(timeout::NAME).and_then(timeout::read) {
        request.deadline = Instant::now().checked_add(left);
    }
    Ok(request)
}

/// The request of a stream, as the handler reads it.
fn messages(incoming: Streaming<Bytes>) -> BoxStream<'static, Result<Bytes>> {
    incoming
        .map(|item| item.map_err(|status| Error::cancelled(ID, status.message().to_owned())))
        .boxed()
}

/// The head of the reply, with what `body` makes of the rest.
fn reply<T>(
    site: &Site,
    response: Response,
    body: impl FnOnce(Body) -> Result<T>,
) -> Result<Reply<T>> {
    let mut headers = HeaderMap::new();
    unary::write_head(&mut headers, &response, &site.limits)?;
    let mut reply = Reply::new(body(response.body)?);
    *reply.metadata_mut() = MetadataMap::from_headers(headers);
    Ok(reply)
}
