//! The server end, as the seam has it.

use std::sync::Arc;

use async_trait::async_trait;

use super::answer::Calls;
use crate::error::Result;
use crate::http;
use crate::transport::{Accept, Limits, Listener};

/// A bound address whose requests are calls.
#[derive(Debug)]
pub(super) struct HttpListener {
    address: String,
    listener: http::Listener,
}

impl HttpListener {
    pub(super) async fn bind(
        address: &str,
        accept: Arc<dyn Accept>,
        limits: Limits,
    ) -> Result<Self> {
        let listener = http::Listener::bind(address, Calls(accept), limits).await?;
        let address = listener.address().to_string();
        Ok(Self { address, listener })
    }
}

#[async_trait]
impl Listener for HttpListener {
    fn address(&self) -> &str {
        &self.address
    }

    async fn drain(&self) {
        self.listener.drain().await;
    }

    fn close(&self) {
        self.listener.close();
    }
}
