//! One HTTP request: which call it is, what the handler says to it, and the reply.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Version};

use super::ID;
use super::head;
use crate::error::{Error, Result};
use crate::http::{Answer, Exchange, Fault, Inbound, Pace, pairs, too_large};
use crate::listener::Site;
use crate::message::{Body, ContentType, Request, Response};
use crate::transport::{Accept, Page};
use crate::wire;

/// How a call came, and so how its reply goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As go-micro sends it: errors are headers.
    Mucp,
    /// As anybody sends it: errors are statuses.
    Plain,
}

/// Answers what comes as calls.
pub(in super::super) struct Calls {
    accept: Arc<dyn Accept>,
    /// Replies say that this port takes frames, too.
    takes_frames: bool,
}

impl Calls {
    /// What is answered by `accept`.
    pub(in super::super) fn new(accept: Arc<dyn Accept>) -> Self {
        Self {
            accept,
            takes_frames: false,
        }
    }

    /// The same, on a port that takes frames, too.
    #[cfg(feature = "frames")]
    pub(in super::super) fn with_frames(accept: Arc<dyn Accept>) -> Self {
        Self {
            accept,
            takes_frames: true,
        }
    }
}

impl Answer for Calls {
    async fn answer(&self, exchange: Exchange<'_>) -> hyper::Response<Full<Bytes>> {
        let Exchange {
            site,
            peer,
            pace,
            parts,
            body,
        } = exchange;
        if let Some(page) = page(&*self.accept, &parts) {
            return show(page.await);
        }
        let (form, call) = call(&parts);
        let mut content_type = ContentType::JSON;
        let outcome = match call {
            Ok(mut request) => {
                content_type = request.content_type.clone();
                request.peer = Some(Arc::clone(peer));
                self.exchange(site, pace, form, request, body).await
            }
            Err(error) => Err(error),
        };
        let mut reply = reply(site, form, &content_type, outcome, parts);
        if self.takes_frames {
            let one = HeaderValue::from_static("1");
            reply.headers_mut().insert(head::FRAMES, one);
        }
        reply
    }
}

impl Calls {
    /// Reads the rest of the call, has it answered, and checks the answer.
    async fn exchange(
        &self,
        site: &Site,
        pace: &Pace,
        form: Form,
        mut request: Request,
        body: &mut Inbound,
    ) -> Result<Response> {
        if self.accept.streams(&request) {
            return Err(Error::not_implemented(
                ID,
                format!(
                    "{} streams; HTTP carries no streams: call it in frames",
                    request.endpoint
                ),
            ));
        }
        let limit = site.limits.message;
        let bytes = body
            .read(limit, || pace.is_stalled())
            .await
            .map_err(|fault| unreadable(&request, fault, site))?;
        pace.begin_handler();
        request.body = Body::Bytes(match form {
            Form::Plain if bytes.is_empty() => Bytes::from_static(b"{}"),
            _ => bytes,
        });
        let mut response = self.accept.call(request).await?;
        let bytes = response.body.into_bytes()?;
        if bytes.len() > limit {
            return Err(too_large(ID, "the reply", Some(bytes.len() as u64), limit));
        }
        response.body = Body::Bytes(bytes);
        Ok(response)
    }
}

fn unreadable(request: &Request, fault: Fault, site: &Site) -> Error {
    let call = format!("the call of {}", request.endpoint);
    match fault {
        Fault::TooLarge(size) => too_large(ID, &call, size, site.limits.message),
        Fault::Stalled => Error::timeout(
            ID,
            format!(
                "the body of {call} came too slowly: after {:?} at least {} bytes a second are expected",
                site.limits.head_timeout, site.limits.body_rate
            ),
        ),
        Fault::Broken(source) => {
            Error::bad_request(ID, format!("the body of {call} broke off")).with_source(source)
        }
    }
}

/// What is shown to whoever asks for this, if that is no call. Of a wrong head `call` says what is wrong.
fn page(accept: &dyn Accept, parts: &Parts) -> Option<BoxFuture<'static, Page>> {
    let is_asked = matches!(parts.method, Method::GET | Method::HEAD) && one_host(parts).is_ok();
    is_asked.then(|| accept.page(parts.uri.path())).flatten()
}

