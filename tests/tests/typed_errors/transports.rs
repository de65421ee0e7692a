//! Between processes, as far as they can tell.

use micro::message::ContentType;
use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::{AutoTransport, FramesTransport, HttpTransport, MemoryTransport, Transport};
use micro::{Error, Running, Service, client};

use super::rooms::{
    Ask, Door, DoorClient, Refusing, RoomsClient, assert_is_refusal, assert_is_the_doors, earlier,
    last, rooms,
};

/// The rooms, the door, and a client of both.
struct System {
    rooms: RoomsClient,
    door: DoorClient,
    refusing: Running,
    _door: Running,
}

impl System {
    async fn new(transport: impl Transport + Clone + 'static, content_type: ContentType) -> Self {
        let registry = MemoryRegistry::new();
        let build = async |name: &'static str| {
            let mut options = client::Options::default();
            options.content_type = content_type.clone();
            let builder = Service::builder(name).registry(registry.clone());
            let builder = builder.transport(transport.clone()).client(options);
            builder.linger(Duration::ZERO).build().await.unwrap()
        };
        let (refusing, door) = (build("rooms").await, build("door").await);
        let refusing = refusing.handle(rooms::serve(Refusing));
        let asks = RoomsClient::new(&door);
        let caller = build("caller").await;
        Self {
            rooms: RoomsClient::new(&caller),
            door: DoorClient::new(&caller),
            refusing: refusing.start().await.unwrap(),
            _door: door.handle(Door(asks)).start().await.unwrap(),
        }
    }
}

const TAKEN: Ask = Ask { variant: 1 };

macro_rules! over {
    ($module:ident $transport:ident::$new:ident $($fact:ident)*) => {
        mod $module {
            use super::{ContentType, System, $transport};

            $(#[tokio::test]
            async fn $fact() {
                for content_type in [ContentType::JSON, ContentType::MSGPACK, ContentType::PROTOBUF] {
                    super::$fact(System::new($transport::$new(), content_type).await).await;
                }
            })*
        }
    };
}

macro_rules! over_every_transport {
    (calls: $($call:ident)*; streams: $($stream:ident)*;) => {
        over!(over_memory MemoryTransport::new $($call)* $($stream)*);
        over!(over_frames FramesTransport::default $($call)* $($stream)*);
        over!(over_the_default AutoTransport::default $($call)* $($stream)*);
        // It carries no streams.
        over!(over_http HttpTransport::default $($call)*);
    };
}

over_every_transport! {
    calls:
        variants_arrive_with_their_fields
        a_variant_that_is_not_known_is_kept_with_its_reason_and_its_fields
        a_bare_question_mark_does_not_hand_on_what_another_service_said;
    streams:
        what_refuses_a_stream_arrives_with_its_fields
        what_ends_a_stream_of_replies_arrives_with_its_fields_behind_what_came_before
        what_answers_a_stream_of_requests_arrives_with_its_fields
        what_ends_a_stream_both_ways_arrives_with_its_fields_behind_what_came_before
        a_variant_that_ends_a_stream_and_is_not_known_is_kept
        a_bare_question_mark_does_not_hand_on_what_refused_a_stream
        a_bare_question_mark_in_a_stream_does_not_hand_on_what_ended_another
        a_bare_question_mark_in_a_handler_does_not_hand_on_what_ended_a_stream
        a_bare_question_mark_does_not_hand_on_what_answered_a_stream
        a_stream_that_is_returned_does_not_hand_on_what_ends_it
        a_bare_question_mark_in_a_stream_does_not_hand_on_that_another_broke
        what_ends_a_stream_and_is_forwarded_arrives_as_it_was;
}

async fn variants_arrive_with_their_fields(system: System) {
    for variant in 0..3 {
        let ask = Ask { variant };

        let error = system.rooms.enter(ask).await.unwrap_err();

        assert_is_refusal(&error, ask);
    }
}

fn assert_is_kept(error: &Error) {
    assert_eq!(error.typed::<earlier::RoomError>(), None);
    assert_eq!(
        (error.code(), error.reason()),
        (410, Some("RoomError.Closed"))
    );
    assert_eq!(error.fields()["since"], u64::MAX);
}

async fn a_variant_that_is_not_known_is_kept_with_its_reason_and_its_fields(system: System) {
    let error = system.rooms.enter(Ask { variant: 2 }).await.unwrap_err();

    assert_is_kept(&error);
}

async fn a_bare_question_mark_does_not_hand_on_what_another_service_said(system: System) {
    let error = system.door.enter(TAKEN).await.unwrap_err();

    assert_is_the_doors(&error);
}

async fn what_refuses_a_stream_arrives_with_its_fields(system: System) {
    let error = system.rooms.guests(TAKEN).await.unwrap_err();

    assert_is_refusal(&error, TAKEN);
}

async fn what_ends_a_stream_of_replies_arrives_with_its_fields_behind_what_came_before(
    system: System,
) {
    let visits = system.rooms.visits(TAKEN).await.unwrap();

    assert_is_refusal(&last(visits).await, TAKEN);
}

async fn what_answers_a_stream_of_requests_arrives_with_its_fields(system: System) {
    let asks = stream::iter([TAKEN]).chain(stream::pending());

    let error = system.rooms.book(asks).await.unwrap_err();

    assert_is_refusal(&error, TAKEN);
}

async fn what_ends_a_stream_both_ways_arrives_with_its_fields_behind_what_came_before(
    system: System,
) {
    let asks = stream::iter([TAKEN]).chain(stream::pending());

    let talk = system.rooms.talk(asks).await.unwrap();

    assert_is_refusal(&last(talk).await, TAKEN);
}

async fn a_variant_that_ends_a_stream_and_is_not_known_is_kept(system: System) {
    let visits = system.rooms.visits(Ask { variant: 2 }).await.unwrap();

    assert_is_kept(&last(visits).await);
}

async fn a_bare_question_mark_does_not_hand_on_what_refused_a_stream(system: System) {
    let error = system.door.guests(TAKEN).await.unwrap_err();

    assert_is_the_doors(&error);
}

async fn a_bare_question_mark_in_a_stream_does_not_hand_on_what_ended_another(system: System) {
    let visits = system.door.visits(TAKEN).await.unwrap();

    assert_is_the_doors(&last(visits).await);
}

async fn a_bare_question_mark_in_a_handler_does_not_hand_on_what_ended_a_stream(system: System) {
    let error = system.door.last(TAKEN).await.unwrap_err();

    assert_is_the_doors(&error);
}

async fn a_bare_question_mark_does_not_hand_on_what_answered_a_stream(system: System) {
    let error = system.door.book(TAKEN).await.unwrap_err();

    assert_is_the_doors(&error);
}

async fn a_stream_that_is_returned_does_not_hand_on_what_ends_it(system: System) {
    let talk = system.door.talk(stream::iter([TAKEN])).await.unwrap();

    assert_is_the_doors(&last(talk).await);
}

async fn what_ends_a_stream_and_is_forwarded_arrives_as_it_was(system: System) {
    let visits = system.door.forwarded(TAKEN).await.unwrap();

    assert_is_refusal(&last(visits).await, TAKEN);
}

async fn a_bare_question_mark_in_a_stream_does_not_hand_on_that_another_broke(system: System) {
    let mut visits = system.door.visits(Ask { variant: 3 }).await.unwrap();
    visits.next().await.unwrap().unwrap();

    drop(system.refusing);

    assert_is_the_doors(&visits.next().await.unwrap().unwrap_err());
}
