//! Errors that cross the wire: their variants, fields, codes and words.

use std::collections::BTreeMap;

use micro::message::ContentType;
use micro::{Error, Running, Service, client};
use tests::System;

use crate::values::{Narrow, Open, Shape};

/// How a room refuses.
#[micro::error]
pub(crate) enum RoomError {
    /// Nobody knows that room.
    #[error(code = 404)]
    NoSuchRoom,
    #[error(code = 409, detail = "{by} has it, {{not}} {of:?}")]
    Taken { by: String, of: Vec<u8> },
    #[error(code = 429, detail = "{0} of {1}")]
    Full(u64, i64),
    Broken {
        part: Narrow,
        shape: Shape,
        choice: Open,
        by_number: BTreeMap<u32, Option<String>>,
        ratio: f64,
    },
}

/// A later version of it, at the other end.
#[micro::error]
enum LaterError {
    NoSuchRoom,
}

/// What the request asks for, as the kind of the failure.
#[micro::message]
struct Ask {
    variant: u8,
}

fn failure(variant: u8) -> RoomError {
    match variant {
        0 => RoomError::NoSuchRoom,
        1 => RoomError::Taken {
            by: "eve <&>".to_owned(),
            of: vec![1, 2],
        },
        2 => RoomError::Full(u64::MAX, i64::MIN),
        _ => RoomError::Broken {
            part: Narrow {
                signed_bytes: vec![-1],
                ..Narrow::default()
            },
            shape: Shape::Blob(vec![0, 255]),
            choice: Open::Other(99),
            by_number: [(1, None), (2, Some("b".to_owned()))].into(),
            ratio: 0.1,
        },
    }
}

struct Rooms;

#[micro::service(name = "rooms")]
impl Rooms {
    #[micro::handler]
    async fn enter(&self, ask: Ask) -> Result<(), RoomError> {
        Err(failure(ask.variant))
    }
}

/// Asks the rooms, and hands on what they say.
struct Door(RoomsClient);

#[micro::service(name = "door")]
impl Door {
    #[micro::handler]
    async fn bare(&self, ask: Ask) -> micro::Result<()> {
        self.0.enter(ask).await?;
        Ok(())
    }

    #[micro::handler]
    async fn forwarded(&self, ask: Ask) -> micro::Result<()> {
        self.0.enter(ask).await.map_err(Error::forward)
    }

    #[micro::handler]
    async fn mapped(&self, ask: Ask) -> Result<(), RoomError> {
        let outcome = self.0.enter(ask).await;
        outcome.map_err(|error| error.typed().unwrap_or(RoomError::NoSuchRoom))
    }
}

/// Both services, and a client whose calls are of this content type.
async fn system(content_type: ContentType) -> (Service, [Running; 2]) {
    let system = System::default();
    let rooms = system.service("rooms").await.handle(Rooms);
    let door = system.service("door").await;
    let asks = RoomsClient::new(&door);
    let running = [
        rooms.start().await.unwrap(),
        door.handle(Door(asks)).start().await.unwrap(),
    ];
    let mut options = client::Options::default();
    options.content_type = content_type;
    let client = system.builder("client").client(options).build();
    (client.await.unwrap(), running)
}

async fn entered(content_type: ContentType, variant: u8) -> Error {
    let (client, _running) = system(content_type).await;
    RoomsClient::new(&client)
        .enter(Ask { variant })
        .await
        .unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn variants_and_their_fields_arrive_whatever_the_codec() {
    for content_type in [
        ContentType::JSON,
        ContentType::MSGPACK,
        ContentType::PROTOBUF,
        ContentType::new("application/pretty+json"),
    ] {
        for variant in 0..4 {
            let error = entered(content_type.clone(), variant).await;

            assert_eq!(error.typed(), Some(failure(variant)), "{content_type}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_variant_arrives_with_its_code_and_the_name_of_its_service() {
    let error = entered(ContentType::JSON, 1).await;

    assert_eq!(
        (error.code(), error.id(), error.reason()),
        (409, "rooms", Some("RoomError.Taken"))
    );
    assert_eq!(error.fields()["by"], "eve <&>");
}

#[tokio::test(start_paused = true)]
async fn the_code_is_500_unless_another_is_written() {
    assert_eq!(entered(ContentType::JSON, 3).await.code(), 500);
}

#[test]
fn the_words_are_those_that_are_written_with_fields_in_braces() {
    assert_eq!(failure(1).to_string(), "eve <&> has it, {not} [1, 2]");
    assert_eq!(
        failure(2).to_string(),
        "18446744073709551615 of -9223372036854775808"
    );
}

#[test]
fn the_words_are_the_docs_or_the_name_unless_others_are_written() {
    assert_eq!(failure(0).to_string(), "Nobody knows that room");
    assert_eq!(failure(3).to_string(), "broken");
}

#[tokio::test(start_paused = true)]
async fn an_error_of_another_type_is_not_taken_for_one_and_keeps_what_it_says() {
    let error = entered(ContentType::JSON, 1).await;

    assert_eq!(error.typed::<LaterError>(), None);
    assert_eq!(error.reason(), Some("RoomError.Taken"));
}

#[test]
fn a_variant_that_is_not_known_is_kept_and_handed_on() {
    let sent = r#"{"id":"rooms","code":409,"detail":"d","status":"Conflict","reason":"RoomError.Later","fields":{"a":[1]}}"#;

    let error = Error::from_wire(sent);

    assert_eq!(error.typed::<RoomError>(), None);
    assert_eq!(error.to_json(), sent);
}

#[test]
fn a_variant_with_more_fields_than_are_known_is_read_and_one_with_fewer_is_not() {
    let with = |fields: &str| {
        Error::from_wire(&format!(
            r#"{{"code":409,"reason":"RoomError.Taken","fields":{fields}}}"#
        ))
    };

    let more = with(r#"{"by":"eve","of":[1],"since":5}"#);
    let fewer = with(r#"{"by":"eve"}"#);

    let eve = RoomError::Taken {
        by: "eve".to_owned(),
        of: vec![1],
    };
    assert_eq!(more.typed(), Some(eve));
    assert_eq!(fewer.typed::<RoomError>(), None);
}

#[tokio::test(start_paused = true)]
async fn a_bare_question_mark_does_not_hand_on_what_another_service_said() {
    let (client, _running) = system(ContentType::MSGPACK).await;

    let error = DoorClient::new(&client)
        .bare(Ask { variant: 1 })
        .await
        .unwrap_err();

    assert_eq!(
        (error.code(), error.id(), error.reason()),
        (500, "door", None)
    );
    assert!(error.fields().is_empty());
    let said = error.to_json();
    assert!(
        !["eve", "rooms", "Taken", "409"]
            .iter()
            .any(|word| said.contains(word)),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_forwarded_arrives_as_it_was() {
    let (client, _running) = system(ContentType::MSGPACK).await;

    let error = DoorClient::new(&client)
        .forwarded(Ask { variant: 1 })
        .await
        .unwrap_err();

    assert_eq!((error.code(), error.id()), (409, "rooms"));
    assert_eq!(error.typed(), Some(failure(1)));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_mapped_is_the_services_own() {
    let (client, _running) = system(ContentType::MSGPACK).await;

    let error = DoorClient::new(&client)
        .mapped(Ask { variant: 2 })
        .await
        .unwrap_err();

    assert_eq!((error.code(), error.id()), (429, "door"));
    assert_eq!(error.typed(), Some(failure(2)));
}
