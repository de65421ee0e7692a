#[micro::service(name = "chat", version = "1.0.0")]
impl<S: Store> Chat<S> {
    /// Renames a room.
    #[micro::handler(timeout = "2s", idempotent)]
    async fn rename(&self, request: Rename) -> Result<Renamed, ChatError> {
        self.store.rename(request)
    }

    #[cfg(feature = "joined")]
    #[micro::subscriber(topic = "joined", group = "chat")]
    async fn joined(&self, ctx: &Context, event: Joined) -> micro::Result<()> {
        Ok(())
    }

    fn helper(&self) {}
}
