//! Which version of the library is linked. Beside `measure` the only file that
//! calls it past its safe wrapper.
#![allow(unsafe_code)]

use std::ffi::CStr;

/// The version of ggml and the commit it was built from, for people.
pub(crate) fn version() -> String {
    // SAFETY: both functions take nothing and return pointers to static, NUL-terminated text.
    let (version, commit) = unsafe {
        (
            CStr::from_ptr(llama_cpp_sys_2::ggml_version()),
            CStr::from_ptr(llama_cpp_sys_2::ggml_commit()),
        )
    };
    format!("llama.cpp, ggml {} ({})", version.to_string_lossy(), commit.to_string_lossy())
}
