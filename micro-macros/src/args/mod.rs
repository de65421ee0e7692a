//! The grammar that all attributes share: `key`, `key = literal` and `key(…)`, behind commas.
//!
//! An attribute asks for the keys that it knows, one by one; what it did not ask for is unknown.
//! So the list of allowed keys in a message is the list that was read.

mod entry;

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::Lit;
use syn::parse::Parser as _;

use self::entry::{Entry, Value, pair, pieces};
use crate::diag::Diag;

/// A key that an attribute understands, and an example of how it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) form: &'static str,
}

impl Key {
    /// `form` is shown where the value is wrong, such as `timeout = "2s"`.
    pub(crate) const fn new(name: &'static str, form: &'static str) -> Self {
        Self { name, form }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// What stands in the parentheses of one attribute.
pub(crate) struct Args {
    attribute: String,
    entries: Vec<Entry>,
    asked: Vec<&'static str>,
}

impl Args {
    /// Reads `tokens`; `attribute` is its name as messages say it, such as `handler`.
    pub(crate) fn parse(
        attribute: impl Into<String>,
        tokens: TokenStream,
        diag: &mut Diag,
    ) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for piece in pieces(tokens) {
            let Some(entry) = diag.ok(Entry::parse(&piece)) else {
                continue;
            };
            if entries.iter().any(|earlier| earlier.key == entry.key) {
                diag.error(
                    &entry.key,
                    format!("`{}` is specified more than once", entry.key),
                );
            } else {
                entries.push(entry);
            }
        }
        Self {
            attribute: attribute.into(),
            entries,
            asked: Vec::new(),
        }
    }

    /// Reads an attribute that the item carries, such as `#[micro::handler(idempotent)]`.
    pub(crate) fn of(attribute: &syn::Attribute, diag: &mut Diag) -> Self {
        let name = attribute
            .path()
            .segments
            .last()
            .map(|last| last.ident.to_string())
            .unwrap_or_default();
        let tokens = match &attribute.meta {
            syn::Meta::Path(_) => TokenStream::new(),
            syn::Meta::List(list) => list.tokens.clone(),
            syn::Meta::NameValue(pair) => {
                diag.error(
                    pair.eq_token,
                    format!("`{name}` takes parentheses: `#[{name}(…)]`"),
                );
                TokenStream::new()
            }
        };
        Self::parse(name, tokens, diag)
    }

    /// A key that stands alone; where it stands.
    pub(crate) fn flag(&mut self, key: Key, diag: &mut Diag) -> Option<Span> {
        let entry = self.take(key)?;
        match entry.value {
            Value::None => Some(entry.key.span()),
            _ => entry.misfit(key, "stands alone", diag),
        }
    }

    /// A text that is not empty.
    pub(crate) fn text(&mut self, key: Key, diag: &mut Diag) -> Option<Given<String>> {
        let entry = self.take(key)?;
        match &entry.value {
            Value::Literal(Lit::Str(text)) if text.value().trim().is_empty() => {
                diag.error(text, format!("`{}` must not be empty", key.name));
                None
            }
            Value::Literal(Lit::Str(text)) => Some(Given {
                value: text.value(),
                span: text.span(),
            }),
            _ => entry.misfit(key, "takes a text", diag),
        }
    }

    /// A whole number that fits `N`, which knows no sign.
    pub(crate) fn number<N>(&mut self, key: Key, diag: &mut Diag) -> Option<Given<N>>
    where
        N: FromStr<Err: Display>,
    {
        let entry = self.take(key)?;
        let Value::Literal(Lit::Int(number)) = &entry.value else {
            return entry.misfit(key, "takes a whole number", diag);
        };
        let Ok(value) = number.base10_parse() else {
            let bits = 8 * size_of::<N>();
            let what = format!("takes a whole number without a sign, of at most {bits} bits");
            return entry.misfit(key, &what, diag);
        };
        Some(Given {
            value,
            span: number.span(),
        })
    }

    /// A time such as `2s`, longer than none.
    pub(crate) fn duration(&mut self, key: Key, diag: &mut Diag) -> Option<Given<Duration>> {
        let text = self.text(key, diag)?;
        match duration(&text.value) {
            Some(value) => Some(Given {
                value,
                span: text.span,
            }),
            None => {
                let form = "takes a number above 0 and a unit of ns, us, ms, s, m or h";
                diag.error_at(text.span, format!("`{}` {form}: `{}`", key.name, key.form));
                None
            }
        }
    }

    /// What stands in the parentheses behind a key.
    pub(crate) fn list(&mut self, key: Key, diag: &mut Diag) -> Option<Given<TokenStream>> {
        let entry = self.take(key)?;
        match entry.value {
            Value::List(value) => Some(Given {
                value,
                span: entry.key.span(),
            }),
            _ => entry.misfit(key, "takes parentheses", diag),
        }
    }

    /// The texts in the parentheses behind a key, as in `metadata("region" = "eu")`.
    pub(crate) fn pairs(&mut self, key: Key, diag: &mut Diag) -> Vec<(String, String)> {
        let Some(list) = self.list(key, diag) else {
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for piece in pieces(list.value) {
            let tokens: TokenStream = piece.into_iter().collect();
            match pair.parse2(tokens.clone()) {
                Ok((name, _)) if pairs.iter().any(|(earlier, _)| *earlier == name) => {
                    diag.error(tokens, format!("`{name}` is specified more than once"));
                }
                Ok(pair) => pairs.push(pair),
                Err(_) => diag.error(
                    tokens,
                    format!("expected a text, `=` and a text: `{}`", key.form),
                ),
            }
        }
        pairs
    }

    /// True if the key was written; it counts as known, so that messages list it.
    pub(crate) fn knows(&mut self, key: Key) -> bool {
        self.ask(key);
        self.entries.iter().any(|entry| entry.key == key.name)
    }

    /// True if something was written that was not asked for so far.
    pub(crate) fn has_unknown(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| !self.asked.iter().any(|asked| entry.key == asked))
    }

    /// Reports what was written and not asked for.
    pub(crate) fn finish(self, diag: &mut Diag) {
        for entry in &self.entries {
            let key = entry.key.to_string();
            if !self.asked.contains(&key.as_str()) {
                diag.error(&entry.key, unknown(&key, &self.attribute, &self.asked));
            }
        }
    }

    fn ask(&mut self, key: Key) {
        if !self.asked.contains(&key.name) {
            self.asked.push(key.name);
        }
    }

    fn take(&mut self, key: Key) -> Option<Entry> {
        self.ask(key);
        let found = self
            .entries
            .iter()
            .position(|entry| entry.key == key.name)?;
        Some(self.entries.remove(found))
    }
}

/// `2s`, `150ms`; one number, one unit.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number: u64 = number.parse().ok()?;
    let duration = match unit {
        "ns" => Duration::from_nanos(number),
        "us" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3600)?),
        _ => return None,
    };
    (!duration.is_zero()).then_some(duration)
}

