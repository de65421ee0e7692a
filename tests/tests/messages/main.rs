//! Messages: one type, the same value in every format.

mod json;
mod msgpack;
mod proto_file;
mod protobuf;
mod records;
mod refusals;
mod round_trips;
mod twin;
mod values;
