//! Looks for bytes that break `pumasi_fuzz::provider`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pumasi_fuzz::provider::run(data));
