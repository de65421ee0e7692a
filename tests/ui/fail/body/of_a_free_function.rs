#[micro::handler(name = "Math.Double")]
async fn double(number: u64) -> micro::Result<u64> {
    Ok(numbr * 2)
}

async fn call(service: &micro::Service) -> micro::Result<u64> {
    double::call(service, 2).await
}

fn main() {}