fn show(page: Page) -> hyper::Response<Full<Bytes>> {
    let mut reply = hyper::Response::new(Full::new(page.text.into()));
    *reply.status_mut() =
        StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = HeaderValue::from_static(page.content_type);
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// Which call the head means, without its body.
fn call(parts: &Parts) -> (Form, Result<Request>) {
    if let Err(error) = well_formed(parts) {
        return (Form::Plain, Err(error));
    }
    let request = wire::read_request(pairs(&parts.headers), Instant::now());
    if request.endpoint.is_empty() {
        return (Form::Plain, by_path(parts, request));
    }
    (Form::Mucp, encoding(parts).map(|()| request))
}

/// What holds for every request.
fn well_formed(parts: &Parts) -> Result<()> {
    one_host(parts)?;
    if parts.method != Method::POST {
        let detail = format!("{} calls nothing: calls are made by POST", parts.method);
        return Err(Error::method_not_allowed(ID, detail));
    }
    Ok(())
}

fn one_host(parts: &Parts) -> Result<()> {
    let hosts = parts.headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && parts.version >= Version::HTTP_11) {
        let detail = format!("the request has {hosts} Host headers: send one");
        return Err(Error::bad_request(ID, detail));
    }
    Ok(())
}

/// The call that the path names: `/Greeter/Hello` or `/greeter/Greeter.Hello`.
fn by_path(parts: &Parts, mut request: Request) -> Result<Request> {
    let path = parts.uri.path();
    if path == "/" {
        return Err(Error::bad_request(
            ID,
            "the request names no endpoint: send the header Micro-Endpoint, such as Greeter.Hello, \
             or POST to /Greeter/Hello",
        ));
    }
    let named = path[1..]
        .split_once('/')
        .filter(|(first, second)| !first.is_empty() && !second.is_empty() && !second.contains('/'));
    let Some((first, second)) = named else {
        let shown: String = path.chars().take(100).collect();
        let detail = format!(
            "there is nothing at {shown}: POST to /Greeter/Hello or /greeter/Greeter.Hello"
        );
        return Err(Error::not_found(ID, detail));
    };
    json(parts)?;
    encoding(parts)?;
    if second.contains('.') {
        request.service = first.to_owned().into();
        request.endpoint = second.to_owned().into();
    } else {
        request.endpoint = format!("{first}.{second}").into();
    }
    request.accept = None;
    Ok(request)
}

/// Only JSON is a call: what a page of another site can make a browser send is not.
fn json(parts: &Parts) -> Result<()> {
    let given = parts.headers.get(CONTENT_TYPE);
    let text = given.map(|value| String::from_utf8_lossy(value.as_bytes()));
    if text.as_deref().map(ContentType::new) == Some(ContentType::JSON) {
        return Ok(());
    }
    let found = text.map_or_else(|| "none".to_owned(), |text| format!("{text:?}"));
    Err(unsupported(format_args!(
        "a call by path has content type application/json, found {found}"
    )))
}

fn encoding(parts: &Parts) -> Result<()> {
    match parts.headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(unsupported(format_args!(
            "a body with content encoding {encoding:?} is not read: send it as it is"
        ))),
        _ => Ok(()),
    }
}

fn unsupported(detail: impl Display) -> Error {
    Error::unsupported(ID, detail.to_string()).never_reached()
}

/// The reply, in the map that held the request's headers.
fn reply(
    site: &Site,
    form: Form,
    content_type: &ContentType,
    outcome: Result<Response>,
    parts: Parts,
) -> hyper::Response<Full<Bytes>> {
    let mut headers = parts.headers;
    let id = headers.remove(head::ID);
    headers.clear();
    let written = outcome.and_then(|response| {
        write_success(site, &mut headers, response).inspect_err(|_| headers.clear())
    });
    let (status, body) = match (written, form) {
        (Ok(body), _) => (StatusCode::OK, body),
        (Err(error), Form::Mucp) => {
            write_failure(&mut headers, content_type, &error);
            (StatusCode::OK, Bytes::new())
        }
        (Err(error), Form::Plain) => write_plain_failure(&mut headers, &error),
    };
    if let (Some(id), Form::Mucp) = (id, form) {
        headers.insert(head::ID, id);
    }
    let mut reply = hyper::Response::new(Full::new(body));
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply
}

fn write_success(site: &Site, headers: &mut HeaderMap, response: Response) -> Result<Bytes> {
    headers.insert(CONTENT_TYPE, head::content_type(&response.content_type));
    head::write(
        headers,
        wire::metadata_pairs(&response.metadata),
        site.limits.head,
    )
    .map_err(|error| {
        Error::internal(ID, format!("the reply cannot be sent: {}", error.detail()))
    })?;
    response.body.into_bytes()
}

fn write_failure(headers: &mut HeaderMap, content_type: &ContentType, error: &Error) {
    let text = head::value(wire::failure_text(error));
    headers.insert(CONTENT_TYPE, head::content_type(content_type));
    headers.insert(head::ERROR_TWIN, text.clone());
    headers.insert(head::ERROR, text);
    headers.insert(
        head::REACHED,
        HeaderValue::from_static(wire::reached(error)),
    );
}

fn write_plain_failure(headers: &mut HeaderMap, error: &Error) -> (StatusCode, Bytes) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        head::REACHED,
        HeaderValue::from_static(wire::reached(error)),
    );
    let status = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    (status, error.to_json().into())
}
