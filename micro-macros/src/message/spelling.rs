//! The spellings of names on the wire.

/// `user_name` as `userName`, as protobuf's JSON does it.
pub(super) fn lower_camel(name: &str) -> String {
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

/// `InProgress` as `in_progress`.
pub(super) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after_small = before.is_some_and(|before| !before.is_uppercase() && before != '_');
        // The last capital of several starts the next word: `HTTPServer` is `http_server`.
        let before_small = before.is_some_and(|before| before != '_')
            && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_small || before_small) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::{lower_camel, snake};

    #[test]
    fn lower_camel_is_that_of_protobuf() {
        assert_eq!(lower_camel("user_name"), "userName");
        assert_eq!(lower_camel("name_2x"), "name2x");
        assert_eq!(lower_camel("userName"), "userName");
    }

    #[test]
    fn words_start_at_capitals() {
        assert_eq!(snake("InProgress"), "in_progress");
        assert_eq!(snake("HTTPServer"), "http_server");
        assert_eq!(snake("A"), "a");
    }
}
