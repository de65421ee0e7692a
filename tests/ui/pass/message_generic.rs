//! Messages with type parameters.

#![deny(warnings)]

use micro::Message;

#[micro::message]
struct Page<T> {
    items: Vec<T>,
    next: Option<Box<Page<T>>>,
    only: T,
}

#[micro::message]
enum Outcome<T, E>
where
    T: PartialEq,
{
    Value(T),
    Failure { error: E, times: u32 },
}

#[micro::message(plain)]
struct Pair<A, B = A>(A, B);

fn main() {
    let page = Page { items: vec![1_u64], next: None, only: 2 };
    assert_eq!(page.clone(), page);
    assert_eq!(Page::<String>::format().schema().map(|schema| schema.name), Some("PageString".to_owned()));
    let _ = Outcome::<String, Page<bool>>::format();
    let _ = Outcome::<u8, u8>::Failure { error: 1, times: 2 };
    let _ = Pair::<u8, [u8; 4]>::format();
    let _ = Pair(1, 2);
}
