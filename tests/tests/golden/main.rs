//! Messages captured from go-micro: ours mean the same to it, and its own mean the same to us.

mod exchanges;
mod frames;
mod greeter;
#[path = "../http/raw.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of HTTP, which use all of it"
)]
mod raw;
mod vectors;
