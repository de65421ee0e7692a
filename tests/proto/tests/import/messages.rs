//! Messages: what the file says is read from what they write, and the other way round.

use std::collections::HashMap;

use micro::Message;
use micro::message::ContentType;
use prost_reflect::{DescriptorPool, DynamicMessage, MapKey, ReflectMessage, Value};

use crate::everything::google::protobuf::{StringValue, Struct, Timestamp, Value as Any, value};
use crate::everything::order::line::Unit;
use crate::everything::order::{Card, Line, Payment, Status};
use crate::everything::shop::common::Money;
use crate::everything::{Numbers, Option, Order, Receipt, String, Vec, vec};

fn pool() -> DescriptorPool {
    let mut compiler = protox::Compiler::new(["proto"]).unwrap();
    compiler.open_file("shop/everything.proto").unwrap();
    compiler.descriptor_pool()
}

fn encode<T: Message>(value: &T) -> std::vec::Vec<u8> {
    let mut bytes = std::vec::Vec::new();
    let written = T::format().encode(value, &ContentType::PROTOBUF, &mut bytes);
    written.unwrap();
    bytes
}

fn decode<T: Message>(bytes: &[u8]) -> T {
    T::format().decode(&ContentType::PROTOBUF, bytes).unwrap()
}

/// What the file reads of `value`; it writes the same bytes, and they are read as the same value.
fn read_by_file<T>(name: &str, value: &T) -> DynamicMessage
where
    T: Message + PartialEq + std::fmt::Debug,
{
    let message = pool()
        .get_message_by_name(&format!("shop.v1.{name}"))
        .unwrap();
    let bytes = encode(value);
    let found = DynamicMessage::decode(message, &*bytes).unwrap();
    assert_eq!(found.unknown_fields().count(), 0);
    assert_eq!(prost::Message::encode_to_vec(&found), bytes);
    assert_eq!(&decode::<T>(&bytes), value);
    found
}

fn field(found: &DynamicMessage, name: &str) -> Value {
    found.get_field_by_name(name).unwrap().into_owned()
}

fn named(id: &str) -> Order {
    Order {
        id: id.to_owned(),
        ..Order::default()
    }
}

#[test]
fn every_kind_of_number_is_written_as_the_file_says() {
    let numbers = Numbers {
        double: 1.5,
        float: -0.5,
        int32: -1,
        int64: i64::MIN,
        uint32: 5,
        uint64: u64::MAX,
        sint32: -7,
        sint64: i64::MIN,
        fixed32: 9,
        fixed64: u64::MAX,
        sfixed32: -11,
        sfixed64: i64::MIN,
        bool: true,
        string: "ä".to_owned(),
        bytes: vec![0, 255],
        sints: vec![1, -1],
        fixeds: vec![1, u32::MAX],
        maybe: Some(0),
        blobs: vec![vec![1], vec![]],
    };

    let found = read_by_file("Numbers", &numbers);

    assert_eq!(field(&found, "sint32"), Value::I32(-7));
    assert_eq!(field(&found, "sfixed64"), Value::I64(i64::MIN));
    let fixeds = vec![Value::U32(1), Value::U32(u32::MAX)];
    assert_eq!(field(&found, "fixeds"), Value::List(fixeds));
}

#[test]
fn messages_and_enums_within_a_message_are_in_its_module() {
    let order = Order {
        lines: vec![Line {
            name: "nut".to_owned(),
            pieces: 3,
            unit: Unit::Kilo,
        }],
        status: Status::Open,
        ..Order::default()
    };

    let found = read_by_file("Order", &order);

    assert_eq!(field(&found, "status"), Value::EnumNumber(1));
}

#[test]
fn types_of_other_packages_are_in_modules_of_their_names() {
    let order = Order {
        total: Some(Money {
            currency: "EUR".to_owned(),
            cents: -1,
        }),
        placed: Some(Timestamp {
            seconds: 7,
            nanos: 9,
        }),
        wrapped: Some(StringValue {
            value: "w".to_owned(),
        }),
        ..Order::default()
    };

    let found = read_by_file("Order", &order);

    let total = field(&found, "total");
    assert_eq!(field(total.as_message().unwrap(), "cents"), Value::I64(-1));
}

