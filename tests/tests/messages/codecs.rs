//! A codec that another crate brings: this one.

use std::sync::{Arc, Mutex};

use micro::codec::{Backend, Codec, Target};
use micro::message::ContentType;
use micro::prelude::*;
use micro::{Error, Message, Service, client, wrapper};
use tests::System;

use crate::twin::written;
use crate::values::{Narrow, Numbers, Open, Options, Shape};

/// JSON on many lines.
#[derive(Debug)]
struct Pretty;

const PRETTY: &str = "application/pretty+json";

impl Codec for Pretty {
    fn content_types(&self) -> &'static [&'static str] {
        &[PRETTY]
    }

    fn encode(&self, value: &dyn erased_serde::Serialize, out: &mut Vec<u8>) -> micro::Result<()> {
        serde_json::to_writer_pretty(out, value)
            .map_err(|source| Error::internal("pretty", "no such form").with_source(source))
    }

    fn decode(&self, bytes: &[u8], target: Target<'_>) -> micro::Result<()> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        target.read(&mut json)?;
        json.end()
            .map_err(|source| Error::bad_request("pretty", source.to_string()))
    }
}

micro::inventory::submit! { Backend::new(&Pretty) }

fn pretty() -> ContentType {
    ContentType::new(PRETTY)
}

#[test]
fn a_codec_of_another_crate_writes_and_reads_messages() {
    let options = Options {
        octets: Some(b"a".to_vec()),
        choice: Some(Open::Done),
        ..Options::default()
    };

    let bytes = written(&options, &pretty());

    assert_eq!(bytes, b"{\n  \"octets\": \"YQ==\",\n  \"choice\": 7\n}");
    assert_eq!(
        Options::format().decode(&pretty(), &bytes).unwrap(),
        options
    );
}

#[test]
fn a_codec_of_another_crate_writes_and_reads_plain_types_and_nothing() {
    let bytes = written(&Plain(vec![1]), &pretty());

    assert_eq!(bytes, b"[\n  1\n]");
    let read = Plain::<Vec<u8>>::format().decode(&pretty(), &bytes);
    assert_eq!(read.unwrap().0, [1]);
    assert_eq!(written(&(), &pretty()), b"{}");
}

#[test]
fn a_codec_of_another_crate_is_listed_behind_the_built_in_ones() {
    let types: Vec<_> = Narrow::format().content_types().collect();

    let built_in = [
        ContentType::MSGPACK,
        ContentType::PROTOBUF,
        ContentType::JSON,
    ];
    assert_eq!(types[..3], built_in);
    assert!(types[3..].contains(&pretty()));
}

#[test]
fn a_mistake_in_a_body_of_another_codec_names_the_field() {
    let error = Numbers::format()
        .decode(&pretty(), br#"{"text":5}"#)
        .unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(
        error
            .detail()
            .starts_with("Numbers.text: expected a string, found integer `5`"),
        "{error}"
    );
}

#[test]
fn a_content_type_is_found_in_any_case_and_with_parameters() {
    let read = Narrow::format().decode(
        &ContentType::new("Application/Pretty+JSON; charset=utf-8"),
        b"{}",
    );

    assert_eq!(read.unwrap(), Narrow::default());
}

/// A client that writes its calls as `content_type`.
async fn client(system: &System, content_type: ContentType) -> Service {
    let mut options = client::Options::default();
    options.content_type = content_type;
    system
        .builder("client")
        .client(options)
        .build()
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_call_is_carried_in_the_codec_of_another_crate() {
    let system = System::default();
    let seen = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&seen);
    let note = wrapper::from_fn(move |_: Context, request: Request, next: Next| {
        *noted.lock().unwrap() = Some(request.content_type.clone());
        next.run(request)
    });
    let echo = unary(async |_: Context, shape: Shape| Ok::<_, Error>(shape));
    let service = system.service("shapes").await.wrap_handler(note);
    let _running = service.endpoint("Shapes.Echo", echo).start().await.unwrap();
    let client = client(&system, pretty()).await;

    let shape = Shape::Circle(0.5);
    let reply: Shape = client
        .client()
        .call("shapes", "Shapes.Echo", &shape)
        .await
        .unwrap();

    assert_eq!(reply, shape);
    assert_eq!(*seen.lock().unwrap(), Some(pretty()));
}

#[tokio::test(start_paused = true)]
async fn a_content_type_that_nobody_serves_is_not_sent() {
    let system = System::default();
    let echo = unary(async |_: Context, shape: Shape| Ok::<_, Error>(shape));
    let service = system.service("shapes").await;
    let _running = service.endpoint("Shapes.Echo", echo).start().await.unwrap();
    let client = client(&system, ContentType::new("application/none")).await;

    let reply: Shape = client
        .client()
        .call("shapes", "Shapes.Echo", &Shape::Nothing)
        .await
        .unwrap();

    assert_eq!(reply, Shape::Nothing);
}
