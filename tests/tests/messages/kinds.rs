//! What may be a request or a reply: messages, plain serde types, and types of prost.

use micro::message::ContentType;
use micro::prelude::*;
use micro::registry::Registry;
use micro::{Message, Running, wrapper};
use serde::{Deserialize, Serialize};
use tests::System;
use tokio::sync::mpsc;

use crate::twin::{decode, encode, written};
use crate::values::{Narrow, NarrowTwin};

/// A type of prost without serde.
#[derive(Clone, PartialEq, prost::Message)]
struct Bare {
    #[prost(string, tag = "1")]
    name: String,
}

/// A type of prost with serde.
#[derive(Clone, PartialEq, Serialize, Deserialize, prost::Message)]
struct Both {
    #[prost(string, tag = "1")]
    name: String,
}

/// A serde type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u8, String);

struct Kinds;

#[micro::service(name = "kinds")]
impl Kinds {
    #[micro::handler]
    async fn bare(&self, request: Bare) -> micro::Result<Bare> {
        Ok(request)
    }

    #[micro::handler]
    async fn both(&self, request: Both) -> micro::Result<Both> {
        Ok(request)
    }

    #[micro::handler]
    async fn pair(&self, request: Pair) -> micro::Result<Pair> {
        Ok(request)
    }

    #[micro::handler]
    async fn message(&self, request: Narrow) -> micro::Result<Narrow> {
        Ok(request)
    }
}

struct Mixed;

#[micro::service(name = "mixed")]
impl Mixed {
    #[micro::handler]
    async fn count(&self, request: Vec<Narrow>) -> micro::Result<Bare> {
        let name = format!("{} of them", request.len());
        Ok(Bare { name })
    }
}

/// A client of the service above, that service, and the content types of its calls.
async fn client(system: &System) -> (KindsClient, Running, mpsc::UnboundedReceiver<ContentType>) {
    let (types, seen) = mpsc::unbounded_channel();
    let note = wrapper::from_fn(move |_: Context, request: Request, next: Next| {
        types.send(request.content_type.clone()).unwrap();
        next.run(request)
    });
    let service = system.service("kinds").await.wrap_handler(note);
    let running = service.handle(Kinds).start().await.unwrap();
    let client = KindsClient::new(&system.service("client").await);
    (client, running, seen)
}

#[tokio::test(start_paused = true)]
async fn a_type_of_prost_is_a_request_and_a_reply_as_protobuf() {
    let (client, _running, mut seen) = client(&System::default()).await;
    let name = "ann".to_owned();

    let reply = client.bare(Bare { name: name.clone() }).await.unwrap();

    assert_eq!(reply.name, name);
    assert_eq!(seen.recv().await.unwrap(), ContentType::PROTOBUF);
}

