//! Services as traits.

use proc_macro2::TokenStream;
use protox::prost_reflect::prost_types::method_options::IdempotencyLevel;
use protox::prost_reflect::{MessageDescriptor, MethodDescriptor, ServiceDescriptor};
use quote::quote;

use super::docs;
use super::naming::{ident, snake, type_name};
use super::scope::{Named, Scope, allowed};
use crate::paths;
use crate::service::CLIENT_FUNCTIONS;

/// The contract of a service.
pub(super) fn service(scope: &mut Scope, service: &ServiceDescriptor) -> TokenStream {
    let (micro, allowed) = (paths::micro(), allowed());
    let (name, endpoint) = (type_name(service.name()), service.name());
    let docs = docs::of(&service.parent_file(), service.path());
    let methods: Vec<TokenStream> = service
        .methods()
        .map(|method| self::method(scope, &method))
        .collect();
    let named = scope.service_name().map(|name| quote!(name = #name,));
    quote! {
        #docs
        #[#micro::service(#named endpoint = #endpoint)]
        #allowed
        pub trait #name {
            #(#methods)*
        }
    }
}

fn method(scope: &mut Scope, method: &MethodDescriptor) -> TokenStream {
    let (micro, private) = (paths::micro(), paths::private());
    let docs = docs::of(&method.parent_file(), method.path());
    let endpoint = format!("{}.{}", method.parent_service().name(), method.name());
    let mut name = snake(method.name());
    if CLIENT_FUNCTIONS.contains(&name.as_str()) {
        name.push('_');
    }
    let name = ident(&name);
    let options = method.method_descriptor_proto().options.as_ref();
    let repeats = options.map(|options| options.idempotency_level());
    let idempotent = match repeats {
        Some(IdempotencyLevel::Idempotent | IdempotencyLevel::NoSideEffects) => {
            quote!(, idempotent)
        }
        _ => TokenStream::new(),
    };
    let request = payload(scope, method, &method.input());
    let request = match method.is_client_streaming() {
        true => quote!(#micro::Streaming<#request>),
        false => request,
    };
    let reply = payload(scope, method, &method.output());
    let reply = match method.is_server_streaming() {
        true => quote!(impl #private::Stream<Item = #micro::Result<#reply>>),
        false => reply,
    };
    quote! {
        #docs
        #[#micro::handler(name = #endpoint #idempotent)]
        async fn #name(&self, request: #request) -> #micro::Result<#reply>;
    }
}

/// What travels; the message without fields is `()`.
fn payload(
    scope: &mut Scope,
    method: &MethodDescriptor,
    message: &MessageDescriptor,
) -> TokenStream {
    match message.full_name() {
        "google.protobuf.Empty" => quote!(()),
        _ => {
            let of = format!("{}: `{}`", method.parent_file().name(), method.full_name());
            scope.path(Named::Message(message.clone()), 0, &of)
        }
    }
}
