//! The proto file of a service, for callers in other languages: as text, and as gRPC's reflection sends it.
//!
//! [`ProtoFile`] gathers schemas and methods and gives each message its name; `text` and `descriptor` only write down
//! what it holds.

mod descriptor;
mod openapi;
mod rpc;
mod text;

use std::any::TypeId;
use std::collections::{HashMap, HashSet};

pub(crate) use openapi::openapi;
pub use rpc::Rpc;

use super::schema::{Kind, Member, Schema, Shape, screaming};

/// A proto3 file: messages, all that they are made of, and services whose methods carry them.
///
/// It prints as text and [encodes](Self::descriptor) as a descriptor. Where two types have one name, or one has that
/// of a service, a number is put behind the later one's.
///
/// ```
/// use micro::Message;
/// use micro::codec::ProtoFile;
///
/// #[micro::message]
/// struct HelloRequest { name: String }
///
/// let file = ProtoFile::new("greeter").message(&HelloRequest::format().schema().unwrap());
///
/// assert!(file.to_string().contains("message HelloRequest {\n  string name = 1;\n}"));
/// ```
#[derive(Clone, Debug)]
pub struct ProtoFile {
    owner: String,
    package: String,
    schemas: Vec<Schema>,
    known: HashSet<TypeId>,
    services: Vec<Service>,
    /// Endpoints that protobuf has no name for.
    unnamed: Vec<(String, Rpc)>,
}

#[derive(Clone, Debug)]
struct Service {
    name: String,
    methods: Vec<(String, Rpc)>,
}

impl ProtoFile {
    /// A file without messages, for the package of the service `owner`: its name.
    ///
    /// Characters that a package may not have are written as `_`; an empty name is no package.
    pub fn new(owner: impl Into<String>) -> Self {
        let owner = owner.into();
        Self {
            package: package_name(&owner),
            owner,
            schemas: Vec::new(),
            known: HashSet::new(),
            services: Vec::new(),
            unnamed: Vec::new(),
        }
    }

    /// Adds a message and what it is made of, each once.
    pub fn message(mut self, schema: &Schema) -> Self {
        self.collect(schema);
        self
    }

    /// Adds the method of an endpoint: `Greeter.Hello` is `Hello` of the service `Greeter`.
    ///
    /// One whose messages have no schema, or whose name protobuf has no form for, is a comment in the text, and left
    /// out of the descriptor.
    pub fn method(mut self, endpoint: &str, rpc: Rpc) -> Self {
        let named = endpoint
            .split_once('.')
            .filter(|(service, method)| is_name(service) && is_name(method));
        let Some((service, method)) = named else {
            self.unnamed.push((endpoint.to_owned(), rpc));
            return self;
        };
        if let Ok((request, reply)) = rpc.schemas() {
            self.collect(&request);
            self.collect(&reply);
        }
        let place = self.services.iter().position(|own| own.name == service);
        let place = place.unwrap_or_else(|| {
            self.services.push(Service {
                name: service.to_owned(),
                methods: Vec::new(),
            });
            self.services.len() - 1
        });
        self.services[place].methods.push((method.to_owned(), rpc));
        self
    }

    /// Its name: that of the package, and `.proto`.
    pub fn name(&self) -> String {
        match &*self.package {
            "" => "messages.proto".to_owned(),
            package => format!("{package}.proto"),
        }
    }

    /// The package, empty if it has none.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// The full names of its services: `greeter.Greeter`.
    pub fn services(&self) -> impl Iterator<Item = String> {
        let services = self.services.iter();
        services.map(|service| self.full(&service.name))
    }

    /// The full names of its services, their methods, and its messages and enums: `greeter.Greeter.Hello`.
    pub fn symbols(&self) -> Vec<String> {
        let services = self.services.iter().flat_map(|service| {
            let methods = service.described().map(|(name, ..)| name);
            let methods = methods.map(|method| self.full(&format!("{}.{method}", service.name)));
            std::iter::once(self.full(&service.name)).chain(methods)
        });
        let names = self.names();
        let types = self
            .schemas
            .iter()
            .map(|schema| self.full(names.of(schema)));
        services.chain(types).collect()
    }

    /// A name of the package as others call it.
    fn full(&self, name: &str) -> String {
        match &*self.package {
            "" => name.to_owned(),
            package => format!("{package}.{name}"),
        }
    }

    fn collect(&mut self, schema: &Schema) {
        if !self.known.insert(schema.id()) {
            return;
        }
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

    /// What every type is called. Services come first: callers know them by their names.
    fn names(&self) -> Names {
        let mut taken: HashSet<String> = self.services.iter().map(|own| own.name.clone()).collect();
        let mut names = HashMap::new();
        for schema in &self.schemas {
            let numbered = (2_usize..).map(|number| format!("{}{number}", schema.name));
            let name = std::iter::once(schema.name.clone())
                .chain(numbered)
                .find(|name| !taken.contains(name))
                .unwrap_or_default();
            taken.insert(name.clone());
            names.insert(schema.id(), name);
        }
        Names(names)
    }
}

impl Service {
    /// The methods of which both messages are known, with them.
    fn described(&self) -> impl Iterator<Item = (&str, &Rpc, Schema, Schema)> {
        self.methods.iter().filter_map(|(name, rpc)| {
            let (request, reply) = rpc.schemas().ok()?;
            Some((&**name, rpc, request, reply))
        })
    }
}

/// The names of the types in one file.
struct Names(HashMap<TypeId, String>);

impl Names {
    fn of<'a>(&'a self, schema: &'a Schema) -> &'a str {
        self.0.get(&schema.id()).unwrap_or(&schema.name)
    }

    /// The values of an enum, the zero first as proto3 wants it, behind the name of theirs.
    fn values(&self, schema: &Schema, variants: &[(&str, i32)]) -> Vec<(String, i32)> {
        let prefix = screaming(self.of(schema));
        let (zero, others): (Vec<_>, Vec<_>) =
            variants.iter().partition(|(_, number)| *number == 0);
        let named = |(variant, number): &(&str, i32)| match schema.is_bare {
            true => ((*variant).to_owned(), *number),
            false => (format!("{prefix}_{variant}"), *number),
        };
        zero.into_iter().chain(others).map(named).collect()
    }
}

/// The fields of a message in their order, each run of them with the oneof that it belongs to.
fn runs(members: &[Member], is_one_of: bool) -> Vec<(Option<String>, &[Member])> {
    if !is_one_of {
        let runs = members.chunk_by(|one, other| one.one_of == other.one_of);
        return runs
            .map(|run| (run[0].one_of.map(str::to_owned), run))
            .collect();
    }
    let mut one_of = String::from("kind");
    while members.iter().any(|member| member.name == one_of) {
        one_of.push('_');
    }
    vec![(Some(one_of), members)]
}

/// True for what may name a service, a method or a message.
fn is_name(name: &str) -> bool {
    let goes_on = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(goes_on)
}

/// The proto package of a service of this name.
pub(crate) fn package_name(owner: &str) -> String {
    if owner.is_empty() {
        return String::new();
    }
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
    owner.split('.').map(part).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::package_name;

    #[test]
    fn a_package_has_only_letters_that_protobuf_allows() {
        assert_eq!(package_name("go.micro.api-x.2nd"), "go.micro.api_x._2nd");
    }
}
