#[micro::handler(name = "Math.Double")]
async fn double(n: Number) -> micro::Result<Number> {
    Ok(n * 2)
}
