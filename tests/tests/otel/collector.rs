//! A collector of OpenTelemetry, as small as it can be, and what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// A span, and the attributes of the process that it comes from.
#[derive(Clone, Debug)]
pub struct Told {
    pub span: Span,
    resource: Vec<KeyValue>,
}

impl Told {
    pub fn resource(&self, name: &str) -> String {
        find(&self.resource, name)
    }

    pub fn attribute(&self, name: &str) -> String {
        find(&self.span.attributes, name)
    }

    pub fn is_child_of(&self, other: &Self) -> bool {
        self.span.parent_span_id == other.span.span_id && self.span.trace_id == other.span.trace_id
    }
}

/// The attribute as text; empty if it is not there.
fn find(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|own| own.key == name);
    match found.and_then(|own| own.value.as_ref()?.value.clone()) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(other) => panic!("{name} is {other:?}"),
        None => String::new(),
    }
}

/// Takes spans at an address of this host.
pub struct Collector {
    pub url: String,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Collector {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&told);
        thread::spawn(move || {
            for stream in listener.incoming() {
                taken.lock().unwrap().extend(take(stream.unwrap()));
            }
        });
        Self { url, told }
    }

    /// What it was sent so far. A program that has ended was answered for all that it sent.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }
}

/// Reads one request, and answers it.
fn take(stream: TcpStream) -> Vec<Told> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap()];
    reader.read_exact(&mut body).unwrap();
    let request = ExportTraceServiceRequest::decode(&*body).unwrap();
    let told = request.resource_spans.into_iter().flat_map(|process| {
        let resource = process.resource.unwrap_or_default().attributes;
        let spans = process.scope_spans.into_iter().flat_map(|own| own.spans);
        spans.map(move |span| Told {
            span,
            resource: resource.clone(),
        })
    });
    let told = told.collect();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    reader.get_mut().write_all(answer).unwrap();
    told
}