#[tokio::test(start_paused = true)]
async fn a_type_of_prost_with_serde_is_sent_as_anything() {
    let system = System::default();
    let (client, _running, mut seen) = client(&system).await;
    let name = "ann".to_owned();

    let reply = client.both(Both { name: name.clone() }).await.unwrap();

    assert_eq!(reply.name, name);
    assert_eq!(seen.recv().await.unwrap(), ContentType::MSGPACK);
    let found = system.registry.get("kinds").await.unwrap();
    let endpoint = found[0]
        .endpoints
        .iter()
        .find(|own| own.name == "Kinds.Both");
    let types = &endpoint.unwrap().metadata["content_types"];
    assert!(
        types.starts_with("application/msgpack,application/protobuf,application/json"),
        "{types}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_serde_type_is_a_request_and_a_reply() {
    let (client, _running, mut seen) = client(&System::default()).await;
    let pair = Pair(1, "a".to_owned());

    let reply = client.pair(pair.clone()).await.unwrap();

    assert_eq!(reply, pair);
    assert_eq!(seen.recv().await.unwrap(), ContentType::MSGPACK);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_no_content_type_fits_is_refused_at_the_start() {
    let service = System::default().service("mixed").await;

    let error = service.handle(Mixed).start().await.unwrap_err();

    assert_eq!(
        error.detail(),
        "the request and the reply of Mixed.Count of mixed have no content type in common: annotate both with `#[micro::message]`"
    );
}

#[test]
fn a_plain_message_has_the_form_of_its_serde_implementation() {
    #[micro::message(plain)]
    struct Point(u8, Option<(i128, [bool; 2])>);

    let point = Point(1, Some((2, [true, false])));

    assert_eq!(written(&point, &ContentType::JSON), b"[1,[2,[true,false]]]");
    let as_protobuf = Point::format().encode(&point, &ContentType::PROTOBUF, &mut Vec::new());
    assert_eq!(as_protobuf.unwrap_err().code(), 415);
}

#[test]
fn a_plain_message_may_say_its_form_itself() {
    #[micro::message(plain)]
    #[serde(rename_all = "camelCase")]
    struct Named {
        user_name: String,
        #[serde(skip)]
        note: u8,
    }

    let named = Named {
        user_name: "ann".to_owned(),
        note: 1,
    };

    assert_eq!(
        written(&named, &ContentType::JSON),
        br#"{"userName":"ann"}"#
    );
    assert_eq!(named.note, 1);
}

#[test]
fn a_message_may_have_serde_implementations_of_its_own() {
    #[micro::message]
    #[derive(Serialize, Deserialize)]
    struct Own {
        #[serde(rename = "n", default)]
        name: String,
    }

    let own = Own {
        name: "ann".to_owned(),
    };

    assert_eq!(written(&own, &ContentType::JSON), br#"{"n":"ann"}"#);
    assert_eq!(encode(&own), b"\x0a\x03ann");
}

#[test]
fn derives_above_and_below_other_attributes_are_not_written_twice() {
    #[micro::message]
    #[derive(Clone, Eq, Hash, Default)]
    struct Below {
        name: String,
    }

    let below = Below {
        name: "ann".to_owned(),
    };

    assert_eq!(below.clone(), below);
    assert_eq!(format!("{below:?}"), "Below { name: \"ann\" }");
    assert_eq!(Below::default().name, "");
}

#[test]
fn a_generic_message_is_written_as_its_parameter_is() {
    #[micro::message]
    struct Page<T> {
        items: Vec<T>,
        only: Option<T>,
    }

    let bytes = Page {
        items: vec![1_u8, 2],
        only: Some(3),
    };
    let numbers = Page {
        items: vec![1_u32, 2],
        only: Some(3),
    };
    let texts = Page {
        items: vec!["a".to_owned(), "b".to_owned()],
        only: None,
    };

    assert_eq!(
        written(&bytes, &ContentType::JSON),
        br#"{"items":"AQI=","only":3}"#
    );
    assert_eq!(
        written(&numbers, &ContentType::JSON),
        br#"{"items":[1,2],"only":3}"#
    );
    assert_eq!(encode(&bytes), b"\x0a\x02\x01\x02\x10\x03");
    assert_eq!(encode(&numbers), b"\x0a\x02\x01\x02\x10\x03");
    assert_eq!(encode(&texts), b"\x0a\x01a\x0a\x01b");
    assert_eq!(decode::<Page<String>>(&encode(&texts)).unwrap(), texts);
}

#[test]
fn a_field_behind_a_condition_has_its_written_tag_and_moves_no_other() {
    #[micro::message]
    struct Conditional {
        first: u8,
        #[cfg(not(test))]
        #[tag = 2]
        missing: NoSuchType,
        #[cfg(test)]
        #[tag = 3]
        there: u8,
        next: u8,
    }

    let value = Conditional {
        first: 1,
        there: 2,
        next: 3,
    };

    assert_eq!(encode(&value), b"\x08\x01\x18\x02\x20\x03");
    assert_eq!(
        written(&value, &ContentType::JSON),
        br#"{"first":1,"there":2,"next":3}"#
    );
}

#[test]
fn a_box_has_the_form_of_what_it_holds() {
    #[micro::message]
    #[expect(
        clippy::box_collection,
        clippy::vec_box,
        reason = "any type may be in a box"
    )]
    struct Boxes {
        number: Box<i32>,
        list: Box<Vec<String>>,
        texts: Vec<Box<String>>,
        part: Box<Narrow>,
    }

    let boxes = Boxes {
        number: Box::new(1),
        list: Box::new(vec!["a".to_owned()]),
        texts: vec![Box::new("b".to_owned())],
        part: Box::default(),
    };

    assert_eq!(encode(&boxes), b"\x08\x01\x12\x01a\x1a\x01b");
    assert_eq!(decode::<Boxes>(&encode(&boxes)).unwrap(), boxes);
    assert_eq!(
        written(&boxes, &ContentType::JSON),
        br#"{"number":1,"list":["a"],"texts":["b"]}"#
    );
}

#[test]
fn nothing_is_the_message_without_fields() {
    assert_eq!(encode(&()), b"");
    assert_eq!(written(&(), &ContentType::JSON), b"{}");
    assert_eq!(written(&(), &ContentType::MSGPACK), b"\x80");
    let read = <()>::format().decode(&ContentType::JSON, br#"{"name":"ignored"}"#);
    assert!(read.is_ok());
}

#[test]
fn a_message_has_the_derives_that_are_not_there() {
    fn complete<T: Clone + std::fmt::Debug + PartialEq + Default>() {}
    fn by_serde<T: Serialize + serde::de::DeserializeOwned>() {}

    complete::<Narrow>();
    by_serde::<Narrow>();
    let twin = NarrowTwin {
        byte: 1,
        ..NarrowTwin::default()
    };
    assert_eq!(
        decode::<Narrow>(&prost::Message::encode_to_vec(&twin))
            .unwrap()
            .byte,
        1
    );
}
