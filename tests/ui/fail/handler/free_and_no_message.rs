struct Plain;

#[micro::handler(name = "Math.Double")]
async fn double(request: Plain) -> micro::Result<()> {
    drop(request);
    Ok(())
}

fn main() {}
