//! What is implemented for the enum.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use super::detail::Piece;
use super::{Field, TypedError, Variant};
use crate::{names, paths};

impl TypedError {
    /// All implementations; unless all `is_clean`, what those who use the enum look for.
    pub(super) fn emit(&self, is_clean: bool) -> TokenStream {
        if !is_clean {
            return self.emit_stand_ins();
        }
        let (display, from) = (self.emit_display(), self.emit_from());
        let typed = self.emit_typed();
        quote!(#display #from #typed)
    }

    /// Implementations that never run, for an enum with a mistake that was reported.
    fn emit_stand_ins(&self) -> TokenStream {
        let (micro, private) = (paths::micro(), paths::private());
        let name = &self.name;
        let (parameters, arguments, clause) = self.generics.split_for_impl();
        quote! {
            #[automatically_derived]
            impl #parameters ::core::fmt::Display for #name #arguments #clause {
                fn fmt(&self, _: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    loop {}
                }
            }

            #[automatically_derived]
            impl #parameters ::core::convert::From<#name #arguments> for #micro::Error #clause {
                fn from(_: #name #arguments) -> Self {
                    loop {}
                }
            }

            #[automatically_derived]
            impl #parameters #micro::TypedError for #name #arguments #clause {
                fn from_reason(_: &str, _: &#private::FieldMap) -> ::core::option::Option<Self> {
                    loop {}
                }
            }
        }
    }

    fn emit_display(&self) -> TokenStream {
        let name = &self.name;
        let arms = self.variants.iter().map(|variant| {
            let (cfgs, pattern) = (&variant.cfgs, variant.pattern(name));
            let pieces = variant.detail.iter().map(Piece::emit);
            quote! {
                #cfgs
                #pattern => { #(#pieces)* }
            }
        });
        quote! {
            #[automatically_derived]
            impl ::core::fmt::Display for #name {
                #[allow(unused_variables)]
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    match self {
                        #(#arms)*
                    }
                    ::core::result::Result::Ok(())
                }
            }

            #[automatically_derived]
            impl ::core::error::Error for #name {}
        }
    }

    fn emit_from(&self) -> TokenStream {
        let (micro, private) = (paths::micro(), paths::private());
        let name = &self.name;
        let arms = self.variants.iter().map(|variant| {
            let Variant {
                cfgs, code, fields, ..
            } = variant;
            let (pattern, reason) = (variant.pattern(name), self.reason(variant));
            let fields = fields.iter().map(
                |Field {
                     name,
                     ty,
                     binding,
                     cfgs,
                     span,
                     ..
                 }| {
                    let private = paths::private_at(*span);
                    quote_spanned!(*span=> #cfgs <#ty as #private::Field>::add(#binding, #name, &mut fields);)
                },
            );
            quote! {
                #cfgs
                #pattern => {
                    #[allow(unused_mut)]
                    let mut fields = #private::FieldMap::new();
                    #(#fields)*
                    #private::typed_error(#code, #reason, detail, fields)
                }
            }
        });
        quote! {
            #[automatically_derived]
            impl ::core::convert::From<#name> for #micro::Error {
                fn from(error: #name) -> Self {
                    let detail = ::std::string::ToString::to_string(&error);
                    match &error {
                        #(#arms)*
                    }
                }
            }
        }
    }

    fn emit_typed(&self) -> TokenStream {
        let (micro, private) = (paths::micro(), paths::private());
        let name = &self.name;
        let arms = self.variants.iter().map(|variant| {
            let Variant {
                name, cfgs, fields, ..
            } = variant;
            let reason = self.reason(variant);
            let fields = fields.iter().map(
                |Field {
                     name,
                     ty,
                     member,
                     cfgs,
                     span,
                     ..
                 }| {
                    let private = paths::private_at(*span);
                    quote_spanned!(*span=> #cfgs #member: <#ty as #private::Field>::find(fields, #name)?)
                },
            );
            quote! {
                #cfgs
                #reason => ::core::option::Option::Some(Self::#name { #(#fields),* }),
            }
        });
        quote! {
            #[automatically_derived]
            impl #micro::TypedError for #name {
                #[allow(unused_variables)]
                fn from_reason(
                    reason: &str,
                    fields: &#private::FieldMap,
                ) -> ::core::option::Option<Self> {
                    match reason {
                        #(#arms)*
                        _ => ::core::option::Option::None,
                    }
                }
            }
        }
    }

    /// How the wire names a variant.
    fn reason(&self, variant: &Variant) -> String {
        format!(
            "{}.{}",
            names::plain(&self.name),
            names::plain(&variant.name)
        )
    }
}

impl Variant {
    /// Binds every field.
    fn pattern(&self, owner: &Ident) -> TokenStream {
        let name = &self.name;
        let fields = self.fields.iter().map(
            |Field {
                 member,
                 binding,
                 cfgs,
                 ..
             }| quote!(#cfgs #member: #binding),
        );
        quote!(#owner::#name { #(#fields),* })
    }
}

impl Piece {
    /// Writes it to `f`.
    fn emit(&self) -> TokenStream {
        match self {
            Self::Text(text) => quote!(f.write_str(#text)?;),
            Self::Shown(field, span) => {
                quote_spanned!(paths::at(*span)=> ::core::fmt::Display::fmt(#field, f)?;)
            }
            Self::Debugged(field, span) => {
                quote_spanned!(paths::at(*span)=> ::core::fmt::Debug::fmt(#field, f)?;)
            }
        }
    }
}
