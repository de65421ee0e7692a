//! Messages: one type, the same value in every format.

mod codecs;
mod coded;
mod compiled;
mod errors;
mod json;
mod kinds;
mod msgpack;
mod one_ofs;
mod proto_file;
mod proto_service;
mod protobuf;
mod records;
mod refusals;
mod round_trips;
mod twin;
mod values;
