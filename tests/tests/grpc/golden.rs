//! The paths and details of go-micro: read by our services, written by our clients and services.

use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use micro::Running;
use micro::message::Request;
use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::{Facts, GrpcTransport, Limits, Transport as _};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use crate::peer::{self, Client};
use crate::{Greeting, Name};

const CAPTURE: &str = include_str!("../../golden/grpc.json");

fn vector(id: &str) -> Value {
    let all: Value = serde_json::from_str(CAPTURE).unwrap();
    let vectors = all["vectors"].as_array().unwrap();
    let found = vectors.iter().find(|vector| vector["id"] == id);
    found
        .unwrap_or_else(|| panic!("there is no vector {id}"))
        .clone()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let (pairs, _) = hex.as_str().unwrap().as_bytes().as_chunks::<2>();
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.iter().map(|pair| byte(pair)).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The path that our client asks a server of gRPC for when it makes this call.
async fn asked(call: Request) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (asked, mut paths) = mpsc::unbounded_channel();
    let serving = async move {
        let (stream, _) = listener.accept().await.unwrap();
        let answer = service_fn(|call: hyper::Request<_>| {
            asked.send(call.uri().path().to_owned()).unwrap();
            let refused = Status::unimplemented("").into_http::<tonic::body::Body>();
            async { Ok::<_, std::convert::Infallible>(refused) }
        });
        let stream = TokioIo::new(stream);
        let http = Builder::new(TokioExecutor::new());
        http.serve_connection(stream, answer).await
    };
    let serving = tokio::spawn(serving);
    let transport = GrpcTransport::new(Limits::default());
    let channel = transport.dial(&address, &Facts::new()).unwrap();

    channel.call(call).await.unwrap_err();

    serving.abort();
    paths.recv().await.unwrap()
}

#[tokio::test]
async fn our_client_asks_for_the_path_of_go_micro() {
    for id in ["grpc-path-0", "grpc-path-1"] {
        let vector = vector(id);
        let call = Request::new(text(&vector["service"]), text(&vector["endpoint"]));

        let path = asked(call).await;

        assert_eq!(Value::from(path), vector["path"], "{id}");
    }
}

/// A service of this name that has this endpoint alone.
async fn started(service: &'static str, endpoint: String) -> Running {
    let service = micro::Service::builder(service)
        .registry(MemoryRegistry::default())
        .address("127.0.0.1:0")
        .linger(Duration::ZERO);
    let hello = async |_: Context, request: Name| match &*request.name {
        "err" => Err(micro::Error::bad_request("greeter.hello", "bad name err")),
        name => Ok(Greeting {
            text: format!("Hello {name}"),
        }),
    };
    let service = service.build().await.unwrap();
    service
        .endpoint(endpoint, unary(hello))
        .start()
        .await
        .unwrap()
}

/// What tonic's client is answered at `path`.
async fn called(node: &Running, path: &Value, name: &str) -> Result<String, Status> {
    let mut grpc = Client::connect(node.address()).await.0;
    grpc.ready().await.unwrap();
    let path = text(path).parse().unwrap();
    let codec = ProstCodec::<peer::Name, peer::Greeting>::default();
    let request = tonic::Request::new(peer::name(name));
    let reply = grpc.unary(request, path, codec).await?;
    Ok(reply.into_inner().text)
}

#[tokio::test]
async fn our_service_takes_the_path_of_go_micro_for_its_endpoint() {
    for (id, service) in [
        ("grpc-server-path-0", "greeter"),
        ("grpc-server-path-1", "go.micro.srv.greeter"),
        ("grpc-server-path-2", "greeter"),
    ] {
        let vector = vector(id);
        let node = started(service, text(&vector["service_and_method"])).await;

        let reply = called(&node, &vector["path"], "John").await;

        assert_eq!(reply.unwrap(), "Hello John", "{id}");
    }
}

#[tokio::test]
async fn an_error_is_in_the_details_of_its_status_as_v6_writes_it() {
    let node = started("greeter", "Greeter.Hello".to_owned()).await;
    let path = vector("grpc-path-0")["path"].clone();

    let status = called(&node, &path, "err").await.unwrap_err();

    let captured = bytes(&vector("grpc-error-detail-v6")["hex"]);
    assert_eq!(status.code(), Code::InvalidArgument);
    // It is what the status ends with.
    assert!(status.details().ends_with(&captured), "{status:?}");
}
