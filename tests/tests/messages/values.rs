//! The messages of these tests.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::twin::{Twin, twins};

twins! { Numbers, NumbersTwin {
    #[prost(double, tag = "1")] double: f64 => f64,
    #[prost(float, tag = "2")] float: f32 => f32,
    #[prost(int32, tag = "3")] int32: i32 => i32,
    #[prost(int64, tag = "4")] int64: i64 => i64,
    #[prost(uint32, tag = "5")] uint32: u32 => u32,
    #[prost(uint64, tag = "6")] uint64: u64 => u64,
    #[prost(bool, tag = "7")] truth: bool => bool,
    #[prost(string, tag = "8")] text: String => String,
    #[prost(bytes = "vec", tag = "9")] octets: Vec<u8> => Vec<u8>,
}}

twins! { Narrow, NarrowTwin {
    #[prost(uint32, tag = "1")] byte: u8 => u32,
    #[prost(uint32, tag = "2")] short: u16 => u32,
    #[prost(int32, tag = "3")] signed_byte: i8 => i32,
    #[prost(int32, tag = "4")] signed_short: i16 => i32,
    #[prost(int32, repeated, tag = "5")] signed_bytes: Vec<i8> => Vec<i32>,
    #[prost(uint32, optional, tag = "6")] maybe: Option<u8> => Option<u32>,
}}

twins! { Lists, ListsTwin {
    #[prost(double, repeated, tag = "1")] doubles: Vec<f64> => Vec<f64>,
    #[prost(float, repeated, tag = "2")] floats: Vec<f32> => Vec<f32>,
    #[prost(int32, repeated, tag = "3")] int32s: Vec<i32> => Vec<i32>,
    #[prost(int64, repeated, tag = "4")] int64s: Vec<i64> => Vec<i64>,
    #[prost(uint32, repeated, tag = "5")] uint32s: Vec<u32> => Vec<u32>,
    #[prost(uint64, repeated, tag = "6")] uint64s: Vec<u64> => Vec<u64>,
    #[prost(bool, repeated, tag = "7")] truths: Vec<bool> => Vec<bool>,
    #[prost(string, repeated, tag = "8")] texts: Vec<String> => Vec<String>,
    #[prost(bytes = "vec", repeated, tag = "9")] blobs: Vec<Vec<u8>> => Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "10")] parts: Vec<Narrow> => Vec<NarrowTwin>,
    #[prost(enumeration = "OpenTwin", repeated, tag = "11")] choices: Vec<Open> => Vec<i32>,
}}

twins! { Options, OptionsTwin {
    #[prost(double, optional, tag = "1")] double: Option<f64> => Option<f64>,
    #[prost(float, optional, tag = "2")] float: Option<f32> => Option<f32>,
    #[prost(int32, optional, tag = "3")] int32: Option<i32> => Option<i32>,
    #[prost(int64, optional, tag = "4")] int64: Option<i64> => Option<i64>,
    #[prost(uint32, optional, tag = "5")] uint32: Option<u32> => Option<u32>,
    #[prost(uint64, optional, tag = "6")] uint64: Option<u64> => Option<u64>,
    #[prost(bool, optional, tag = "7")] truth: Option<bool> => Option<bool>,
    #[prost(string, optional, tag = "8")] text: Option<String> => Option<String>,
    #[prost(bytes = "vec", optional, tag = "9")] octets: Option<Vec<u8>> => Option<Vec<u8>>,
    #[prost(message, optional, tag = "10")] part: Option<Narrow> => Option<NarrowTwin>,
    #[prost(enumeration = "OpenTwin", optional, tag = "11")] choice: Option<Open> => Option<i32>,
    #[prost(message, optional, boxed, tag = "12")] boxed: Option<Box<Narrow>> => Option<Box<NarrowTwin>>,
}}

