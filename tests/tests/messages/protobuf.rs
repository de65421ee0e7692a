//! Messages on the protobuf wire, beside what prost makes of the same `.proto`.

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;

use crate::twin::{Twin, agree, agree_on_bytes, config, decode, encode, fields};
use crate::values::{
    Closed, Held, HeldTwin, Keyed, KeyedTwin, Lists, ListsTwin, Narrow, NarrowTwin, Numbers,
    NumbersTwin, Open, Options, OptionsTwin, Shape, ShapeTwin, Shapes, ShapesTwin, Tagged,
    TaggedTwin, Tree, TreeTwin,
};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn numbers_texts_and_bytes_are_those_of_prost(mut value: Numbers) {
        // Minus zero is left out by prost, see below.
        (value.double, value.float) = (value.double + 0.0, value.float + 0.0);
        agree::<_, NumbersTwin>(value)?;
    }

    #[test]
    fn narrow_numbers_are_the_wide_ones_of_prost(value: Narrow) {
        agree::<_, NarrowTwin>(value)?;
    }

    #[test]
    fn lists_are_those_of_prost(value: Lists) {
        agree::<_, ListsTwin>(value)?;
    }

    #[test]
    fn options_are_those_of_prost(value: Options) {
        agree::<_, OptionsTwin>(value)?;
    }

    #[test]
    fn maps_of_every_key_are_those_of_prost(value: Keyed) {
        agree::<_, KeyedTwin>(value)?;
    }

    #[test]
    fn maps_of_every_value_are_those_of_prost(mut value: Held) {
        value.doubles.values_mut().for_each(|double| *double += 0.0);
        agree::<_, HeldTwin>(value)?;
    }

    #[test]
    fn messages_in_messages_are_those_of_prost(value: Tree) {
        agree::<_, TreeTwin>(value)?;
    }

    #[test]
    fn an_enum_with_data_is_a_oneof_of_prost(value: Shape) {
        agree::<_, ShapeTwin>(value)?;
    }

    #[test]
    fn enums_with_data_in_fields_are_those_of_prost(value: Shapes) {
        agree::<_, ShapesTwin>(value)?;
    }

}

// Most bytes are refused by both.
proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..config() })]

    #[test]
    fn numbers_are_read_from_the_same_bytes_as_by_prost(bytes in fields()) {
        agree_on_bytes::<Numbers, NumbersTwin>(&bytes)?;
    }

    #[test]
    fn lists_are_read_from_the_same_bytes_as_by_prost(bytes in fields()) {
        // The elements of this field are narrower than those of prost.
        prop_assume!(decode::<Lists>(&bytes).map_or(true, |lists| lists.parts.is_empty()));
        prop_assume!(ListsTwin::decode(&*bytes).map_or(true, |lists| lists.parts.is_empty()));
        agree_on_bytes::<Lists, ListsTwin>(&bytes)?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = decode::<Numbers>(&bytes);
        let _ = decode::<Lists>(&bytes);
        let _ = decode::<Options>(&bytes);
        let _ = decode::<Keyed>(&bytes);
        let _ = decode::<Held>(&bytes);
        let _ = decode::<Tree>(&bytes);
        let _ = decode::<Shapes>(&bytes);
    }

    #[test]
    fn arbitrary_fields_never_panic(bytes in fields()) {
        let _ = decode::<Options>(&bytes);
        let _ = decode::<Keyed>(&bytes);
        let _ = decode::<Held>(&bytes);
        let _ = decode::<Tree>(&bytes);
        let _ = decode::<Shapes>(&bytes);
    }
}

#[test]
fn an_empty_message_has_no_bytes() {
    assert_eq!(encode(&Numbers::default()), b"");
    assert_eq!(decode::<Numbers>(b"").unwrap(), Numbers::default());
}

#[test]
fn minus_zero_is_written_as_other_writers_than_prost_do() {
    let numbers = Numbers {
        float: -0.0,
        ..Numbers::default()
    };

    assert_eq!(encode(&numbers), b"\x15\x00\x00\x00\x80");
}

#[test]
fn fields_are_numbered_by_their_order() {
    let narrow = Narrow {
        byte: 1,
        short: 300,
        signed_byte: -1,
        maybe: Some(0),
        ..Narrow::default()
    };

    let bytes = encode(&narrow);

    let minus_one = b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_eq!(
        bytes,
        [b"\x08\x01\x10\xac\x02", &minus_one[..], b"\x30\x00"].concat()
    );
}

#[test]
fn written_tags_number_fields_and_those_behind_count_on() {
    let tagged = Tagged {
        last: 1,
        first: "a".to_owned(),
        third: true,
    };

    let bytes = encode(&tagged);

    assert_eq!(bytes, b"\x12\x01a\x18\x01\xe0\x12\x01");
    agree::<_, TaggedTwin>(tagged).unwrap();
}

#[test]
fn numbers_in_lists_are_packed() {
    let lists = Lists {
        int32s: vec![1, 300],
        ..Lists::default()
    };

    assert_eq!(encode(&lists), b"\x1a\x03\x01\xac\x02");
}

#[test]
fn numbers_in_lists_are_read_one_by_one_too() {
    let lists: Lists = decode(b"\x18\x01\x18\xac\x02\x1a\x01\x05").unwrap();

    assert_eq!(lists.int32s, [1, 300, 5]);
}

