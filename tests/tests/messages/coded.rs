//! Numbers that are written zigzag, or in a fixed length: by prost's bytes.

use proptest::prelude::*;

use crate::proto_file::reflected;
use crate::round_trips::comes_back;
use crate::twin::{config, decode, encode};

#[micro::message]
struct Coded {
    #[micro(sint)]
    sint32: i32,
    #[micro(sint)]
    sint64: i64,
    #[micro(fixed)]
    fixed32: u32,
    #[micro(fixed)]
    fixed64: u64,
    #[micro(fixed)]
    sfixed32: i32,
    #[micro(fixed)]
    sfixed64: i64,
    #[micro(sint)]
    sints: Vec<i32>,
    #[micro(fixed)]
    fixeds: Vec<u64>,
    #[micro(sint)]
    maybe: Option<i64>,
    choice: Option<Choice>,
}

#[micro::message]
enum Choice {
    #[micro(sint)]
    Sint(i32),
    #[micro(fixed)]
    Fixed(Box<i64>),
    Usual(i32),
}

#[derive(Clone, PartialEq, prost::Message)]
struct CodedTwin {
    #[prost(sint32, tag = "1")]
    sint32: i32,
    #[prost(sint64, tag = "2")]
    sint64: i64,
    #[prost(fixed32, tag = "3")]
    fixed32: u32,
    #[prost(fixed64, tag = "4")]
    fixed64: u64,
    #[prost(sfixed32, tag = "5")]
    sfixed32: i32,
    #[prost(sfixed64, tag = "6")]
    sfixed64: i64,
    #[prost(sint32, repeated, tag = "7")]
    sints: Vec<i32>,
    #[prost(fixed64, repeated, tag = "8")]
    fixeds: Vec<u64>,
    #[prost(sint64, optional, tag = "9")]
    maybe: Option<i64>,
    #[prost(message, optional, tag = "10")]
    choice: Option<ChoiceTwin>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ChoiceTwin {
    #[prost(oneof = "KindTwin", tags = "1, 2, 3")]
    kind: Option<KindTwin>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum KindTwin {
    #[prost(sint32, tag = "1")]
    Sint(i32),
    #[prost(sfixed64, tag = "2")]
    Fixed(i64),
    #[prost(int32, tag = "3")]
    Usual(i32),
}

fn twin(coded: Coded) -> CodedTwin {
    let choice = coded.choice.map(|choice| ChoiceTwin {
        kind: Some(match choice {
            Choice::Sint(number) => KindTwin::Sint(number),
            Choice::Fixed(number) => KindTwin::Fixed(*number),
            Choice::Usual(number) => KindTwin::Usual(number),
        }),
    });
    CodedTwin {
        sint32: coded.sint32,
        sint64: coded.sint64,
        fixed32: coded.fixed32,
        fixed64: coded.fixed64,
        sfixed32: coded.sfixed32,
        sfixed64: coded.sfixed64,
        sints: coded.sints,
        fixeds: coded.fixeds,
        maybe: coded.maybe,
        choice,
    }
}

fn any_coded() -> impl Strategy<Value = Coded> {
    let choice = prop_oneof![
        any::<i32>().prop_map(Choice::Sint),
        any::<Box<i64>>().prop_map(Choice::Fixed),
        any::<i32>().prop_map(Choice::Usual),
    ];
    let numbers = any::<(i32, i64, u32, u64, i32, i64)>();
    let many = any::<(Vec<i32>, Vec<u64>, Option<i64>)>();
    (numbers, many, proptest::option::of(choice)).prop_map(|(numbers, many, choice)| Coded {
        sint32: numbers.0,
        sint64: numbers.1,
        fixed32: numbers.2,
        fixed64: numbers.3,
        sfixed32: numbers.4,
        sfixed64: numbers.5,
        sints: many.0,
        fixeds: many.1,
        maybe: many.2,
        choice,
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn coded_numbers_are_written_as_prost_does(coded in any_coded()) {
        prop_assert_eq!(encode(&coded), prost::Message::encode_to_vec(&twin(coded)));
    }

    #[test]
    fn coded_numbers_come_back(coded in any_coded()) {
        comes_back(coded)?;
    }
}

#[test]
fn coded_numbers_have_their_types_in_the_file() {
    let coded = Coded {
        sint32: -1,
        fixeds: vec![7],
        choice: Some(Choice::Fixed(Box::new(-2))),
        ..Coded::default()
    };

    reflected("Coded", &coded);
}

#[test]
fn a_coded_number_is_no_other_one() {
    let wrong = decode::<Coded>(&[0x18, 1]).unwrap_err();

    let said = wrong.to_string();
    let why = "fixed32: expected a whole number from 0 to 4294967295, found a varint";
    assert!(said.contains(why), "{said}");
}
