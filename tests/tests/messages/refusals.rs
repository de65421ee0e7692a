//! What a sender is told of a message that is not taken: the thing, and what to send.

use micro::message::{Body, ContentType};
use micro::prelude::*;
use micro::registry::Registry;
use micro::transport::{Facts, Transport};
use micro::{Error, Message};
use tests::System;

use crate::values::{Lists, Narrow, Numbers, Tree};

fn told<T: Message>(content_type: ContentType, bytes: &[u8]) -> (u16, String) {
    let error = T::format().decode(&content_type, bytes).err().unwrap();
    (error.code(), error.detail().to_owned())
}

#[test]
fn an_unknown_content_type_is_a_415_that_names_those_that_are_known() {
    let (code, detail) = told::<Narrow>(ContentType::new("application/xml"), b"");

    assert_eq!(code, 415);
    assert!(
        detail.starts_with(
            "Narrow has no form as \"application/xml\"; it has one as application/msgpack, application/protobuf, application/json"
        ),
        "{detail}"
    );
}

#[test]
fn a_plain_type_has_no_form_as_protobuf() {
    let (code, detail) = told::<Plain<String>>(ContentType::PROTOBUF, b"");

    assert_eq!(code, 415);
    assert!(
        detail.starts_with(
            "Plain<String> has no form as \"application/protobuf\"; it has one as application/msgpack, application/json"
        ),
        "{detail}"
    );
}

#[test]
fn nothing_is_written_of_a_value_without_a_form() {
    let mut out = b"before".to_vec();

    let written = Plain::<u8>::format().encode(&Plain(1), &ContentType::PROTOBUF, &mut out);

    assert_eq!(written.unwrap_err().code(), 415);
    assert_eq!(out, b"before");
}

#[test]
fn json_that_is_of_another_type_is_a_400_that_names_the_field_and_what_is_expected() {
    let found = told::<Tree>(ContentType::JSON, br#"{"more":[{"always":{"short":"x"}}]}"#);

    let expected = "Tree.more[0].always.short: expected a whole number from 0 to 65535, found string \"x\" at line 1 column 31";
    assert_eq!(found, (400, expected.to_owned()));
}

#[test]
fn messagepack_that_is_of_another_type_is_a_400_that_names_the_field_and_what_is_expected() {
    let found = told::<Numbers>(ContentType::MSGPACK, b"\x81\xa4text\x05");

    let expected = "Numbers.text: expected a string, found integer `5` at byte 7";
    assert_eq!(found, (400, expected.to_owned()));
}

#[test]
fn protobuf_that_is_of_another_type_is_a_400_that_names_the_field_and_what_is_expected() {
    let found = told::<Lists>(ContentType::PROTOBUF, b"\x42\x00\x40\x05");

    assert_eq!(
        found,
        (
            400,
            "Lists.texts[1]: expected a string, found a varint".to_owned()
        )
    );
}

#[test]
fn a_text_that_is_no_utf8_is_a_400_that_names_the_field() {
    let found = told::<Numbers>(ContentType::PROTOBUF, b"\x42\x01\xff");

    let expected = "Numbers.text: expected a string, found bytes that are not UTF-8";
    assert_eq!(found, (400, expected.to_owned()));
}

#[test]
fn bytes_that_are_no_base64_are_a_400_that_says_so() {
    let (code, detail) = told::<Numbers>(ContentType::JSON, br#"{"octets":"!"}"#);

    assert_eq!(code, 400);
    assert!(
        detail.starts_with("Numbers.octets: expected bytes in base64, found string \"!\""),
        "{detail}"
    );
}

/// What a node of `shapes` answers to a body of a content type.
async fn answered(content_type: ContentType, body: &'static [u8]) -> Error {
    let system = System::default();
    let echo = unary(async |_: Context, own: Narrow| Ok::<_, Error>(own));
    let service = system.service("shapes").await;
    let _running = service.endpoint("Shapes.Echo", echo).start().await.unwrap();
    let found = system.registry.get("shapes").await.unwrap();
    let channel = system
        .transport
        .dial(&found[0].nodes[0].address, &Facts::new())
        .unwrap();
    let mut request = Request::new("shapes", "Shapes.Echo");
    request.content_type = content_type;
    request.body = Body::Bytes(body.into());

    channel.call(request).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_service_says_which_endpoint_takes_which_content_types() {
    let error = answered(ContentType::new("text/xml"), b"").await;

    assert_eq!((error.code(), error.id()), (415, "shapes"));
    assert!(
        error.detail().starts_with("Shapes.Echo does not take \"text/xml\": send one of application/msgpack, application/protobuf, application/json"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_says_which_field_of_a_request_is_wrong() {
    let error = answered(ContentType::JSON, br#"{"byte":256}"#).await;

    assert_eq!(error.code(), 400);
    assert!(
        error
            .detail()
            .contains("Narrow.byte: expected a whole number from 0 to 255, found integer `256`"),
        "{error}"
    );
}

#[test]
fn no_json_at_all_is_a_400() {
    assert_eq!(told::<Narrow>(ContentType::JSON, b"").0, 400);
    assert_eq!(told::<Narrow>(ContentType::JSON, b"{} {}").0, 400);
    assert_eq!(told::<Narrow>(ContentType::JSON, b"[1]").0, 400);
}
