//! Under which names the HTTP brokers of go-micro's generations find subscribers.

use std::fmt;
use std::str::FromStr;

/// A way to announce the subscribers of the HTTP broker, called by the first version of go-micro that has it.
///
/// Those of one way do not see those of another. A program serves each that it is told to: it is announced in
/// each, and publishes to who is found by any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// go-micro v0 to v1.12, as `v0`.
    V0,
    /// go-micro v1.13 to v1.17, as `v1.13`.
    V1_13,
    /// go-micro v1.18, as `v1.18`.
    V1_18,
    /// go-micro v2.9 to v6, as `v2`: what is current.
    #[default]
    V2,
}

impl Scheme {
    const ALL: [Self; 4] = [Self::V0, Self::V1_13, Self::V1_18, Self::V2];

    fn name(self) -> &'static str {
        match self {
            Self::V0 => "v0",
            Self::V1_13 => "v1.13",
            Self::V1_18 => "v1.18",
            Self::V2 => "v2",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scheme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|own| own.name() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is no way to find subscribers: choose one of {names}")
        })
    }
}
