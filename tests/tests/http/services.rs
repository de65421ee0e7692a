//! Whole services that call each other over HTTP.

use micro::client;
use micro::message::ContentType;
use micro::prelude::*;
use micro::registry::{MemoryRegistry, Registry};
use micro::transport::{HttpTransport, Limits};
use micro::{Builder, Error, Running, Service};
use tests::PassedOver;

use crate::raw::{Node, Peer};

fn builder(name: &'static str, registry: &MemoryRegistry) -> Builder {
    Service::builder(name)
        .registry(registry.clone())
        .transport(HttpTransport::new(Limits::default()))
        .address("127.0.0.1:0")
        .linger(Duration::ZERO)
}

async fn greeter(registry: &MemoryRegistry) -> Running {
    let hello = unary(|_: Context, name: Plain<String>| async move {
        match &*name.0 {
            "" => Err(Error::bad_request("greeter", "a name is needed")),
            name => Ok(Plain(format!("Hello {name}"))),
        }
    });
    let service = builder("greeter", registry).build().await.unwrap();
    service
        .endpoint("Greeter.Hello", hello)
        .start()
        .await
        .unwrap()
}

async fn hello(client: &Service, name: &str) -> micro::Result<Plain<String>> {
    client
        .client()
        .call("greeter", "Greeter.Hello", &Plain(name.to_owned()))
        .await
}

#[tokio::test]
async fn a_service_calls_another_over_http() {
    let registry = MemoryRegistry::default();
    let _greeter = greeter(&registry).await;
    let client = builder("client", &registry).build().await.unwrap();

    assert_eq!(hello(&client, "Ann").await.unwrap().0, "Hello Ann");
    assert_eq!(
        hello(&client, "").await.unwrap_err().detail(),
        "a name is needed"
    );
}

#[tokio::test]
async fn anybody_calls_a_service_by_path() {
    let registry = MemoryRegistry::default();
    let greeter = greeter(&registry).await;

    let call = "POST /Greeter/Hello HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n\"Ann\"";
    let reply = Peer::connect(greeter.address()).await.exchange(call).await;

    assert_eq!((reply.status(), reply.text()), (200, r#""Hello Ann""#));
}

#[tokio::test]
async fn calls_go_on_while_a_node_is_replaced() {
    let registry = MemoryRegistry::default();
    let old = greeter(&registry).await;
    let client = builder("client", &registry).build().await.unwrap();
    hello(&client, "Ann").await.unwrap();

    let _new = greeter(&registry).await;
    let calls = async {
        for _ in 0..50 {
            hello(&client, "Ann").await.unwrap();
        }
    };

    tokio::join!(old.stop(), calls);
}

/// An address to which connecting takes for ever, as to a host that lost its network; and what keeps it so.
async fn blackhole() -> (String, Vec<std::net::TcpStream>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap().into_std().unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    // The system drops what comes to a full queue.
    while let Ok(stream) =
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100))
    {
        queue.push(stream);
    }
    // Kept open for as long as the queue is.
    queue.push(std::net::TcpStream::from(std::os::fd::OwnedFd::from(
        listener,
    )));
    (address.to_string(), queue)
}

#[tokio::test]
async fn a_call_to_a_host_that_lost_its_network_is_answered_by_another_node() {
    let registry = MemoryRegistry::default();
    let greeter = greeter(&registry).await;
    let (address, _queue) = blackhole().await;
    let mut lost = registry.get("greeter").await.unwrap().remove(0);
    lost.nodes[0].id = "lost".into();
    lost.nodes[0].address = address;
    registry.register(&lost, None).await.unwrap();
    let first = micro::selector::RoundRobinSelector;
    let client = builder("client", &registry)
        .selector(first)
        .build()
        .await
        .unwrap();

    for _ in 0..2 {
        let call = client.client().call::<_, Plain<String>>(
            "greeter",
            "Greeter.Hello",
            &Plain("Ann".to_owned()),
        );
        let reply = call.timeout(Duration::from_millis(500)).await;

        assert_eq!(reply.unwrap().0, "Hello Ann");
    }
    drop(greeter);
}

#[tokio::test]
async fn a_record_with_an_address_that_cannot_be_dialled_does_no_harm() {
    let registry = MemoryRegistry::default();
    let _greeter = greeter(&registry).await;
    let mut wrong = registry.get("greeter").await.unwrap().remove(0);
    wrong.nodes[0].id = "wrong".into();
    wrong.nodes[0].address = "no address".into();
    registry.register(&wrong, None).await.unwrap();
    let first = micro::selector::RoundRobinSelector;
    let client = builder("client", &registry).selector(first);
    let client = client.build().await.unwrap();

    for _ in 0..2 {
        assert_eq!(hello(&client, "Ann").await.unwrap().0, "Hello Ann");
    }
}

