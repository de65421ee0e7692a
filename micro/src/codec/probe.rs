//! Finds the format of a type where the type is concrete: in the code that a macro generates.
//!
//! Method resolution takes the first of these that fits, by the number of references it must add:
//! a message, a type of prost with serde, one without, a serde type, and at last errors that say
//! what to write: `(&&&&&&Probe::<T>::new()).format()`, with all the traits in scope.

use std::marker::PhantomData;

use futures_util::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::format::{Format, Message};

/// Stands for a type whose format is asked for.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// Asks for the format of `T`.
    #[expect(
        clippy::new_without_default,
        reason = "only ever named by generated code"
    )]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// Asked first.
pub trait ByMessage<T> {
    /// The format.
    fn format(&self) -> Format<T>;
}

impl<T: Message> ByMessage<T> for &&&&&Probe<T> {
    fn format(&self) -> Format<T> {
        T::format()
    }
}

/// Asked second.
pub trait ByProstAndSerde<T> {
    /// The format.
    fn format(&self) -> Format<T>;
}

impl<T: prost::Message + Default + Serialize + DeserializeOwned> ByProstAndSerde<T>
    for &&&&Probe<T>
{
    fn format(&self) -> Format<T> {
        Format::prost_and_serde()
    }
}

/// Asked third.
pub trait ByProst<T> {
    /// The format.
    fn format(&self) -> Format<T>;
}

impl<T: prost::Message + Default> ByProst<T> for &&&Probe<T> {
    fn format(&self) -> Format<T> {
        Format::prost()
    }
}

/// Asked fourth.
pub trait BySerde<T> {
    /// The format.
    fn format(&self) -> Format<T>;
}

impl<T: Serialize + DeserializeOwned> BySerde<T> for &&Probe<T> {
    fn format(&self) -> Format<T> {
        Format::serde()
    }
}

/// Asked fifth: says what is missing.
pub trait ByStream<T> {
    /// The format.
    fn format(&self) -> Format<T>
    where
        T: Announced;
}

impl<T: Stream> ByStream<T> for &Probe<T> {
    fn format(&self) -> Format<T>
    where
        T: Announced,
    {
        T::never()
    }
}

/// Implemented by no type.
#[diagnostic::on_unimplemented(
    message = "a stream behind another name is announced: write `#[micro::handler(stream)]`",
    label = "is a stream"
)]
pub trait Announced: Sized {
    /// The format.
    fn never() -> Format<Self>;
}

/// Asked last: says what is missing.
pub trait ByNothing<T> {
    /// The format.
    fn format(&self) -> Format<T>
    where
        T: Sendable;
}

impl<T> ByNothing<T> for Probe<T> {
    fn format(&self) -> Format<T>
    where
        T: Sendable,
    {
        T::never()
    }
}

/// Implemented by no type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent: annotate it with `#[micro::message]`, or derive serde's `Serialize` and `Deserialize`",
    label = "has no form on the wire"
)]
pub trait Sendable: Sized {
    /// The format.
    fn never() -> Format<Self>;
}
