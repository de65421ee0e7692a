//! Requests of the agents of one Consul, over HTTP: one after the other until one answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Uri};
use serde::de::DeserializeOwned;

use super::{ADDRESS, ID};
use crate::address::{Server, given_or};
use crate::error::{Error, Result};
use crate::http::{AGENT, Failed, Inbound, Pool, is_closing};
use crate::limits::Limits;
use crate::registry::members::Members;
use crate::tls::{Ends, Tls};

/// How long an agent may take to answer, beyond what it was asked to wait.
const ANSWER: Duration = Duration::from_secs(5);

/// How much of an answer is read.
const MOST: usize = 64 << 20;

const TOKEN: HeaderName = HeaderName::from_static("x-consul-token");
const INDEX: &str = "x-consul-index";

/// The agents.
pub(super) struct Client {
    agents: Members<Arc<Pool>>,
    token: Option<HeaderValue>,
}

/// What an agent answered.
pub(super) struct Answer<T> {
    pub(super) value: T,
    /// What to ask after for later ones; at least 1.
    pub(super) index: u64,
}

/// What is asked.
#[derive(Clone, Default)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Bytes,
    /// How long the agent may wait for news.
    pub(super) wait: Duration,
}

impl Client {
    /// # Errors
    ///
    /// `bad_request` if one of `addresses` is none, or if what `tls` names cannot be read.
    pub(super) fn new(addresses: &[String], tls: &Tls) -> Result<Self> {
        let limits = Limits {
            pool: 40,
            ..Limits::default()
        };
        let (mut agents, mut token) = (Vec::new(), None);
        for address in given_or(addresses, ADDRESS) {
            let server = Server::parse(ID, address, 8500, ["http", "https"])?;
            let way = match server.is_secured {
                true => Ends::open(&tls.of_backend())?.way(&server.host),
                false => Ends::default().way(&server.host),
            };
            let agent = Arc::new(Pool::new(&server.address, &limits, way));
            agents.push((server.address, agent));
            let named = server
                .user
                .map(|(name, password)| match password.is_empty() {
                    true => name,
                    false => password,
                });
            token = token.or(named);
        }
        let token = token.or_else(|| std::env::var("CONSUL_HTTP_TOKEN").ok());
        let token = token.filter(|token| !token.is_empty()).map(|token| {
            let mut value = HeaderValue::try_from(token).map_err(|_| {
                Error::bad_request(
                    ID,
                    "the token of Consul has characters that no header carries",
                )
            })?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        });
        Ok(Self {
            agents: Members::new(agents),
            token: token.transpose()?,
        })
    }

    /// The addresses of the agents.
    pub(super) fn addresses(&self) -> String {
        self.agents.addresses()
    }

    /// The answer to a question, read from JSON.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and `bad_gateway` if it cannot be read.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        wait: Duration,
    ) -> Result<Answer<T>> {
        let ask = Ask {
            path,
            wait,
            ..Ask::default()
        };
        let Answer { value, index } = self.send(ask).await?;
        let value = serde_json::from_slice(&value).map_err(|source| {
            let detail = format!("Consul's answer to {path} cannot be read");
            Error::bad_gateway(ID, detail).with_source(source)
        })?;
        Ok(Answer { value, index })
    }

    /// What the first agent answers that does.
    ///
    /// # Errors
    ///
    /// `unavailable` if none does, `not_found` or `forbidden` if it says so, `bad_request` if it refuses what was sent.
    pub(super) async fn send(&self, ask: Ask<'_>) -> Result<Answer<Bytes>> {
        // It may wait a sixteenth longer than it was told.
        let most = ANSWER + ask.wait + ask.wait / 16;
        let exchange = |agent| self.exchange(agent, &ask);
        self.agents.ask(ID, most, exchange).await
    }

    async fn exchange(&self, agent: &Arc<Pool>, ask: &Ask<'_>) -> Result<Answer<Bytes>> {
        let address = agent.address();
        let mut lease = agent.lease(None).await?;
        let message = self.message(address, ask)?;
        let sent = lease.send(message, None, |_| Ok(())).await;
        let reply = sent.map_err(|failed| match failed {
            Failed::Refused(error) => error,
            Failed::Broken { source, .. } => {
                let detail = format!("the connection to {address} broke: {source}");
                Error::unavailable(ID, detail).with_source(source)
            }
        })?;
        let (parts, body) = reply.into_parts();
        let body = Inbound::new(body).read(MOST).await.map_err(|_| {
            let detail = format!("the answer of {address} broke off, or has over {MOST} bytes");
            Error::unavailable(ID, detail)
        })?;
        let index = parts.headers.get(INDEX);
        let index = index.and_then(|index| index.to_str().ok()?.parse::<u64>().ok());
        if index.is_none() && parts.status.is_success() && !ask.wait.is_zero() {
            // Without it each question would be answered at once, and asked again.
            let detail = format!("{address} answers without {INDEX}: does a proxy drop it?");
            return Err(Error::bad_gateway(ID, detail));
        }
        if !is_closing(&parts.headers) {
            lease.give_back(agent, parts.headers);
        }
        if parts.status.is_success() {
            return Ok(Answer {
                value: body,
                index: index.unwrap_or_default().max(1),
            });
        }
        let said: String = String::from_utf8_lossy(&body).chars().take(300).collect();
        let detail = format!("Consul at {address} answered {}: {said}", parts.status);
        Err(match parts.status.as_u16() {
            400 => Error::bad_request(ID, detail),
            401 | 403 => Error::forbidden(ID, detail),
            404 => Error::not_found(ID, detail),
            // No leader, too many requests, an agent that stops.
            _ => Error::unavailable(ID, detail),
        })
    }

    fn message(&self, address: &str, ask: &Ask<'_>) -> Result<hyper::Request<Full<Bytes>>> {
        let wrong = |source: http::Error| {
            Error::bad_request(ID, format!("{} cannot be asked for", ask.path)).with_source(source)
        };
        let uri = Uri::try_from(ask.path).map_err(|source| wrong(source.into()))?;
        let mut message = hyper::Request::builder()
            .method(&ask.method)
            .uri(uri)
            .header(HOST, address)
            .header(USER_AGENT, AGENT)
            .header(CONTENT_LENGTH, ask.body.len());
        if let Some(token) = &self.token {
            message = message.header(TOKEN, token);
        }
        message.body(Full::new(ask.body.clone())).map_err(wrong)
    }
}
