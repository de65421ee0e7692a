//! Values of flags: how each kind is read from text, and how it is shown.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::address;
use crate::broker::Scheme;
use crate::message::ContentType;

pub(super) fn owned(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

pub(super) fn owned_cow(text: &str) -> Result<std::borrow::Cow<'static, str>, String> {
    owned(text).map(Into::into)
}

pub(super) fn some(text: &str) -> Result<Option<String>, String> {
    owned(text).map(Some)
}

pub(super) fn or_empty(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}

/// Addresses, without the passwords in them.
pub(super) fn masked(all: &[String]) -> String {
    let masked: Vec<_> = all.iter().map(|one| address::masked(one)).collect();
    masked.join(",")
}

pub(super) fn list(text: &str) -> Result<Vec<String>, String> {
    let parts = text.split(',').map(str::trim);
    Ok(parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect())
}

pub(super) fn schemes(text: &str) -> Result<Vec<Scheme>, String> {
    list(text)?.iter().map(|name| name.parse()).collect()
}

pub(super) fn or_default(schemes: &[Scheme]) -> String {
    if schemes.is_empty() {
        return Scheme::default().to_string();
    }
    let names: Vec<String> = schemes.iter().map(ToString::to_string).collect();
    names.join(",")
}

pub(super) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is no number, or one that is too large"))
}

pub(super) fn time(time: &Duration) -> String {
    format!("{time:?}")
}

pub(super) fn content_type(text: &str) -> Result<ContentType, String> {
    if text.contains('/') {
        Ok(ContentType::new(text))
    } else {
        Err(format!(
            "{text:?} is no content type: write one such as application/json"
        ))
    }
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is neither true nor false"))
}

pub(super) const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn level(text: &str) -> Result<LevelFilter, String> {
    let known = LEVELS.contains(&text).then(|| text.parse().ok()).flatten();
    known.ok_or_else(|| format!("{text:?} is no level: choose one of {}", LEVELS.join(", ")))
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is no pair: write KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}
