//! Whole programs: what `#[micro::main]` and `#[micro::function]` run.

use std::ffi::OsString;
use std::future::Future;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::error::{Error, Result};
use crate::flags::{self, Flags, NoArgs};
use crate::server::Definition;
use crate::service::{Builder, Service};
use crate::telemetry::otlp;

/// What a macro knows of the program that it is written in.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The name of the service, until something else names it; empty means that of the executable.
    pub name: &'static str,
    /// The version of the service; empty means [`Options::version`](crate::server::Options::version)'s default.
    pub version: &'static str,
}

impl Program {
    fn name(self) -> String {
        let executable = || {
            Some(
                std::env::current_exe()
                    .ok()?
                    .file_stem()?
                    .to_string_lossy()
                    .into_owned(),
            )
        };
        match self.name {
            "" => executable().unwrap_or_default(),
            name => name.to_owned(),
        }
    }

    /// What the program's service is set up from.
    fn builder(self, flags: Flags) -> Builder {
        let linked = inventory::iter::<Linked>.into_iter();
        let definitions = linked.map(|linked| (linked.0)()).collect();
        let mut builder = Builder::with_flags(self.name(), flags, definitions);
        if !self.name.is_empty() {
            builder = builder.name(self.name);
        }
        if !self.version.is_empty() {
            builder = builder.version(self.version);
        }
        builder
    }
}

/// What `main` may return.
#[diagnostic::on_unimplemented(
    message = "`main` returns nothing, or a result of nothing: write `micro::Result<()>`",
    label = "nobody takes this"
)]
pub trait Ending {
    /// `Ok`, or what failed.
    ///
    /// # Errors
    ///
    /// What failed.
    fn into_result(self) -> Result<()>;
}

impl Ending for () {
    fn into_result(self) -> Result<()> {
        Ok(self)
    }
}

impl<E: Into<Error>> Ending for Result<(), E> {
    fn into_result(self) -> Result<()> {
        self.map_err(Into::into)
    }
}

/// Free functions that are served by the service that `#[micro::main]` runs; announced at link time.
#[derive(Debug)]
pub struct Linked(fn() -> Definition);

impl Linked {
    /// Serves what `define` returns.
    pub const fn new(define: fn() -> Definition) -> Self {
        Self(define)
    }
}

inventory::collect!(Linked);

/// What a program's `main` is given first.
pub trait Given: Sized {
    /// Made of what the command line and the variables say.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    fn from_builder(builder: Builder) -> impl Future<Output = Result<Self>>;
}

impl Given for Service {
    async fn from_builder(builder: Builder) -> Result<Self> {
        builder.build().await
    }
}

impl Given for Builder {
    async fn from_builder(builder: Builder) -> Result<Self> {
        Ok(builder)
    }
}

/// Runs a program that serves nothing: runtime, flags and logging only.
pub fn main<F, Fut>(program: Program, run: F) -> ExitCode
where
    F: FnOnce() -> Fut,
    Fut: Future<Output: Ending>,
{
    start::<NoArgs, _, _>(program, |builder, _| async {
        builder.settle()?;
        run().await.into_result()
    })
}

/// Runs a program that is given a service, or what one is built from.
pub fn main_with_service<S, F, Fut>(program: Program, run: F) -> ExitCode
where
    S: Given,
    F: FnOnce(S) -> Fut,
    Fut: Future<Output: Ending>,
{
    main_with_args::<NoArgs, S, _, _>(program, |service, _| run(service))
}

/// Runs a program that is given a service and its own arguments.
pub fn main_with_args<A, S, F, Fut>(program: Program, run: F) -> ExitCode
where
    A: Args,
    S: Given,
    F: FnOnce(S, A) -> Fut,
    Fut: Future<Output: Ending>,
{
    start::<A, _, _>(program, |builder, own| async {
        let service = S::from_builder(builder).await?;
        run(service, own).await.into_result()
    })
}

/// Runs a program that answers one call, or handles one event, and exits.
pub fn function(program: Program, definition: Definition) -> ExitCode {
    start::<NoArgs, _, _>(program, |builder, _| async {
        builder.build().await?.handle(definition).run_once().await
    })
}

fn start<A, F, Fut>(program: Program, run: F) -> ExitCode
where
    A: Args,
    F: FnOnce(Builder, A) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let arguments = std::env::args_os().collect::<Vec<OsString>>();
    let (flags, own) = match flags::parse::<A>(program.name(), program.version, arguments) {
        Ok(parsed) => parsed,
        // Help and version are no mistakes; clap knows where each is printed and what the exit code is.
        Err(asked) => asked.exit(),
    };
    match flags.log_level() {
        Ok(level) => log(level),
        Err(error) => return failed(&error),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(source) => {
            return failed(
                &Error::internal("micro.main", "the runtime cannot be started").with_source(source),
            );
        }
    };
    let ended = runtime.block_on(async {
        let ended = run(program.builder(flags), own).await;
        otlp::flush().await;
        ended
    });
    // Otherwise a thread that blocks, on standard input for one, would keep the program.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Logs to standard error, unless the program has set up logging of its own.
fn log(level: LevelFilter) {
    let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(is_coloured)
        .with_filter(level);
    let subscriber = registry().with(lines).with(otlp::otlp_layer());
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Says what failed, with every cause, and how that is told to the shell.
fn failed(error: &Error) -> ExitCode {
    let mut text = format!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(&format!("\n  caused by: {source}"));
        cause = source.source();
    }
    // Nothing can be said if standard error is closed; the exit code still tells.
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::FAILURE
}
