//! Messages that nobody outside of a module or a function sees.

#![deny(warnings)]

mod inner {
    #[micro::message]
    pub(super) struct Shown {
        hidden: Hidden,
        either: Either,
    }

    #[micro::message]
    struct Hidden {
        name: String,
    }

    #[micro::message]
    pub(in crate::inner) enum Either {
        One(Hidden),
        Two { hidden: Hidden },
    }

    impl Shown {
        pub(super) fn new() -> Self {
            let hidden = Hidden { name: "a".to_owned() };
            Self { either: Either::Two { hidden: hidden.clone() }, hidden }
        }
    }
}

fn main() {
    #[micro::message]
    struct Local {
        shown: u32,
    }

    assert_eq!(Local { shown: 1 }.shown, 1);
    assert_eq!(inner::Shown::new(), inner::Shown::new());
}
