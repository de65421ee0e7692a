//! A proto file as a descriptor: `FileDescriptorProto` of `google/protobuf/descriptor.proto`, whose numbers these are.

use prost::encoding::{WireType, encode_key, encode_varint};

use super::{Names, ProtoFile, Service, runs};
use crate::codec::schema::{Kind, Label, Member, Schema, Shape};
use crate::codec::wire::{bytes, nested};

const OPTIONAL: u64 = 1;
const REPEATED: u64 = 3;
const IDEMPOTENT: u64 = 2;

impl ProtoFile {
    /// The encoded `FileDescriptorProto`, which gRPC's reflection sends and tools read. It has no comments.
    pub fn descriptor(&self) -> Vec<u8> {
        let file = File {
            names: self.names(),
            file: self,
        };
        let mut out = Vec::new();
        text(1, &self.name(), &mut out);
        if !self.package.is_empty() {
            text(2, &self.package, &mut out);
        }
        for schema in &self.schemas {
            match &schema.shape {
                Shape::Enum(variants) => {
                    nested(5, &mut out, |out| file.choice(schema, variants, out));
                }
                Shape::Message(members) => nested(4, &mut out, |out| {
                    file.message(schema, &runs(members, false), out);
                }),
                Shape::OneOf(members) => nested(4, &mut out, |out| {
                    file.message(schema, &runs(members, true), out);
                }),
            }
        }
        for service in &self.services {
            nested(6, &mut out, |out| file.service(service, out));
        }
        text(12, "proto3", &mut out);
        out
    }
}

struct File<'a> {
    names: Names,
    file: &'a ProtoFile,
}

impl File<'_> {
    fn message(&self, schema: &Schema, runs: &[(Option<String>, &[Member])], out: &mut Vec<u8>) {
        let name = self.names.of(schema);
        text(1, name, out);
        let mut one_ofs: Vec<String> = runs.iter().filter_map(|(name, _)| name.clone()).collect();
        for (one_of, members) in runs {
            for member in *members {
                let one_of = match (one_of, member.label) {
                    (Some(name), _) => one_ofs.iter().position(|own| own == name),
                    // Behind the written ones, as protoc does it.
                    (None, Label::Optional) => {
                        one_ofs.push(format!("_{}", member.name));
                        Some(one_ofs.len() - 1)
                    }
                    (None, _) => None,
                };
                nested(2, out, |out| self.field(name, member, one_of, out));
            }
        }
        for member in runs.iter().flat_map(|(_, members)| *members) {
            if let Kind::Map(key, value) = &member.kind {
                nested(3, out, |out| self.entry(member, key, value, out));
            }
        }
        for one_of in &one_ofs {
            nested(8, out, |out| text(1, one_of, out));
        }
    }

    fn field(&self, message: &str, member: &Member, one_of: Option<usize>, out: &mut Vec<u8>) {
        text(1, member.name, out);
        number(3, u64::from(member.tag), out);
        let is_many = member.label == Label::Repeated || matches!(member.kind, Kind::Map(..));
        number(4, if is_many { REPEATED } else { OPTIONAL }, out);
        match &member.kind {
            Kind::Map(..) => {
                let entry = self.file.full(&format!("{message}.{}", entry_name(member)));
                self.named(MESSAGE, &entry, out);
            }
            kind => self.kind(kind, out),
        }
        if let Some(place) = one_of {
            number(9, place as u64, out);
        }
        if member.label == Label::Optional {
            number(17, 1, out);
        }
    }

    /// A key and a value, as a message.
    fn entry(&self, member: &Member, key: &Kind, value: &Kind, out: &mut Vec<u8>) {
        text(1, &entry_name(member), out);
        for (tag, name, kind) in [(1, "key", key), (2, "value", value)] {
            nested(2, out, |out| {
                text(1, name, out);
                number(3, tag, out);
                number(4, OPTIONAL, out);
                self.kind(kind, out);
            });
        }
        nested(7, out, |out| number(7, 1, out));
    }

    fn kind(&self, kind: &Kind, out: &mut Vec<u8>) {
        match kind {
            Kind::Scalar(name) => number(5, scalar(name), out),
            Kind::Named(schema) => {
                let schema = schema();
                let kind = match schema.shape {
                    Shape::Enum(_) => ENUM,
                    Shape::Message(_) | Shape::OneOf(_) => MESSAGE,
                };
                self.named(kind, &self.file.full(self.names.of(&schema)), out);
            }
            // A map stands in no other type.
            Kind::Map(..) => {}
        }
    }

    fn named(&self, kind: u64, name: &str, out: &mut Vec<u8>) {
        number(5, kind, out);
        text(6, &format!(".{name}"), out);
    }

    fn choice(&self, schema: &Schema, variants: &[(&str, i32)], out: &mut Vec<u8>) {
        text(1, self.names.of(schema), out);
        for (value, value_number) in self.names.values(schema, variants) {
            nested(2, out, |out| {
                text(1, &value, out);
                number(2, i64::from(value_number) as u64, out);
            });
        }
    }

    fn service(&self, service: &Service, out: &mut Vec<u8>) {
        text(1, &service.name, out);
        for (name, rpc, request, reply) in service.described() {
            nested(2, out, |out| {
                text(1, name, out);
                for (tag, schema) in [(2, &request), (3, &reply)] {
                    let name = self.file.full(self.names.of(schema));
                    text(tag, &format!(".{name}"), out);
                }
                if rpc.is_idempotent() {
                    nested(4, out, |out| number(34, IDEMPOTENT, out));
                }
                for (tag, streams) in [(5, rpc.streams_requests()), (6, rpc.streams_replies())] {
                    if streams {
                        number(tag, 1, out);
                    }
                }
            });
        }
    }
}

const MESSAGE: u64 = 11;
const ENUM: u64 = 14;

/// The number of a type of protobuf's own.
fn scalar(name: &str) -> u64 {
    match name {
        "double" => 1,
        "float" => 2,
        "int64" => 3,
        "uint64" => 4,
        "int32" => 5,
        "fixed64" => 6,
        "fixed32" => 7,
        "bool" => 8,
        "string" => 9,
        "bytes" => 12,
        "uint32" => 13,
        "sfixed32" => 15,
        "sfixed64" => 16,
        "sint32" => 17,
        _ => 18,
    }
}

/// The message of a map's entries: `by_name` has `ByNameEntry`.
fn entry_name(member: &Member) -> String {
    let mut name = String::new();
    let mut capital = true;
    for letter in member.name.chars() {
        match letter {
            '_' => capital = true,
            letter if capital => {
                name.push(letter.to_ascii_uppercase());
                capital = false;
            }
            letter => name.push(letter),
        }
    }
    name + "Entry"
}

fn text(tag: u32, text: &str, out: &mut Vec<u8>) {
    bytes(tag, text.as_bytes(), out);
}

fn number(tag: u32, number: u64, out: &mut Vec<u8>) {
    encode_key(tag, WireType::Varint, out);
    encode_varint(number, out);
}
