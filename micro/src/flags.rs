//! The command line and the `MICRO_*` variables, read into [`Flags`] and laid over what code set.
//!
//! Only programs that `#[micro::main]` or `#[micro::function]` runs read them; a builder never does.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::builder::Resettable;
use clap::{ArgAction, Args, Command, FromArgMatches};

use crate::settings::Settings;

/// The flags of every program; go-micro's names, with dashes as well.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Micro options")]
pub(crate) struct Flags {
    /// Name of the service
    #[arg(
        long = "server_name",
        alias = "server-name",
        env = "MICRO_SERVER_NAME",
        value_name = "NAME"
    )]
    pub(crate) server_name: Option<String>,
    /// Version of the service, such as 1.1.0
    #[arg(
        long = "server_version",
        alias = "server-version",
        env = "MICRO_SERVER_VERSION",
        value_name = "VERSION"
    )]
    server_version: Option<String>,
    /// Id of this server, unique among all
    #[arg(
        long = "server_id",
        alias = "server-id",
        env = "MICRO_SERVER_ID",
        value_name = "ID"
    )]
    server_id: Option<String>,
    /// Where to listen, such as 127.0.0.1:8080, or :8080 for every interface
    #[arg(
        long = "server_address",
        alias = "server-address",
        env = "MICRO_SERVER_ADDRESS",
        value_name = "ADDRESS"
    )]
    server_address: Option<String>,
    /// Where others are told to call
    #[arg(
        long = "server_advertise",
        alias = "server-advertise",
        env = "MICRO_SERVER_ADVERTISE",
        value_name = "ADDRESS"
    )]
    server_advertise: Option<String>,
    /// A fact for the node's record; may be repeated
    #[arg(
        long = "server_metadata", alias = "server-metadata", env = "MICRO_SERVER_METADATA", value_name = "KEY=VALUE",
        action = ArgAction::Append, value_delimiter = ',', value_parser = pair,
    )]
    server_metadata: Vec<(String, String)>,
    /// How long a registration holds without renewal, such as 90s
    #[arg(long = "register_ttl", alias = "register-ttl", env = "MICRO_REGISTER_TTL", value_name = "TIME", value_parser = seconds)]
    register_ttl: Option<Duration>,
    /// How often a registration is renewed, such as 30s
    #[arg(
        long = "register_interval", alias = "register-interval", env = "MICRO_REGISTER_INTERVAL", value_name = "TIME",
        value_parser = seconds,
    )]
    register_interval: Option<Duration>,
    /// Registry to find services by: mdns, memory
    #[arg(long, env = "MICRO_REGISTRY", value_name = "REGISTRY")]
    registry: Option<String>,
    /// Where the registry is; for mdns, the interfaces to use
    #[arg(
        long = "registry_address",
        alias = "registry-address",
        env = "MICRO_REGISTRY_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    registry_address: Vec<String>,
    /// Keeps fleets that share a registry apart
    #[arg(
        long = "registry_namespace",
        alias = "registry-namespace",
        env = "MICRO_REGISTRY_NAMESPACE",
        value_name = "NAME"
    )]
    registry_namespace: Option<String>,
    /// Transport to carry calls: http, memory
    #[arg(long, env = "MICRO_TRANSPORT", value_name = "TRANSPORT")]
    transport: Option<String>,
    /// Where the transport's own server is
    #[arg(
        long = "transport_address",
        alias = "transport-address",
        env = "MICRO_TRANSPORT_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    transport_address: Vec<String>,
    /// Broker to carry messages: memory
    #[arg(long, env = "MICRO_BROKER", value_name = "BROKER")]
    broker: Option<String>,
    /// Where the broker is
    #[arg(
        long = "broker_address",
        alias = "broker-address",
        env = "MICRO_BROKER_ADDRESS",
        value_name = "ADDRESS",
        value_delimiter = ','
    )]
    broker_address: Vec<String>,
    /// Selector to choose nodes: random, roundrobin
    #[arg(long, env = "MICRO_SELECTOR", value_name = "SELECTOR")]
    selector: Option<String>,
    /// Time allowed for one call, such as 500ms
    #[arg(
        long = "client_request_timeout", alias = "client-request-timeout", env = "MICRO_CLIENT_REQUEST_TIMEOUT",
        value_name = "TIME", value_parser = duration,
    )]
    client_request_timeout: Option<Duration>,
    /// How often a call of an idempotent method is repeated
    #[arg(
        long = "client_retries",
        alias = "client-retries",
        env = "MICRO_CLIENT_RETRIES",
        value_name = "NUMBER"
    )]
    client_retries: Option<u32>,
    /// How many connections a client keeps open to one node
    #[arg(
        long = "client_pool_size",
        alias = "client-pool-size",
        env = "MICRO_CLIENT_POOL_SIZE",
        value_name = "NUMBER"
    )]
    client_pool_size: Option<usize>,
    /// How long an idle connection is kept, such as 60s
    #[arg(
        long = "client_pool_ttl", alias = "client-pool-ttl", env = "MICRO_CLIENT_POOL_TTL", value_name = "TIME",
        value_parser = duration,
    )]
    client_pool_ttl: Option<Duration>,
    /// Size limit of one message, in bytes
    #[arg(
        long = "max_message",
        alias = "max-message",
        env = "MICRO_MAX_MESSAGE",
        value_name = "BYTES"
    )]
    max_message: Option<usize>,
    /// How long a stopping server still answers after it deregistered, such as 3s
    #[arg(long = "stop_linger", alias = "stop-linger", env = "MICRO_STOP_LINGER", value_name = "TIME", value_parser = duration)]
    stop_linger: Option<Duration>,
    /// How long a stopping server waits for calls in flight, such as 30s
    #[arg(long = "stop_drain", alias = "stop-drain", env = "MICRO_STOP_DRAIN", value_name = "TIME", value_parser = duration)]
    stop_drain: Option<Duration>,
    /// What is logged: error, warn, info, debug, trace, off
    #[arg(
        long = "log_level",
        alias = "log-level",
        env = "MICRO_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    pub(crate) log_level: tracing::level_filters::LevelFilter,
}

