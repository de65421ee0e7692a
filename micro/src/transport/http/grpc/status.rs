//! Errors as statuses, and back.
//!
//! The message of a status is the error's detail, for people and foreign clients. Ours read the whole error in
//! `micro-error`, go-micro v6 reads it in the details; older ones read it in the message, and are given it there.

use bytes::Bytes;
use prost::encoding::{WireType, encode_key, int32, string};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::super::head;
use super::ID;
use crate::error::Error;
use crate::http::grpc::Own;
use crate::http::pairs;
use crate::wire;

/// The status of `error`, for a caller that reads the message of a status as go-micro writes it, or not.
pub(super) fn of_error(error: &Error, reads_json: bool) -> Status {
    let text = wire::failure_text(error);
    let mut headers = hyper::HeaderMap::new();
    headers.insert(head::ERROR, head::value(&text));
    let reached = hyper::header::HeaderValue::from_static(wire::reached(error));
    headers.insert(head::REACHED, reached);
    let code = code(error.code());
    let message = match reads_json {
        true => text,
        // Other stacks stop reading trailers at 8 KiB.
        false => wire::short_detail(error),
    };
    let details = details(code, &message, error);
    let metadata = MetadataMap::from_headers(headers);
    Status::with_details_and_metadata(code, message, details, metadata)
}

/// The error that `status` means, which a node answered or this end found.
pub(super) fn to_error(status: Status) -> Error {
    if let Some(own) = Own::of(&status) {
        return own;
    }
    let headers = status.metadata().clone().into_headers();
    let reply = wire::read_reply(pairs(&headers));
    if let Some(error) = reply.error {
        return error;
    }
    // go-micro's other generations write it there.
    if status.message().starts_with('{') {
        return Error::from_wire(status.message());
    }
    let code = number(status.code());
    let detail = match status.message() {
        "" => status.code().description().to_owned(),
        message => message.to_owned(),
    };
    Error::new(code, ID, detail).over_the_wire()
}

/// The code of gRPC for an error's: go-micro's table, and those that it leaves unknown.
fn code(number: u16) -> Code {
    match number {
        200 => Code::Ok,
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        408 | 504 => Code::DeadlineExceeded,
        409 => Code::AlreadyExists,
        412 => Code::FailedPrecondition,
        413 | 429 | 431 => Code::ResourceExhausted,
        415 | 501 => Code::Unimplemented,
        499 => Code::Cancelled,
        500 => Code::Internal,
        502 | 503 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// The code of an error for that of a foreign node.
fn number(code: Code) -> u16 {
    match code {
        Code::Ok => 200,
        Code::InvalidArgument | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::FailedPrecondition => 412,
        Code::ResourceExhausted => 429,
        Code::Cancelled => 499,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        // It may have run.
        Code::DeadlineExceeded => 504,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
    }
}

/// A `google.rpc.Status` with go-micro's `errors.Error` in it.
fn details(code: Code, message: &str, error: &Error) -> Bytes {
    let mut own = Vec::new();
    string::encode(1, &error.id().to_owned(), &mut own);
    int32::encode(2, &i32::from(error.code()), &mut own);
    string::encode(3, &wire::short_detail(error), &mut own);
    string::encode(4, &error.status().to_owned(), &mut own);
    let mut any = Vec::new();
    string::encode(1, &"type.googleapis.com/errors.Error".to_owned(), &mut any);
    prost::encoding::bytes::encode(2, &own, &mut any);
    let mut status = Vec::new();
    int32::encode(1, &(code as i32), &mut status);
    string::encode(2, &message.to_owned(), &mut status);
    encode_key(3, WireType::LengthDelimited, &mut status);
    prost::encoding::encode_varint(any.len() as u64, &mut status);
    status.extend_from_slice(&any);
    status.into()
}