#[test]
fn messages_that_hold_themselves_are_written_as_the_file_says() {
    let null = Any {
        kind: Some(value::Kind::NullValue(Default::default())),
    };
    let order = Order {
        parent: Some(Box::new(named("parent"))),
        payment: Some(Payment::Other(Box::new(named("other")))),
        facts: Some(Struct {
            fields: HashMap::from([("a".to_owned(), null)]),
        }),
        ..Order::default()
    };

    let found = read_by_file("Order", &order);

    let other = field(&found, "other");
    assert_eq!(
        field(other.as_message().unwrap(), "id"),
        Value::String("other".to_owned())
    );
}

#[test]
fn maps_are_written_as_the_file_says() {
    let order = Order {
        by_name: HashMap::from([("a".to_owned(), Line::default())]),
        states: HashMap::from([(-5, Status::Lost)]),
        ..Order::default()
    };

    let message = pool().get_message_by_name("shop.v1.Order").unwrap();
    let found = DynamicMessage::decode(message, &*encode(&order)).unwrap();

    let states = HashMap::from([(MapKey::I64(-5), Value::EnumNumber(-1))]);
    assert_eq!(field(&found, "states"), Value::Map(states));
    assert_eq!(decode::<Order>(&encode(&order)), order);
}

#[test]
fn every_alternative_of_a_oneof_is_written_as_the_file_says() {
    let payments = [
        Payment::Card(Card::default()),
        Payment::Voucher(0),
        Payment::Debt(-3),
        Payment::Line2("b".to_owned()),
    ];
    for payment in payments {
        let order = Order {
            payment: Some(payment),
            ..Order::default()
        };

        let found = read_by_file("Order", &order);

        let one_of = found.descriptor().oneofs().next().unwrap();
        let set = one_of.fields().filter(|own| found.has_field(own)).count();
        assert_eq!(set, 1);
    }
}

#[test]
fn fields_keep_their_names_in_json() {
    let order = Order {
        r#type: "t".to_owned(),
        self_: "s".to_owned(),
        user_id: "u".to_owned(),
        renamed: "r".to_owned(),
        payment: Some(Payment::Line2("l".to_owned())),
        ..Order::default()
    };

    let mut json = std::vec::Vec::new();
    let format = Order::format();
    format
        .encode(&order, &ContentType::JSON, &mut json)
        .unwrap();

    let mut found: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let expected = serde_json::json!({
        "type": "t", "self": "s", "userID": "u", "otherName": "r", "line_2": "l",
    });
    assert_eq!(found, expected);
    found["lines"] = serde_json::Value::Null;
    let read = format.decode(&ContentType::JSON, found.to_string().as_bytes());
    assert_eq!(read.unwrap(), order);
}

#[test]
fn values_of_enums_are_read_in_json_by_their_names_in_the_file() {
    for (name, status) in [
        ("STATUS_UNKNOWN", Status::Unknown),
        ("STATUS_LEVEL_2", Status::Level2),
        ("STATUS_LOST", Status::Lost),
    ] {
        let json = format!(r#"{{"status": "{name}", "lines": [{{"unit": "KILO"}}]}}"#);

        let read = Order::format().decode(&ContentType::JSON, json.as_bytes());

        let read = read.unwrap();
        assert_eq!((read.status, &read.lines[0].unit), (status, &Unit::Kilo));
    }
}

#[test]
fn a_number_that_an_enum_has_no_name_for_is_kept() {
    let order = Order {
        status: Status::Unrecognized(77),
        ..Order::default()
    };

    read_by_file("Order", &order);
}

#[test]
fn messages_may_be_called_as_types_of_the_standard_library() {
    let option = Option {
        string: vec![String {}, String {}],
    };
    let held = Vec {
        kind: Some(vec::KindOneOf::B(String {})),
    };

    read_by_file("Option", &option);
    read_by_file("Vec", &held);
    read_by_file("Receipt", &Receipt { seal: vec![1] });
}
