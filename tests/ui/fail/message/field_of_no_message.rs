struct User;

#[micro::message]
struct Hello {
    user: usize,
}

#[micro::message]
struct Friends {
    users: Vec<User>,
}

fn main() {
    let _ = User;
}
