//! String pairs that travel with calls and messages.
//!
//! Written by callers and wrappers, read by handlers; carriers turn them into headers.

use std::fmt;

/// String pairs whose names are compared without case, as HTTP headers are.
///
/// Names and values share one buffer, so an empty set costs nothing and a copy costs two
/// allocations. A name occurs once.
///
/// ```
/// use micro::Metadata;
///
/// let mut metadata = Metadata::new();
/// metadata.set("x-user", "42");
///
/// assert_eq!(metadata.get("X-User"), Some("42"));
/// ```
#[derive(Clone, Default)]
pub struct Metadata {
    text: String,
    pairs: Vec<Pair>,
}

/// Where one pair lies in the text, behind the one before: the name up to `middle`, then the value.
#[derive(Clone, Copy)]
struct Pair {
    start: usize,
    middle: usize,
    end: usize,
}

impl Pair {
    fn move_back(&mut self, length: usize) {
        self.start -= length;
        self.middle -= length;
        self.end -= length;
    }
}

impl Metadata {
    /// An empty set.
    pub const fn new() -> Self {
        Self {
            text: String::new(),
            pairs: Vec::new(),
        }
    }

    /// The value of `name`, compared without case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Sets `name` to `value`, in place of an earlier value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.text.reserve(name.len() + value.len());
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        self.pairs.push(Pair {
            start,
            middle,
            end: self.text.len(),
        });
    }

    /// Removes `name`; says whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let is_it = |(own, _): (&str, &str)| own.eq_ignore_ascii_case(name);
        let Some(place) = self.iter().position(is_it) else {
            return false;
        };
        let gone = self.pairs.remove(place);
        self.text.drain(gone.start..gone.end);
        for later in &mut self.pairs[place..] {
            later.move_back(gone.end - gone.start);
        }
        true
    }

    /// The pairs in the order in which they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| {
            (
                &self.text[pair.start..pair.middle],
                &self.text[pair.middle..pair.end],
            )
        })
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// True if there is no pair.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Credentials travel here; a log line must not show them.
        let shown = self.iter().map(|(name, value)| {
            let secret = SECRETS.iter().any(|own| own.eq_ignore_ascii_case(name));
            (name, if secret { "…" } else { value })
        });
        f.debug_map().entries(shown).finish()
    }
}

/// The name that the number of an attempt travels by, from the second on; not handed on to other calls.
pub(crate) const ATTEMPT: &str = "Micro-Attempt";

/// Names whose values are credentials: not shown, and not handed on to the next hop.
pub(crate) const SECRETS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(name, value)| other.get(name) == Some(value))
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut metadata = Self::new();
        metadata.extend(pairs);
        metadata
    }
}

impl<N: AsRef<str>, V: AsRef<str>> Extend<(N, V)> for Metadata {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, pairs: I) {
        for (name, value) in pairs {
            self.set(name.as_ref(), value.as_ref());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Metadata;

    #[test]
    fn names_are_compared_without_case() {
        let metadata = Metadata::from_iter([("X-User", "42")]);

        assert_eq!(metadata.get("x-user"), Some("42"));
    }

    #[test]
    fn setting_a_name_again_replaces_its_value() {
        let mut metadata = Metadata::from_iter([("a", "1"), ("b", "2")]);

        metadata.set("A", "3");

        assert_eq!(metadata, Metadata::from_iter([("b", "2"), ("a", "3")]));
    }

    #[test]
    fn a_removed_name_is_gone() {
        let mut metadata = Metadata::from_iter([("a", "1"), ("b", "2")]);

        assert!(metadata.remove("A"));
        assert!(!metadata.remove("A"));
        assert_eq!(metadata.iter().collect::<Vec<_>>(), [("b", "2")]);
    }

    #[test]
    fn what_is_set_again_and_again_takes_no_more_room() {
        let mut metadata = Metadata::from_iter([("a", "1"), ("b", "2")]);

        for value in ["3", "4", "5"] {
            metadata.set("a", value);
        }

        assert_eq!(metadata.text, "b2a5");
    }

    #[test]
    fn debug_output_hides_credentials() {
        let metadata = Metadata::from_iter([("Authorization", "Bearer secret"), ("x", "seen")]);

        let shown = format!("{metadata:?}");

        assert!(
            !shown.contains("secret") && shown.contains("seen"),
            "{shown}"
        );
    }
}
