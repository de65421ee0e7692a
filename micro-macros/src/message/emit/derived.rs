//! `Debug`, `Clone`, `PartialEq` and `Default`, through the forms of the fields.
//!
//! In place of the derives of the same names, which would each say once more of a type that is no
//! field that it has not their trait either.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::Attribute;

use super::Scope;
use crate::message::check::default_of;
use crate::message::derives::Derives;
use crate::message::model::{Braces, Field, Model, Payload, Shape, Typed, Variant};
use crate::names::plain;

/// One way in which a value is made: that of the struct, or a variant.
struct Case<'a> {
    path: TokenStream,
    name: String,
    cfg: &'a [Attribute],
    members: Vec<Member<'a>>,
    braces: bool,
}

struct Member<'a> {
    /// `None` for what a variant holds without a name.
    ident: Option<&'a Ident>,
    ty: &'a Typed,
    cfg: &'a [Attribute],
}

/// Those of the four traits that the user has not derived.
pub(super) fn derived(scope: &Scope, model: &Model, derives: &Derives) -> TokenStream {
    let cases: Vec<Case<'_>> = match &model.shape {
        Shape::Record(fields) => vec![Case::of_struct(scope, fields)],
        Shape::OneOf(variants) => variants.iter().map(Case::of_variant).collect(),
        // The derives do for an enum without fields.
        Shape::Choice(_) => return TokenStream::new(),
        Shape::Broken => Vec::new(),
    };
    let (core, broken) = (&scope.core, matches!(model.shape, Shape::Broken));
    let default = match &model.shape {
        Shape::OneOf(variants) => default_of(model, variants).map(Case::of_variant),
        _ => cases.first().map(Case::copied),
    };
    let bodies = [
        ("Debug", quote!(#core::fmt::Debug), debug(scope, &cases)),
        ("Clone", quote!(#core::clone::Clone), clone(scope, &cases)),
        (
            "PartialEq",
            quote!(#core::cmp::PartialEq),
            eq(scope, &cases),
        ),
        (
            "Default",
            quote!(#core::default::Default),
            default_body(scope, default.as_ref()),
        ),
    ];
    let wanted = bodies.into_iter().filter(|(name, ..)| !derives.has(name));
    let implementations = wanted.map(|(_, path, (head, body))| {
        let body = if broken { quote!(loop {}) } else { body };
        scope.implement(&path, &scope.ident, quote!(#head { #body }))
    });
    quote!(#(#implementations)*)
}

impl<'a> Case<'a> {
    fn of_struct(scope: &Scope, fields: &'a [Field]) -> Self {
        let members = fields.iter().map(Member::of).collect();
        Self {
            path: quote!(Self),
            name: scope.name(),
            cfg: &[],
            members,
            braces: true,
        }
    }

    fn of_variant(variant: &'a Variant) -> Self {
        let ident = &variant.ident;
        let members = match &variant.payload {
            Payload::Value(ty) => vec![Member {
                ident: None,
                ty,
                cfg: &[],
            }],
            Payload::Fields(fields, _) => fields.iter().map(Member::of).collect(),
        };
        let braces = !matches!(
            &variant.payload,
            Payload::Value(_) | Payload::Fields(_, Braces::None)
        );
        let (path, cfg) = (quote!(Self::#ident), &*variant.key.cfg);
        Self {
            path,
            name: plain(ident),
            cfg,
            members,
            braces,
        }
    }

    /// Another view of the same.
    fn copied(&self) -> Case<'_> {
        let members = self
            .members
            .iter()
            .map(|&Member { ident, ty, cfg }| Member { ident, ty, cfg })
            .collect();
        Case {
            path: self.path.clone(),
            name: self.name.clone(),
            cfg: self.cfg,
            members,
            braces: self.braces,
        }
    }

    /// The path with something for each member: a pattern, or a value.
    fn with(&self, each: impl Fn(usize, &Member<'_>) -> TokenStream) -> TokenStream {
        let path = &self.path;
        let members = self.members.iter().enumerate().map(|(at, member)| {
            let (cfg, each) = (member.cfg, each(at, member));
            let name = member.ident.map(|ident| quote!(#ident:));
            quote!(#(#cfg)* #name #each)
        });
        match (self.braces, self.members.is_empty()) {
            (true, _) => quote!(#path { #(#members),* }),
            (false, true) => quote!(#path),
            (false, false) => quote!(#path(#(#members),*)),
        }
    }

    /// A pattern that binds the members.
    fn pattern(&self, prefix: &str) -> TokenStream {
        self.with(|at, _| {
            let name = format_ident!("{prefix}_{at}");
            quote!(#name)
        })
    }
}

impl<'a> Member<'a> {
    fn of(field: &'a Field) -> Self {
        Self {
            ident: Some(&field.ident),
            ty: &field.ty,
            cfg: &field.key.cfg,
        }
    }
}

type Method = (TokenStream, TokenStream);

fn debug(scope: &Scope, cases: &[Case<'_>]) -> Method {
    let core = &scope.core;
    let arms = cases.iter().map(|case| {
        let (cfg, pattern, name) = (case.cfg, case.pattern("field"), &case.name);
        let is_tuple = case.members.iter().any(|member| member.ident.is_none());
        let open = format_ident!(
            "{}",
            if is_tuple {
                "debug_tuple"
            } else {
                "debug_struct"
            }
        );
        let members = case.members.iter().enumerate().map(|(at, member)| {
            let (cfg, debug, bound) = (
                member.cfg,
                scope.form(member.ty, "debug"),
                format_ident!("field_{at}"),
            );
            let name = member.ident.map(plain).into_iter();
            quote!(#(#cfg)* shown.field(#(#name,)* #debug(#bound));)
        });
        quote! {
            #(#cfg)*
            #pattern => {
                let mut shown = #core::fmt::Formatter::#open(f, #name);
                #(#members)*
                shown.finish()
            }
        }
    });
    let head = quote!(fn fmt(&self, f: &mut #core::fmt::Formatter<'_>) -> #core::fmt::Result);
    (head, quote!(match self { #(#arms)* }))
}

fn clone(scope: &Scope, cases: &[Case<'_>]) -> Method {
    let arms = cases.iter().map(|case| {
        let (cfg, pattern) = (case.cfg, case.pattern("field"));
        let value = case.with(|at, member| {
            let (clone, bound) = (scope.form(member.ty, "clone"), format_ident!("field_{at}"));
            quote!(#clone(#bound))
        });
        quote!(#(#cfg)* #pattern => #value,)
    });
    (
        quote!(fn clone(&self) -> Self),
        quote!(match self { #(#arms)* }),
    )
}

fn eq(scope: &Scope, cases: &[Case<'_>]) -> Method {
    let arms = cases.iter().map(|case| {
        let (cfg, one, other) = (case.cfg, case.pattern("field"), case.pattern("other"));
        let members = case.members.iter().enumerate().map(|(at, member)| {
            let (cfg, eq) = (member.cfg, scope.form(member.ty, "eq"));
            let (one, other) = (format_ident!("field_{at}"), format_ident!("other_{at}"));
            quote!(#(#cfg)* if !#eq(#one, #other) { return false; })
        });
        quote!(#(#cfg)* (#one, #other) => { #(#members)* true })
    });
    let core = &scope.core;
    let head = quote!(fn eq(&self, other: &Self) -> #core::primitive::bool);
    (head, quote!(match (self, other) { #(#arms)* _ => false }))
}

fn default_body(scope: &Scope, case: Option<&Case<'_>>) -> Method {
    let value = case.map(|case| {
        case.with(|_, member| {
            let default = scope.form(member.ty, "default");
            quote!(#default())
        })
    });
    (quote!(fn default() -> Self), quote!(#value))
}
