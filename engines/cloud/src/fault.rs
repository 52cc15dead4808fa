//! What the HTTP client's errors mean here. Its own words are dropped: they name addresses.

use std::error::Error;

use hyper_util::client::legacy;

use crate::call::CallError;
use crate::connector::NoConnection;

/// Before an answer's head came.
pub(crate) fn of_request(error: &legacy::Error) -> CallError {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(NoConnection(reason)) = error.downcast_ref::<NoConnection>() {
            return *reason;
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return of_body(error);
        }
        cause = error.source();
    }
    CallError::Reset
}

/// While the answer came.
pub(crate) fn of_body(error: &hyper::Error) -> CallError {
    if error.is_parse() { CallError::NotHttp } else { CallError::Reset }
}