#[tokio::test]
async fn an_error_of_a_call_by_path_names_the_service() {
    let registry = MemoryRegistry::default();
    let fail =
        unary(async |_: Context, _: Plain<()>| -> micro::Result<Plain<()>> { panic!("broken") });
    let service = builder("greeter", &registry).build().await.unwrap();
    let service = service.endpoint("Greeter.Fail", fail);
    let running = service.start().await.unwrap();

    let call = "POST /Greeter/Fail HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nnull";
    let reply = Peer::connect(running.address()).await.exchange(call).await;

    assert_eq!((reply.error().code(), reply.error().id()), (500, "greeter"));
}

#[tokio::test]
async fn a_call_with_little_time_takes_no_node_for_dead() {
    let registry = MemoryRegistry::default();
    let _greeter = greeter(&registry).await;
    let (address, _queue) = blackhole().await;
    let mut far = registry.get("greeter").await.unwrap().remove(0);
    // Before the other one, in the order of ids.
    far.nodes[0].id = "far".into();
    far.nodes[0].address = address;
    registry.register(&far, None).await.unwrap();
    let passed_over = PassedOver::default();
    let client = builder("client", &registry).selector(passed_over.clone());
    let client = client.build().await.unwrap();

    for _ in 0..2 {
        let call = client.client().call::<_, Plain<String>>(
            "greeter",
            "Greeter.Hello",
            &Plain("Ann".to_owned()),
        );
        call.timeout(Duration::from_millis(200)).await.unwrap();
    }

    assert_eq!(passed_over.seen(), Vec::<String>::new());
}

/// Bodies of a call of `Greeter.Hello` with the id 0, and of the reply to it, by content type.
const SEALED: [(&str, &[u8], &[u8]); 2] = [
    (
        "application/msgpack-rpc",
        b"\x94\0\0\xadGreeter.Hello\x91\xa3Ann",
        b"\x94\x01\0\xc0\xa9Hello Ann",
    ),
    (
        "application/bson-rpc",
        b"\x33\0\0\0\x05ServiceMethod\0\x0d\0\0\0\0Greeter.Hello\x12Seq\0\0\0\0\0\0\0\0\0\0\
          \x14\0\0\0\x05_Val_\0\x03\0\0\0\0Ann\0",
        b"\x33\0\0\0\x05ServiceMethod\0\x0d\0\0\0\0Greeter.Hello\x12Seq\0\0\0\0\0\0\0\0\0\0\
          \x1a\0\0\0\x05_Val_\0\x09\0\0\0\0Hello Ann\0",
    ),
];

#[tokio::test]
async fn calls_in_msgpack_rpc_and_bson_rpc_are_answered_in_kind() {
    let greeter = greeter(&MemoryRegistry::default()).await;
    let mut peer = Peer::connect(greeter.address()).await;

    for (content_type, call, answer) in SEALED {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            call.len()
        );
        let reply = peer.exchange([head.as_bytes(), call].concat()).await;

        assert_eq!(reply.get("content-type"), Some(content_type));
        assert_eq!(reply.body, answer, "{content_type}");
    }
}

#[tokio::test]
async fn a_client_calls_in_msgpack_rpc_and_bson_rpc_when_told() {
    for (content_type, call, answer) in SEALED {
        let mut options = client::Options::default();
        options.content_type = ContentType::new(content_type);
        let registry = MemoryRegistry::default();
        let client = builder("client", &registry).client(options);
        let client = client.build().await.unwrap();
        let node = Node::bind().await;
        let serving = async {
            let mut peer = node.accept().await;
            let request = peer.receive().await;
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                answer.len()
            );
            peer.send([head.as_bytes(), answer].concat()).await;
            request
        };

        let ann = Plain("Ann".to_owned());
        let calling = async {
            let call = client.client().call("greeter", "Greeter.Hello", &ann);
            call.address(node.address()).await
        };
        let (reply, request): (micro::Result<Plain<String>>, _) = tokio::join!(calling, serving);

        assert_eq!(request.get("content-type"), Some(content_type));
        assert_eq!(request.body, call, "{content_type}");
        assert_eq!(reply.unwrap().0, "Hello Ann");
    }
}

#[tokio::test]
async fn a_service_calls_another_in_bson_rpc() {
    let registry = MemoryRegistry::default();
    let _greeter = greeter(&registry).await;
    let mut options = client::Options::default();
    options.content_type = ContentType::new("application/bson-rpc");
    let client = builder("client", &registry).client(options);
    let client = client.build().await.unwrap();

    assert_eq!(hello(&client, "Ann").await.unwrap().0, "Hello Ann");
    let error = hello(&client, "").await.unwrap_err();
    assert_eq!((error.code(), error.detail()), (400, "a name is needed"));
}
