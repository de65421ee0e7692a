//! The attributes that are ours on fields and variants: `#[tag = n]` and `#[micro(…)]`.

use proc_macro2::{Ident, Span};
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Lit, Meta, UnOp};

use super::model::{Coding, Keys, Tag};
use super::spelling::lower_camel;
use crate::args::{Args, Key};
use crate::diag::Diag;

const NAME: Key = Key::new("name", "name = \"userID\"");
const UNKNOWN: Key = Key::new("unknown", "unknown");
const ONEOF: Key = Key::new("oneof", "oneof");
const SINT: Key = Key::new("sint", "sint");
const FIXED: Key = Key::new("fixed", "fixed");

/// The attributes of ours on one field or variant.
#[derive(Default)]
pub(super) struct Own {
    pub(super) tag: Option<(i64, Span)>,
    pub(super) name: Option<(String, Span)>,
    pub(super) unknown: Option<Span>,
    pub(super) one_of: Option<Span>,
    /// How numbers are written, and where that is said.
    pub(super) coding: Option<(Coding, Span)>,
    pub(super) default: Option<Span>,
}

impl Own {
    /// Reads them and takes them off; `#[default]` stays, since the derive wants it.
    pub(super) fn take(attrs: &mut Vec<Attribute>, diag: &mut Diag) -> Self {
        let mut own = Self::default();
        attrs.retain(|attr| {
            if attr.path().is_ident("default") {
                own.default = Some(attr.path().span());
            }
            if attr.path().is_ident("tag") {
                own.tag(attr, diag);
                return false;
            }
            if attr.path().is_ident("micro") {
                own.micro(attr, diag);
                return false;
            }
            true
        });
        own
    }

    fn tag(&mut self, attr: &Attribute, diag: &mut Diag) {
        let number = match &attr.meta {
            Meta::NameValue(pair) => literal(&pair.value).map(|number| (number, pair.value.span())),
            Meta::Path(_) | Meta::List(_) => None,
        };
        if number.is_none() {
            diag.error(&attr.meta, "a tag is a number: write `#[tag = 3]`");
        } else if self.tag.is_some() {
            diag.error(&attr.meta, "`tag` is specified more than once");
        } else {
            self.tag = number;
        }
    }

    fn micro(&mut self, attr: &Attribute, diag: &mut Diag) {
        let mut args = Args::of(attr, diag);
        self.unknown = args.flag(UNKNOWN, diag).or(self.unknown);
        self.name = args
            .text(NAME, diag)
            .map(|name| (name.value, name.span))
            .or(self.name.take());
        self.one_of = args.flag(ONEOF, diag).or(self.one_of);
        for (key, coding) in [(SINT, Coding::Sint), (FIXED, Coding::Fixed)] {
            let Some(span) = args.flag(key, diag) else {
                continue;
            };
            if self.coding.replace((coding, span)).is_some() {
                diag.error_at(span, "a number is written in one way: leave this out");
            }
        }
        args.finish(diag);
    }

    /// How the numbers of the field are written.
    pub(super) fn coding(&self) -> Coding {
        self.coding.map(|(coding, _)| coding).unwrap_or_default()
    }

    pub(super) fn refuse_coding(&self, diag: &mut Diag) {
        if let Some((_, span)) = self.coding {
            diag.error_at(
                span,
                "this says how a number is written: put it on a field, or a variant that holds one",
            );
        }
    }

    pub(super) fn refuse_one_of(&self, diag: &mut Diag) {
        if let Some(span) = self.one_of {
            diag.error_at(span, "`oneof` goes on a field of a struct");
        }
    }

    pub(super) fn refuse_default(&self, what: &str, diag: &mut Diag) {
        if let Some(span) = self.default {
            diag.error_at(
                span,
                format!("`#[default]` goes on a variant of an enum, not on {what}"),
            );
        }
    }

    pub(super) fn refuse_unknown(&self, diag: &mut Diag) {
        if let Some(span) = self.unknown {
            diag.error_at(
                span,
                "`unknown` goes on a variant of an enum whose other variants have no fields",
            );
        }
    }

    pub(super) fn keys(
        &self,
        ident: &Ident,
        name: String,
        attrs: &[Attribute],
        tags: &mut Tags,
        diag: &mut Diag,
    ) -> Keys {
        let cfg = cfg(attrs);
        if self.tag.is_none() && self.one_of.is_none() && !cfg.is_empty() {
            diag.error(ident, format!("what stands behind `#[cfg]` has a tag of its own: write `#[tag = n]` above `{name}`"));
        }
        let name = match &self.name {
            Some((name, _)) => name.clone(),
            None => name,
        };
        let span = self.name.as_ref().map_or(ident.span(), |(_, span)| *span);
        check_name(&name, span, diag);
        Keys {
            tag: match self.one_of {
                None => tags.next(self.tag, diag),
                Some(_) => tags.pass(self.tag, diag),
            },
            camel: lower_camel(&name),
            name,
            cfg,
        }
    }
}

/// Hands out the tags of one message: what is written, or one more than the one before.
#[derive(Default)]
pub(super) struct Tags {
    last: u32,
}

impl Tags {
    const LARGEST: u32 = (1 << 29) - 1;

    /// The place of a oneof, whose tags are those of its variants: behind the field before it.
    fn pass(&self, written: Option<(i64, Span)>, diag: &mut Diag) -> Tag {
        if let Some((_, span)) = written {
            let message = "the tags of a oneof are those of its variants: leave this out";
            diag.error_at(span, message);
        }
        Tag {
            number: self.last,
            written: None,
        }
    }

    fn next(&mut self, written: Option<(i64, Span)>, diag: &mut Diag) -> Tag {
        let Some((number, span)) = written else {
            // Those that protobuf keeps for itself are passed over.
            self.last = if self.last + 1 == 19_000 {
                20_000
            } else {
                self.last + 1
            };
            return Tag {
                number: self.last,
                written: None,
            };
        };
        let wrong = match number {
            ..=0 => Some("tags start at 1".to_owned()),
            19_000..=19_999 => {
                Some("tags 19000 to 19999 are reserved by protobuf: write another one".to_owned())
            }
            number if number > i64::from(Self::LARGEST) => {
                Some(format!("the largest tag is {}", Self::LARGEST))
            }
            _ => None,
        };
        match wrong {
            Some(wrong) => diag.error_at(span, wrong),
            None => self.last = u32::try_from(number).unwrap_or(Self::LARGEST),
        }
        Tag {
            number: self.last,
            written: Some(span),
        }
    }
}

/// Refuses what cannot be a name in a proto file.
pub(super) fn check_name(name: &str, span: Span, diag: &mut Diag) {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let goes_on = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if !starts_well || !name.chars().all(goes_on) {
        let message =
            format!("`{name}` is no name in protobuf: write one of ASCII letters, digits and `_`");
        diag.error_at(span, message);
    }
}

/// The conditions among the attributes.
pub(super) fn cfg(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
        .cloned()
        .collect()
}

/// A whole number that is written out.
pub(super) fn literal(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => number.base10_parse().ok(),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => literal(expr).map(|number| -number),
        _ => None,
    }
}
