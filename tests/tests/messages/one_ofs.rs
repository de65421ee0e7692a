//! A oneof among other fields: an enum whose variants are fields of the message around it.

use micro::Message;
use micro::message::ContentType;
use proptest::prelude::*;

use crate::compiled::compiled;
use crate::proto_file::reflected;
use crate::round_trips::comes_back;
use crate::twin::{config, decode, encode, written};
use crate::values::{Narrow, NarrowTwin};

#[micro::message]
struct Payment {
    #[tag = 1]
    id: String,
    #[micro(oneof)]
    method: Option<Method>,
    #[tag = 6]
    cents: i64,
    #[micro(oneof)]
    pub receipt: Option<Receipt>,
}

#[micro::message]
enum Method {
    #[tag = 2]
    GiftCard(String),
    #[tag = 4]
    Part(Box<Narrow>),
    #[tag = 5]
    Bank { iban: String },
}

#[micro::message]
enum Receipt {
    #[tag = 7]
    Mail(String),
    #[tag = 8]
    Number(u64),
}

#[derive(Clone, PartialEq, prost::Message)]
struct PaymentTwin {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(oneof = "MethodTwin", tags = "2, 4, 5")]
    method: Option<MethodTwin>,
    #[prost(int64, tag = "6")]
    cents: i64,
    #[prost(oneof = "ReceiptTwin", tags = "7, 8")]
    receipt: Option<ReceiptTwin>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum MethodTwin {
    #[prost(string, tag = "2")]
    GiftCard(String),
    #[prost(message, tag = "4")]
    Part(Box<NarrowTwin>),
    #[prost(message, tag = "5")]
    Bank(BankTwin),
}

#[derive(Clone, PartialEq, prost::Message)]
struct BankTwin {
    #[prost(string, tag = "1")]
    iban: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum ReceiptTwin {
    #[prost(string, tag = "7")]
    Mail(String),
    #[prost(uint64, tag = "8")]
    Number(u64),
}

fn twin(payment: Payment) -> PaymentTwin {
    PaymentTwin {
        id: payment.id,
        method: payment.method.map(|method| match method {
            Method::GiftCard(code) => MethodTwin::GiftCard(code),
            Method::Part(part) => MethodTwin::Part(crate::twin::Twin::twin(part)),
            Method::Bank { iban } => MethodTwin::Bank(BankTwin { iban }),
        }),
        cents: payment.cents,
        receipt: payment.receipt.map(|receipt| match receipt {
            Receipt::Mail(address) => ReceiptTwin::Mail(address),
            Receipt::Number(number) => ReceiptTwin::Number(number),
        }),
    }
}

fn any_payment() -> impl Strategy<Value = Payment> {
    let method = prop_oneof![
        any::<String>().prop_map(Method::GiftCard),
        any::<Narrow>().prop_map(|part| Method::Part(Box::new(part))),
        any::<String>().prop_map(|iban| Method::Bank { iban }),
    ];
    let receipt = prop_oneof![
        any::<String>().prop_map(Receipt::Mail),
        any::<u64>().prop_map(Receipt::Number),
    ];
    let both = (proptest::option::of(method), proptest::option::of(receipt));
    (any::<(String, i64)>(), both).prop_map(|((id, cents), (method, receipt))| Payment {
        id,
        method,
        cents,
        receipt,
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_oneof_among_fields_is_written_as_prost_does(payment in any_payment()) {
        prop_assert_eq!(encode(&payment), prost::Message::encode_to_vec(&twin(payment)));
    }

    #[test]
    fn a_oneof_among_fields_comes_back(payment in any_payment()) {
        comes_back(payment)?;
    }
}

fn gift() -> Payment {
    Payment {
        id: "7".to_owned(),
        method: Some(Method::GiftCard("code".to_owned())),
        ..Payment::default()
    }
}

#[test]
fn the_fields_of_a_oneof_are_fields_of_the_message_in_json() {
    let json = written(&gift(), &ContentType::JSON);

    assert_eq!(json, br#"{"id":"7","gift_card":"code"}"#);
}

#[test]
fn the_fields_of_a_oneof_are_read_in_either_spelling() {
    let json = br#"{"giftCard": "code", "id": "7", "number": null}"#;

    let read = Payment::format().decode(&ContentType::JSON, json);

    assert_eq!(read.unwrap(), gift());
}

#[test]
fn two_fields_of_one_oneof_are_refused_in_json() {
    let json = br#"{"mail": "a", "number": 1}"#;

    let wrong = Payment::format().decode(&ContentType::JSON, json);

    let said = wrong.unwrap_err().to_string();
    assert!(
        said.contains("expected one variant, found a second one"),
        "{said}"
    );
}

#[test]
fn of_two_fields_of_one_oneof_the_last_is_taken_in_protobuf() {
    let number = [0x40, 7];
    let mail = [0x3a, 1, b'a'];

    let read = decode::<Payment>(&[&mail[..], &number].concat()).unwrap();

    assert_eq!(read.receipt, Some(Receipt::Number(7)));
}

#[test]
fn a_oneof_is_one_in_the_file() {
    let found = reflected("Payment", &gift());

    let descriptor = prost_reflect::ReflectMessage::descriptor(&found);
    let one_ofs = descriptor.oneofs();
    let one_ofs: Vec<_> = one_ofs
        .map(|own| (own.name().to_owned(), own.fields().len()))
        .collect();
    assert_eq!(
        one_ofs,
        [("method".to_owned(), 3), ("receipt".to_owned(), 2)]
    );
}

#[test]
fn the_values_of_an_enum_may_have_names_of_their_own() {
    #[micro::message]
    enum Level {
        #[default]
        #[micro(name = "LEVEL_0")]
        Level0,
        #[micro(name = "TOP_1")]
        Top1,
    }
    #[micro::message]
    struct Holder {
        level: Level,
    }

    let file = micro::codec::ProtoFile::new("test").message(&Holder::format().schema().unwrap());

    let pool = compiled(&file);
    let level = pool.get_enum_by_name("test.Level").unwrap();
    assert_eq!(level.get_value(1).unwrap().name(), "LEVEL_TOP_1");
    let read = Holder::format().decode(&ContentType::JSON, br#"{"level": "LEVEL_TOP_1"}"#);
    assert_eq!(read.unwrap().level, Level::Top1);
}
