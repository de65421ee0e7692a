//! The spellings of names on the wire.

/// `user_name` as `userName`, as protobuf's JSON does it.
pub(crate) fn lower_camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut capital = false;
    for letter in name.chars() {
        match letter {
            '_' => capital = true,
            letter if capital => {
                camel.push(letter.to_ascii_uppercase());
                capital = false;
            }
            letter => camel.push(letter),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::lower_camel;

    #[test]
    fn lower_camel_is_that_of_protobuf() {
        assert_eq!(lower_camel("user_name"), "userName");
        assert_eq!(lower_camel("name_2x"), "name2x");
        assert_eq!(lower_camel("userName"), "userName");
    }
}
