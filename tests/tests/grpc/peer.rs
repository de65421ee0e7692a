//! A client and a server of tonic's own, without our framework.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, StreamExt as _};
use futures_util::{Future, FutureExt as _, TryStreamExt as _};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::http;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Name {
    #[prost(string, tag = "1")]
    pub name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Greeting {
    #[prost(string, tag = "1")]
    pub text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Number {
    #[prost(int64, tag = "1")]
    pub value: i64,
}

pub fn name(name: &str) -> Name {
    Name {
        name: name.to_owned(),
    }
}

pub fn numbers(values: impl IntoIterator<Item = i64>) -> Vec<Number> {
    values.into_iter().map(|value| Number { value }).collect()
}

pub async fn connect(address: &str) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect().await.unwrap()
}

/// A client of tonic.
#[derive(Clone)]
pub struct Client(pub Grpc<Channel>);

impl Client {
    pub async fn connect(address: &str) -> Self {
        Self(Grpc::new(connect(address).await))
    }

    pub async fn unary<Q, R>(
        &mut self,
        method: &'static str,
        request: Request<Q>,
    ) -> Result<Response<R>, Status>
    where
        Q: prost::Message + 'static,
        R: prost::Message + Default + 'static,
    {
        self.0.ready().await.unwrap();
        self.0
            .unary(request, path(method), ProstCodec::default())
            .await
    }

    pub async fn hello(&mut self, request: Request<Name>) -> Result<Greeting, Status> {
        Ok(self.unary("Hello", request).await?.into_inner())
    }

    pub async fn count(&mut self, to: i64) -> Result<Streaming<Number>, Status> {
        self.0.ready().await.unwrap();
        let request = Request::new(Number { value: to });
        let codec: ProstCodec<Number, Number> = ProstCodec::default();
        let reply = self
            .0
            .server_streaming(request, path("Count"), codec)
            .await?;
        Ok(reply.into_inner())
    }

    pub async fn sum(&mut self, items: Vec<Number>) -> Result<Number, Status> {
        self.0.ready().await.unwrap();
        let codec: ProstCodec<Number, Number> = ProstCodec::default();
        let request = Request::new(stream::iter(items));
        let reply = self.0.client_streaming(request, path("Sum"), codec).await?;
        Ok(reply.into_inner())
    }

    pub async fn double(
        &mut self,
        items: BoxStream<'static, Number>,
    ) -> Result<Streaming<Number>, Status> {
        self.0.ready().await.unwrap();
        let codec: ProstCodec<Number, Number> = ProstCodec::default();
        let reply = self
            .0
            .streaming(Request::new(items), path("Double"), codec)
            .await?;
        Ok(reply.into_inner())
    }
}

fn path(method: &'static str) -> http::uri::PathAndQuery {
    format!("/hello.world.Greeter/{method}").parse().unwrap()
}

/// A server of tonic at any free port of this host; it ends with the test.
pub async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = Server::builder()
        .add_service(Foreign)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(serving);
    address
}

/// What tonic would generate for the service, by hand.
#[derive(Clone)]
struct Foreign;

impl NamedService for Foreign {
    const NAME: &'static str = "hello.world.Greeter";
}

impl tower::Service<http::Request<Body>> for Foreign {
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
    let method = call
        .uri()
        .path()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    match &*method {
        "Hello" => {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<Greeting, Name>::default());
            grpc.unary(service_fn(hello), call).await
        }
        "Count" => {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<Number, Number>::default());
            grpc.server_streaming(service_fn(count), call).await
        }
        "Sum" => {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<Number, Number>::default());
            grpc.client_streaming(service_fn(sum), call).await
        }
        "Double" => {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<Number, Number>::default());
            grpc.streaming(service_fn(double), call).await
        }
        _ => Status::unimplemented("no such method").into_http(),
    }
}

async fn hello(request: Request<Name>) -> Result<Response<Greeting>, Status> {
    let metadata = request.metadata().clone();
    match &*request.into_inner().name {
        "taken" => Err(Status::already_exists("the name is taken")),
        "metadata" => Ok(greeting(text(&metadata, "x-user"))),
        "timeout" => Ok(greeting(text(&metadata, "grpc-timeout"))),
        "media" => Ok(greeting(text(&metadata, "content-type"))),
        name => Ok(greeting(format!("Hello {name}"))),
    }
}

fn greeting(text: String) -> Response<Greeting> {
    let mut reply = Response::new(Greeting { text });
    reply
        .metadata_mut()
        .insert("x-from", "tonic".parse().unwrap());
    reply
}

fn text(metadata: &MetadataMap, name: &str) -> String {
    let value = metadata.get(name).map(|value| value.to_str().unwrap());
    value.unwrap_or("none").to_owned()
}

type Numbers = BoxStream<'static, Result<Number, Status>>;

fn count(request: Request<Number>) -> Ready<Result<Response<Numbers>, Status>> {
    let items = stream::iter(0..request.into_inner().value).map(|value| match value {
        3 => Err(Status::already_exists("three is taken")),
        value => Ok(Number { value }),
    });
    ready(Ok(Response::new(items.boxed())))
}

async fn sum(request: Request<Streaming<Number>>) -> Result<Response<Number>, Status> {
    let mut items = request.into_inner();
    let mut value = 0;
    while let Some(item) = items.message().await? {
        value += item.value;
    }
    Ok(Response::new(Number { value }))
}

/// As servers in other languages do, it says nothing before it has its first message.
async fn double(request: Request<Streaming<Number>>) -> Result<Response<Numbers>, Status> {
    let mut items = request.into_inner();
    let first = items.message().await?;
    if first.as_ref().is_some_and(|first| first.value < 0) {
        return Err(Status::invalid_argument("less than nothing"));
    }
    let items = stream::iter(first.map(Ok)).chain(items);
    let double = |item: Number| Number {
        value: item.value * 2,
    };
    Ok(Response::new(items.map_ok(double).boxed()))
}