#[test]
fn an_enum_keeps_a_number_that_it_does_not_know() {
    let options: Options = decode(b"\x58\x63").unwrap();

    assert_eq!(options.choice, Some(Open::Other(99)));
    assert_eq!(encode(&options), b"\x58\x63");
}

#[test]
fn an_absent_value_is_told_from_a_zero_one() {
    let zero = Options {
        int32: Some(0),
        text: Some(String::new()),
        part: Some(Narrow::default()),
        ..Options::default()
    };

    assert_eq!(encode(&zero), b"\x18\x00\x42\x00\x52\x00");
    assert_eq!(encode(&Options::default()), b"");
}

#[test]
fn a_variant_that_says_nothing_is_still_written() {
    assert_eq!(encode(&Shape::Name(String::new())), b"\x12\x00");
    assert_eq!(encode(&Shape::Nothing), b"\x3a\x00");
}

#[test]
fn the_last_variant_of_several_counts() {
    let shape: Shape = decode(b"\x12\x01a\x3a\x00\x12\x01b").unwrap();

    assert_eq!(shape, Shape::Name("b".to_owned()));
}

#[test]
fn an_enum_with_data_that_is_there_and_unset_is_refused() {
    let error = decode::<Shapes>(b"\x0a\x00").unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(
        error
            .detail()
            .starts_with("Shapes.maybe: Shape is unset: expected one of circle, name"),
        "{error}"
    );
    assert_eq!(decode::<Shapes>(b"").unwrap().maybe, None);
}

#[test]
fn an_enum_that_knows_all_its_numbers_refuses_another_by_field_and_number() {
    #[micro::message]
    struct Levels {
        all: Vec<Closed>,
    }

    let error = decode::<Levels>(b"\x0a\x02\x01\x63").unwrap_err();

    assert_eq!(
        error.detail(),
        "Levels.all[1]: Closed has no variant of the number 99"
    );
}

#[test]
fn a_message_that_arrives_in_parts_is_put_together() {
    let parts = b"\x52\x02\x08\x01\x52\x02\x10\x02";

    let options: Options = decode(parts).unwrap();

    let expected = Narrow {
        byte: 1,
        short: 2,
        ..Narrow::default()
    };
    assert_eq!(options.part, Some(expected));
    assert_eq!(options.twin(), OptionsTwin::decode(&parts[..]).unwrap());
}

#[test]
fn shared_bytes_are_bytes() {
    #[micro::message]
    struct Shared {
        shared: Bytes,
        owned: Vec<u8>,
    }
    let shared = Shared {
        shared: Bytes::from_static(b"ab"),
        owned: b"c".to_vec(),
    };

    let bytes = encode(&shared);

    assert_eq!(bytes, b"\x0a\x02ab\x12\x01c");
    assert_eq!(decode::<Shared>(&bytes).unwrap(), shared);
}

#[test]
fn a_list_of_shared_bytes_and_maps_by_hash_are_read_back() {
    #[micro::message]
    struct Shared {
        list: Vec<Bytes>,
        map: std::collections::HashMap<u64, Bytes>,
    }
    let shared = Shared {
        list: vec![Bytes::new(), Bytes::from_static(b"ab")],
        map: [(1, Bytes::from_static(b"c"))].into(),
    };

    let bytes = encode(&shared);

    assert_eq!(bytes, b"\x0a\x00\x0a\x02ab\x12\x05\x08\x01\x12\x01c");
    assert_eq!(decode::<Shared>(&bytes).unwrap(), shared);
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let unknown = b"\x78\x01\x79\x00\x00\x00\x00\x00\x00\x00\x00\x7a\x01a\x7b\x08\x01\x7c\x7d\x00\x00\x00\x00\x10\x07";

    let narrow: Narrow = decode(unknown).unwrap();

    assert_eq!(narrow.short, 7);
}

#[test]
fn a_number_that_is_too_large_is_refused_by_its_field() {
    let error = decode::<Tree>(b"\x22\x03\x08\xff\x7f").unwrap_err();

    assert_eq!(error.code(), 400);
    assert_eq!(
        error.detail(),
        "Tree.always.byte: expected a whole number from 0 to 255, found 16383"
    );
}

/// A tree of so many messages within each other.
fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(Vec::new(), |inner, _| {
        let twin = prost::bytes::Bytes::from(inner);
        let mut outer = Vec::new();
        prost::encoding::bytes::encode(2, &twin, &mut outer);
        outer
    })
}

#[test]
fn a_hundred_messages_may_be_within_each_other_and_no_more() {
    assert!(decode::<Tree>(&nested(100)).is_ok() && TreeTwin::decode(&*nested(100)).is_ok());

    let error = decode::<Tree>(&nested(101)).unwrap_err();

    assert!(
        error
            .detail()
            .ends_with("more than 100 messages within each other"),
        "{error}"
    );
    assert!(TreeTwin::decode(&*nested(101)).is_err());
}

#[test]
fn groups_within_each_other_are_refused_when_they_are_too_many() {
    let error = decode::<Narrow>(&b"\x7b".repeat(100_000)).unwrap_err();

    assert!(
        error.detail().ends_with("recursion limit reached"),
        "{error}"
    );
}

#[test]
fn a_length_that_is_only_claimed_is_refused() {
    let error = decode::<Lists>(b"\x4a\xff\xff\xff\xff\x0f").unwrap_err();

    assert_eq!(
        error.detail(),
        "Lists.blobs[0]: the bytes end within a value"
    );
}