/// Reads `arguments` into the flags and the program's own `A`.
///
/// # Errors
///
/// clap's: what is wrong and how to write it, or the help or version text that was asked for.
pub(crate) fn parse<A: Args>(
    name: String,
    version: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(Flags, A), clap::Error> {
    let command = Command::new(name).version(version);
    // The program's own come first in the help: they are what its user looks for.
    let command = Flags::augment_args(A::augment_args(command));
    // A variable that is set to nothing is not set, as in go-micro.
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if is_empty(name) => arg.env(Resettable::Reset),
        _ => arg,
    });
    let mut matches = command.try_get_matches_from(arguments)?;
    let own = A::from_arg_matches_mut(&mut matches)?;
    let flags = Flags::from_arg_matches_mut(&mut matches)?;
    Ok((flags, own))
}

/// The arguments of a program that has none of its own.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct NoArgs {}

impl Flags {
    /// `settings`, with what the flags say in place of what they were.
    pub(crate) fn over(self, mut settings: Settings) -> Settings {
        fn lay<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        fn list(place: &mut Vec<String>, value: Vec<String>) {
            if !value.is_empty() {
                *place = value;
            }
        }
        settings.registry = self.registry.or(settings.registry);
        settings.transport = self.transport.or(settings.transport);
        settings.broker = self.broker.or(settings.broker);
        settings.selector = self.selector.or(settings.selector);
        list(
            &mut settings.registry_options.addresses,
            self.registry_address,
        );
        lay(
            &mut settings.registry_options.namespace,
            self.registry_namespace,
        );
        list(
            &mut settings.transport_options.addresses,
            self.transport_address,
        );
        list(&mut settings.broker_options.addresses, self.broker_address);
        let limits = &mut settings.transport_options.limits;
        lay(&mut limits.message, self.max_message);
        lay(&mut limits.pool, self.client_pool_size);
        lay(&mut limits.idle_timeout, self.client_pool_ttl);
        let client = &mut settings.client;
        lay(&mut client.request_timeout, self.client_request_timeout);
        lay(&mut client.retries, self.client_retries);
        let server = &mut settings.server;
        lay(&mut server.version, self.server_version);
        lay(&mut server.id, self.server_id);
        lay(&mut server.address, self.server_address);
        server.advertise = self.server_advertise.or(server.advertise.take());
        server.metadata.extend(self.server_metadata);
        lay(&mut server.register_ttl, self.register_ttl);
        lay(&mut server.register_interval, self.register_interval);
        lay(&mut server.linger, self.stop_linger);
        lay(&mut server.drain, self.stop_drain);
        settings
    }
}

/// A bare number is seconds, as go-micro's flag of the same name takes.
fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .map(Duration::from_secs)
        .or_else(|_| duration(text))
}

/// Go's form: numbers with units, such as `1m30s` or `1.5s`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "{text:?} is no time: write a number and its unit (ns, us, ms, s, m, h), such as 500ms or 1m30s"
        )
    };
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() || text.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = rest[digits..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |end| digits + end);
        let seconds = match &rest[digits..unit] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        total += Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        rest = &rest[unit..];
    }
    Ok(total)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is no pair: write KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Flags, NoArgs, duration, parse};
    use crate::settings::Settings;

    fn flags(arguments: &[&str]) -> Flags {
        let arguments = std::iter::once("test")
            .chain(arguments.iter().copied())
            .map(Into::into);
        parse::<NoArgs>("test".to_owned(), "1.0.0", arguments)
            .unwrap()
            .0
    }

    #[test]
    fn dashes_and_underscores_name_the_same_flag() {
        let dashes = flags(&["--server-address=:80"]).over(Settings::default());
        let underscores = flags(&["--server_address=:80"]).over(Settings::default());

        assert_eq!(dashes.server.address, ":80");
        assert_eq!(underscores.server.address, ":80");
    }

    #[test]
    fn a_flag_is_laid_over_what_code_set() {
        let mut settings = Settings::default();
        settings.server.version = "1.0.0".to_owned();

        let laid = flags(&["--server_version=2.0.0"]).over(settings);

        assert_eq!(laid.server.version, "2.0.0");
    }

    #[test]
    fn what_no_flag_names_stays_as_code_set_it() {
        let mut settings = Settings::default();
        settings.server.version = "1.0.0".to_owned();

        assert_eq!(flags(&[]).over(settings).server.version, "1.0.0");
    }

    #[test]
    fn metadata_is_given_as_pairs() {
        let laid =
            flags(&["--server_metadata=a=1", "--server_metadata=b=2"]).over(Settings::default());

        assert_eq!(laid.server.metadata["a"], "1");
        assert_eq!(laid.server.metadata["b"], "2");
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_form() {
        for text in ["", "5", "s", "5x", "-1s", "1e999s"] {
            let error = duration(text).unwrap_err();

            assert!(error.contains("500ms"), "{text}: {error}");
        }
    }
}
