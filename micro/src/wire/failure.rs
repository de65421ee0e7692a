//! The text of an error that travels as a header.

use crate::error::Error;

/// How long the text may get, in bytes. Other stacks stop reading a head at 8 to 64 KiB, and it is sent twice.
const LONGEST: usize = 8 << 10;
/// How much of the detail is kept when the text is too long: JSON writes a byte as six at most.
const DETAIL: usize = 1000;
/// How much of the id is kept then.
const ID: usize = 250;

/// The JSON form of `error`, at most 8 KiB long: if need be the detail is cut and typed fields are left out.
pub(crate) fn failure_text(error: &Error) -> String {
    let text = error.to_json();
    if text.len() <= LONGEST {
        return text;
    }
    let detail = short_detail(error);
    Error::new(error.code(), start(error.id(), ID).to_owned(), detail).to_json()
}

/// The detail of `error`, at most about 1,000 bytes long.
pub(crate) fn short_detail(error: &Error) -> String {
    let detail = error.detail();
    match start(detail, DETAIL) {
        whole if whole.len() == detail.len() => detail.to_owned(),
        cut => format!("{cut}… (cut)"),
    }
}

/// The first characters of `text`, at most `bytes` long.
fn start(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

    use super::{DETAIL, LONGEST, failure_text, short_detail};
    use crate::error::Error;

    #[test]
    fn a_detail_is_cut_where_it_is_too_long_and_nowhere_else() {
        let detail = |text: &str| short_detail(&Error::bad_request("greeter", text.to_owned()));

        assert_eq!(detail("bad name"), "bad name");
        assert!(detail(&"é".repeat(DETAIL)).len() < DETAIL + 20);
    }

    #[test]
    fn a_short_error_is_sent_whole() {
        let error = Error::bad_request("greeter", "bad name");

        assert_eq!(failure_text(&error), error.to_json());
    }

    #[test]
    fn a_long_error_keeps_its_code_and_the_start_of_its_detail() {
        let error = Error::conflict("greeter", format!("no room {}", "<".repeat(1 << 20)));

        let text = failure_text(&error);

        let got = Error::from_wire(&text);
        assert!(text.len() <= LONGEST);
        assert_eq!(got.code(), 409);
        assert!(got.detail().starts_with("no room <<<") && got.detail().ends_with("(cut)"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_error_is_too_long(id in any::<String>(), detail in any::<String>(), times in 1..400_usize) {
            let error = Error::internal(id.repeat(times), detail.repeat(times));

            prop_assert!(failure_text(&error).len() <= LONGEST);
        }
    }
}
