struct Plain;

#[micro::function(name = "greeter")]
async fn hello(request: Plain) -> micro::Result<()> {
    drop(request);
    Ok(())
}
