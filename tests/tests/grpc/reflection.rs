//! gRPC's own service of reflection, asked by tonic's client.

use futures_util::{StreamExt as _, stream};
use micro::Running;
use prost::Message as _;
use prost_reflect::prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use tonic::Code;
use tonic_health::pb::HealthCheckResponse;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{self, ServerReflectionRequest, ServerReflectionResponse};
use tonic_reflection::pb::v1alpha;

use crate::greeter;
use crate::peer::connect;

fn request(asked: MessageRequest) -> ServerReflectionRequest {
    ServerReflectionRequest {
        host: "here".to_owned(),
        message_request: Some(asked),
    }
}

fn symbol(name: &str) -> MessageRequest {
    MessageRequest::FileContainingSymbol(name.to_owned())
}

async fn answers<const N: usize>(
    running: &Running,
    asked: [MessageRequest; N],
) -> Vec<ServerReflectionResponse> {
    let mut client = ServerReflectionClient::new(connect(running.address()).await);
    let requests = stream::iter(asked.map(request));
    let answers = client.server_reflection_info(requests).await.unwrap();
    answers.into_inner().map(Result::unwrap).collect().await
}

async fn answer(running: &Running, asked: MessageRequest) -> MessageResponse {
    let mut answers = answers(running, [asked]).await;
    answers.remove(0).message_response.unwrap()
}

async fn file(running: &Running, asked: MessageRequest) -> FileDescriptorProto {
    match answer(running, asked).await {
        MessageResponse::FileDescriptorResponse(files) => {
            FileDescriptorProto::decode(&*files.file_descriptor_proto[0]).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn services_are_listed_with_those_of_grpc() {
    let running = greeter().await;

    let answer = answer(&running, MessageRequest::ListServices("*".to_owned())).await;

    let MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}");
    };
    let names: Vec<&str> = list.service.iter().map(|own| &*own.name).collect();
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "hello.world.Greeter",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_file_is_found_by_what_it_holds() {
    let running = greeter().await;

    for name in [
        "hello.world.Greeter",
        "hello.world.Greeter.Hello",
        "hello.world.Greeting",
    ] {
        let file = file(&running, symbol(name)).await;

        assert_eq!(file.name(), "hello.world.proto", "{name}");
    }
}

#[tokio::test]
async fn a_file_is_found_by_its_name() {
    let running = greeter().await;
    let asked = MessageRequest::FileByFilename("hello.world.proto".to_owned());

    let file = file(&running, asked).await;

    assert_eq!(file.package(), "hello.world");
}

#[tokio::test]
async fn what_is_not_there_is_an_error_of_its_request_alone() {
    let running = greeter().await;

    let answers = answers(&running, [symbol("nobody"), symbol("hello.world.Greeter")]).await;

    let answers: Vec<_> = answers
        .into_iter()
        .map(|own| own.message_response)
        .collect();
    let [
        Some(MessageResponse::ErrorResponse(error)),
        Some(MessageResponse::FileDescriptorResponse(_)),
    ] = &answers[..]
    else {
        panic!("{answers:?}");
    };
    assert_eq!(error.error_code, Code::NotFound as i32);
}

#[tokio::test]
async fn an_extension_is_not_found() {
    let running = greeter().await;
    let asked = MessageRequest::AllExtensionNumbersOfType("hello.world.Name".to_owned());

    let answer = answer(&running, asked).await;

    assert!(matches!(answer, MessageResponse::ErrorResponse(_)));
}

#[tokio::test]
async fn an_answer_has_the_request_in_it() {
    let running = greeter().await;

    let answers = answers(&running, [symbol("hello.world.Greeter")]).await;

    assert_eq!(answers[0].valid_host, "here");
    let original = answers[0].original_request.as_ref();
    assert_eq!(original, Some(&request(symbol("hello.world.Greeter"))));
}

#[tokio::test]
async fn the_older_version_is_answered_as_well() {
    let running = greeter().await;
    let channel = connect(running.address()).await;
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let name = "hello.world.proto".to_owned();
    let asked = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileByFilename(name),
        ),
    };

    let answers = client.server_reflection_info(stream::iter([asked])).await;

    let answer = answers.unwrap().into_inner().message().await.unwrap();
    assert!(matches!(
        answer.unwrap().message_response,
        Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_))
    ));
}

/// Each message: its name, and its fields as far as they matter to who encodes it.
fn fields(messages: &[DescriptorProto]) -> Vec<(String, Vec<String>)> {
    let mut fields: Vec<_> = messages
        .iter()
        .map(|message| {
            let fields = message.field.iter().map(|own| {
                let mut own = own.clone();
                own.json_name = None;
                format!("{own:?}")
            });
            (message.name().to_owned(), fields.collect())
        })
        .collect();
    fields.sort();
    fields
}

#[tokio::test]
async fn reflection_describes_itself_as_grpc_does() {
    let running = greeter().await;
    let theirs = FileDescriptorSet::decode(v1::FILE_DESCRIPTOR_SET).unwrap();

    let own = file(&running, symbol("grpc.reflection.v1.ServerReflection")).await;

    assert_eq!(
        fields(&own.message_type),
        fields(&theirs.file[0].message_type)
    );
}

#[tokio::test]
async fn the_states_of_health_have_the_names_that_grpc_gives_them() {
    let running = greeter().await;
    let file = file(&running, symbol("grpc.health.v1.Health.Check")).await;
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(file).unwrap();
    let message = pool.get_message_by_name("grpc.health.v1.HealthCheckResponse");
    let message = message.unwrap();
    let mut reply = HealthCheckResponse::default();
    reply.set_status(ServingStatus::NotServing);

    let read = DynamicMessage::decode(message.clone(), &*reply.encode_to_vec()).unwrap();

    let field = message.get_field_by_name("status").unwrap();
    let Value::EnumNumber(number) = *read.get_field(&field) else {
        panic!("{read:?}");
    };
    let kind = field.kind();
    let state = kind.as_enum().unwrap().get_value(number).unwrap();
    assert_eq!(state.name(), "NOT_SERVING");
}

#[tokio::test]
async fn asking_ends_well_when_the_server_stops() {
    let running = greeter().await;
    let mut client = ServerReflectionClient::new(connect(running.address()).await);
    let endless = stream::iter([request(symbol("nobody"))]).chain(stream::pending());
    let mut answers = client
        .server_reflection_info(endless)
        .await
        .unwrap()
        .into_inner();
    answers.message().await.unwrap();

    running.stop().await;

    assert_eq!(answers.message().await.unwrap(), None);
}
