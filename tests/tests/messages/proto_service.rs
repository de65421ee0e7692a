//! The proto file of a service: compiled, it says what the service answers.

use micro::Message;
use micro::codec::ProtoFile;
use micro::prelude::*;
use prost_reflect::{MethodDescriptor, ServiceDescriptor};

use crate::compiled::compiled;
use crate::values::Tree;

#[micro::message]
pub struct Every {
    pub millis: u64,
}

#[micro::message]
pub struct Tick {
    pub number: u64,
    pub tree: Option<Tree>,
}

struct Chat;

#[micro::service(name = "go.micro.chat-room")]
impl Chat {
    /// Counts.
    ///
    /// Without an end.
    #[micro::handler(idempotent)]
    async fn ticks(
        &self,
        every: Every,
    ) -> micro::Result<impl Stream<Item = micro::Result<Tick>> + use<>> {
        Ok(stream::iter([Ok(Tick {
            number: every.millis,
            tree: None,
        })]))
    }

    #[micro::handler]
    async fn sum(&self, _ticks: Streaming<Tick>) -> micro::Result<Every> {
        Ok(Every::default())
    }

    #[micro::handler]
    async fn talk(
        &self,
        ticks: Streaming<Tick>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Tick>> + use<>> {
        Ok(ticks)
    }

    #[micro::handler(name = "Room.Clear")]
    async fn clear(&self, _: ()) -> micro::Result<()> {
        Ok(())
    }
}

fn chat() -> ProtoFile {
    Chat.definition().proto_file()
}

fn service(file: &ProtoFile, name: &str) -> ServiceDescriptor {
    compiled(file).get_service_by_name(name).unwrap()
}

fn method(name: &str) -> MethodDescriptor {
    let service = service(&chat(), "go.micro.chat_room.Chat");
    service.methods().find(|own| own.name() == name).unwrap()
}

/// A service without a form for `T`.
fn with<T: Message>() -> ProtoFile {
    let taken = unary(async |_: Context, _: T| Ok::<_, micro::Error>(Every::default()));
    Definition::new("odd")
        .endpoint("Odd.Take", taken)
        .proto_file()
}

#[test]
fn the_package_is_the_name_of_the_service() {
    let file = chat();

    assert_eq!(file.package(), "go.micro.chat_room");
    assert_eq!(file.name(), "go.micro.chat_room.proto");
    let text = file.to_string();
    let head =
        "// go.micro.chat_room.proto, of the service go.micro.chat-room\nsyntax = \"proto3\";\n";
    assert!(text.starts_with(head), "{text}");
}

#[test]
fn what_an_endpoint_starts_with_is_a_service_of_the_package() {
    let room = service(&chat(), "go.micro.chat_room.Room");

    let clear = room.methods().next().unwrap();
    assert_eq!(clear.name(), "Clear");
    assert_eq!(clear.input().full_name(), "go.micro.chat_room.Empty");
}

#[test]
fn methods_stream_where_handlers_do() {
    let streams = ["Ticks", "Sum", "Talk"].map(|name| {
        let method = method(name);
        (method.is_client_streaming(), method.is_server_streaming())
    });

    assert_eq!(streams, [(false, true), (true, false), (true, true)]);
}

#[test]
fn methods_carry_the_messages_of_their_handlers() {
    let ticks = method("Ticks");

    assert_eq!(ticks.input().get_field(1).unwrap().name(), "millis");
    assert_eq!(ticks.output().get_field(2).unwrap().name(), "tree");
}

#[test]
fn an_idempotent_method_says_so_in_the_file() {
    let level = |name| {
        let method = method(name);
        let options = method.method_descriptor_proto().options.clone();
        options.and_then(|options| options.idempotency_level)
    };

    assert_eq!((level("Ticks"), level("Sum")), (Some(2), None));
}

#[test]
fn the_first_lines_of_the_docs_are_comments_of_the_method() {
    let text = chat().to_string();

    assert!(text.contains("  // Counts.\n  rpc Ticks ("), "{text}");
}

#[test]
fn a_method_of_a_plain_type_is_left_out_with_the_reason() {
    let file = with::<Plain<String>>();

    let service = service(&file, "odd.Odd");
    assert_eq!(service.methods().len(), 0);
    let why = "  // rpc Take is left out: Plain<String> has no form in protobuf.\n";
    assert!(file.to_string().contains(why), "{file}");
}

#[test]
fn a_method_of_a_prost_type_is_left_out_with_the_reason() {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Foreign {}
    struct Odd;
    #[micro::service(name = "odd")]
    impl Odd {
        #[micro::handler]
        async fn take(&self, _: Foreign) -> micro::Result<Every> {
            Ok(Every::default())
        }
    }

    let file = Odd.definition().proto_file();

    let why = "Foreign comes from another proto file, which is not known here.\n";
    assert!(file.to_string().contains(why), "{file}");
    compiled(&file);
}

#[test]
fn an_endpoint_that_protobuf_has_no_name_for_is_left_out_with_the_reason() {
    let take = || unary(async |_: Context, every: Every| Ok::<_, micro::Error>(every));
    let definition = Definition::new("odd")
        .endpoint("Mail-Box.Take", take())
        .endpoint("Odd.Mail.Take", take());

    let file = definition.proto_file();

    let text = file.to_string();
    for name in ["Mail-Box.Take", "Odd.Mail.Take"] {
        assert!(
            text.contains(&format!(
                "// {name} is left out: protobuf has no such name."
            )),
            "{text}"
        );
    }
    compiled(&file);
}

#[test]
fn a_message_that_has_the_name_of_a_service_makes_way() {
    #[micro::message]
    struct Chat {
        text: String,
    }
    #[micro::message]
    struct Take {
        chat: Chat,
    }
    let take = unary(async |_: Context, take: Take| Ok::<_, micro::Error>(take));

    let file = Definition::new("chat")
        .endpoint("Chat.Take", take)
        .proto_file();

    let take = service(&file, "chat.Chat").methods().next().unwrap();
    assert_eq!(take.input().full_name(), "chat.Take");
    assert!(file.to_string().contains("message Chat2 {"), "{file}");
}

#[test]
fn symbols_are_the_full_names_of_all_that_is_in_the_file() {
    let take = unary(async |_: Context, every: Every| Ok::<_, micro::Error>(every));

    let file = Definition::new("odd")
        .endpoint("Odd.Take", take)
        .proto_file();

    assert_eq!(file.symbols(), ["odd.Odd", "odd.Odd.Take", "odd.Every"]);
}

#[tokio::test]
async fn definitions_of_one_name_share_a_file() {
    let take = || unary(async |_: Context, every: Every| Ok::<_, micro::Error>(every));
    let service = micro::Service::builder("main").build().await.unwrap();
    let service = service
        .handle(Chat)
        .endpoint("Odd.Take", take())
        .endpoint("Odd.Give", take());

    let files = service.proto_files().unwrap();

    assert_eq!(files.len(), 1);
    let names = ["go.micro.chat_room.Odd.Take", "go.micro.chat_room.Odd.Give"];
    let symbols = files[0].symbols();
    assert!(
        names
            .iter()
            .all(|name| symbols.iter().any(|own| own == name)),
        "{symbols:?}"
    );
}
