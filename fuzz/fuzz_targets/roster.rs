//! Looks for bytes that break `pumasi_fuzz::roster`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pumasi_fuzz::roster::run(data));
