//! Looks for bytes that break `pumasi_fuzz::chain`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pumasi_fuzz::chain::run(data));
