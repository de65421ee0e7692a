//! Prints messages as a proto file, for callers in other languages.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt::Write as _;

use super::schema::{Kind, Label, Member, Schema, Shape, screaming};

/// A proto3 file of these messages and of all that they are made of.
///
/// Characters that `package` may not have there are written as `_`; without a package there is no
/// such line. Where two types have one name, the second gets a number behind it.
///
/// ```
/// use micro::Message;
/// use micro::codec::proto_file;
///
/// #[micro::message]
/// struct HelloRequest { name: String }
///
/// let file = proto_file("greeter", &[HelloRequest::format().schema().unwrap()]);
///
/// assert!(file.contains("message HelloRequest {\n  string name = 1;\n}"));
/// ```
pub fn proto_file(package: &str, messages: &[Schema]) -> String {
    let mut file = File::default();
    for schema in messages {
        file.collect(schema);
    }
    let mut text = String::from("syntax = \"proto3\";\n");
    if !package.is_empty() {
        text.extend(["\npackage ", &package_name(package), ";\n"]);
    }
    for schema in &file.schemas {
        text.push('\n');
        file.print(schema, &mut text);
    }
    text
}

/// The proto package of a service of this name.
pub(crate) fn package_name(package: &str) -> String {
    let part = |part: &str| {
        let name: String = part
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            name
        } else {
            format!("_{name}")
        }
    };
    package.split('.').map(part).collect::<Vec<_>>().join(".")
}

#[derive(Default)]
struct File {
    schemas: Vec<Schema>,
    names: HashMap<TypeId, String>,
}

impl File {
    /// Adds a schema and what it is made of, each once.
    fn collect(&mut self, schema: &Schema) {
        if self.names.contains_key(&schema.id()) {
            return;
        }
        self.names.insert(schema.id(), self.free_name(&schema.name));
        self.schemas.push(schema.clone());
        if let Shape::Message(members) | Shape::OneOf(members) = &schema.shape {
            for member in members {
                self.collect_kind(&member.kind);
            }
        }
    }

    fn collect_kind(&mut self, kind: &Kind) {
        match kind {
            Kind::Scalar(_) => {}
            Kind::Named(schema) => self.collect(&schema()),
            Kind::Map(_, value) => self.collect_kind(value),
        }
    }

    fn free_name(&self, name: &str) -> String {
        let taken = |name: &String| self.names.values().any(|other| other == name);
        let numbered = (2_usize..).map(|number| format!("{name}{number}"));
        std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or_default()
    }

    fn print(&self, schema: &Schema, text: &mut String) {
        let name = self.name(schema);
        match &schema.shape {
            Shape::Message(members) => {
                let lines = members.iter().map(|member| self.line("  ", member));
                block(text, &format!("message {name}"), "", lines);
            }
            Shape::OneOf(members) => {
                let mut oneof = String::from("kind");
                while members.iter().any(|member| member.name == oneof) {
                    oneof.push('_');
                }
                let mut inner = String::new();
                let lines = members.iter().map(|member| self.line("    ", member));
                block(&mut inner, &format!("oneof {oneof}"), "  ", lines);
                block(text, &format!("message {name}"), "", [inner]);
            }
            Shape::Enum(variants) => {
                let prefix = screaming(&name);
                let line =
                    |(variant, number): &(&str, i32)| format!("  {prefix}_{variant} = {number};\n");
                // The first value of a proto3 enum is 0.
                let (zero, others): (Vec<_>, Vec<_>) =
                    variants.iter().partition(|(_, number)| *number == 0);
                block(
                    text,
                    &format!("enum {name}"),
                    "",
                    zero.iter().chain(&others).copied().map(line),
                );
            }
        }
    }

    fn line(&self, indent: &str, member: &Member) -> String {
        let label = match member.label {
            Label::Plain => "",
            Label::Optional => "optional ",
            Label::Repeated => "repeated ",
        };
        format!(
            "{indent}{label}{} {} = {};\n",
            self.kind(&member.kind),
            member.name,
            member.tag
        )
    }

    fn kind(&self, kind: &Kind) -> String {
        match kind {
            Kind::Scalar(name) => (*name).to_owned(),
            Kind::Named(schema) => self.name(&schema()),
            Kind::Map(key, value) => format!("map<{}, {}>", self.kind(key), self.kind(value)),
        }
    }

    fn name(&self, schema: &Schema) -> String {
        self.names.get(&schema.id()).unwrap_or(&schema.name).clone()
    }
}

fn block(text: &mut String, head: &str, indent: &str, lines: impl IntoIterator<Item = String>) {
    let lines: String = lines.into_iter().collect();
    // Writing to a string cannot fail.
    let _ = if lines.is_empty() {
        writeln!(text, "{indent}{head} {{}}")
    } else {
        writeln!(text, "{indent}{head} {{\n{lines}{indent}}}")
    };
}

#[cfg(test)]
mod tests {
    use super::package_name;

    #[test]
    fn a_package_has_only_letters_that_protobuf_allows() {
        assert_eq!(package_name("go.micro.api-x.2nd"), "go.micro.api_x._2nd");
    }
}
