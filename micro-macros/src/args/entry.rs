//! One key with its value, read from the tokens between two commas.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser as _};
use syn::{Lit, LitStr, Token};

use super::Key;
use crate::diag::Diag;

/// What was written for one key.
pub(super) struct Entry {
    pub(super) key: Ident,
    pub(super) value: Value,
}

/// What stands behind a key.
pub(super) enum Value {
    None,
    Literal(Lit),
    List(TokenStream),
}

impl Entry {
    /// Reads what lies between two commas, which is not nothing.
    pub(super) fn parse(piece: &[TokenTree]) -> syn::Result<Self> {
        let wrong =
            |token: &TokenTree, message: String| Err(syn::Error::new(token.span(), message));
        let [TokenTree::Ident(key), rest @ ..] = piece else {
            return wrong(
                &piece[0],
                "expected a key, as in `key` or `key = value`".to_owned(),
            );
        };
        let value = match rest {
            [] => Value::None,
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis => {
                Value::List(group.stream())
            }
            [TokenTree::Punct(eq)] if eq.as_char() == '=' => {
                return wrong(&rest[0], format!("expected a value behind `{key} =`"));
            }
            [TokenTree::Punct(eq), value @ ..] if eq.as_char() == '=' => {
                Value::Literal(literal(key, value)?)
            }
            [first, ..] => return wrong(first, format!("expected `,`, `=` or `(` behind `{key}`")),
        };
        Ok(Self {
            key: key.clone(),
            value,
        })
    }

    /// Reports a value of the wrong kind, on the value, or on the key if there is none.
    pub(super) fn misfit<T>(&self, key: Key, what: &str, diag: &mut Diag) -> Option<T> {
        let message = format!("`{}` {what}: `{}`", key.name, key.form);
        match &self.value {
            Value::None => diag.error(&self.key, message),
            Value::Literal(literal) => diag.error(literal, message),
            Value::List(tokens) if tokens.is_empty() => diag.error(&self.key, message),
            Value::List(tokens) => diag.error(tokens, message),
        }
        None
    }
}

/// The literal that stands behind `key =`.
fn literal(key: &Ident, tokens: &[TokenTree]) -> syn::Result<Lit> {
    let tokens: TokenStream = tokens.iter().cloned().collect();
    let split = |input: ParseStream<'_>| {
        let literal = input.parse::<Lit>();
        Ok((literal, input.parse::<TokenStream>()?))
    };
    match split.parse2(tokens.clone())? {
        (Ok(literal), rest) => match rest.into_iter().next() {
            None => Ok(literal),
            Some(next) => Err(syn::Error::new(
                next.span(),
                format!("expected `,` behind the value of `{key}`"),
            )),
        },
        (Err(_), _) => Err(syn::Error::new_spanned(
            tokens,
            format!("the value of `{key}` must be a literal"),
        )),
    }
}

/// `"region" = "eu"`.
pub(super) fn pair(input: ParseStream<'_>) -> syn::Result<(String, String)> {
    let name: LitStr = input.parse()?;
    input.parse::<Token![=]>()?;
    let value: LitStr = input.parse()?;
    Ok((name.value(), value.value()))
}

/// What lies between the commas.
pub(super) fn pieces(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut pieces = vec![Vec::new()];
    for token in tokens {
        match (&token, pieces.last_mut()) {
            (TokenTree::Punct(comma), _) if comma.as_char() == ',' => pieces.push(Vec::new()),
            (_, Some(piece)) => piece.push(token),
            (_, None) => {}
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}
