struct User;

#[micro::message]
struct Friends {
    users: Vec<User>,
}

fn main() {}