twins! { Keyed, KeyedTwin {
    #[prost(btree_map = "bool, string", tag = "1")] by_bool: BTreeMap<bool, String> => BTreeMap<bool, String>,
    #[prost(btree_map = "uint32, string", tag = "2")] by_u8: BTreeMap<u8, String> => BTreeMap<u32, String>,
    #[prost(btree_map = "uint32, string", tag = "3")] by_u16: BTreeMap<u16, String> => BTreeMap<u32, String>,
    #[prost(btree_map = "uint32, string", tag = "4")] by_u32: BTreeMap<u32, String> => BTreeMap<u32, String>,
    #[prost(btree_map = "uint64, string", tag = "5")] by_u64: BTreeMap<u64, String> => BTreeMap<u64, String>,
    #[prost(btree_map = "int32, string", tag = "6")] by_i8: BTreeMap<i8, String> => BTreeMap<i32, String>,
    #[prost(btree_map = "int32, string", tag = "7")] by_i16: BTreeMap<i16, String> => BTreeMap<i32, String>,
    #[prost(btree_map = "int32, string", tag = "8")] by_i32: BTreeMap<i32, String> => BTreeMap<i32, String>,
    #[prost(btree_map = "int64, string", tag = "9")] by_i64: BTreeMap<i64, String> => BTreeMap<i64, String>,
    #[prost(btree_map = "string, string", tag = "10")] by_text: BTreeMap<String, String> => BTreeMap<String, String>,
}}

twins! { Held, HeldTwin {
    #[prost(btree_map = "string, double", tag = "1")] doubles: BTreeMap<String, f64> => BTreeMap<String, f64>,
    #[prost(btree_map = "string, int64", tag = "2")] numbers: BTreeMap<String, i64> => BTreeMap<String, i64>,
    #[prost(btree_map = "string, bool", tag = "3")] truths: BTreeMap<String, bool> => BTreeMap<String, bool>,
    #[prost(btree_map = "string, bytes", tag = "4")] blobs: BTreeMap<String, Vec<u8>> => BTreeMap<String, Vec<u8>>,
    #[prost(btree_map = "string, message", tag = "5")] parts: BTreeMap<String, Narrow> => BTreeMap<String, NarrowTwin>,
    #[prost(btree_map = "string, enumeration(OpenTwin)", tag = "6")] choices: BTreeMap<String, Open> => BTreeMap<String, i32>,
}}

