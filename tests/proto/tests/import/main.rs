//! Proto files as Rust, by `micro::proto!`: the same bytes as other readers and writers of the file.

#![deny(missing_docs, unreachable_pub, warnings)]

mod messages;
mod services;

/// The file with everything in it.
mod everything {
    micro::proto!("proto/shop/everything.proto", include("proto"));
}

/// A file that is found by its directory, under another name.
pub(crate) mod greeter_file {
    micro::proto!("proto/greeter.proto", name = "proto-greeter");
}
