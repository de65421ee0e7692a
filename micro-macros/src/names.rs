//! Names that follow from names, and what a name may hold.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;

/// The identifier as text, without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// `Ledger` and `deposit_cents` make `Ledger.DepositCents`.
pub(crate) fn endpoint(owner: &str, method: &Ident) -> String {
    format!("{owner}.{}", upper_camel(&plain(method)))
}

/// The owner of a free function's endpoint: the last segment of its service's name, `Greeter` of `go.micro.greeter`.
pub(crate) fn owner(service: &str) -> String {
    upper_camel(service.rsplit('.').next().unwrap_or(service))
}

/// `deposit_cents` and `deposit-cents` become `DepositCents`.
pub(crate) fn upper_camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for word in name.split(['_', '-']) {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// The words of a type's name in lower case: `NoSuchRoom` by `-` is `no-such-room`.
pub(crate) fn words(camel: &str, separator: char) -> String {
    let letters: Vec<char> = camel.chars().collect();
    let mut words = String::with_capacity(camel.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let after_small = at > 0 && !letters[at - 1].is_uppercase() && letters[at - 1] != '_';
        // The last capital of several starts the next word: `HTTPServer` is `http-server`.
        let before_small = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let starts =
            letter.is_uppercase() && (after_small || (before_small && letters[at - 1] != '_'));
        if starts {
            words.push(separator);
        }
        match letter {
            '_' => words.push(separator),
            letter => words.extend(letter.to_lowercase()),
        }
    }
    words
}

/// An identifier of this text; a keyword gets an underscore.
pub(crate) fn ident(text: &str, span: Span) -> Ident {
    match syn::parse_str::<Ident>(text) {
        Ok(_) => Ident::new(text, span),
        Err(_) => Ident::new(&format!("{text}_"), span),
    }
}

/// True for what may name a service: letters, digits, `.`, `-` and `_`.
pub(crate) fn is_service(name: &str) -> bool {
    name.split('.').all(is_segment)
}

/// True for what may name an endpoint: a service's name of two segments or more.
pub(crate) fn is_endpoint(name: &str) -> bool {
    name.contains('.') && is_service(name)
}

/// True for what may name a topic or a group: anything that can be seen.
pub(crate) fn is_topic(name: &str) -> bool {
    !name.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

fn is_segment(segment: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    !segment.is_empty() && segment.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Ident, Span};

    use super::{endpoint, is_endpoint, owner, words};

    #[test]
    fn an_endpoint_is_the_owner_and_the_method_in_upper_camel_case() {
        let method = |name: &str| Ident::new(name, Span::call_site());

        assert_eq!(
            endpoint("Ledger", &method("deposit_cents")),
            "Ledger.DepositCents"
        );
        assert_eq!(
            endpoint("Ledger", &Ident::new_raw("move", Span::call_site())),
            "Ledger.Move"
        );
    }

    #[test]
    fn a_functions_owner_is_the_last_segment_of_its_service() {
        let hello = Ident::new("hello", Span::call_site());
        let endpoint = endpoint(&owner("go.micro.fnc.greeter"), &hello);
        assert_eq!(endpoint, "Greeter.Hello");
        assert_eq!(owner("mail-box"), "MailBox");
    }

    #[test]
    fn words_start_at_capitals() {
        assert_eq!(words("NoSuchRoom", ' '), "no such room");
        assert_eq!(words("HTTPServer", '-'), "http-server");
        assert_eq!(words("Greeter", '-'), "greeter");
        assert_eq!(words("V2Store", '_'), "v2_store");
        assert_eq!(words("A", '_'), "a");
    }

    #[test]
    fn an_endpoint_has_a_dot_between_two_names() {
        assert!(is_endpoint("Chat.Rename"));
        assert!(!is_endpoint("Chat"));
        assert!(!is_endpoint("Chat."));
        assert!(!is_endpoint("Chat.Re name"));
    }
}
