//! Names of the standard library that mean something else here.

#![deny(warnings)]
#![allow(dead_code)]

type Result<T> = std::result::Result<T, ()>;
struct Some;
struct None;
struct Ok;
struct Err;
struct Vec;
struct Box;
struct Slots;
struct Field;
struct Input;
trait Default {}
trait Clone {}
trait Debug {}
trait PartialEq {}
trait Serialize {}
mod core {}
mod serde {}

#[micro::message]
struct Hello {
    name: String,
    times: Option<u32>,
    serializer: u8,
    out: u8,
    tag: u8,
    wire: u8,
    input: u8,
    map: u8,
    fields: u8,
    place: u8,
    f: u8,
    other: u8,
    field_0: u8,
    number: u8,
}

#[micro::message]
enum Either {
    Unset(Hello),
    Set0(u8),
    Fields { value: u8, fields: u8, out: u8 },
}

#[micro::message]
enum Status {
    #[default]
    Some,
    None,
}

fn main() {
    let _: Result<u8> = std::result::Result::Ok(1);
    let _ = (Hello::default(), Either::default(), Status::default());
}
