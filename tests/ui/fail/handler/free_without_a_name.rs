#[micro::message]
struct Text {
    text: String,
}

#[micro::handler]
async fn double(request: Text) -> micro::Result<Text> {
    Ok(request)
}

fn main() {}
