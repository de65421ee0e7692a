//! Messages as JSON: what go-micro's peers send and read.

use std::collections::BTreeMap;

use micro::Message;
use micro::message::ContentType;
use proptest::prelude::*;

use crate::twin::{config, written};
use crate::values::{
    Closed, Held, Keyed, Lists, Narrow, Numbers, Open, Options, Shape, Shapes, Tree,
};

fn write<T: Message>(value: &T) -> String {
    String::from_utf8(written(value, &ContentType::JSON)).unwrap()
}

fn read<T: Message>(text: &str) -> micro::Result<T> {
    T::format().decode(&ContentType::JSON, text.as_bytes())
}

/// Names of two words, and everything that has two forms.
#[micro::message]
struct Account {
    user_name: String,
    total_cents: i64,
    open_since: u64,
    level_now: Closed,
    access_key: Vec<u8>,
    ratio: f64,
}

#[test]
fn what_is_absent_is_not_written() {
    assert_eq!(write(&Numbers::default()), "{}");
    assert_eq!(write(&Lists::default()), "{}");
    assert_eq!(write(&Options::default()), "{}");
    assert_eq!(write(&Tree::default()), "{}");
}

#[test]
fn what_is_optional_is_written_even_if_it_is_zero() {
    let zero = Options {
        int32: Some(0),
        choice: Some(Open::Unset),
        part: Some(Narrow::default()),
        ..Options::default()
    };

    assert_eq!(write(&zero), r#"{"int32":0,"part":{},"choice":0}"#);
}

#[test]
fn absent_fields_are_read_as_their_defaults() {
    assert_eq!(read::<Numbers>("{}").unwrap(), Numbers::default());
    assert_eq!(read::<Tree>("{}").unwrap(), Tree::default());
}

#[test]
fn null_is_an_absent_field() {
    let nulls = r#"{"double":null,"int64":null,"truth":null,"text":null,"octets":null}"#;

    assert_eq!(read::<Numbers>(nulls).unwrap(), Numbers::default());
    assert_eq!(
        read::<Lists>(r#"{"parts":null}"#).unwrap(),
        Lists::default()
    );
    assert_eq!(
        read::<Keyed>(r#"{"by_u8":null}"#).unwrap(),
        Keyed::default()
    );
    assert_eq!(
        read::<Options>(r#"{"part":null}"#).unwrap(),
        Options::default()
    );
}

#[test]
fn names_are_written_in_snake_case_and_numbers_and_enums_in_digits() {
    let account = Account {
        user_name: "ann".to_owned(),
        total_cents: i64::MIN,
        open_since: u64::MAX,
        level_now: Closed::HighUp,
        access_key: vec![0xfb, 0xff, 0x01],
        ratio: 0.5,
    };

    let text = write(&account);

    assert_eq!(
        text,
        r#"{"user_name":"ann","total_cents":-9223372036854775808,"open_since":18446744073709551615,"level_now":1,"access_key":"+/8B","ratio":0.5}"#
    );
}

#[test]
fn both_spellings_of_a_name_are_read() {
    let snake: Account = read(r#"{"user_name":"ann","total_cents":7}"#).unwrap();
    let camel: Account = read(r#"{"userName":"ann","totalCents":7}"#).unwrap();

    assert_eq!(snake, camel);
    assert_eq!(snake.user_name, "ann");
}

#[test]
fn numbers_are_read_from_texts_as_well() {
    let account: Account = read(
        r#"{"totalCents":"-9223372036854775808","openSince":"18446744073709551615","ratio":"0.5"}"#,
    )
    .unwrap();

    assert_eq!(
        (account.total_cents, account.open_since, account.ratio),
        (i64::MIN, u64::MAX, 0.5)
    );
}

#[test]
fn whole_numbers_are_read_however_they_are_written() {
    let account: Account = read(r#"{"total_cents":3.0,"open_since":1e3}"#).unwrap();

    assert_eq!((account.total_cents, account.open_since), (3, 1000));
}

#[test]
fn enums_are_read_by_number_and_by_each_of_their_names() {
    for level in [
        "1",
        "1.0",
        r#""1""#,
        r#""HighUp""#,
        r#""HIGH_UP""#,
        r#""CLOSED_HIGH_UP""#,
    ] {
        let account: Account = read(&format!(r#"{{"level_now":{level}}}"#)).unwrap();

        assert_eq!(account.level_now, Closed::HighUp, "{level}");
    }
}

#[test]
fn the_end_of_a_line_behind_a_message_is_read() {
    assert_eq!(read::<Narrow>("{}\n").unwrap(), Narrow::default());
}

#[test]
fn fields_that_are_not_known_are_ignored() {
    let narrow: Narrow = read(r#"{"new":{"a":[1,{"b":null}]},"short":7,"":"x"}"#).unwrap();

    assert_eq!(narrow.short, 7);
}

#[test]
fn bytes_are_read_in_both_alphabets_with_padding_and_without() {
    for text in ["+/8B/w==", "+/8B/w", "-_8B_w==", "-_8B_w"] {
        let account: Account = read(&format!(r#"{{"access_key":"{text}"}}"#)).unwrap();

        assert_eq!(account.access_key, [0xfb, 0xff, 0x01, 0xff], "{text}");
    }
}

#[test]
fn bytes_are_base64_wherever_they_stand() {
    let lists = Lists {
        blobs: vec![b"a".to_vec()],
        ..Lists::default()
    };
    let held = Held {
        blobs: [("k".to_owned(), b"a".to_vec())].into(),
        ..Held::default()
    };

    assert_eq!(write(&lists), r#"{"blobs":["YQ=="]}"#);
    assert_eq!(write(&held), r#"{"blobs":{"k":"YQ=="}}"#);
    assert_eq!(write(&Shape::Blob(b"a".to_vec())), r#"{"blob":"YQ=="}"#);
}

#[test]
fn numbers_without_digits_are_texts() {
    let numbers = Numbers {
        double: f64::NEG_INFINITY,
        float: f32::NAN,
        ..Numbers::default()
    };

    let text = write(&numbers);

    assert_eq!(text, r#"{"double":"-Infinity","float":"NaN"}"#);
    assert!(read::<Numbers>(&text).unwrap().float.is_nan());
}

#[test]
fn keys_of_maps_are_texts() {
    let keyed = Keyed {
        by_bool: [(true, "a".to_owned())].into(),
        by_i64: [(-1, "b".to_owned())].into(),
        ..Keyed::default()
    };

    let text = write(&keyed);

    assert_eq!(text, r#"{"by_bool":{"true":"a"},"by_i64":{"-1":"b"}}"#);
    assert_eq!(read::<Keyed>(&text).unwrap(), keyed);
}

#[test]
fn a_variant_is_a_field_of_its_name() {
    let square = Shape::Square {
        side: 2,
        corners: vec![1],
    };

    assert_eq!(write(&square), r#"{"square":{"side":2,"corners":[1]}}"#);
    assert_eq!(write(&Shape::Nothing), r#"{"nothing":{}}"#);
    assert_eq!(
        read::<Shape>(r#"{"circle":null,"name":""}"#).unwrap(),
        Shape::Name(String::new())
    );
}

#[test]
fn an_enum_with_data_that_is_unset_is_refused_unless_it_is_optional() {
    let error = read::<Shape>("{}").unwrap_err();

    assert_eq!(error.code(), 400);
    assert_eq!(
        error.detail(),
        "Shape: Shape is unset: expected one of circle, name, blob, part, choice, square, nothing"
    );
    assert_eq!(read::<Shapes>("{}").unwrap().maybe, None);
}

#[test]
fn two_variants_at_once_are_refused() {
    let error = read::<Shape>(r#"{"circle":1,"name":"a"}"#).unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(
        error
            .detail()
            .contains("expected one variant, found a second one"),
        "{error}"
    );
}

#[test]
fn an_unknown_number_of_an_enum_is_kept_where_it_can_be() {
    let options: Options = read(r#"{"choice":99}"#).unwrap();

    assert_eq!(options.choice, Some(Open::Other(99)));
    assert_eq!(write(&options), r#"{"choice":99}"#);
}

#[test]
fn an_unknown_number_of_an_enum_is_refused_by_field_and_number() {
    let error = read::<Account>(r#"{"level_now":99}"#).unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(
        error
            .detail()
            .starts_with("Account.level_now: Closed has no variant of the number 99"),
        "{error}"
    );
}

#[test]
fn names_may_be_written_out() {
    #[micro::message]
    struct Named {
        #[micro(name = "userID")]
        user: String,
        r#type: u8,
    }

    let text = write(&Named {
        user: "a".to_owned(),
        r#type: 1,
    });

    assert_eq!(text, r#"{"userID":"a","type":1}"#);
    assert_eq!(read::<Named>(&text).unwrap().user, "a");
}

#[test]
fn a_value_that_is_nested_too_deep_is_refused() {
    let deep = format!(
        r#"{}{}"#,
        r#"{"left":"#.repeat(100_000),
        "}".repeat(100_000)
    );

    let error = read::<Tree>(&deep).unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(
        error.detail().contains("recursion limit exceeded"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_texts_never_panic(text: String) {
        let _ = read::<Tree>(&text);
        let _ = read::<Shapes>(&text);
    }

    #[test]
    fn values_of_other_types_never_panic(value in json()) {
        for field in ["double", "text", "parts", "by_bool", "maybe", "octets", "choice", "left"] {
            let text = format!(r#"{{"{field}":{value}}}"#);
            let _ = read::<Numbers>(&text);
            let _ = read::<Lists>(&text);
            let _ = read::<Options>(&text);
            let _ = read::<Keyed>(&text);
            let _ = read::<Tree>(&text);
            let _ = read::<Shapes>(&text);
        }
    }
}

/// Any JSON.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z]{0,6}", inner, 0..4)
                .prop_map(|map: BTreeMap<String, _>| map.into_iter().collect()),
        ]
    })
}
