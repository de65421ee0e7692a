//! The flags of every program: one row for each, with go-micro's names where it has one.

use std::borrow::Cow;

use tracing::level_filters::LevelFilter;

use super::row::{PLAIN, Row};
use super::time::{duration, seconds};
use super::value::{
    LEVELS, boolean, content_type, level, list, masked, number, or_default, or_empty, owned,
    owned_cow, pair, schemes, some, time,
};
use crate::broker::Scheme;
use crate::settings::{brokers, registries, selectors, transports};

const SERVER: &str = "Server";
const CLIENT: &str = "Client";
const BACKENDS: &str = "Backends";
const LIMITS: &str = "Limits";
const TLS: &str = "TLS";
const SETTINGS: &str = "Settings";

/// Every flag, in the order of the help.
pub(super) static ROWS: &[Row] = &[
    row!("server_name", SERVER, "NAME", "Name of the service",
        name = owned_cow, |name: &Cow<'static, str>| name.to_string(), yields: true),
    row!("server_version", SERVER, "VERSION", "Version of the service, such as 1.1.0",
        server.version = owned, |version: &String| version.clone(), yields: true),
    row!("server_id", SERVER, "ID", "Id of this server, unique among all; random by default",
        server.id = owned, Clone::clone, has_constant_default: false),
    row!(
        "server_address",
        SERVER,
        "ADDRESS",
        "Where to listen, such as 127.0.0.1:8080, or :8080 for every interface; by default a free port of this host only, or of every interface if the registry spans hosts",
        server.address = owned,
        Clone::clone
    ),
    row!(
        "server_advertise",
        SERVER,
        "ADDRESS",
        "Where others are told to call",
        server.advertise = some,
        or_empty
    ),
    Row {
        name: "server_metadata",
        heading: SERVER,
        help: "A fact for the node's record; may be repeated",
        value: "KEY=VALUE",
        is_list: true,
        read: |settings, text| {
            let pairs = text.split(',').map(pair).collect::<Result<Vec<_>, _>>()?;
            settings.server.metadata.extend(pairs);
            Ok(())
        },
        show: |settings| {
            let pairs = settings.server.metadata.iter();
            pairs
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join(",")
        },
        ..PLAIN
    },
    row!(
        "register_ttl",
        SERVER,
        "TIME",
        "How long a registration holds without renewal",
        server.register_ttl = seconds,
        time
    ),
    row!(
        "register_interval",
        SERVER,
        "TIME",
        "How often a registration is renewed",
        server.register_interval = seconds,
        time
    ),
    row!(
        "stop_linger",
        SERVER,
        "TIME",
        "How long a stopping server still answers after it deregistered",
        server.linger = duration,
        time
    ),
    row!(
        "stop_drain",
        SERVER,
        "TIME",
        "How long a stopping server waits for calls in flight",
        server.drain = duration,
        time
    ),
    row!(
        "check_timeout",
        SERVER,
        "TIME",
        "How long one check of whether the service is ready may take",
        server.check_timeout = duration,
        time
    ),
    row!("metrics", SERVER, "true|false",
        "Count calls and messages, and show the numbers at GET /metrics",
        metrics = boolean, ToString::to_string, is_switch: true),
    row!(
        "client_request_timeout",
        CLIENT,
        "TIME",
        "Time allowed for one call",
        client.request_timeout = duration,
        time
    ),
    row!(
        "client_retries",
        CLIENT,
        "NUMBER",
        "How often a call of an idempotent method is repeated",
        client.retries = number,
        ToString::to_string
    ),
    row!(
        "client_retry_budget",
        CLIENT,
        "PERCENT",
        "How many such repetitions there may be, in percent of all calls",
        client.retry_budget = number,
        ToString::to_string
    ),
    row!(
        "client_retry_reserve",
        CLIENT,
        "NUMBER",
        "How many such repetitions a second there may be beside that",
        client.retry_reserve = number,
        ToString::to_string
    ),
    row!(
        "client_hedge",
        CLIENT,
        "TIME",
        "After how long without an answer a call of an idempotent method is sent to a second node, too; 0s is never",
        client.hedge = duration,
        time
    ),
    row!(
        "client_ejection_failures",
        CLIENT,
        "NUMBER",
        "How many failures in a row make a node one that is passed over; 0 is none",
        client.ejection.failures = number,
        ToString::to_string
    ),
    row!(
        "client_ejection_time",
        CLIENT,
        "TIME",
        "How long such a node is passed over, times the number of times that it was",
        client.ejection.time = duration,
        time
    ),
    row!(
        "client_ejection_longest",
        CLIENT,
        "TIME",
        "The longest that becomes",
        client.ejection.longest = duration,
        time
    ),
    row!(
        "client_ejection_floor",
        CLIENT,
        "PERCENT",
        "How many nodes of a service are left whatever they do, in percent",
        client.ejection.floor = number,
        ToString::to_string
    ),
    row!(
        "client_content_type",
        CLIENT,
        "TYPE",
        "How requests are written to nodes that take it",
        client.content_type = content_type,
        ToString::to_string
    ),
    row!(
        "client_discovery",
        CLIENT,
        "TIME",
        "How long a call waits for a first node of a service that is new",
        client.discovery = duration,
        time
    ),
    row!("client_inherit", CLIENT, "NAME",
        "A credential, such as authorization, that a handler's own calls carry on; may be repeated",
        client.inherit = list, |names: &Vec<String>| names.join(","), is_list: true),
    row!(
        "client_pool_size",
        CLIENT,
        "NUMBER",
        "How many connections a client keeps open to one node",
        transport_options.limits.pool = number,
        ToString::to_string
    ),
    row!(
        "client_pool_ttl",
        CLIENT,
        "TIME",
        "How long a server keeps a connection that idles; a client keeps one half as long",
        transport_options.limits.idle_timeout = duration,
        time
    ),
    row!(
        "client_connect_timeout",
        CLIENT,
        "TIME",
        "How long connecting may take",
        transport_options.limits.connect_timeout = duration,
        time
    ),
    backend!(
        "registry",
        "REGISTRY",
        "Registry to find services by",
        registry,
        registries
    ),
    row!("registry_address", BACKENDS, "ADDRESS",
        "Where the registry is: for consul and etcd their servers; for dns dns://SERVER:53/DOMAIN?port=8080; for static SERVICE=HOST:PORT, each node; for multi REGISTRY=ADDRESS, each registry; for mdns and mdns-go, the interfaces to use beside loopback",
        registry_options.addresses = list, |all: &Vec<String>| masked(all), is_list: true),
    row!(
        "registry_namespace",
        BACKENDS,
        "NAME",
        "Keeps fleets that share a registry apart",
        registry_options.namespace = owned,
        Clone::clone
    ),
    backend!(
        "transport",
        "TRANSPORT",
        "Transport to carry calls",
        transport,
        transports
    ),
    row!("transport_address", BACKENDS, "ADDRESS", "Where the transport's own server is",
        transport_options.addresses = list, |all: &Vec<String>| masked(all), is_list: true),
    backend!(
        "broker",
        "BROKER",
        "Broker to carry messages",
        broker,
        brokers
    ),
    row!("broker_address", BACKENDS, "ADDRESS", "Where the broker is; for http, where to listen for messages",
        broker_options.addresses = list, |all: &Vec<String>| masked(all), is_list: true),
    row!("broker_scheme", BACKENDS, "SCHEME",
        "How subscribers of the http broker are found, by the first version of go-micro that does so: v0, v1.13, v1.18, v2",
        broker_options.schemes = schemes, |all: &Vec<Scheme>| or_default(all), is_list: true),
    backend!(
        "selector",
        "SELECTOR",
        "Selector to choose nodes by",
        selector,
        selectors
    ),
    row!(
        "max_message",
        LIMITS,
        "BYTES",
        "Size limit of one message",
        transport_options.limits.message = number,
        ToString::to_string
    ),
    row!(
        "max_head",
        LIMITS,
        "BYTES",
        "Size limit of the headers of one message",
        transport_options.limits.head = number,
        ToString::to_string
    ),
    row!(
        "max_calls",
        LIMITS,
        "NUMBER",
        "How many calls may be in flight on one connection of frames",
        transport_options.limits.calls = number,
        ToString::to_string
    ),
    row!(
        "max_streams",
        LIMITS,
        "NUMBER",
        "How many of them may be streams",
        transport_options.limits.streams = number,
        ToString::to_string
    ),
    row!(
        "max_connections",
        LIMITS,
        "NUMBER",
        "How many connections a server keeps open",
        transport_options.limits.connections = number,
        ToString::to_string
    ),
    row!(
        "max_connection_age",
        LIMITS,
        "TIME",
        "How long a server takes calls on one connection before the client is to open another; 0s is for ever",
        transport_options.limits.connection_age = duration,
        time
    ),
    row!(
        "head_timeout",
        LIMITS,
        "TIME",
        "How long the headers of a message may take to arrive",
        transport_options.limits.head_timeout = duration,
        time
    ),
    row!(
        "body_rate",
        LIMITS,
        "BYTES",
        "How fast a message must arrive, in bytes a second on average",
        transport_options.limits.body_rate = number,
        ToString::to_string
    ),
    row!("allow_origin", SERVER, "ORIGIN",
        "Let pages of these origins call, such as https://app.example, or * for all",
        transport_options.web.origins = list, |all: &Vec<String>| all.join(","), is_list: true),
    row!("allow_host", SERVER, "HOST",
        "Answer these names of hosts, too, over the loopback interface",
        transport_options.web.hosts = list, |all: &Vec<String>| all.join(","), is_list: true),
    row!("tls", TLS, "BOOL",
        "Secure the connections of calls and messages; a server needs --tls_cert_file, a client --tls_ca_file",
        transport_options.tls.is_on = boolean, ToString::to_string, is_switch: true),
    row!(
        "tls_cert_file",
        TLS,
        "FILE",
        "Certificate of this program, in PEM, with those that lead to its authority",
        transport_options.tls.cert_file = some,
        or_empty
    ),
    row!(
        "tls_key_file",
        TLS,
        "FILE",
        "Key of that certificate, in PEM",
        transport_options.tls.key_file = some,
        or_empty
    ),
    row!(
        "tls_ca_file",
        TLS,
        "FILE",
        "Authorities, in PEM, whose certificates servers must have",
        transport_options.tls.ca_file = some,
        or_empty
    ),
    row!(
        "tls_client_ca_file",
        TLS,
        "FILE",
        "Authorities, in PEM, whose certificates clients must have; without it any client may call",
        transport_options.tls.client_ca_file = some,
        or_empty
    ),
    row!(
        "tls_server_name",
        TLS,
        "NAME",
        "Name that servers' certificates must have, in place of the called service's",
        transport_options.tls.server_name = some,
        or_empty
    ),
    row!(
        "otlp_endpoint",
        SETTINGS,
        "URL",
        "Collector of OpenTelemetry that spans are sent to, such as http://localhost:4318",
        otlp_endpoint = some,
        or_empty
    ),
    row!("log_level", SETTINGS, "LEVEL", "What is logged, to standard error",
        log_level = level, |level: &LevelFilter| level.to_string(),
        names: Some(|| LEVELS.to_vec())),
];
