#![deny(warnings, missing_docs, unused_qualifications, unreachable_pub, missing_debug_implementations)]
//! scratch
use std::collections::{BTreeMap, HashMap};
use micro::Message;
use micro::message::ContentType;
type Result<T> = std::result::Result<T, ()>;
#[allow(dead_code)]
type X = Result<u8>;

/// a
#[micro::message]
pub struct Hello {
    /// name
    pub user_name: String,
    /// age
    #[tag = 5]
    pub age: Option<u32>,
    data: Vec<u8>,
    nums: Vec<i64>,
    tree: Option<Box<Hello>>,
    subs: Vec<Sub>,
    sub: Sub,
    map: HashMap<String, Sub>,
    counts: BTreeMap<u32, f64>,
    kind: Kind,
    kinds: Vec<Kind>,
    shape: Option<Shape>,
    r#type: bool,
    #[cfg(any())]
    #[tag = 77]
    never: NotThere,
    #[cfg(all())]
    #[tag = 78]
    always: u8,
}

#[micro::message]
#[derive(Eq)]
struct Sub { a: i32, b: bytes::Bytes }

#[micro::message]
#[derive(Copy)]
enum Kind { #[default] Unset, InProgress, Done = 7, #[cfg(any())] Other }

#[micro::message]
enum Open { #[default] A, #[tag = 4] B, #[micro(unknown)] Other(i32) }

#[micro::message]
enum Shape { Circle(Sub), Square { side: f64, corners: Vec<Sub> }, Nothing, #[cfg(any())] #[tag = 9] Never { x: Nope } }

#[micro::message]
struct Page<T> { items: Vec<T>, next: Option<T>, open: Open }

#[micro::message]
struct Unit;

#[test]
fn it_works() {
    let hello = Hello { user_name: "a".into(), age: Some(0), data: vec![1,2,255], nums: vec![1,-1], tree: Some(Box::default()), subs: vec![Sub{a:1,b:vec![1].into()}],
        counts: [(1, 2.0)].into(), kind: Kind::Done, kinds: vec![Kind::InProgress], shape: Some(Shape::Square { side: 1.0, corners: vec![] }), r#type: true, always: 1, map: [("k".into(), Sub::default())].into(), sub: Sub::default() };
    for ct in Hello::format().content_types() {
        let mut out = Vec::new();
        Hello::format().encode(&hello, &ct, &mut out).unwrap();
        println!("{ct} {}", String::from_utf8_lossy(&out));
        assert_eq!(Hello::format().decode(&ct, &out).unwrap(), hello);
    }
    println!("{}", micro::codec::proto_file("go.micro-x", &[Hello::format().schema().unwrap(), Page::<Hello>::format().schema().unwrap()]));
    println!("{:?}", Hello::format().schema().unwrap().outline(3));
    for (ct, bytes) in [
        (ContentType::JSON, &br#"{"subs":[{"a":1},{"a":"x"}]}"#[..]),
        (ContentType::JSON, &br#"{"subs":[{"a":1},{"a":"2"}]} x"#[..]),
        (ContentType::JSON, &br#"{"shape":{}}"#[..]),
        (ContentType::JSON, &br#"{"shape":{"circle":{},"square":{}}}"#[..]),
        (ContentType::JSON, &br#"{"kind":9}"#[..]),
        (ContentType::JSON, &br#"{"userName":9}"#[..]),
        (ContentType::JSON, &br#"{"user_name":"#[..]),
        (ContentType::MSGPACK, b"\x81\xa8userName\x01"),
        (ContentType::MSGPACK, b"\x80\x80"),
        (ContentType::MSGPACK, b"\x81\xa8use"),
        (ContentType::PROTOBUF, b"\x08\x01"),
        (ContentType::PROTOBUF, b"\x0a\x05a"),
        (ContentType::new("text/x"), b"\x0a\x05a"),
    ] {
        println!("{}", Hello::format().decode(&ct, bytes).unwrap_err());
    }
    println!("{:?}", micro::__private::format_of!(Hello));
    println!("{:?}", micro::__private::format_of!(String));
    println!("{:?}", micro::__private::format_of!(Vec<String>));
    println!("{:?}", micro::__private::format_of!(()));
    println!("{:?} {:?} {:?}", Unit, Open::A, Shape::default());
}
