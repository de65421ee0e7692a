//! The `.proto` that messages print, compiled and used to read what they write.

use std::collections::{BTreeMap, HashMap};

use micro::Message;
use micro::codec::ProtoFile;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};

use crate::compiled::compiled;
use crate::twin::{decode, encode};
use crate::values::{
    Closed, Held, Keyed, Lists, Narrow, Numbers, Open, Options, Shape, Shapes, Tagged, Tree,
};

fn printed<T: Message>() -> ProtoFile {
    ProtoFile::new("test.messages").message(&T::format().schema().unwrap())
}

/// The message of `T` in the file that it prints.
fn message<T: Message>(name: &str) -> MessageDescriptor {
    let pool = compiled(&printed::<T>());
    pool.get_message_by_name(&format!("test.messages.{name}"))
        .unwrap()
}

/// What `T` writes, read by the file that it prints; `T` reads back what that writes.
pub(crate) fn reflected<T: Message + PartialEq + std::fmt::Debug>(
    name: &str,
    value: &T,
) -> DynamicMessage {
    let bytes = encode(value);
    let found = DynamicMessage::decode(message::<T>(name), &*bytes).unwrap();
    assert_eq!(found.unknown_fields().count(), 0, "{found:?}");
    assert_eq!(
        &decode::<T>(&prost::Message::encode_to_vec(&found)).unwrap(),
        value
    );
    found
}

fn field<'a>(found: &'a DynamicMessage, name: &str) -> std::borrow::Cow<'a, Value> {
    found.get_field_by_name(name).unwrap()
}

fn kinds(message: &MessageDescriptor) -> Vec<(u32, Kind)> {
    let fields = message.fields();
    fields.map(|field| (field.number(), field.kind())).collect()
}

#[test]
fn numbers_texts_and_bytes_have_the_types_of_protobuf() {
    let kinds = kinds(&message::<Numbers>("Numbers"));

    let expected = [
        Kind::Double,
        Kind::Float,
        Kind::Int32,
        Kind::Int64,
        Kind::Uint32,
        Kind::Uint64,
        Kind::Bool,
        Kind::String,
        Kind::Bytes,
    ];
    assert!(kinds.into_iter().eq((1..).zip(expected)));
}

#[test]
fn numbers_texts_and_bytes_are_read_by_the_file() {
    let numbers = Numbers {
        double: 1.5,
        float: -0.5,
        int32: -3,
        int64: i64::MIN,
        uint32: 5,
        uint64: u64::MAX,
        truth: true,
        text: "ä".to_owned(),
        octets: vec![0, 255],
    };

    let found = reflected("Numbers", &numbers);

    let values: Vec<Value> = found.fields().map(|(_, value)| value.clone()).collect();
    let expected = [
        Value::F64(1.5),
        Value::F32(-0.5),
        Value::I32(-3),
        Value::I64(i64::MIN),
        Value::U32(5),
        Value::U64(u64::MAX),
        Value::Bool(true),
        Value::String("ä".to_owned()),
        Value::Bytes(vec![0, 255].into()),
    ];
    assert_eq!(values, expected);
}

#[test]
fn lists_are_repeated_and_numbers_in_them_packed() {
    let message = message::<Lists>("Lists");

    assert!(message.fields().all(|field| field.is_list()));
    let packed = |field: &FieldDescriptor| field.is_packed();
    assert_eq!(message.fields().filter(packed).count(), 8);
}

#[test]
fn lists_are_read_by_the_file() {
    let lists = Lists {
        int32s: vec![1, -1],
        texts: vec!["a".to_owned(), String::new()],
        choices: vec![Open::Done, Open::Other(99)],
        parts: vec![Narrow::default()],
        ..Lists::default()
    };

    let found = reflected("Lists", &lists);

    assert_eq!(
        *field(&found, "int32s"),
        Value::List(vec![Value::I32(1), Value::I32(-1)])
    );
    let choices = [7, 99].map(Value::EnumNumber).to_vec();
    assert_eq!(*field(&found, "choices"), Value::List(choices));
}

#[test]
fn options_tell_absent_from_zero_in_the_file_too() {
    let zero = Options {
        int32: Some(0),
        ..Options::default()
    };

    let found = reflected("Options", &zero);

    assert!(
        message::<Options>("Options")
            .fields()
            .all(|field| field.supports_presence())
    );
    assert!(found.has_field_by_name("int32") && !found.has_field_by_name("int64"));
}

#[test]
fn maps_are_read_by_the_file() {
    let keyed = Keyed {
        by_bool: BTreeMap::from([(true, "a".to_owned())]),
        by_i64: BTreeMap::from([(-5, "b".to_owned())]),
        by_text: BTreeMap::from([("k".to_owned(), "c".to_owned())]),
        ..Keyed::default()
    };

    let found = reflected("Keyed", &keyed);

    let entry =
        |key, text: &str| Value::Map(HashMap::from([(key, Value::String(text.to_owned()))]));
    assert_eq!(*field(&found, "by_bool"), entry(MapKey::Bool(true), "a"));
    assert_eq!(*field(&found, "by_i64"), entry(MapKey::I64(-5), "b"));
    assert_eq!(
        *field(&found, "by_text"),
        entry(MapKey::String("k".to_owned()), "c")
    );
    assert!(message::<Held>("Held").fields().all(|field| field.is_map()));
}

