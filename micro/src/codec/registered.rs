//! Codecs that announce themselves, for content types beyond the built-in ones.

use std::fmt::Debug;

use serde::de::Deserializer;

use super::refusal::refuse;
use crate::error::{Error, Result};
use crate::message::ContentType;

/// A format for any serde type, such as CBOR or BSON.
///
/// It must describe itself, that is, know without being told what comes next, since fields may
/// be absent and are read by name.
///
/// ```
/// use micro::codec::{Backend, Codec, Target};
///
/// #[derive(Debug)]
/// struct Pretty;
///
/// impl Codec for Pretty {
///     fn content_types(&self) -> &'static [&'static str] {
///         &["application/pretty+json"]
///     }
///
///     fn encode(&self, value: &dyn erased_serde::Serialize, out: &mut Vec<u8>) -> micro::Result<()> {
///         serde_json::to_writer_pretty(out, value)
///             .map_err(|source| micro::Error::internal("pretty", "no such form").with_source(source))
///     }
///
///     fn decode(&self, bytes: &[u8], target: Target<'_>) -> micro::Result<()> {
///         let mut json = serde_json::Deserializer::from_slice(bytes);
///         target.read(&mut json)?;
///         json.end().map_err(|source| micro::Error::bad_request("pretty", source.to_string()))
///     }
/// }
///
/// inventory::submit! { Backend::new(&Pretty) }
/// ```
pub trait Codec: Debug + Send + Sync {
    /// The content types that it serves, in lower case and without parameters, preferred first.
    fn content_types(&self) -> &'static [&'static str];

    /// Appends the encoded value to `out`.
    ///
    /// # Behavior
    ///
    /// - What stands in `out` before stays.
    ///
    /// # Errors
    ///
    /// `internal` if the format has no form for the value.
    fn encode(&self, value: &dyn erased_serde::Serialize, out: &mut Vec<u8>) -> Result<()>;

    /// Reads one value, which is the whole of `bytes`, into `target`.
    ///
    /// # Behavior
    ///
    /// - Bytes behind the value are an error.
    /// - No bytes make it panic, or allocate more than a multiple of their length.
    ///
    /// # Errors
    ///
    /// `bad_request` if the bytes are not such a value.
    fn decode(&self, bytes: &[u8], target: Target<'_>) -> Result<()>;
}

/// A codec that is found by its content types, wherever it was linked in.
///
/// To be announced by `inventory::submit!`.
#[derive(Debug)]
pub struct Backend(&'static dyn Codec);

impl Backend {
    /// Announces `codec`.
    pub const fn new(codec: &'static dyn Codec) -> Self {
        Self(codec)
    }
}

inventory::collect!(Backend);

/// The codec that serves `content_type`.
pub(super) fn find(content_type: &ContentType) -> Option<&'static dyn Codec> {
    all().find(|codec| codec.content_types().contains(&content_type.as_str()))
}

/// All codecs that announced themselves.
pub(super) fn all() -> impl Iterator<Item = &'static dyn Codec> {
    inventory::iter::<Backend>
        .into_iter()
        .map(|backend| backend.0)
}

/// Where a codec puts the value that it reads: of which type, it need not know.
pub struct Target<'a> {
    name: &'static str,
    read: &'a mut Read<'a>,
}

impl Debug for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({})", self.name)
    }
}

type Read<'a> =
    dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error> + 'a;

impl<'a> Target<'a> {
    pub(super) fn new(name: &'static str, read: &'a mut Read<'a>) -> Self {
        Self { name, read }
    }

    /// Reads the value from `deserializer`.
    ///
    /// # Errors
    ///
    /// `bad_request`, naming the message, the field and what was expected there.
    pub fn read<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<()> {
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
        let outcome = (self.read)(&mut <dyn erased_serde::Deserializer<'_>>::erase(tracked));
        outcome.map_err(|source| {
            refuse(
                "micro.codec",
                self.name,
                &track.path().to_string(),
                &source.to_string(),
            )
        })
    }
}

/// What a codec is that returned without reading.
pub(super) fn nothing_read(codec: &dyn Codec) -> Error {
    Error::internal("micro.codec", format!("{codec:?} read no value"))
}
