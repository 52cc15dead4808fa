//! Looks for bytes that break `pumasi_fuzz::frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pumasi_fuzz::frames::run(data));
