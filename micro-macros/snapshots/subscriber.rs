#[micro::subscriber(topic = "audit", broadcast)]
pub async fn audit(event: Entry) -> micro::Result<()> {
    Ok(())
}
