//! What messages look like: for the records of a registry and for proto files.

use std::any::TypeId;
use std::fmt;

use super::field::{Form as _, Slots, Value};

/// A message or an enum.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Schema {
    /// Its name, such as `HelloRequest`; with type parameters, theirs behind it.
    pub name: String,
    /// What it is made of.
    pub shape: Shape,
    id: TypeId,
    /// True for an enum whose values are called as its variants are, without its own name in front.
    pub(super) is_bare: bool,
}

/// What a message or an enum is made of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Shape {
    /// A message: its fields.
    Message(Vec<Member>),
    /// A message of which one field is set.
    OneOf(Vec<Member>),
    /// An enum: its names and numbers.
    Enum(Vec<(&'static str, i32)>),
}

/// A field of a message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Member {
    /// The name in JSON, MessagePack and the proto file.
    pub name: &'static str,
    /// The number in protobuf.
    pub tag: u32,
    /// The oneof of its message that it belongs to.
    pub one_of: Option<&'static str>,
    /// How often it may occur.
    pub label: Label,
    /// The type of its values.
    pub kind: Kind,
}

/// How often a field may occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Once; absent says the same as zero.
    Plain,
    /// Once; absent says something else than zero.
    Optional,
    /// Any number of times.
    Repeated,
}

/// The type of a field's values.
#[derive(Clone)]
pub enum Kind {
    /// A type of protobuf's own, by its name.
    Scalar(&'static str),
    /// A message or an enum.
    Named(fn() -> Schema),
    /// A map: the types of its keys and values.
    Map(Box<Kind>, Box<Kind>),
}

/// A type as registries hold it: a name, the name of the type, and the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The name of the field, or of the message.
    pub name: String,
    /// The name of the type, as Go writes it: `string`, `[]Order`.
    pub kind: String,
    /// The fields, if it is a message.
    pub values: Vec<Outline>,
}

impl Schema {
    /// That of the Rust type `T`.
    pub fn of<T: 'static>(name: impl Into<String>, shape: Shape) -> Self {
        Self {
            name: name.into(),
            shape,
            id: TypeId::of::<T>(),
            is_bare: false,
        }
    }

    /// This, an enum of another's proto file: that has its own names for the values.
    #[cfg(feature = "grpc")]
    pub(crate) fn bare(mut self) -> Self {
        self.is_bare = true;
        self
    }

    /// The Rust type that it is made of, by which schemas of one name are told apart.
    pub fn id(&self) -> TypeId {
        self.id
    }

    /// The message, its fields, theirs and so on, `depth` levels of fields; 3 is what go-micro announces.
    ///
    /// ```
    /// use micro::codec::Schema;
    ///
    /// #[micro::message]
    /// struct Greeting { name: String, times: Vec<u32> }
    ///
    /// let schema = <Greeting as micro::Message>::format().schema().unwrap();
    /// let outline = schema.outline(3);
    ///
    /// assert_eq!(outline.values[1].name, "times");
    /// assert_eq!(outline.values[1].kind, "[]uint32");
    /// ```
    pub fn outline(&self, depth: usize) -> Outline {
        Outline {
            name: self.name.clone(),
            kind: self.name.clone(),
            values: self.fields(depth),
        }
    }

    fn fields(&self, depth: usize) -> Vec<Outline> {
        match (&self.shape, depth.checked_sub(1)) {
            (Shape::Message(members) | Shape::OneOf(members), Some(depth)) => {
                members.iter().map(|member| member.outline(depth)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A field that holds a message.
pub fn member_slots<S: Slots>(name: &'static str, tag: u32) -> Member {
    Member {
        name,
        tag,
        one_of: None,
        label: Label::Plain,
        kind: Kind::Named(S::schema),
    }
}

/// What the name of a message gets behind it for a type parameter.
pub fn label<T: Value>() -> String {
    T::Form::describe().1.label()
}

/// The name of a message that has type parameters.
pub fn name(name: &str, parameters: &[fn() -> String]) -> String {
    parameters
        .iter()
        .fold(name.to_owned(), |name, label| name + &label())
}

impl Member {
    fn outline(&self, depth: usize) -> Outline {
        let repeated = if self.label == Label::Repeated {
            "[]"
        } else {
            ""
        };
        let values = match &self.kind {
            Kind::Named(schema) => schema().fields(depth),
            Kind::Scalar(_) | Kind::Map(..) => Vec::new(),
        };
        Outline {
            name: self.name.to_owned(),
            kind: format!("{repeated}{}", self.kind.go_name()),
            values,
        }
    }
}

impl Kind {
    /// The name of the type with a capital, as part of the name of a type that has it as parameter.
    pub fn label(&self) -> String {
        match self {
            Self::Scalar(name) => name[..1].to_ascii_uppercase() + &name[1..],
            Self::Named(schema) => schema().name,
            Self::Map(key, value) => format!("{}To{}", key.label(), value.label()),
        }
    }

    fn go_name(&self) -> String {
        match self {
            Self::Scalar("double") => "float64".to_owned(),
            Self::Scalar("float") => "float32".to_owned(),
            Self::Scalar("bytes") => "[]uint8".to_owned(),
            Self::Scalar(name) => (*name).to_owned(),
            Self::Named(schema) => schema().name,
            Self::Map(key, value) => format!("map[{}]{}", key.go_name(), value.go_name()),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The schema behind a name may lead back to itself.
        f.write_str(&self.go_name())
    }
}

/// The name of an enum as it stands before those of its values: `HTTPStatus` is `HTTP_STATUS`.
pub(super) fn screaming(name: &str) -> String {
    let mut text = String::new();
    let mut before = '_';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let ends_capitals = letters.peek().is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase()
            && before != '_'
            && (!before.is_ascii_uppercase() || ends_capitals)
        {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
        before = letter;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::screaming;

    #[test]
    fn words_are_told_apart_by_capitals() {
        assert_eq!(screaming("OrderStatus"), "ORDER_STATUS");
        assert_eq!(screaming("HTTPCode"), "HTTP_CODE");
        assert_eq!(screaming("V2Mode_X"), "V2_MODE_X");
    }
}
