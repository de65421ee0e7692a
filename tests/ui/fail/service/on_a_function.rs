#[micro::message]
struct Text {
    text: String,
}

#[micro::service]
async fn hello(request: Text) -> micro::Result<Text> {
    Ok(request)
}

fn main() {}
