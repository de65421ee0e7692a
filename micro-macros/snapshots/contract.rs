#[micro::service]
/// Chats.
pub trait Chat {
    #[micro::handler]
    async fn talk(&self, lines: Streaming<Line>) -> micro::Result<impl Stream<Item = micro::Result<Line>>>;
}
