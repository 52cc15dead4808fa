//! Looks for bytes that break `pumasi_fuzz::http`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pumasi_fuzz::http::run(data));
