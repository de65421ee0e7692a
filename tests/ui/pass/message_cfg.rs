//! Fields and variants that exist under a condition.

#![deny(warnings)]

#[micro::message]
struct Hello {
    name: String,
    #[cfg(all())]
    #[tag = 7]
    there: u32,
    #[tag = 8]
    #[cfg(any())]
    not_there: NoSuchType,
}

#[micro::message]
enum Either {
    #[default]
    One,
    #[cfg(any())]
    #[tag = 2]
    Two(NoSuchType),
    #[cfg(any())]
    #[tag = 3]
    Three { field: NoSuchType },
    #[cfg(all())]
    #[tag = 4]
    Four {
        #[cfg(any())]
        #[tag = 1]
        not_there: NoSuchType,
        #[tag = 2]
        there: u32,
    },
}

#[micro::message]
enum Status {
    #[default]
    Open,
    #[cfg(any())]
    NotThere,
    #[cfg(all())]
    Done,
}

fn main() {
    let hello = Hello { name: "a".to_owned(), there: 1 };
    assert_eq!(hello.there, 1);
    let _ = (Either::Four { there: 1 }, Status::Done, hello.name);
}
