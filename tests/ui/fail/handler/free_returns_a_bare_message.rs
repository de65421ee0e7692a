#[micro::message]
struct Text {
    text: String,
}

#[micro::handler(name = "Greeter.Hello")]
async fn hello(request: Text) -> Text {
    request
}

fn main() {}
