//! Messages captured from go-micro: ours mean the same to it, and its own mean the same to us.

mod capture;
mod exchanges;
mod frames;
mod greeter;
mod nodes;
mod older;
mod plugins;
#[path = "../http/raw.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of HTTP, which use all of it"
)]
mod raw;
mod streams;
mod unspoken;
mod vectors;
