//! An item as tokens: attributes, a head, and a body that is never looked into.
//!
//! What is being typed in a body, or in a member without an attribute of ours, comes out as it went in.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt as _};
use syn::parse::{Parse, ParseStream, Parser as _};

/// One `#[…]`.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    tokens: TokenStream,
    /// What its path ends in: `handler` for `#[micro::handler]`.
    name: String,
}

/// A function, block or other item, or what there is of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Item {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) head: Vec<TokenTree>,
    /// The `{…}` or `;` at the end.
    pub(crate) tail: Option<TokenTree>,
}

/// A function's head.
pub(crate) struct Function {
    pub(crate) visibility: syn::Visibility,
    pub(crate) signature: syn::Signature,
}

impl Attribute {
    fn new(pound: TokenTree, brackets: TokenTree) -> Self {
        let mut name = String::new();
        if let TokenTree::Group(group) = &brackets {
            for token in group.stream() {
                match token {
                    TokenTree::Ident(ident) => name = ident.to_string(),
                    TokenTree::Punct(colon) if colon.as_char() == ':' => {}
                    _ => break,
                }
            }
        }
        Self {
            tokens: TokenStream::from_iter([pound, brackets]),
            name,
        }
    }

    /// What its path ends in.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The attribute as the parser sees it.
    pub(crate) fn parse(&self) -> syn::Result<syn::Attribute> {
        let mut parsed = syn::Attribute::parse_outer.parse2(self.tokens.clone())?;
        parsed
            .pop()
            .ok_or_else(|| syn::Error::new_spanned(&self.tokens, "expected an attribute"))
    }
}

impl Item {
    /// The one item that an attribute stands on.
    pub(crate) fn parse(tokens: TokenStream) -> Self {
        let mut items = Self::parse_all(tokens).into_iter();
        let mut first = items.next().unwrap_or_default();
        // There is no more than one, but nothing that was written may be lost.
        for more in items {
            first.head.extend(first.tail.take());
            first.head.extend(more.to_token_stream());
        }
        first
    }

    /// The members of a block.
    pub(crate) fn parse_all(tokens: TokenStream) -> Vec<Self> {
        let mut splitter = Splitter::default();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let brackets = match splitter.may_start_attribute(&token) {
                true => tokens.next_if(|next| is_group(next, Delimiter::Bracket)),
                false => None,
            };
            match brackets {
                Some(brackets) => splitter.attribute(token, brackets),
                None => splitter.token(token),
            }
        }
        splitter.finish()
    }

    /// Removes and returns the attributes that `wanted` picks.
    pub(crate) fn take_attributes(
        &mut self,
        wanted: impl Fn(&Attribute) -> bool,
    ) -> Vec<Attribute> {
        self.attributes
            .extract_if(.., |attribute| wanted(attribute))
            .collect()
    }

    /// The first such keyword of the head, as in `fn` or `trait`.
    pub(crate) fn keyword(&self, keyword: &str) -> Option<&TokenTree> {
        let is_it =
            |token: &&TokenTree| matches!(token, TokenTree::Ident(ident) if ident == keyword);
        self.head.iter().find(is_it)
    }

    /// A function's name.
    pub(crate) fn name(&self) -> Option<Ident> {
        let mut after_fn = self
            .head
            .iter()
            .skip_while(|token| token.to_string() != "fn")
            .skip(1);
        match after_fn.next() {
            Some(TokenTree::Ident(name)) => Some(name.clone()),
            _ => None,
        }
    }

    /// Where a function's name is.
    pub(crate) fn name_span(&self) -> Span {
        self.name().map_or_else(Span::call_site, |name| name.span())
    }

    /// The head, read by `parser`.
    pub(crate) fn parse_head<T>(
        &self,
        parser: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
    ) -> syn::Result<T> {
        parser.parse2(self.head.iter().cloned().collect())
    }

    /// The head of a function.
    pub(crate) fn function(&self) -> syn::Result<Function> {
        self.parse_head(Function::parse)
    }

    /// The tokens between the braces.
    pub(crate) fn body(&self) -> TokenStream {
        match &self.tail {
            Some(TokenTree::Group(group)) => group.stream(),
            _ => TokenStream::new(),
        }
    }

    /// Replaces the tokens between the braces.
    pub(crate) fn set_body(&mut self, body: TokenStream) {
        if let Some(TokenTree::Group(group)) = &mut self.tail {
            let mut new = Group::new(group.delimiter(), body);
            new.set_span(group.span());
            *group = new;
        }
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            visibility: input.parse()?,
            signature: input.parse()?,
        })
    }
}

