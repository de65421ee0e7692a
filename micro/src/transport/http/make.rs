//! Which make a node is of, as its record tells, and so how it is spoken to.

use crate::transport::{Facts, is_silent};

/// The make of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Make {
    /// One of this framework: its streams are half-closed. So is one that is known by its address alone.
    Ours,
    /// go-micro since headers name endpoints.
    Mucp,
    /// Older go-micro, and ja-micro: bodies are enveloped.
    Older,
}

impl Make {
    /// What the record of a node of ours says that speaks HTTP alone: its streams may be half-closed.
    pub(super) const OURS: (&'static str, &'static str) = ("half_close", "1");

    pub(super) fn of(facts: &Facts) -> Self {
        let says = |name| facts.get(name).is_some_and(|value| !value.is_empty());
        if is_silent(facts) || says(Self::OURS.0) || says("frames") {
            Self::Ours
        } else if says("protocol") {
            Self::Mucp
        } else {
            Self::Older
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Make;
    use crate::transport::Facts;

    #[test]
    fn the_record_of_a_node_tells_its_make() {
        let of = |facts: &[(&str, &str)]| {
            let own = facts
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Make::of(&own.collect::<Facts>())
        };

        assert_eq!(of(&[("transport", "http"), ("server", "rpc")]), Make::Older);
        assert_eq!(
            of(&[("transport", "http"), ("protocol", "mucp")]),
            Make::Mucp
        );
        assert_eq!(of(&[("protocol", "mucp"), Make::OURS]), Make::Ours);
        assert_eq!(of(&[("protocol", "mucp"), ("frames", "1")]), Make::Ours);
        assert_eq!(of(&[]), Make::Ours);
        assert_eq!(of(&[("partial", "1")]), Make::Ours);
    }
}
