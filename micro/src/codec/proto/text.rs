//! A proto file as text.

use std::fmt::{self, Display, Formatter};

use super::{Names, ProtoFile, Rpc, Service, runs};
use crate::codec::schema::{Kind, Label, Member, Schema, Shape};

impl Display for ProtoFile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "// {}", self.name())?;
        if self.package != self.owner {
            write!(f, ", of the service {}", self.owner)?;
        }
        f.write_str("\nsyntax = \"proto3\";\n")?;
        if !self.package.is_empty() {
            write!(f, "\npackage {};\n", self.package)?;
        }
        let names = self.names();
        for service in &self.services {
            f.write_str("\n")?;
            write_service(f, &names, service)?;
        }
        for (endpoint, _) in &self.unnamed {
            write!(
                f,
                "\n// {endpoint} is left out: protobuf has no such name.\n"
            )?;
        }
        for schema in &self.schemas {
            f.write_str("\n")?;
            write_type(f, &names, schema)?;
        }
        Ok(())
    }
}

fn write_service(f: &mut Formatter<'_>, names: &Names, service: &Service) -> fmt::Result {
    writeln!(f, "service {} {{", service.name)?;
    for (name, rpc) in &service.methods {
        write_method(f, names, name, rpc)?;
    }
    f.write_str("}\n")
}

fn write_method(f: &mut Formatter<'_>, names: &Names, name: &str, rpc: &Rpc) -> fmt::Result {
    let (request, reply) = match rpc.schemas() {
        Ok(both) => both,
        Err(why) => return writeln!(f, "  // rpc {name} is left out: {why}."),
    };
    for line in rpc.text().lines() {
        writeln!(f, "  // {line}")?;
    }
    let stream = |streams| if streams { "stream " } else { "" };
    write!(
        f,
        "  rpc {name} ({}{}) returns ({}{})",
        stream(rpc.streams_requests()),
        names.of(&request),
        stream(rpc.streams_replies()),
        names.of(&reply)
    )?;
    match rpc.is_idempotent() {
        true => f.write_str(" {\n    option idempotency_level = IDEMPOTENT;\n  }\n"),
        false => f.write_str(";\n"),
    }
}

fn write_type(f: &mut Formatter<'_>, names: &Names, schema: &Schema) -> fmt::Result {
    let name = names.of(schema);
    match &schema.shape {
        Shape::Message(members) | Shape::OneOf(members) if members.is_empty() => {
            writeln!(f, "message {name} {{}}")
        }
        Shape::Message(members) => write_message(f, names, name, &runs(members, false)),
        Shape::OneOf(members) => write_message(f, names, name, &runs(members, true)),
        Shape::Enum(variants) => {
            writeln!(f, "enum {name} {{")?;
            for (value, number) in names.values(schema, variants) {
                writeln!(f, "  {value} = {number};")?;
            }
            f.write_str("}\n")
        }
    }
}

fn write_message(
    f: &mut Formatter<'_>,
    names: &Names,
    name: &str,
    runs: &[(Option<String>, &[Member])],
) -> fmt::Result {
    writeln!(f, "message {name} {{")?;
    for (one_of, members) in runs {
        let indent = match one_of {
            Some(one_of) => {
                writeln!(f, "  oneof {one_of} {{")?;
                "    "
            }
            None => "  ",
        };
        for member in *members {
            write_field(f, names, indent, member)?;
        }
        if one_of.is_some() {
            f.write_str("  }\n")?;
        }
    }
    f.write_str("}\n")
}

fn write_field(f: &mut Formatter<'_>, names: &Names, indent: &str, member: &Member) -> fmt::Result {
    let label = match member.label {
        Label::Plain => "",
        Label::Optional => "optional ",
        Label::Repeated => "repeated ",
    };
    let kind = kind(names, &member.kind);
    writeln!(f, "{indent}{label}{kind} {} = {};", member.name, member.tag)
}

fn kind(names: &Names, kind_of: &Kind) -> String {
    match kind_of {
        Kind::Scalar(name) => (*name).to_owned(),
        Kind::Named(schema) => names.of(&schema()).to_owned(),
        Kind::Map(key, value) => format!("map<{}, {}>", kind(names, key), kind(names, value)),
    }
}
