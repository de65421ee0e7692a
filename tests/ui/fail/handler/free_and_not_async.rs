#[micro::message]
struct Text {
    text: String,
}

#[micro::handler(name = "Math.Double")]
fn double(request: Text) -> micro::Result<Text> {
    Ok(request)
}

fn main() {}
