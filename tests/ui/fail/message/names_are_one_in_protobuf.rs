#[micro::message]
#[allow(non_camel_case_types)]
enum Status {
    #[default]
    Open,
    DoneWell,
    Done_Well,
}

fn main() {}
