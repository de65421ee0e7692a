//! Every kind of field, under every lint that a strict crate denies.

#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications)]
#![deny(missing_debug_implementations, elided_lifetimes_in_paths, unused_results)]

use std::collections::{BTreeMap, HashMap};

/// One.
#[micro::message]
pub struct Everything {
    /// The name.
    pub user_name: String,
    /// The age.
    #[tag = 5]
    pub age: Option<u32>,
    bytes: Vec<u8>,
    shared: bytes::Bytes,
    numbers: Vec<i64>,
    small: i8Alias,
    truth: bool,
    tree: Option<Box<Self>>,
    parts: Vec<Part>,
    part: Part,
    boxed: Box<Part>,
    by_name: HashMap<String, Part>,
    by_number: BTreeMap<u32, f64>,
    status: Status,
    statuses: Vec<Status>,
    shape: Option<Shape>,
    required: Shape,
    r#type: bool,
}

#[allow(non_camel_case_types)]
type i8Alias = i8;

#[micro::message]
#[derive(Eq, Hash)]
struct Part {
    number: i32,
}

/// Two.
#[micro::message]
#[derive(Copy)]
pub enum Status {
    /// Nothing.
    #[default]
    Unset,
    /// Something.
    InProgress,
    /// Late.
    Done = 7,
}

#[micro::message]
enum Open {
    #[default]
    A,
    #[tag = 4]
    B,
    #[micro(unknown)]
    Other(i32),
}

#[micro::message]
enum Shape {
    Circle(Part),
    Square { side: f64, corners: Vec<Part> },
    #[default]
    Nothing,
}

#[micro::message]
struct Empty;

#[micro::message]
struct AlsoEmpty {}

fn is_message<T: micro::Message>() {}

fn main() {
    is_message::<Everything>();
    is_message::<Shape>();
    is_message::<Open>();
    is_message::<AlsoEmpty>();
    is_message::<Empty>();
    let _ = (Open::A, Open::B, Open::Other(3));
}