/// Says which key may have been meant, and which there are.
fn unknown(key: &str, attribute: &str, allowed: &[&str]) -> String {
    let nearest = allowed
        .iter()
        .map(|name| (strsim::damerau_levenshtein(key, name), name))
        .filter(|(distance, name)| *distance <= name.len() / 2)
        .min();
    let hint = nearest
        .map(|(_, name)| format!("; did you mean `{name}`?"))
        .unwrap_or_default();
    if allowed.is_empty() {
        return format!("`{attribute}` takes no key `{key}`, and no other");
    }
    let listed: Vec<_> = allowed.iter().map(|name| format!("`{name}`")).collect();
    format!(
        "`{attribute}` has no key `{key}`{hint}\nits keys are {}",
        listed.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quote::quote;

    use super::{Args, Key, duration};
    use crate::diag::Diag;

    const NAME: Key = Key::new("name", "name = \"Chat.Rename\"");
    const TIMEOUT: Key = Key::new("timeout", "timeout = \"2s\"");

    fn messages_of(tokens: proc_macro2::TokenStream) -> Vec<String> {
        let mut diag = Diag::new();
        let mut args = Args::parse("handler", tokens, &mut diag);
        args.text(NAME, &mut diag);
        args.duration(TIMEOUT, &mut diag);
        args.finish(&mut diag);
        diag.messages()
    }

    #[test]
    fn keys_are_read_in_any_order() {
        assert!(messages_of(quote!(timeout = "2s", name = "A.B",)).is_empty());
    }

    #[test]
    fn a_key_written_twice_is_an_error() {
        assert_eq!(
            messages_of(quote!(name = "a", name = "b")),
            ["`name` is specified more than once"]
        );
    }

    #[test]
    fn an_unknown_key_names_the_nearest_and_all() {
        assert_eq!(
            messages_of(quote!(timout = "2s")),
            [
                "`handler` has no key `timout`; did you mean `timeout`?\nits keys are `name`, `timeout`"
            ]
        );
    }

    #[test]
    fn a_far_key_has_no_nearest() {
        assert_eq!(
            messages_of(quote!(x)),
            ["`handler` has no key `x`\nits keys are `name`, `timeout`"]
        );
    }

    #[test]
    fn every_mistake_is_reported() {
        assert_eq!(
            messages_of(quote!(name = 3, timeout = "2 s")),
            [
                "`name` takes a text: `name = \"Chat.Rename\"`",
                "`timeout` takes a number above 0 and a unit of ns, us, ms, s, m or h: `timeout = \"2s\"`"
            ]
        );
    }

    #[test]
    fn a_value_that_is_no_literal_is_an_error() {
        assert_eq!(
            messages_of(quote!(name = NAME)),
            ["the value of `name` must be a literal"]
        );
        assert_eq!(
            messages_of(quote!(name =)),
            ["expected a value behind `name =`"]
        );
    }

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(duration("150ms"), Some(Duration::from_millis(150)));
        assert_eq!(duration("2h"), Some(Duration::from_secs(7200)));
        assert_eq!(duration("2"), None);
        assert_eq!(duration("s"), None);
        assert_eq!(duration("0s"), None);
        assert_eq!(duration("18446744073709551615h"), None);
    }
}
