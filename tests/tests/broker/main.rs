//! What brokers promise beyond the contract that all of them keep.

mod again;
mod ends;
mod golden;
mod http;
mod process;
mod wire;
