//! Peers in Python: grpcio calls our service and is called by ours, from nothing but what our program says of itself.
//!
//! Run by `tests/live`, which installs them; `tests/python` holds their scripts.

mod called;
mod calling;
mod described;
mod one_port;
mod peer;
