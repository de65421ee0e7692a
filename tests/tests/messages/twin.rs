//! Each message beside a type that prost derives for the same `.proto`.

use std::collections::BTreeMap;

use micro::Message;
use micro::message::ContentType;
use proptest::prelude::*;

/// What a value is called in the type that prost derives.
pub(crate) trait Twin<T> {
    fn twin(self) -> T;
}

macro_rules! scalars {
    ($($ours:ty => $theirs:ty),* $(,)?) => {$(
        impl Twin<$theirs> for $ours {
            fn twin(self) -> $theirs {
                self.into()
            }
        }
    )*};
}

scalars! {
    f64 => f64, f32 => f32, i32 => i32, i64 => i64, u32 => u32, u64 => u64, bool => bool,
    u8 => u32, u16 => u32, i8 => i32, i16 => i32, String => String, Vec<u8> => Vec<u8>,
}

impl<A: Twin<B>, B> Twin<Option<B>> for Option<A> {
    fn twin(self) -> Option<B> {
        self.map(Twin::twin)
    }
}

impl<A: Twin<B>, B> Twin<Vec<B>> for Vec<A> {
    fn twin(self) -> Vec<B> {
        self.into_iter().map(Twin::twin).collect()
    }
}

impl<A: Twin<B>, B> Twin<Box<B>> for Box<A> {
    fn twin(self) -> Box<B> {
        Box::new((*self).twin())
    }
}

impl<K: Twin<L>, L: Ord, V: Twin<W>, W> Twin<BTreeMap<L, W>> for BTreeMap<K, V> {
    fn twin(self) -> BTreeMap<L, W> {
        let entries = self.into_iter();
        entries
            .map(|(key, value)| (key.twin(), value.twin()))
            .collect()
    }
}

/// A message, its twin, what one is in terms of the other, and any value of it.
macro_rules! twins {
    ($ours:ident, $theirs:ident { $($(#[$prost:meta])* $name:ident: $type:ty => $their:ty,)* }) => {
        #[micro::message]
        pub(crate) struct $ours {
            $(pub(crate) $name: $type,)*
        }

        #[derive(Clone, PartialEq, prost::Message)]
        pub(crate) struct $theirs {
            $($(#[$prost])* pub(crate) $name: $their,)*
        }

        impl $crate::twin::Twin<$theirs> for $ours {
            fn twin(self) -> $theirs {
                $theirs { $($name: $crate::twin::Twin::twin(self.$name),)* }
            }
        }

        impl proptest::arbitrary::Arbitrary for $ours {
            type Parameters = ();
            type Strategy = proptest::strategy::BoxedStrategy<Self>;

            fn arbitrary_with((): ()) -> Self::Strategy {
                let fields = ($(proptest::arbitrary::any::<$type>(),)*);
                proptest::strategy::Strategy::boxed(proptest::strategy::Strategy::prop_map(
                    fields,
                    |($($name,)*)| Self { $($name,)* },
                ))
            }
        }
    };
}

pub(crate) use twins;

/// A failure prints its value: there is nothing to be kept in a file.
pub(crate) fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

pub(crate) fn encode<T: Message>(value: &T) -> Vec<u8> {
    written(value, &ContentType::PROTOBUF)
}

pub(crate) fn decode<T: Message>(bytes: &[u8]) -> micro::Result<T> {
    T::format().decode(&ContentType::PROTOBUF, bytes)
}

/// The value as any content type.
pub(crate) fn written<T: Message>(value: &T, content_type: &ContentType) -> Vec<u8> {
    let mut bytes = Vec::new();
    T::format().encode(value, content_type, &mut bytes).unwrap();
    bytes
}

/// Both write the same bytes, and each reads the other's.
pub(crate) fn agree<T, U>(value: T) -> Result<(), TestCaseError>
where
    T: Message + Twin<U> + Clone + PartialEq + std::fmt::Debug,
    U: prost::Message + Default + PartialEq + std::fmt::Debug,
{
    let twin = value.clone().twin();
    let (ours, theirs) = (encode(&value), twin.encode_to_vec());
    prop_assert_eq!(&ours, &theirs);
    prop_assert_eq!(U::decode(&*ours).unwrap(), twin);
    prop_assert_eq!(decode::<T>(&theirs).unwrap(), value);
    Ok(())
}

/// What one takes the other takes, and reads the same in it.
pub(crate) fn agree_on_bytes<T, U>(bytes: &[u8]) -> Result<(), TestCaseError>
where
    T: Message + Twin<U>,
    U: prost::Message + Default,
{
    match (decode::<T>(bytes), U::decode(bytes)) {
        // By their bytes, since NaN is not equal to itself.
        (Ok(ours), Ok(theirs)) => {
            prop_assert_eq!(ours.twin().encode_to_vec(), theirs.encode_to_vec());
        }
        (Err(_), Err(_)) => {}
        (ours, theirs) => {
            return Err(TestCaseError::fail(format!(
                "ours {:?}, theirs {:?}",
                ours.err(),
                theirs.err()
            )));
        }
    }
    Ok(())
}

/// Bytes that are mostly fields, whose tags are mostly known.
pub(crate) fn fields() -> impl Strategy<Value = Vec<u8>> {
    let field = (1_u8..16, 0_u8..6, prop::collection::vec(any::<u8>(), 0..12));
    let field = field.prop_map(|(tag, wire, mut body)| {
        match wire {
            0 => body.iter_mut().rev().skip(1).for_each(|byte| *byte |= 0x80),
            1 => body.resize(8, 1),
            2 => body.insert(0, body.len() as u8),
            5 => body.resize(4, 1),
            _ => {}
        }
        body.insert(0, tag << 3 | wire);
        body
    });
    prop::collection::vec(field, 0..8).prop_map(|fields| fields.concat())
}
