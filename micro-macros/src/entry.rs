//! `#[micro::main]`: the function that a program starts with.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{FnArg, ReturnType, Signature, Type};

use crate::args::{Args, Key};
use crate::diag::Diag;
use crate::handler::service_name;
use crate::item::{Function, Item};
use crate::method::types;
use crate::{linked, paths};

pub(crate) const NAME: Key = Key::new("name", "name = \"greeter\"");
pub(crate) const VERSION: Key = Key::new("version", "version = \"1.0.0\"");

/// What the program says of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    /// Empty if it is named by what it serves.
    pub(crate) name: String,
    pub(crate) version: String,
}

/// What the function takes.
enum Form {
    Nothing,
    Service,
    ServiceAndArgs(Box<Type>),
}

impl Program {
    pub(crate) fn read(args: &mut Args, diag: &mut Diag) -> Self {
        let name = service_name(args, NAME, diag);
        let version = args.text(VERSION, diag);
        Self {
            name: name.map(|name| name.value).unwrap_or_default(),
            version: version.map(|version| version.value).unwrap_or_default(),
        }
    }

    /// The program as an expression.
    pub(crate) fn emit(&self) -> TokenStream {
        let private = paths::private();
        let Self { name, version } = self;
        quote!(#private::Program { name: #name, version: #version })
    }
}

/// Expands the attribute.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut diag = Diag::new();
    let item = Item::parse(item);
    if linked::check_function(&item, "main", &mut diag).is_none() {
        return quote!(#diag #item);
    }
    let Some(function) = diag.ok(item.function()) else {
        return quote!(#diag #item);
    };
    let mut args = Args::parse("main", args, &mut diag);
    let program = Program::read(&mut args, &mut diag);
    args.finish(&mut diag);
    let form = read(&function.signature, &mut diag).filter(|_| diag.is_clean());
    let run = form.map(|form| emit_run(&function.signature, &program, &form));
    emit_main(&item, &function, run, &diag)
}

/// What the function takes, if it can be run.
fn read(signature: &Signature, diag: &mut Diag) -> Option<Form> {
    if signature.ident != "main" {
        diag.error(
            &signature.ident,
            "a program starts with `main`: name the function so",
        );
    }
    if signature.asyncness.is_none() {
        diag.error(
            signature.fn_token,
            "`main` must be `async`: write `async fn main`",
        );
    }
    if let Some(constness) = &signature.constness {
        diag.error(constness, "`main` cannot be `const`");
    }
    if let syn::Safety::Unsafe(unsafety) = &signature.safety {
        diag.error(unsafety, "`main` cannot be `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        diag.error(abi, "`main` cannot be `extern`");
    }
    if !signature.generics.params.is_empty() {
        diag.error(&signature.generics, "`main` cannot be generic");
    }
    let mut types = Vec::new();
    for input in &signature.inputs {
        match input {
            FnArg::Typed(typed) if types.len() == 2 => {
                diag.error(
                    typed,
                    "`main` takes the service and the program's own arguments, and no more",
                );
            }
            FnArg::Typed(typed) => types.push((*typed.ty).clone()),
            // That was reported: see `linked::check_function`.
            FnArg::Receiver(_) => {}
        }
    }
    let mut types = types.into_iter();
    let Some(service) = types.next() else {
        return Some(Form::Nothing);
    };
    if !types::is_named(&service, "Service") && !types::is_named(&service, "Builder") {
        diag.error(
            &service,
            "the first argument of `main` is the service: write `service: micro::Service`, or `builder: micro::Builder`",
        );
    }
    Some(match types.next() {
        Some(args) => Form::ServiceAndArgs(Box::new(args)),
        None => Form::Service,
    })
}

/// The one call that runs the program, which is blamed on the type that it cannot take.
fn emit_run(signature: &Signature, program: &Program, form: &Form) -> TokenStream {
    let program = program.emit();
    let output = match &signature.output {
        ReturnType::Type(_, ty) => types::span(ty),
        ReturnType::Default => signature.ident.span(),
    };
    let (run, here) = match form {
        Form::Nothing => ("main", output),
        Form::Service => ("main_with_service", output),
        Form::ServiceAndArgs(args) => ("main_with_args", types::span(args)),
    };
    let run = Ident::new(run, paths::at(here));
    let main = Ident::new("main", paths::at(output));
    let here = paths::at(here);
    let private = paths::private_at(here);
    quote_spanned!(here=> #private::#run(#program, #main))
}

/// The `main` that the program starts with; without one, the compiler would miss it.
fn emit_main(
    item: &Item,
    function: &Function,
    run: Option<TokenStream>,
    diag: &Diag,
) -> TokenStream {
    let private = paths::private();
    let Function {
        visibility,
        signature,
    } = function;
    let Item {
        attributes, tail, ..
    } = item;
    // On both functions: the outer one is what others see.
    let notes = attributes
        .iter()
        .filter(|attribute| matches!(attribute.name(), "cfg" | "doc"));
    let output = run.is_some().then(|| quote!(-> #private::ExitCode));
    let unused = run.is_none().then(|| quote!(#[allow(dead_code)]));
    quote! {
        #diag
        #(#notes)*
        #visibility fn main() #output {
            #unused
            #(#attributes)*
            #signature #tail
            #run
        }
    }
}