/// Tags that are not in the order of the fields.
#[micro::message]
pub(crate) struct Tagged {
    #[tag = 300]
    pub(crate) last: u32,
    #[tag = 2]
    pub(crate) first: String,
    pub(crate) third: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TaggedTwin {
    #[prost(uint32, tag = "300")]
    last: u32,
    #[prost(string, tag = "2")]
    first: String,
    #[prost(bool, tag = "3")]
    third: bool,
}

impl Twin<TaggedTwin> for Tagged {
    fn twin(self) -> TaggedTwin {
        let Self { last, first, third } = self;
        TaggedTwin { last, first, third }
    }
}

/// A message that holds itself, and one that is always there.
#[micro::message]
pub(crate) struct Tree {
    pub(crate) leaf: String,
    pub(crate) left: Option<Box<Self>>,
    pub(crate) more: Vec<Tree>,
    pub(crate) always: Narrow,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TreeTwin {
    #[prost(string, tag = "1")]
    leaf: String,
    #[prost(message, optional, boxed, tag = "2")]
    left: Option<Box<TreeTwin>>,
    #[prost(message, repeated, tag = "3")]
    more: Vec<TreeTwin>,
    #[prost(message, optional, tag = "4")]
    always: Option<NarrowTwin>,
}

impl Twin<TreeTwin> for Tree {
    fn twin(self) -> TreeTwin {
        TreeTwin {
            leaf: self.leaf,
            left: self.left.twin(),
            more: self.more.twin(),
            // A message without `Option` is left out when it says nothing.
            always: Some(self.always)
                .filter(|part| *part != Narrow::default())
                .twin(),
        }
    }
}

impl Arbitrary for Tree {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> BoxedStrategy<Self> {
        let leaf = any::<(String, Narrow)>().prop_map(|(leaf, always)| Self {
            leaf,
            always,
            ..Self::default()
        });
        let node = |inner: BoxedStrategy<Self>| {
            let more = prop::collection::vec(inner.clone(), 0..3);
            (prop::option::of(inner), more, any::<(String, Narrow)>()).prop_map(
                |(left, more, (leaf, always))| Self {
                    leaf,
                    left: left.map(Box::new),
                    more,
                    always,
                },
            )
        };
        leaf.prop_recursive(3, 12, 3, node).boxed()
    }
}

/// An enum that keeps numbers it does not know.
#[micro::message]
#[derive(Copy)]
pub(crate) enum Open {
    #[default]
    Unset,
    InProgress,
    Done = 7,
    Below = -3,
    #[micro(unknown)]
    Other(i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum OpenTwin {
    Unset = 0,
    InProgress = 1,
    Done = 7,
    Below = -3,
}

impl Twin<i32> for Open {
    fn twin(self) -> i32 {
        match self {
            Self::Unset => OpenTwin::Unset.into(),
            Self::InProgress => OpenTwin::InProgress.into(),
            Self::Done => OpenTwin::Done.into(),
            Self::Below => OpenTwin::Below.into(),
            Self::Other(number) => number,
        }
    }
}

impl Arbitrary for Open {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> BoxedStrategy<Self> {
        let known = vec![Self::Unset, Self::InProgress, Self::Done, Self::Below];
        let other = (8..=i32::MAX).prop_map(Self::Other);
        prop_oneof![prop::sample::select(known), other].boxed()
    }
}

/// An enum that knows all its numbers.
#[micro::message]
#[derive(Copy)]
pub(crate) enum Closed {
    #[default]
    Low,
    HighUp,
}

/// An enum with data, in each form that a variant has.
#[micro::message]
pub(crate) enum Shape {
    Circle(f64),
    Name(String),
    Blob(Vec<u8>),
    Part(Narrow),
    Choice(Open),
    Square { side: i64, corners: Vec<i32> },
    Nothing,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ShapeTwin {
    #[prost(oneof = "KindTwin", tags = "1, 2, 3, 4, 5, 6, 7")]
    kind: Option<KindTwin>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum KindTwin {
    #[prost(double, tag = "1")]
    Circle(f64),
    #[prost(string, tag = "2")]
    Name(String),
    #[prost(bytes, tag = "3")]
    Blob(Vec<u8>),
    #[prost(message, tag = "4")]
    Part(NarrowTwin),
    #[prost(enumeration = "OpenTwin", tag = "5")]
    Choice(i32),
    #[prost(message, tag = "6")]
    Square(SquareTwin),
    #[prost(message, tag = "7")]
    Nothing(()),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SquareTwin {
    #[prost(int64, tag = "1")]
    side: i64,
    #[prost(int32, repeated, tag = "2")]
    corners: Vec<i32>,
}

impl Twin<ShapeTwin> for Shape {
    fn twin(self) -> ShapeTwin {
        ShapeTwin {
            kind: Some(match self {
                Self::Circle(radius) => KindTwin::Circle(radius),
                Self::Name(name) => KindTwin::Name(name),
                Self::Blob(blob) => KindTwin::Blob(blob),
                Self::Part(part) => KindTwin::Part(part.twin()),
                Self::Choice(choice) => KindTwin::Choice(choice.twin()),
                Self::Square { side, corners } => KindTwin::Square(SquareTwin { side, corners }),
                Self::Nothing => KindTwin::Nothing(()),
            }),
        }
    }
}

impl Arbitrary for Shape {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> BoxedStrategy<Self> {
        prop_oneof![
            any::<f64>().prop_map(Self::Circle),
            any::<String>().prop_map(Self::Name),
            any::<Vec<u8>>().prop_map(Self::Blob),
            any::<Narrow>().prop_map(Self::Part),
            any::<Open>().prop_map(Self::Choice),
            any::<(i64, Vec<i32>)>().prop_map(|(side, corners)| Self::Square { side, corners }),
            Just(Self::Nothing),
        ]
        .boxed()
    }
}

twins! { Shapes, ShapesTwin {
    #[prost(message, optional, tag = "1")] maybe: Option<Shape> => Option<ShapeTwin>,
    #[prost(message, repeated, tag = "2")] all: Vec<Shape> => Vec<ShapeTwin>,
    #[prost(btree_map = "string, message", tag = "3")] named: BTreeMap<String, Shape> => BTreeMap<String, ShapeTwin>,
}}
