//! Names that mean something else in what is generated beside an item, or nothing at all.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};

/// `tokens` with `subject` in place of `Self`, which in a client means the client.
pub(crate) fn without_self(tokens: TokenStream, subject: &TokenStream) -> TokenStream {
    rewrite(tokens, &|token, _| match token {
        TokenTree::Ident(ident) if ident == "Self" => subject.clone(),
        other => other.into(),
    })
}

/// `tokens` with `'static` in place of these lifetimes: what is served, and what is sent, lives as long as it likes.
pub(crate) fn without_lifetimes(tokens: TokenStream, lifetimes: &[String]) -> TokenStream {
    rewrite(tokens, &|token, before| match (token, before) {
        (TokenTree::Ident(ident), Some(TokenTree::Punct(quote)))
            if quote.as_char() == '\'' && lifetimes.iter().any(|lifetime| ident == lifetime) =>
        {
            TokenTree::Ident(Ident::new("static", ident.span())).into()
        }
        (other, _) => other.into(),
    })
}

/// `tokens`, all of which stand at `span`, but for the one that means nothing without its own.
pub(crate) fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let respanned = |token| match token {
        TokenTree::Group(group) => {
            let mut inside = Group::new(group.delimiter(), respan(group.stream(), span));
            inside.set_span(span);
            inside.into()
        }
        TokenTree::Ident(ident) if ident == "$crate" => ident.into(),
        mut token => {
            token.set_span(span);
            token
        }
    };
    tokens.into_iter().map(respanned).collect()
}

/// Passes each token, with the one before it, through `replace`.
fn rewrite(
    tokens: TokenStream,
    replace: &dyn Fn(TokenTree, Option<&TokenTree>) -> TokenStream,
) -> TokenStream {
    let mut before: Option<TokenTree> = None;
    let mut rewritten = TokenStream::new();
    for token in tokens {
        let replaced = match &token {
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), rewrite(group.stream(), replace));
                inside.set_span(group.span());
                TokenTree::Group(inside).into()
            }
            _ => replace(token.clone(), before.as_ref()),
        };
        rewritten.extend(replaced);
        before = Some(token);
    }
    rewritten
}
