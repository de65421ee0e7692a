//! What is checked, and of whom.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use crate::error::Result;

/// One line of a contract, over the ends `E` of an implementation.
pub struct Line<E> {
    /// Its words, in small letters with `_` between.
    pub name: &'static str,
    /// True if the backend promises it.
    pub(super) is_promised: fn(&E) -> bool,
    pub(super) needs_server: bool,
    pub(super) check: fn(E) -> LocalBoxFuture<'static, Result<()>>,
}

impl<E> fmt::Debug for Line<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The lines that the named functions check. A condition says of which ends one is promised; `server;` stands before
/// those that stop a server.
macro_rules! lines {
    (server; $($check:ident $(if $promise:expr)?,)*) => {
        vec![$($crate::conformance::row::lines!(@line true, $check $(, $promise)?)),*]
    };
    ($($check:ident $(if $promise:expr)?,)*) => {
        vec![$($crate::conformance::row::lines!(@line false, $check $(, $promise)?)),*]
    };
    (@line $needs_server:literal, $check:ident) => {
        $crate::conformance::row::lines!(@line $needs_server, $check, |_| true)
    };
    (@line $needs_server:literal, $check:ident, $promise:expr) => {
        $crate::conformance::Line {
            name: stringify!($check),
            is_promised: $promise,
            needs_server: $needs_server,
            check: |ends| Box::pin($check(ends)),
        }
    };
}
pub(super) use lines;

/// Makes the ends of an implementation, fresh for each line.
pub(super) type Open<E> = Arc<dyn Fn() -> LocalBoxFuture<'static, E> + Send + Sync>;

/// One implementation, and how the ends of it are made that the lines are checked on.
pub struct Row<E> {
    pub(super) name: String,
    pub(super) open: Open<E>,
    pub(super) open_with_server: Option<Open<E>>,
}

impl<E> Row<E> {
    /// An implementation called `name`, on ends that `open` makes. Each line has a runtime, of one thread, and ends of its own;
    /// those that share a server must not see each other's names.
    pub fn new<Fut>(name: impl Into<String>, open: impl Fn() -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = E> + 'static,
    {
        Self {
            name: name.into(),
            open: Arc::new(move || Box::pin(open())),
            open_with_server: None,
        }
    }

    /// Checks the lines about servers, too, on ends that `open` makes with a server that nobody else uses.
    pub fn with_server<Fut>(mut self, open: impl Fn() -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = E> + 'static,
    {
        self.open_with_server = Some(Arc::new(move || Box::pin(open())));
        self
    }
}

impl<E> fmt::Debug for Row<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
