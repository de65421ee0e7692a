//! One program of ours, that was told nothing but its address, called on its one port by whoever there is.

use micro::Service;
use micro::registry::MemoryRegistry;
use tests::go::Go;
use tests::greeter::{GreeterClient, HelloRequest};
use tokio::process::Command;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic_prost::ProstCodec;

use crate::peer::{Python, Server, answer};

const REQUEST: &str = r#"{"name":"Ann"}"#;

const RPC: &str = r#"{"jsonrpc":"2.0","id":1,"method":"Greeter.Hello","params":{"name":"Ann"}}"#;

const GO: &str = r#"{"replies":[{"greeting":"Hello Ann"}],"ended":false,"error":null}"#;

/// What came back, or what went wrong.
type Answer = Result<String, String>;

/// Who called, what is to come back, and what did.
type Row = (&'static str, &'static str, Answer);

#[tokio::test]
async fn one_port_answers_every_peer() {
    let (python, service) = (Python::new().await, Server::ours().await);
    let address = &*service.address;
    let root = format!("http://{address}/");
    let by_path = format!("http://{address}/Greeter/Hello");

    let rows = [
        (
            "curl, JSON by path",
            r#"HTTP/1.1 {"greeting":"Hello Ann"}"#,
            curl(&[&by_path, "-d", REQUEST]).await,
        ),
        (
            "curl, JSON-RPC 2.0",
            r#"HTTP/1.1 {"jsonrpc":"2.0","result":{"greeting":"Hello Ann"},"id":1}"#,
            curl(&[&root, "-d", RPC]).await,
        ),
        (
            "curl, HTTP/2",
            r#"HTTP/2 {"greeting":"Hello Ann"}"#,
            curl(&[&by_path, "-d", REQUEST, "--http2-prior-knowledge"]).await,
        ),
        (
            "grpcio",
            "Hello Ann",
            answer(python.command("greet_grpc.py").arg(address)).await,
        ),
        ("tonic", "Hello Ann", tonic(address).await),
        (
            "websockets",
            "Hello Ann",
            answer(python.command("greet_web_socket.py").arg(address)).await,
        ),
        ("micro", "Hello Ann", ours(address).await),
        ("go-micro v1.18", GO, go(Go::V1, address).await),
        ("go-micro v5.3", GO, go(Go::V5, address).await),
    ];

    print(&rows);
    for (caller, wanted, answer) in rows {
        assert_eq!(answer.as_deref(), Ok(wanted), "{caller}");
    }
}

fn print(rows: &[Row]) {
    let width = rows.iter().map(|(caller, ..)| caller.len()).max();
    let width = width.unwrap_or(0);
    println!("\n{:width$}  what came back", "caller");
    for (caller, _, answer) in rows {
        let (Ok(text) | Err(text)) = answer;
        println!("{caller:width$}  {text}");
    }
}

/// The version that was spoken, and the body.
async fn curl(arguments: &[&str]) -> Answer {
    let mut command = Command::new("curl");
    command
        .args(["-sS", "--fail-with-body", "--max-time", "20"])
        .args(["-H", "Content-Type: application/json"])
        .args(["-w", "\nHTTP/%{http_version}"])
        .args(arguments);
    let printed = answer(&mut command).await?;
    let (body, version) = printed.rsplit_once('\n').unwrap_or((&printed, "no HTTP"));
    Ok(format!("{version} {body}"))
}

#[derive(Clone, PartialEq, prost::Message)]
struct Name {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Greeting {
    #[prost(string, tag = "1")]
    greeting: String,
}

async fn tonic(address: &str) -> Answer {
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    let channel = endpoint
        .connect()
        .await
        .map_err(|error| error.to_string())?;
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|error| error.to_string())?;
    let request = Request::new(Name {
        name: "Ann".to_owned(),
    });
    let path = "/greeter.Greeter/Hello".parse().unwrap();
    let codec: ProstCodec<Name, Greeting> = ProstCodec::default();
    let reply = client.unary(request, path, codec).await;
    let reply = reply.map_err(|status| status.to_string())?;
    Ok(reply.into_inner().greeting)
}

async fn ours(address: &str) -> Answer {
    let service = Service::builder("caller").registry(MemoryRegistry::default());
    let service = service.build().await.unwrap();
    let request = HelloRequest {
        name: "Ann".to_owned(),
    };
    let call = GreeterClient::new(&service).hello(request);
    let reply = call.address(address).await;
    Ok(reply.map_err(|error| error.to_string())?.greeting)
}

async fn go(go: Go, address: &str) -> Answer {
    let mut command = Command::new(go.program());
    answer(command.args(["client", "-address", address, REQUEST])).await
}
