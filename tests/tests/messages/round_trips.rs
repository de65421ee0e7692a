//! The same value in every format, and back.

use micro::Message;
use micro::message::ContentType;
use proptest::prelude::*;

use crate::twin::{config, written};
use crate::values::{Held, Keyed, Lists, Narrow, Numbers, Options, Shape, Shapes, Tree};

pub(crate) fn comes_back<T: Message + PartialEq + std::fmt::Debug>(
    value: T,
) -> Result<(), TestCaseError> {
    for content_type in [
        ContentType::JSON,
        ContentType::MSGPACK,
        ContentType::PROTOBUF,
    ] {
        let bytes = written(&value, &content_type);
        let read = T::format().decode(&content_type, &bytes).unwrap();
        prop_assert_eq!(&read, &value, "as {}", content_type);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn numbers_texts_and_bytes_come_back(value: Numbers) {
        comes_back(value)?;
    }

    #[test]
    fn narrow_numbers_come_back(value: Narrow) {
        comes_back(value)?;
    }

    #[test]
    fn lists_come_back(value: Lists) {
        comes_back(value)?;
    }

    #[test]
    fn options_come_back(value: Options) {
        comes_back(value)?;
    }

    #[test]
    fn maps_come_back(value: (Keyed, Held)) {
        comes_back(value.0)?;
        comes_back(value.1)?;
    }

    #[test]
    fn trees_come_back(value: Tree) {
        comes_back(value)?;
    }

    #[test]
    fn enums_with_data_come_back(value: (Shape, Shapes)) {
        comes_back(value.0)?;
        comes_back(value.1)?;
    }
}
