//! Runs lines over rows, several at a time.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::broker;
use super::registry;
use super::row::{Line, Row};
use super::table::{Cell, Outcome, Table};
use super::transport;

/// How long a line may take, the start of its server included.
const LIMIT: Duration = Duration::from_secs(180);

/// How many lines are checked at once: most of the time they wait.
const AT_ONCE: usize = 8;

/// How many of those that stop a server.
const SERVERS_AT_ONCE: usize = 2;

/// Implementations, each to be checked on every line of its seam.
#[derive(Debug, Default)]
pub struct Suite(Vec<Job>);

/// One line over one row.
struct Job {
    cell: Cell,
    needs_server: bool,
    run: Box<dyn FnOnce() -> Outcome + Send>,
}

impl Suite {
    /// Checks a registry.
    pub fn registry(self, row: Row<registry::Ends>) -> Self {
        self.add("registry", registry::lines(), &row)
    }

    /// Checks a broker.
    pub fn broker(self, row: Row<broker::Ends>) -> Self {
        self.add("broker", broker::lines(), &row)
    }

    /// Checks a transport.
    pub fn transport(self, row: Row<transport::Ends>) -> Self {
        self.add("transport", transport::lines(), &row)
    }

    fn add<E: 'static>(mut self, seam: &'static str, lines: Vec<Line<E>>, row: &Row<E>) -> Self {
        for (number, line) in lines.into_iter().enumerate() {
            let needs_server = line.needs_server;
            let open = match needs_server {
                true => row.open_with_server.clone(),
                false => Some(row.open.clone()),
            };
            self.0.push(Job {
                cell: Cell {
                    seam,
                    row: row.name.clone(),
                    number,
                    line: line.name,
                },
                needs_server,
                run: match open {
                    Some(open) => Box::new(move || checked(&line, &*open)),
                    None => Box::new(|| Outcome::NoServer),
                },
            });
        }
        self
    }

    /// Checks every line over every row, or those that the program's arguments are words of, and prints what came of it.
    pub fn run(self) -> ExitCode {
        let words: Vec<_> = std::env::args().skip(1).collect();
        let words: Vec<_> = words.iter().filter(|word| !word.starts_with('-')).collect();
        let is_wanted = |job: &Job| {
            let name = job.cell.to_string();
            words.is_empty() || words.iter().any(|word| name.contains(*word))
        };
        let wanted = self.0.into_iter().filter(is_wanted);
        let (servers, others): (VecDeque<_>, VecDeque<_>) =
            wanted.partition(|job| job.needs_server);
        let begun = Instant::now();
        let mut table = Table::default();
        run(others, AT_ONCE, &mut table);
        run(servers, SERVERS_AT_ONCE, &mut table);
        let took = begun.elapsed();
        // Nobody may be there to read it.
        writeln!(io::stdout().lock(), "{table}; finished in {took:.2?}").ok();
        ExitCode::from(u8::from(table.is_broken()))
    }
}

/// What comes of `line` on the ends that `open` makes, on a runtime of its own.
fn checked<E>(line: &Line<E>, open: &dyn Fn() -> LocalBoxFuture<'static, E>) -> Outcome {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Outcome::Broken(error.to_string()),
    };
    let check = async {
        let ends = open().await;
        match (line.is_promised)(&ends) {
            true => (line.check)(ends).await.map(|()| Outcome::Held),
            false => Ok(Outcome::NotPromised),
        }
    };
    match runtime.block_on(async { timeout(LIMIT, check).await }) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Outcome::Broken(told(&error)),
        Err(_) => Outcome::Broken(format!("it took more than {LIMIT:?}")),
    }
}

/// Runs `jobs`, so many at once, each in a thread that has its name.
fn run(jobs: VecDeque<Job>, at_once: usize, table: &mut Table) {
    let (jobs, table) = (Mutex::new(jobs), Mutex::new(table));
    let work = || {
        loop {
            // Each lock is held for one call, which leaves what it guards whole.
            let job = jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(Job { cell, run, .. }) = job else {
                return;
            };
            let thread = thread::Builder::new().name(cell.to_string()).spawn(run);
            let outcome = match thread.map(thread::JoinHandle::join) {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(panic)) => Outcome::Broken(words(&*panic)),
                Err(error) => Outcome::Broken(error.to_string()),
            };
            let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
            table.add(cell, outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(work);
        }
    });
}

/// What an error says, and what it came of.
fn told(error: &dyn std::error::Error) -> String {
    let source = error.source().map(told);
    let source = source.map_or_else(String::new, |source| format!(": {source}"));
    format!("{error}{source}")
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic").to_owned()
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cell)
    }
}
