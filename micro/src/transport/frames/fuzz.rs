//! What the fuzzer drives: both sides of a connection by bytes of its own, and the heads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};

use super::client::Connection;
use super::frame::take;
use super::head::{CallHead, Endpoint, read_call, read_reply, write_call, write_reply};
use super::preface::LENGTH;
use super::{channel, server};
use crate::listener::Site;
use crate::message::{Body, ContentType, Request, Response};
use crate::peer::Peer;
use crate::transport::fuzz::{Moody, Script, limits, run};

/// What one side sent is a preface, if anything, and then frames.
fn check(sent: &Mutex<Vec<u8>>) {
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut rest) = sent.get(LENGTH..) else {
        return;
    };
    loop {
        match take(rest) {
            Ok(Some((_, length))) => rest = &rest[length..],
            Ok(None) => return,
            Err(broken) => panic!("this side sent what it does not take: {broken}"),
        }
    }
}

/// A server is sent `data`.
pub fn serve(data: &[u8]) {
    let (peer, sent) = Script::new(data);
    run(async {
        let site = Site::new(limits());
        let accept = Arc::new(Moody { waits: None });
        server::serve(peer, Peer::new("fuzz"), accept, &site).await;
    });
    check(&sent);
}

/// A client with calls of every kind is answered `data`; each of them ends.
pub fn call(data: &[u8]) {
    let (peer, sent) = Script::new(data);
    run(async {
        let Ok(connection) = Connection::start(peer, "fuzz".into(), &limits()).await else {
            return;
        };
        let request = || Request::new("greeter", "Greeter.Hello");
        let mut long = request();
        long.body = Body::Bytes(vec![0; 40_000].into());
        let stream = async {
            let Ok(mut socket) = channel::open(None, Arc::clone(&connection), request()).await
            else {
                return;
            };
            let sending = async {
                for item in [Bytes::from("one"), vec![0; 40_000].into()] {
                    let _ = socket.outgoing.send(Ok(item)).await;
                }
                let _ = socket.outgoing.close().await;
            };
            let receiving = async {
                if let Ok(response) = socket.incoming.await {
                    response.body.into_stream().count().await;
                }
            };
            futures_util::join!(sending, receiving);
        };
        let _ = futures_util::join!(
            channel::call(None, Arc::clone(&connection), request()),
            channel::call(None, Arc::clone(&connection), long),
            stream
        );
    });
    check(&sent);
}

/// A head that can be read is the same after it was written.
pub fn head(data: &[u8]) {
    if let Ok((head, _)) = read_call(data) {
        let names = match head.endpoint {
            Endpoint::Named(service, endpoint) => (service.to_owned(), endpoint.to_owned()),
            Endpoint::Numbered(_) => ("a".to_owned(), "B.C".to_owned()),
        };
        let mut request = Request::new(names.0, names.1);
        request.content_type = head.content_type.clone();
        request.accept = head.accept.clone();
        request.metadata = head.metadata.clone();
        request.deadline = head.left.and_then(|left| Instant::now().checked_add(left));
        let number = match head.endpoint {
            Endpoint::Named(..) => None,
            Endpoint::Numbered(number) => Some(number),
        };
        let mut out = Vec::new();
        write_call(&mut out, &request, number);
        same(&head, &out);
    }
    if let Ok((content_type, metadata, _)) = read_reply(data) {
        let mut response = Response::new(content_type.clone(), Body::default());
        response.metadata = metadata.clone();
        let mut out = Vec::new();
        write_reply(&mut out, &response);
        match read_reply(&out) {
            Ok(again) => assert_eq!(again, (content_type, metadata, &[][..])),
            Err(broken) => panic!("a reply that was written cannot be read: {broken}"),
        }
    }
}

fn same(head: &CallHead<'_>, written: &[u8]) {
    let (again, rest) = match read_call(written) {
        Ok(again) => again,
        Err(broken) => panic!("a call that was written cannot be read: {broken}"),
    };
    assert!(rest.is_empty());
    match (&head.endpoint, &again.endpoint) {
        (Endpoint::Named(a, b), Endpoint::Named(c, d)) => assert_eq!((a, b), (c, d)),
        (Endpoint::Numbered(a), Endpoint::Numbered(b)) => assert_eq!(a, b),
        _ => panic!("an endpoint is named in another way"),
    }
    let accepted = |head: &CallHead<'_>| -> ContentType {
        let own = || head.content_type.clone();
        head.accept.clone().unwrap_or_else(own)
    };
    assert_eq!(head.content_type, again.content_type);
    assert_eq!(accepted(head), accepted(&again));
    assert_eq!(head.metadata, again.metadata);
    let most = head.left.unwrap_or(Duration::MAX);
    assert!(
        again
            .left
            .is_none_or(|left| left <= most.max(Duration::from_micros(1)))
    );
}
