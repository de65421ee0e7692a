//! How much memory a node and its callers take when both send as much as they can. Alone in its process, to be measured.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use micro::Result;
use micro::message::{Body, ContentType, Request, Response};
use micro::transport::{Accept, Facts, FramesTransport, Transport};

/// Sends back what it is sent.
struct Echo;

impl Accept for Echo {
    fn streams(&self, _: &Request) -> bool {
        false
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        async { Ok(Response::new(request.content_type, request.body)) }.boxed()
    }
}

/// The most that this process has had in memory, in MiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<usize>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_mebibytes_each_way_at_once_are_never_in_memory_together() {
    let transport = FramesTransport::default();
    let node = transport
        .listen("127.0.0.1:0", Arc::new(Echo))
        .await
        .unwrap();
    let channel = transport.dial(node.address(), &Facts::new()).unwrap();
    let body = Bytes::from(vec![7; 1 << 20]);

    let calls: FuturesUnordered<_> = (0..1000)
        .map(|_| {
            let mut request = Request::new("greeter", "Greeter.Hello");
            request.content_type = ContentType::MSGPACK;
            request.body = Body::Bytes(body.clone());
            channel.call(request)
        })
        .collect();
    let whole = calls.filter(|reply| {
        let reply = reply.as_ref().unwrap();
        std::future::ready(matches!(&reply.body, Body::Bytes(bytes) if *bytes == body))
    });

    assert_eq!(whole.count().await, 1000);
    assert_eq!(node.connections(), 1);
    assert!(peak() < 200, "{} MiB", peak());
}
