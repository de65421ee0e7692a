//! What is needed of a file, and where in the user's module each type goes.
//!
//! Types of the file's own package stand where the macro does, those of another in modules that are called as it is, and
//! those within a message in a module that is called as the message.

use std::collections::{BTreeMap, HashSet, VecDeque};

use proc_macro2::{Ident, TokenStream};
use protox::prost_reflect::{EnumDescriptor, FileDescriptor, MessageDescriptor, Syntax};
use quote::quote;

use super::naming::{ident, snake, type_name};
use super::source::Source;
use super::{choice, docs, message, service};

/// A type of the file, or of one that it imports.
#[derive(Clone)]
pub(super) enum Named {
    Message(MessageDescriptor),
    Enum(EnumDescriptor),
}

/// The expansion of one file.
pub(super) struct Scope {
    root: FileDescriptor,
    /// What the services are called, if not as their package is.
    name: Option<String>,
    known: HashSet<String>,
    waiting: VecDeque<Named>,
    module: Module,
    refused: Vec<String>,
}

/// What is written, and what could not be.
pub(super) struct Items {
    pub(super) written: TokenStream,
    pub(super) refused: Vec<String>,
}

/// A module of the expansion; the outermost is the user's own.
#[derive(Default)]
struct Module {
    items: TokenStream,
    inner: BTreeMap<String, Module>,
}

impl Named {
    fn file(&self) -> FileDescriptor {
        match self {
            Self::Message(message) => message.parent_file(),
            Self::Enum(choice) => choice.parent_file(),
        }
    }

    fn full_name(&self) -> &str {
        match self {
            Self::Message(message) => message.full_name(),
            Self::Enum(choice) => choice.full_name(),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Message(message) => message.name(),
            Self::Enum(choice) => choice.name(),
        }
    }

    fn parent(&self) -> Option<MessageDescriptor> {
        match self {
            Self::Message(message) => message.parent_message(),
            Self::Enum(choice) => choice.parent_message(),
        }
    }

    fn docs(&self) -> TokenStream {
        match self {
            Self::Message(message) => docs::of(&self.file(), message.path()),
            Self::Enum(choice) => docs::of(&self.file(), choice.path()),
        }
    }
}

/// What every item carries: nobody reads it, and nobody has to call all of it.
pub(super) fn allowed() -> TokenStream {
    quote!(#[allow(missing_docs, dead_code, unreachable_pub, rustdoc::all)])
}

impl Scope {
    pub(super) fn new(source: &Source, name: Option<String>) -> Self {
        Self {
            root: source.root.clone(),
            name,
            known: HashSet::new(),
            waiting: VecDeque::new(),
            module: Module::default(),
            refused: Vec::new(),
        }
    }

    /// Everything in the file, and what that is made of.
    pub(super) fn items(mut self) -> Items {
        let root = self.root.clone();
        if root.syntax() == Syntax::Proto2 {
            let name = root.name();
            self.refuse(format!("{name} is in proto2: write `syntax = \"proto3\";`"));
            return self.finish();
        }
        for message in root.messages() {
            self.need_with_inner(&message);
        }
        for choice in root.enums() {
            self.need(Named::Enum(choice));
        }
        for service in root.services() {
            let written = service::service(&mut self, &service);
            self.module.items.extend(written);
        }
        while let Some(named) = self.waiting.pop_front() {
            let (docs, place) = (named.docs(), self.place(&named));
            let written = match &named {
                Named::Message(own) => message::message(&mut self, own, place.len()),
                Named::Enum(own) => choice::choice(own),
            };
            self.module.at(&place).items.extend(quote!(#docs #written));
        }
        self.finish()
    }

    fn finish(self) -> Items {
        Items {
            written: self.module.written(),
            refused: self.refused,
        }
    }

    pub(super) fn refuse(&mut self, why: String) {
        self.refused.push(why);
    }

    /// The name of the services of the file; `None` if it has no package.
    pub(super) fn service_name(&self) -> Option<&str> {
        let package = Some(self.root.package_name()).filter(|package| !package.is_empty());
        self.name.as_deref().or(package)
    }

    /// The type as it is named within a module, `depth` modules deep; `of` is what mentions it, behind its file.
    pub(super) fn path(&mut self, named: Named, depth: usize, of: &str) -> TokenStream {
        let file = named.file();
        if file.syntax() == Syntax::Proto2 {
            let (name, file) = (named.full_name(), file.name());
            self.refuse(format!(
                "{of} is of the type {name}, which {file} defines in proto2"
            ));
        }
        let (place, name) = (self.place(&named), type_name(named.name()));
        self.need(named);
        let start = match depth {
            0 => quote!(self),
            _ => {
                let up = std::iter::repeat_n(quote!(super), depth);
                quote!(#(#up)::*)
            }
        };
        let modules = place.iter().map(|module| ident(module));
        quote!(#start #(::#modules)* :: #name)
    }

    /// Writes `item` into the module that belongs to `message`; its name, which is one of the message's module.
    pub(super) fn within(&mut self, message: &MessageDescriptor, item: TokenStream) -> Ident {
        let mut place = self.place(&Named::Message(message.clone()));
        let module = snake(message.name());
        place.push(module.clone());
        self.module.at(&place).items.extend(item);
        ident(&module)
    }

    fn need(&mut self, named: Named) {
        if self.known.insert(named.full_name().to_owned()) {
            self.waiting.push_back(named);
        }
    }

    /// The message and all types in it, which are part of the file, too.
    fn need_with_inner(&mut self, message: &MessageDescriptor) {
        if message.is_map_entry() {
            return;
        }
        self.need(Named::Message(message.clone()));
        for inner in message.child_messages() {
            self.need_with_inner(&inner);
        }
        for inner in message.child_enums() {
            self.need(Named::Enum(inner));
        }
    }

    /// The modules that the type is in.
    fn place(&self, named: &Named) -> Vec<String> {
        let mut messages = Vec::new();
        let mut parent = named.parent();
        while let Some(message) = parent {
            messages.push(snake(message.name()));
            parent = message.parent_message();
        }
        let package = match named.file() {
            file if file.package_name() == self.root.package_name() => String::new(),
            file => file.package_name().to_owned(),
        };
        let package = package.split('.').filter(|part| !part.is_empty());
        let package = package.map(snake);
        package.chain(messages.into_iter().rev()).collect()
    }
}

impl Module {
    fn at(&mut self, place: &[String]) -> &mut Self {
        place.iter().fold(self, |module, name| {
            module.inner.entry(name.clone()).or_default()
        })
    }

    fn written(self) -> TokenStream {
        let items = self.items;
        let inner = self.inner.into_iter().map(|(name, module)| {
            let docs = format!("What the proto file has within `{name}`.");
            let (name, written) = (ident(&name), module.written());
            quote! {
                #[doc = #docs]
                #[allow(unreachable_pub)]
                pub mod #name {
                    #written
                }
            }
        });
        quote!(#items #(#inner)*)
    }
}
