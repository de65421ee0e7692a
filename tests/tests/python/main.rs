//! Peers in Python: our service is called and read about, from nothing but what our program says of itself.
//!
//! Run by `tests/live`, which installs them; `tests/python` holds their scripts.

mod called;
mod described;
mod one_port;
#[allow(
    dead_code,
    reason = "shared with the table of `tongues`, which uses the rest"
)]
mod peer;
