//! Looks for bytes that break `pumasi_fuzz::join`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pumasi_fuzz::join::run(data));
