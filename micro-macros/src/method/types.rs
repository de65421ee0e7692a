//! What types say as they are written; what an alias hides is left to the compiler.

use proc_macro2::Ident;
use syn::{GenericArgument, PathArguments, PathSegment, Type, TypeImplTrait, TypeParamBound};

/// A type without parentheses and invisible groups around it.
pub(crate) fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        other => other,
    }
}

/// True for a path that ends in `name`.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// The last name of a path.
pub(crate) fn name(ty: &Type) -> Option<&Ident> {
    last_segment(ty).map(|segment| &segment.ident)
}

/// True for `&Context`.
pub(crate) fn is_context(ty: &Type) -> bool {
    matches!(peel(ty), Type::Reference(reference) if reference.mutability.is_none() && is_named(&reference.elem, "Context"))
}

/// True for types of the standard library that are not results, whatever they hold.
pub(crate) fn is_plain(ty: &Type) -> bool {
    const NAMES: [&str; 25] = [
        "Option", "Vec", "String", "Box", "Arc", "Rc", "HashMap", "BTreeMap", "HashSet",
        "BTreeSet", "bool", "char", "str", "f32", "f64", "u8", "u16", "u32", "u64", "u128", "i8",
        "i16", "i32", "i64", "usize",
    ];
    NAMES.iter().any(|name| is_named(ty, name))
        || matches!(
            peel(ty),
            Type::Tuple(_) | Type::Never(_) | Type::Array(_) | Type::Reference(_)
        )
}

/// The `T` of `Streaming<T>`.
pub(crate) fn streaming_item(ty: &Type) -> Option<&Type> {
    first_argument(last_segment(ty).filter(|segment| segment.ident == "Streaming")?)
}

/// The `T` of `Result<T>` and `Result<T, E>`.
pub(crate) fn result_value(ty: &Type) -> Option<&Type> {
    first_argument(last_segment(ty).filter(|segment| segment.ident == "Result")?)
}

/// The `T` of `Result<T>`, and of an alias that takes the same first.
pub(crate) fn first_type(ty: &Type) -> Option<&Type> {
    first_argument(last_segment(ty)?)
}

/// The same, to be changed.
pub(crate) fn first_type_mut(ty: &mut Type) -> Option<&mut Type> {
    match ty {
        Type::Group(group) => first_type_mut(&mut group.elem),
        Type::Paren(paren) => first_type_mut(&mut paren.elem),
        Type::Path(path) => match &mut path.path.segments.last_mut()?.arguments {
            PathArguments::AngleBracketed(arguments) => {
                arguments
                    .args
                    .iter_mut()
                    .find_map(|argument| match argument {
                        GenericArgument::Type(ty) => Some(ty),
                        _ => None,
                    })
            }
            _ => None,
        },
        _ => None,
    }
}

/// The type itself if it is an `impl Trait`.
pub(crate) fn as_impl_trait(ty: &Type) -> Option<&TypeImplTrait> {
    match peel(ty) {
        Type::ImplTrait(impl_trait) => Some(impl_trait),
        _ => None,
    }
}

/// What an `impl Stream<Item = T>` yields: `None` if it is no stream, `Some(None)` if it does not say.
pub(crate) fn stream_item(impl_trait: &TypeImplTrait) -> Option<Option<&Type>> {
    let segments = impl_trait.bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    });
    let stream = segments
        .into_iter()
        .find(|segment| segment.ident == "Stream")?;
    let PathArguments::AngleBracketed(arguments) = &stream.arguments else {
        return Some(None);
    };
    Some(arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assigned) if assigned.ident == "Item" => Some(&assigned.ty),
        _ => None,
    }))
}

/// The first token of a type, which is all that a stable compiler can underline in generated code.
pub(crate) fn span(ty: &Type) -> proc_macro2::Span {
    syn::spanned::Spanned::span(ty)
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match peel(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn first_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
