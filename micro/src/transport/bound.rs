//! A bound socket, as the seam has it.

use async_trait::async_trait;

use super::Listener;
use crate::listener;

#[async_trait]
impl Listener for listener::Listener {
    fn address(&self) -> &str {
        self.address()
    }

    fn connections(&self) -> usize {
        self.connections()
    }

    async fn drain(&self) {
        self.drain().await;
    }

    fn close(&self) {
        self.close();
    }
}
