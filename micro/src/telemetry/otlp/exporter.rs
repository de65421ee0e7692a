//! Batches of spans on their way to the collector: OTLP in protobuf, by POST.
//!
//! Runs on the thread of the queue, with runtimes of its own: what those of the program do, and when they end, is nothing
//! to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry::KeyValue;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter as Otlp, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::time::timeout;

use crate::error::{Error, Result};

const ID: &str = "micro.otlp";

/// How long the collector may take for one batch.
const ANSWER: Duration = Duration::from_secs(5);

/// How long an answer of the collector may be, in bytes.
const LIMIT: usize = 64 * 1024;

/// Whose spans they are: of the service that was started first, and until then of the one that was built first.
static STARTED: OnceLock<Resource> = OnceLock::new();
static BUILT: OnceLock<Resource> = OnceLock::new();

/// Says whose spans they are, if that has not been said before.
pub(super) fn identify(is_started: bool, name: &str, version: &str, id: &str) {
    let said = if is_started { &STARTED } else { &BUILT };
    said.get_or_init(|| {
        let own = [
            KeyValue::new("service.name", name.to_owned()),
            KeyValue::new("service.version", version.to_owned()),
            KeyValue::new("service.instance.id", id.to_owned()),
        ];
        Resource::builder().with_attributes(own).build()
    });
}

#[derive(Debug)]
pub(super) struct Exporter {
    /// Where spans go, with the path.
    url: String,
    post: Arc<Post>,
}

impl Exporter {
    pub(super) fn open(endpoint: &str) -> Result<Self> {
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let is_sound = url.parse().is_ok_and(|url: Uri| {
            url.scheme_str() == Some("http") && url.host().is_some_and(|host| !host.is_empty())
        });
        if !is_sound {
            let detail = format!(
                "--otlp_endpoint={endpoint} is no collector that can be sent to: write one such as http://localhost:4318"
            );
            return Err(Error::bad_request(ID, detail));
        }
        let post = Arc::new(Post::default());
        Ok(Self { url, post })
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        // A new one each time, since whose spans they are may have been said meanwhile; it holds nothing.
        let mut otlp = Otlp::builder()
            .with_http()
            .with_shared_http_client(Arc::clone(&self.post) as Arc<dyn HttpClient>)
            .with_endpoint(&self.url)
            .build()
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?;
        if let Some(resource) = STARTED.get().or_else(|| BUILT.get()) {
            otlp.set_resource(resource);
        }
        // What fails is logged by the post, once.
        let _ = otlp.export(batch).await;
        Ok(())
    }
}

/// Sends, one at a time, on a connection for each.
#[derive(Debug, Default)]
struct Post {
    /// The last one was not taken.
    is_failing: AtomicBool,
}

#[async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let url = request.uri().clone();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let sent = runtime.block_on(async { timeout(ANSWER, send(request)).await });
        let sent = sent.unwrap_or_else(|_| Err(format!("no answer within {ANSWER:?}").into()));
        let failure = match &sent {
            Ok(reply) if reply.status().is_success() => None,
            Ok(reply) => Some(reply.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        let was_failing = self.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(why) if !was_failing => {
                tracing::warn!("{url} takes no spans, which are lost until it does: {why}");
            }
            None if was_failing => tracing::info!("{url} takes spans again"),
            _ => {}
        }
        sent
    }
}

async fn send(mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let url = std::mem::take(request.uri_mut());
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, url.port_u16().unwrap_or(80))).await?;
    let authority = url.authority().map_or("", |authority| authority.as_str());
    request
        .headers_mut()
        .insert(HOST, HeaderValue::from_str(authority)?);
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async move {
        let reply = sender.send_request(request.map(Full::new)).await?;
        let (head, body) = reply.into_parts();
        let body = Limited::new(body, LIMIT).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    };
    join(exchange, connection).await.0
}
