#[micro::function(name = "math")]
async fn double(number: u64) -> micro::Result<u64> {
    Ok(numbr * 2)
}
