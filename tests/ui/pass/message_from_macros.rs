//! Messages that are written by a macro.

#![deny(warnings)]

macro_rules! pair {
    ($name:ident, $field:ident: $type:ty) => {
        #[micro::message]
        struct $name {
            $field: $type,
            own: Vec<$crate::Inner>,
            maybe: Option<$type>,
        }
    };
}

#[micro::message]
struct Inner {
    name: String,
}

pair!(Pair, inner: crate::Inner);

fn main() {
    let pair = Pair::default();
    let _ = (pair.inner, pair.own, pair.maybe);
}
