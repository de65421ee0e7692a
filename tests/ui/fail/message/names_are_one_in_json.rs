#[micro::message]
#[allow(non_snake_case)]
struct Hello {
    user_id: u32,
    userId: u32,
}

fn main() {}