#[test]
fn a_message_that_holds_itself_is_printed_once() {
    let text = printed::<Tree>().to_string();

    assert_eq!(text.matches("message Tree {").count(), 1);
    let tree = Tree {
        left: Some(Box::new(Tree {
            leaf: "a".to_owned(),
            ..Tree::default()
        })),
        ..Tree::default()
    };
    reflected("Tree", &tree);
}

#[test]
fn written_tags_are_the_numbers_in_the_file() {
    let tagged = Tagged {
        last: 1,
        first: "a".to_owned(),
        third: true,
    };

    let found = reflected("Tagged", &tagged);

    assert_eq!(*field(&found, "last"), Value::U32(1));
    let numbers: Vec<_> = kinds(&message::<Tagged>("Tagged"))
        .into_iter()
        .map(|(number, _)| number)
        .collect();
    assert_eq!(numbers, [2, 3, 300]);
}

#[test]
fn an_enum_with_data_is_a_oneof_in_the_file() {
    let square = Shape::Square {
        side: -1,
        corners: vec![2],
    };

    let found = reflected("Shape", &square);

    let oneof = found.descriptor().oneofs().next().unwrap();
    assert_eq!(oneof.fields().len(), 7);
    let square = field(&found, "square").into_owned();
    let square = square.as_message().unwrap();
    assert_eq!(*field(square, "side"), Value::I64(-1));
    reflected("Shape", &Shape::Nothing);
    reflected("Shapes", &Shapes::default());
}

#[test]
fn values_of_enums_are_named_behind_the_name_of_theirs() {
    #[micro::message]
    enum HTTPStatus {
        #[default]
        Unset,
        NotFound = 404,
    }
    #[micro::message]
    struct Reply {
        status: HTTPStatus,
    }

    let message = message::<Reply>("Reply");

    let kind = message.get_field(1).unwrap().kind();
    let found: Vec<_> = kind
        .as_enum()
        .unwrap()
        .values()
        .map(|value| (value.name().to_owned(), value.number()))
        .collect();
    let expected = [("HTTP_STATUS_UNSET", 0), ("HTTP_STATUS_NOT_FOUND", 404)];
    assert!(
        found
            .iter()
            .map(|(name, number)| (&**name, *number))
            .eq(expected)
    );
}

#[test]
fn the_names_of_enums_in_the_file_are_read_in_json() {
    #[micro::message]
    enum V2Mode {
        #[default]
        Off,
        ReadOnly,
    }
    #[micro::message]
    struct Disk {
        mode: V2Mode,
    }
    let pool = compiled(&printed::<Disk>());
    let mode = pool.get_enum_by_name("test.messages.V2Mode").unwrap();

    let json = format!(r#"{{"mode":"{}"}}"#, mode.get_value(1).unwrap().name());

    let read = Disk::format().decode(&micro::message::ContentType::JSON, json.as_bytes());
    assert_eq!(read.unwrap().mode, V2Mode::ReadOnly);
}

#[test]
fn the_zero_of_an_enum_comes_first_in_the_file() {
    #[micro::message]
    enum Order {
        Second = 2,
        #[default]
        Zero = 0,
        Minus = -1,
    }
    #[micro::message]
    struct Holder {
        order: Order,
    }

    reflected(
        "Holder",
        &Holder {
            order: Order::Minus,
        },
    );
}

#[test]
fn type_parameters_are_in_the_names_of_messages() {
    #[micro::message]
    struct Page<T> {
        items: Vec<T>,
        next: Option<Box<Page<T>>>,
    }
    #[micro::message]
    struct Pages {
        numbers: Page<u64>,
        trees: Page<Tree>,
        pages: Page<Page<Closed>>,
    }

    let pool = compiled(&printed::<Pages>());

    for name in ["PageUint64", "PageTree", "PagePageClosed", "PageClosed"] {
        assert!(
            pool.get_message_by_name(&format!("test.messages.{name}"))
                .is_some(),
            "{name}"
        );
    }
}

#[test]
fn two_types_of_one_name_are_both_in_the_file() {
    mod other {
        #[micro::message]
        pub(super) struct Narrow {
            pub(super) name: String,
        }
        #[micro::message]
        pub(super) enum Closed {
            #[default]
            Low,
        }
    }
    #[micro::message]
    struct Both {
        one: Narrow,
        other: other::Narrow,
        low: Closed,
        lower: other::Closed,
    }

    let both = Both {
        other: other::Narrow {
            name: "a".to_owned(),
        },
        ..Both::default()
    };

    reflected("Both", &both);
}

#[test]
fn words_of_protobuf_may_be_names() {
    #[micro::message]
    struct Words {
        message: String,
        optional: Option<u32>,
        repeated: Vec<String>,
        oneof: u8,
        r#enum: bool,
        map: std::collections::HashMap<String, u32>,
        string: String,
        package: String,
        reserved: u8,
    }
    #[micro::message]
    enum Choice {
        Kind(String),
        Message { option: u8 },
    }

    compiled(&printed::<Words>());
    reflected("Choice", &Choice::Kind("a".to_owned()));
}

#[test]
fn any_package_has_a_name_that_protobuf_allows() {
    let schema = Narrow::format().schema().unwrap();

    for package in ["", "greeter", "go.micro.api-x.2nd", "a b", "message.string"] {
        compiled(&ProtoFile::new(package).message(&schema));
    }
}
