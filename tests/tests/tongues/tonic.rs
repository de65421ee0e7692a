//! tonic, called by us and calling us.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use futures_util::{Future, FutureExt as _};
use micro::message::ContentType;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::http;
use tonic::server::NamedService;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::called::Called;
use crate::table::{Outcome, Row, same};

#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

/// A name, a greeting or a line.
#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Failure {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    detail: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Values {
    #[prost(map = "string, string", tag = "1")]
    values: HashMap<String, String>,
}

/// A number or a range; the flag says that it is the last, or that an error is to come.
#[derive(Clone, PartialEq, prost::Message)]
struct Number {
    #[prost(int64, tag = "1")]
    value: i64,
    #[prost(bool, tag = "2")]
    flag: bool,
}

fn text(text: impl Into<String>) -> Text {
    Text { text: text.into() }
}

fn number(value: i64, flag: bool) -> Number {
    Number { value, flag }
}

/// What comes of calling a server of tonic.
pub async fn called() -> Row {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = Server::builder()
        .add_service(Greeter)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(serving);
    let facts = [("protocol", "grpc")];
    let called = Called::new(&address, &facts, &ContentType::PROTOBUF).await;
    called
        .row("tonic called in protobuf".to_owned(), None)
        .await
}

/// What comes of tonic calling our node at `address`.
pub async fn calls(address: &str) -> Row {
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    let client = Client(Grpc::new(endpoint.connect().await.unwrap()));
    let mut row = Row::new("tonic calls in protobuf");
    row.tries("unary", client.hello().boxed_local()).await;
    row.tries("error", client.error().boxed_local()).await;
    row.tries("metadata", client.metadata().boxed_local()).await;
    row.tries("deadline", client.deadline().boxed_local()).await;
    row.tries("server stream", client.count().boxed_local())
        .await;
    row.tries("client stream", client.sum(true).boxed_local())
        .await;
    row.tries("both ways", client.echo().boxed_local()).await;
    row.tries("half-close", client.sum(false).boxed_local())
        .await;
    row
}

/// A client of tonic.
struct Client(Grpc<Channel>);

impl Client {
    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let mut client = self.0.clone();
        let ready = client.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        Ok(client)
    }

    async fn unary<Q, R>(&self, method: &str, request: Request<Q>) -> Result<R, Status>
    where
        Q: prost::Message + 'static,
        R: prost::Message + Default + 'static,
    {
        let mut client = self.ready().await?;
        let codec = ProstCodec::default();
        Ok(client
            .unary(request, path(method), codec)
            .await?
            .into_inner())
    }

    async fn hello(&self) -> Outcome {
        let reply: Result<Text, _> = self.unary("Hello", Request::new(text("Ann"))).await;
        same(reply.map_err(said)?, text("Hello Ann"))
    }

    async fn error(&self) -> Outcome {
        let failure = Failure {
            code: 409,
            detail: "no <room>".to_owned(),
        };
        let reply: Result<Empty, _> = self.unary("Fail", Request::new(failure)).await;
        let status = reply.unwrap_err();
        same(
            (status.code(), status.message()),
            (Code::AlreadyExists, "no <room>"),
        )
    }

    async fn metadata(&self) -> Outcome {
        let mut request = Request::new(Empty {});
        request
            .metadata_mut()
            .insert("x-user", "42".parse().unwrap());
        let reply: Result<Values, _> = self.unary("Metadata", request).await;
        let values = reply.map_err(said)?.values;
        same(values.get("x-user").map(String::as_str), Some("42"))
    }

    async fn deadline(&self) -> Outcome {
        let mut request = Request::new(Empty {});
        request.set_timeout(Duration::from_secs(3));
        let reply: Result<Number, _> = self.unary("Deadline", request).await;
        let left = reply.map_err(said)?.value;
        same((2000..=3000).contains(&left), true)
    }

    async fn count(&self) -> Outcome {
        for fails in [false, true] {
            let mut client = self.ready().await.map_err(said)?;
            let codec: ProstCodec<Number, Number> = ProstCodec::default();
            let request = Request::new(number(3, fails));
            let reply = client.server_streaming(request, path("Count"), codec).await;
            let mut values = reply.map_err(said)?.into_inner();
            for wanted in 1..=3 {
                let value = values.message().await.map_err(said)?;
                same(value, Some(number(wanted, false)))?;
            }
            let end = values.message().await.map_err(|status| status.code());
            let wanted = match fails {
                true => Err(Code::AlreadyExists),
                false => Ok(None),
            };
            same(end, wanted)?;
        }
        Ok(())
    }

    /// Numbers of which the last says so, or the end of which is that of the stream.
    async fn sum(&self, is_said: bool) -> Outcome {
        let mut client = self.ready().await.map_err(said)?;
        let codec: ProstCodec<Number, Number> = ProstCodec::default();
        let numbers = (1..=3).map(move |value| number(value, is_said && value == 3));
        let request = Request::new(stream::iter(numbers));
        let reply = client.client_streaming(request, path("Sum"), codec).await;
        same(reply.map_err(said)?.into_inner().value, 6)
    }

    async fn echo(&self) -> Outcome {
        let mut client = self.ready().await.map_err(said)?;
        let codec: ProstCodec<Text, Text> = ProstCodec::default();
        let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
        let lines = stream::poll_fn(move |cx| lines.poll_recv(cx));
        let reply = client.streaming(Request::new(lines), path("Echo"), codec);
        let mut echoes = reply.await.map_err(said)?.into_inner();
        for line in ["a", "b"] {
            sender.send(text(line)).map_err(|error| error.to_string())?;
            same(echoes.message().await.map_err(said)?, Some(text(line)))?;
        }
        drop(sender);
        same(echoes.message().await.map_err(said)?, None)
    }
}

