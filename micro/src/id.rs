//! Identifiers of nodes and messages.
//!
//! Random, in the form of a version 4 UUID, as go-micro's ids are. Not secrets.

/// Returns a fresh random id: 36 characters, the text form of a version 4 UUID.
///
/// ```
/// assert_eq!(micro::id::random().len(), 36);
/// ```
pub fn random() -> String {
    let bits = fastrand::u128(..);
    // RFC 9562, section 5.4: the version in bits 48 to 51, the variant in bits 64 and 65.
    let bits = bits & !(0xf << 76) | (0x4 << 76);
    let bits = bits & !(0b11 << 62) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::random;

    #[test]
    fn an_id_has_the_version_and_variant_of_a_random_uuid() {
        let id = random();

        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]), "{id}");
    }

    #[test]
    fn two_ids_differ() {
        assert_ne!(random(), random());
    }
}
