//! Messages as MessagePack: named maps, and bytes as they are.

use micro::Message;
use micro::message::ContentType;
use proptest::prelude::*;

use crate::twin::{config, written};
use crate::values::{Closed, Keyed, Lists, Narrow, Numbers, Open, Options, Shape, Shapes, Tree};

fn write<T: Message>(value: &T) -> Vec<u8> {
    written(value, &ContentType::MSGPACK)
}

fn read<T: Message>(bytes: &[u8]) -> micro::Result<T> {
    T::format().decode(&ContentType::MSGPACK, bytes)
}

#[test]
fn a_message_is_a_map_by_name_without_what_is_absent() {
    let narrow = Narrow {
        short: 7,
        ..Narrow::default()
    };

    assert_eq!(write(&narrow), b"\x81\xa5short\x07");
    assert_eq!(write(&Narrow::default()), b"\x80");
}

#[test]
fn bytes_are_bin() {
    let numbers = Numbers {
        octets: b"ab".to_vec(),
        ..Numbers::default()
    };
    let lists = Lists {
        blobs: vec![b"a".to_vec()],
        ..Lists::default()
    };

    assert_eq!(write(&numbers), b"\x81\xa6octets\xc4\x02ab");
    assert_eq!(write(&lists), b"\x81\xa5blobs\x91\xc4\x01a");
}

#[test]
fn enums_are_numbers_and_keys_of_maps_as_they_are() {
    let options = Options {
        choice: Some(Open::Done),
        ..Options::default()
    };
    let keyed = Keyed {
        by_u8: [(1, "a".to_owned())].into(),
        ..Keyed::default()
    };

    assert_eq!(write(&options), b"\x81\xa6choice\x07");
    assert_eq!(write(&keyed), b"\x81\xa5by_u8\x81\x01\xa1a");
}

#[test]
fn numbers_that_have_no_digits_are_numbers() {
    let numbers = Numbers {
        double: f64::INFINITY,
        ..Numbers::default()
    };

    assert_eq!(write(&numbers), b"\x81\xa6double\xcb\x7f\xf0\0\0\0\0\0\0");
    assert_eq!(read::<Numbers>(&write(&numbers)).unwrap(), numbers);
}

#[test]
fn both_spellings_and_forms_are_read() {
    let narrow: Narrow = read(b"\x82\xaasignedByte\xa2-1\xa4more\x91\xc0").unwrap();

    assert_eq!(narrow.signed_byte, -1);
}

#[test]
fn nil_is_an_absent_field() {
    assert_eq!(
        read::<Narrow>(b"\x81\xa5short\xc0").unwrap(),
        Narrow::default()
    );
}

#[test]
fn an_unset_variant_and_an_unknown_number_are_refused() {
    #[micro::message]
    struct Level {
        now: Closed,
    }

    let unset = read::<Shape>(b"\x80").unwrap_err();
    let unknown = read::<Level>(b"\x81\xa3now\x63").unwrap_err();

    assert!(
        unset.code() == 400 && unset.detail().contains("expected one of circle"),
        "{unset}"
    );
    assert!(
        unknown
            .detail()
            .starts_with("Level.now: Closed has no variant of the number 99"),
        "{unknown}"
    );
}

#[test]
fn bytes_behind_the_value_are_refused() {
    let error = read::<Narrow>(b"\x80\x80").unwrap_err();

    assert_eq!(error.detail(), "Narrow: bytes behind the value at byte 1");
}

#[test]
fn a_value_that_is_nested_too_deep_is_refused() {
    let deep = b"\x81\xa4left".repeat(100_000);

    let error = read::<Tree>(&deep).unwrap_err();

    assert!(
        error.code() == 400 && error.detail().contains("depth limit"),
        "{error}"
    );
}

#[test]
fn lengths_that_are_only_claimed_are_refused_by_field() {
    for body in [
        &b"\x81\xa6octets\xc6\xff\xff\xff\xff"[..],
        b"\x81\xa6octets\xdd\xff\xff\xff\xff",
    ] {
        let error = read::<Numbers>(body).unwrap_err();

        assert_eq!(error.code(), 400);
        assert!(error.detail().starts_with("Numbers.octets"), "{error}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = read::<Numbers>(&bytes);
        let _ = read::<Tree>(&bytes);
    }

    #[test]
    fn arbitrary_values_of_a_field_never_panic(bytes: Vec<u8>) {
        for name in ["double", "text", "parts", "by_bool", "maybe", "octets", "choice", "left"] {
            let mut field = vec![0x81, 0xa0 | name.len() as u8];
            field.extend_from_slice(name.as_bytes());
            field.extend_from_slice(&bytes);
            let _ = read::<Numbers>(&field);
            let _ = read::<Lists>(&field);
            let _ = read::<Options>(&field);
            let _ = read::<Keyed>(&field);
            let _ = read::<Tree>(&field);
            let _ = read::<Shapes>(&field);
        }
    }

    #[test]
    fn a_message_that_is_cut_off_is_refused(value: Narrow, at: prop::sample::Index) {
        let bytes = write(&value);

        prop_assert!(read::<Narrow>(&bytes[..at.index(bytes.len())]).is_err());
    }
}
