//! Looks for bytes that break `pumasi_fuzz::worker`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pumasi_fuzz::worker::run(data));