impl ToTokens for Attribute {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.tokens.to_tokens(tokens);
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append_all(&self.attributes);
        tokens.append_all(&self.head);
        self.tail.to_tokens(tokens);
    }
}

/// Cuts the tokens of a block where a member ends.
#[derive(Default)]
struct Splitter {
    items: Vec<Item>,
    item: Item,
    /// How many `<` are open: braces between them are constants, not bodies.
    angles: u32,
    /// True behind a `=`: braces are part of a value, which ends at a `;`.
    assigns: bool,
}

impl Splitter {
    fn may_start_attribute(&self, token: &TokenTree) -> bool {
        self.angles == 0 && matches!(token, TokenTree::Punct(pound) if pound.as_char() == '#')
    }

    fn attribute(&mut self, pound: TokenTree, brackets: TokenTree) {
        // What stands before it was never finished.
        if !self.item.head.is_empty() {
            self.cut();
        }
        self.item.attributes.push(Attribute::new(pound, brackets));
    }

    fn token(&mut self, token: TokenTree) {
        let is_tail = match &token {
            TokenTree::Punct(punct) => self.punct(punct.as_char()),
            TokenTree::Group(group) => {
                group.delimiter() == Delimiter::Brace && self.angles == 0 && !self.assigns
            }
            _ => false,
        };
        if is_tail {
            self.item.tail = Some(token);
            self.cut();
            return;
        }
        let is_inner_attribute = is_inner(&self.item) && is_group(&token, Delimiter::Bracket);
        self.item.head.push(token);
        if is_inner_attribute {
            self.cut();
        }
    }

    /// True if it ends the member.
    fn punct(&mut self, punct: char) -> bool {
        match punct {
            '=' if self.angles == 0 => self.assigns = true,
            '<' => self.angles += 1,
            '>' if !ends_in(&self.item.head, '-') => self.angles = self.angles.saturating_sub(1),
            _ => {}
        }
        punct == ';'
    }

    fn cut(&mut self) {
        self.items.push(std::mem::take(&mut self.item));
        (self.angles, self.assigns) = (0, false);
    }

    fn finish(mut self) -> Vec<Item> {
        if !self.item.head.is_empty() || !self.item.attributes.is_empty() {
            self.cut();
        }
        self.items
    }
}

fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}

fn ends_in(head: &[TokenTree], expected: char) -> bool {
    matches!(head.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

/// True if an item so far is the `#!` of an inner attribute.
fn is_inner(item: &Item) -> bool {
    item.head.len() == 2 && ends_in(&item.head[..1], '#') && ends_in(&item.head, '!')
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::{ToTokens as _, quote};

    use super::Item;

    /// The heads of the members, and whether each has an end.
    fn split(tokens: TokenStream) -> Vec<(String, bool)> {
        let items = Item::parse_all(tokens.clone());
        let again: TokenStream = items.iter().map(|item| item.to_token_stream()).collect();
        assert_eq!(again.to_string(), tokens.to_string());
        let head = |item: &Item| {
            item.head
                .iter()
                .cloned()
                .collect::<TokenStream>()
                .to_string()
        };
        items
            .iter()
            .map(|item| (head(item), item.tail.is_some()))
            .collect()
    }

    #[test]
    fn members_end_at_their_bodies_and_semicolons() {
        let members = split(quote! {
            #![allow(x)]
            const A: Vec<u8> = Foo { a: 1 };
            type B = u8;
            #[handler]
            fn f(&self) -> Array<{ N }> where T: Into<u8> { a; b }
            m! { a }
            fn g();
        });

        let ends: Vec<bool> = members.iter().map(|(_, ends)| *ends).collect();
        assert_eq!(members.len(), 6);
        assert_eq!(ends, [false, true, true, true, true, true]);
    }

    #[test]
    fn a_half_typed_member_leaves_the_next_one_alone() {
        let members = split(quote! {
            fn hel
            #[handler]
            async fn g(&self, r: R) -> T {}
        });

        assert_eq!(members[0], ("fn hel".to_owned(), false));
        assert!(members[1].1);
    }

    #[test]
    fn the_name_of_an_attribute_is_the_end_of_its_path() {
        let items = Item::parse_all(quote!(
            #[micro::handler(name = "a")]
            #[doc = "x"]
            fn f();
        ));

        let names: Vec<&str> = items[0]
            .attributes
            .iter()
            .map(|attribute| attribute.name())
            .collect();
        assert_eq!(names, ["handler", "doc"]);
    }
}
