//! `grpc.reflection.v1.ServerReflection`, and `v1alpha` the same: the descriptors of what is served, for tools that have
//! no proto file of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use prost::encoding::int32;
use tokio_util::sync::CancellationToken;

use super::{INT32, STRING, message};
use crate::codec::{
    Fault, Format, Input, Kind, Label, Member, ProtoFile, Rpc, Schema, Shape, Streaming, WireType,
    nested,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::server::definition::Definition;
use crate::server::handler::bidirectional_as;
use crate::server::stream::Emitter;

/// The versions of it, which differ in nothing but the name.
pub(super) const PACKAGES: [&str; 2] = ["grpc.reflection.v1", "grpc.reflection.v1alpha"];
const ENDPOINT: &str = "ServerReflection.ServerReflectionInfo";

const REQUEST: Format<Bytes> = Format::opaque(ServerReflectionRequest::schema);
const REPLY: Format<Bytes> = Format::opaque(ServerReflectionResponse::schema);

const HOST: u32 = 1;
const FILE_BY_FILENAME: u32 = 3;
const FILE_CONTAINING_SYMBOL: u32 = 4;
const LIST_SERVICES: u32 = 7;

// As gRPC numbers them.
const INVALID_ARGUMENT: i32 = 3;
const NOT_FOUND: i32 = 5;

message! {
    ServerReflectionRequest {
        host = 1: STRING;
        file_by_filename = 3: STRING, one_of = Some("message_request");
        file_containing_symbol = 4: STRING, one_of = Some("message_request");
        file_containing_extension = 5: Kind::Named(ExtensionRequest::schema), one_of = Some("message_request");
        all_extension_numbers_of_type = 6: STRING, one_of = Some("message_request");
        list_services = 7: STRING, one_of = Some("message_request");
    }
}

message! {
    ExtensionRequest {
        containing_type = 1: STRING;
        extension_number = 2: INT32;
    }
}

message! {
    ServerReflectionResponse {
        valid_host = 1: STRING;
        original_request = 2: Kind::Named(ServerReflectionRequest::schema);
        file_descriptor_response = 4: Kind::Named(FileDescriptorResponse::schema), one_of = Some("message_response");
        all_extension_numbers_response = 5: Kind::Named(ExtensionNumberResponse::schema), one_of = Some("message_response");
        list_services_response = 6: Kind::Named(ListServiceResponse::schema), one_of = Some("message_response");
        error_response = 7: Kind::Named(ErrorResponse::schema), one_of = Some("message_response");
    }
}

message! {
    FileDescriptorResponse {
        file_descriptor_proto = 1: Kind::Scalar("bytes"), label = Label::Repeated;
    }
}

message! {
    ExtensionNumberResponse {
        base_type_name = 1: STRING;
        extension_number = 2: INT32, label = Label::Repeated;
    }
}

message! {
    ListServiceResponse {
        service = 1: Kind::Named(ServiceResponse::schema), label = Label::Repeated;
    }
}

message! {
    ServiceResponse {
        name = 1: STRING;
    }
}

message! {
    ErrorResponse {
        error_code = 1: INT32;
        error_message = 2: STRING;
    }
}

/// The proto file of it.
pub(super) fn file(package: &str) -> ProtoFile {
    let rpc = Rpc::new(&REQUEST, &REPLY).streams(true, true);
    ProtoFile::new(package).method(ENDPOINT, rpc)
}

/// The service of it, for what `index` has.
pub(super) fn definition(
    package: &'static str,
    index: &Arc<Index>,
    leaving: &CancellationToken,
) -> Definition {
    let (index, leaving) = (Arc::clone(index), leaving.clone());
    let info = move |_: Context, requests: Streaming<Bytes>, replies: Emitter<Bytes>| {
        let index = Arc::clone(&index);
        let answers = requests
            .map(move |request| {
                let answer = index.answer(&request?);
                answer.map_err(|fault| Error::bad_request(package, fault.to_string()))
            })
            .take_until(leaving.clone().cancelled_owned());
        async move { replies.drive(Ok::<_, Error>(answers)).await }
    };
    Definition::new(package).endpoint(ENDPOINT, bidirectional_as(REQUEST, REPLY, info))
}

/// Encoded descriptors, and what is in them. Of two that hold one name the first is told of.
pub(super) struct Index {
    /// By the names of the files, and by those of what they hold.
    files: HashMap<(u32, String), Bytes>,
    services: BTreeSet<String>,
}

impl Index {
    pub(super) fn new(files: &[ProtoFile]) -> Self {
        let mut index = Self {
            files: HashMap::new(),
            services: files.iter().flat_map(ProtoFile::services).collect(),
        };
        for file in files {
            let descriptor = Bytes::from(file.descriptor());
            let symbols = file.symbols().into_iter();
            let keys = symbols.map(|symbol| (FILE_CONTAINING_SYMBOL, symbol));
            for key in keys.chain([(FILE_BY_FILENAME, file.name())]) {
                let place = index.files.entry(key);
                place.or_insert_with(|| descriptor.clone());
            }
        }
        index
    }

    /// The answer to one request; what it does not have is answered, too.
    pub(super) fn answer(&self, request: &[u8]) -> Result<Bytes, Fault> {
        let (mut host, mut asked) = (&b""[..], None);
        let mut input = Input::new(request);
        while let Some((tag, wire)) = input.key()? {
            match (tag, wire) {
                (HOST, WireType::LengthDelimited) => host = input.bytes()?,
                (FILE_BY_FILENAME..=LIST_SERVICES, WireType::LengthDelimited) => {
                    asked = Some((tag, input.bytes()?));
                }
                _ => input.skip(tag, wire)?,
            }
        }
        let mut reply = Vec::new();
        bytes(1, host, &mut reply);
        bytes(2, request, &mut reply);
        let asked = asked.map(|(tag, name)| (tag, String::from_utf8_lossy(name).into_owned()));
        match asked {
            Some((LIST_SERVICES, _)) => nested(6, &mut reply, |out| self.list(out)),
            Some(key) => match self.files.get(&key) {
                Some(file) => nested(4, &mut reply, |out| bytes(1, file, out)),
                None => failure(NOT_FOUND, &super::missing(&key.1), &mut reply),
            },
            None => failure(INVALID_ARGUMENT, "nothing is asked", &mut reply),
        }
        Ok(reply.into())
    }

    fn list(&self, out: &mut Vec<u8>) {
        for service in &self.services {
            nested(1, out, |out| bytes(1, service.as_bytes(), out));
        }
    }
}

fn failure(code: i32, detail: &str, reply: &mut Vec<u8>) {
    nested(7, reply, |out| {
        int32::encode(1, &code, out);
        bytes(2, detail.as_bytes(), out);
    });
}

fn bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    nested(tag, out, |out| out.extend_from_slice(bytes));
}