fn said(status: impl ToString) -> String {
    status.to_string()
}

fn path(method: &str) -> http::uri::PathAndQuery {
    format!("/greeter.Greeter/{method}").parse().unwrap()
}

/// What tonic would generate for the service, by hand.
#[derive(Clone)]
struct Greeter;

impl NamedService for Greeter {
    const NAME: &'static str = "greeter.Greeter";
}

impl tower::Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: http::Request<Body>) -> Self::Future {
        async move { Ok(answer(call).await) }.boxed()
    }
}

async fn answer(call: http::Request<Body>) -> http::Response<Body> {
    let method = call.uri().path().rsplit('/').next().map(str::to_owned);
    macro_rules! answered_by {
        ($kind:ident, $handler:expr) => {
            tonic::server::Grpc::new(ProstCodec::default())
                .$kind(service_fn($handler), call)
                .await
        };
    }
    match method.as_deref() {
        Some("Hello") => answered_by!(unary, |request: Request<Text>| {
            let name = request.into_inner().text;
            ready(Ok(Response::new(text(format!("Hello {name}")))))
        }),
        Some("Fail") => answered_by!(unary, |request: Request<Failure>| {
            let status = Status::already_exists(request.into_inner().detail);
            ready(Err::<Response<Empty>, _>(status))
        }),
        Some("Metadata") => answered_by!(unary, |request: Request<Empty>| {
            let user = request.metadata().get("x-user");
            let user = user.and_then(|user| user.to_str().ok()).unwrap_or_default();
            let values = HashMap::from([("x-user".to_owned(), user.to_owned())]);
            ready(Ok(Response::new(Values { values })))
        }),
        Some("Deadline") => answered_by!(unary, |request: Request<Empty>| {
            let left = request.metadata().get("grpc-timeout");
            let left = left.and_then(|left| left.to_str().ok()).and_then(millis);
            ready(Ok(Response::new(number(left.unwrap_or(-1), false))))
        }),
        Some("Count") => answered_by!(server_streaming, count),
        Some("Sum") => answered_by!(client_streaming, sum),
        Some("Echo") => answered_by!(streaming, echo),
        _ => Status::unimplemented("no such method").into_http(),
    }
}

/// A timeout as its header has it.
fn millis(timeout: &str) -> Option<i64> {
    let (digits, unit) = timeout.split_at_checked(timeout.len().checked_sub(1)?)?;
    let count: i64 = digits.parse().ok()?;
    match unit {
        "S" => Some(count * 1000),
        "m" => Some(count),
        "u" => Some(count / 1000),
        "n" => Some(count / 1_000_000),
        _ => None,
    }
}

type Stream<T> = BoxStream<'static, Result<T, Status>>;

fn count(request: Request<Number>) -> Ready<Result<Response<Stream<Number>>, Status>> {
    let Number { value: to, flag } = request.into_inner();
    let failed = flag.then(|| Err(Status::already_exists("asked to fail")));
    let values = (1..=to).map(|value| Ok(number(value, false)));
    ready(Ok(Response::new(
        stream::iter(values.chain(failed)).boxed(),
    )))
}

async fn sum(request: Request<Streaming<Number>>) -> Result<Response<Number>, Status> {
    let mut numbers = request.into_inner();
    let mut sum = number(0, true);
    while let Some(number) = numbers.message().await? {
        sum.value += number.value;
        if number.flag {
            break;
        }
    }
    Ok(Response::new(sum))
}

fn echo(request: Request<Streaming<Text>>) -> Ready<Result<Response<Stream<Text>>, Status>> {
    ready(Ok(Response::new(request.into_inner().boxed())))
}
