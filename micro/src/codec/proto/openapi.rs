//! What services offer over plain HTTP, as OpenAPI 3.1 tells it: a path for each endpoint, bodies in JSON.

use serde_json::{Map, Value, json};

use super::{Names, ProtoFile, Rpc};
use crate::codec::schema::{Kind, Label, Member, Schema, Shape};

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
const EVENTS: &str = "text/event-stream";

/// The document of what `files` tell of, which is called by their owners.
///
/// Endpoints that have no form in JSON, or whose name no path can have, are left out.
pub(crate) fn openapi(version: &str, files: &[ProtoFile]) -> Value {
    let titles: Vec<&str> = files.iter().map(|file| &*file.owner).collect();
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for file in files {
        let names = file.names();
        let file = File { names, file };
        paths.extend(file.paths());
        schemas.extend(file.schemas());
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": titles.join(", "), "version": version },
        "paths": paths,
        "components": { "schemas": schemas, "responses": { "Error": error() } },
    })
}

/// The answer to a call that failed.
fn error() -> Value {
    let properties = json!({
        "id": { "type": "string", "description": "Who says so." },
        "code": { "type": "integer", "description": "The status." },
        "detail": { "type": "string", "description": "What went wrong." },
        "status": { "type": "string", "description": "What the code means." },
    });
    let required = ["id", "code", "detail", "status"];
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    json!({ "description": "The call failed.", "content": { JSON: { "schema": schema } } })
}

struct File<'a> {
    names: Names,
    file: &'a ProtoFile,
}

impl File<'_> {
    fn paths(&self) -> Map<String, Value> {
        let services = self.file.services.iter();
        let named = services.flat_map(|service| {
            let methods = service.methods.iter();
            methods.map(|(method, rpc)| {
                (
                    Some(&*service.name),
                    format!("{}.{method}", service.name),
                    rpc,
                )
            })
        });
        let unnamed = self.file.unnamed.iter();
        let unnamed = unnamed.map(|(endpoint, rpc)| (None, endpoint.clone(), rpc));
        let owner = &self.file.owner;
        named
            .chain(unnamed)
            .filter(|(_, endpoint, rpc)| {
                rpc.has_json()
                    && is_segment(owner)
                    && is_segment(endpoint)
                    && endpoint.contains('.')
            })
            .map(|(service, endpoint, rpc)| {
                let id = format!("{owner}.{endpoint}");
                let tag = service.map(|service| self.file.full(service));
                let operation = self.operation(id, tag.unwrap_or_else(|| owner.clone()), rpc);
                (format!("/{owner}/{endpoint}"), json!({ "post": operation }))
            })
            .collect()
    }

    fn operation(&self, id: String, tag: String, rpc: &Rpc) -> Value {
        let (request, reply) = match rpc.schemas() {
            Ok((request, reply)) => (self.body(&request), self.body(&reply)),
            Err(_) => (json!({}), json!({})),
        };
        let requests = match rpc.streams_requests() {
            true => (&[JSON, LINES][..], "One message, or many, one a line."),
            false => (&[JSON][..], "One message; nothing is one without fields."),
        };
        let replies = match rpc.streams_replies() {
            true => (
                &[LINES, EVENTS][..],
                "Many messages: one a line, or one an event. The line `{\"error\": …}`, or the event `error`, says \
                 that the rest did not come.",
            ),
            false => (&[JSON][..], "One message."),
        };
        let mut operation = json!({
            "operationId": id,
            "tags": [tag],
            "requestBody": answer(requests, &request),
            "responses": {
                "200": answer(replies, &reply),
                "default": { "$ref": "#/components/responses/Error" },
            },
        });
        if !rpc.text().is_empty() {
            operation["description"] = rpc.text().into();
        }
        operation
    }

    /// What stands in a body: the message, if it is known, or any JSON.
    fn body(&self, schema: &Schema) -> Value {
        match self.names.0.contains_key(&schema.id()) {
            true => self.reference(schema),
            false => json!({}),
        }
    }

    fn reference(&self, schema: &Schema) -> Value {
        let name = self.file.full(self.names.of(schema));
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn schemas(&self) -> Map<String, Value> {
        let schemas = self.file.schemas.iter();
        let named = |schema: &Schema| {
            let name = self.file.full(self.names.of(schema));
            (name, self.schema(schema))
        };
        schemas.map(named).collect()
    }

    fn schema(&self, schema: &Schema) -> Value {
        match &schema.shape {
            Shape::Message(members) => self.object(members),
            Shape::OneOf(members) => {
                let one = members.iter().map(|own| json!({ "required": [own.name] }));
                let mut object = self.object(members);
                object["oneOf"] = one.collect();
                object
            }
            Shape::Enum(variants) => {
                let numbers: Vec<i32> = variants.iter().map(|(_, number)| *number).collect();
                let names: Vec<&str> = variants.iter().map(|(name, _)| *name).collect();
                json!({ "type": "integer", "enum": numbers, "x-enum-varnames": names })
            }
        }
    }

    fn object(&self, members: &[Member]) -> Value {
        let fields = members.iter();
        let fields: Map<String, Value> = fields
            .map(|member| (member.name.to_owned(), self.field(member)))
            .collect();
        json!({ "type": "object", "properties": fields })
    }

    fn field(&self, member: &Member) -> Value {
        let kind = self.kind(&member.kind);
        match member.label {
            Label::Repeated => json!({ "type": "array", "items": kind }),
            Label::Plain | Label::Optional => kind,
        }
    }

    fn kind(&self, kind: &Kind) -> Value {
        match kind {
            Kind::Scalar(name) => scalar(name),
            Kind::Named(schema) => self.reference(&schema()),
            Kind::Map(_, value) => {
                json!({ "type": "object", "additionalProperties": self.kind(value) })
            }
        }
    }
}

/// A body of the schema in each of the content types.
fn answer((content_types, description): (&[&str], &str), schema: &Value) -> Value {
    let content = content_types.iter();
    let content: Map<String, Value> = content
        .map(|own| ((*own).to_owned(), json!({ "schema": schema })))
        .collect();
    json!({ "description": description, "content": content })
}

/// A type of protobuf's own, as it stands in JSON.
fn scalar(name: &str) -> Value {
    match name {
        "bool" => json!({ "type": "boolean" }),
        "string" => json!({ "type": "string" }),
        "bytes" => json!({ "type": "string", "contentEncoding": "base64" }),
        "double" | "float" => json!({ "type": "number", "format": name }),
        "uint32" | "fixed32" => json!({ "type": "integer", "format": "uint32", "minimum": 0 }),
        "uint64" | "fixed64" => json!({ "type": "integer", "format": "uint64", "minimum": 0 }),
        "int64" | "sint64" | "sfixed64" => json!({ "type": "integer", "format": "int64" }),
        _ => json!({ "type": "integer", "format": "int32" }),
    }
}

/// True for what stands in a path as it is.
fn is_segment(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~".contains(letter);
    !name.is_empty() && name.chars().all(is_plain)
}
