//! The text of a variant, with its fields in braces.

use proc_macro2::{Ident, Span};

use super::Field;
use crate::args::Given;
use crate::diag::Diag;

/// A part of the text.
pub(super) enum Piece {
    Text(String),
    /// A field as its `Display` shows it.
    Shown(Ident, Span),
    /// A field as its `Debug` shows it.
    Debugged(Ident, Span),
}

/// Splits `text` at its braces; `{{` and `}}` are braces themselves.
pub(super) fn read(text: &Given<String>, fields: &[Field], diag: &mut Diag) -> Vec<Piece> {
    match split(text, fields) {
        Ok(pieces) => pieces,
        Err(message) => {
            diag.error_at(text.span, message);
            Vec::new()
        }
    }
}

fn split(text: &Given<String>, fields: &[Field]) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text.value.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..at + 1];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = behind;
            continue;
        }
        let Some((inside, behind)) = rest.split_once('}').filter(|_| brace == "{") else {
            return Err(format!("a single `{brace}` is written `{brace}{brace}`"));
        };
        pieces.push(Piece::Text(std::mem::take(&mut plain)));
        pieces.push(field(inside, text.span, fields)?);
        rest = behind;
    }
    plain.push_str(rest);
    pieces.push(Piece::Text(plain));
    pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
    Ok(pieces)
}

fn field(inside: &str, span: Span, fields: &[Field]) -> Result<Piece, String> {
    let (name, form) = match inside.split_once(':') {
        Some((name, form)) => (name, form),
        None => (inside, ""),
    };
    let Some(field) = fields.iter().find(|field| field.name == name) else {
        let there: Vec<_> = fields
            .iter()
            .map(|field| format!("`{{{}}}`", field.name))
            .collect();
        let there = match there.is_empty() {
            true => "the variant has none".to_owned(),
            false => format!("there is {}", there.join(", ")),
        };
        return Err(format!("no field `{name}`: {there}"));
    };
    match form {
        "" => Ok(Piece::Shown(field.binding.clone(), span)),
        "?" => Ok(Piece::Debugged(field.binding.clone(), span)),
        _ => Err(format!(
            "a field is written `{{{name}}}`, or `{{{name}:?}}` as `Debug` shows it"
        )),
    }
}
