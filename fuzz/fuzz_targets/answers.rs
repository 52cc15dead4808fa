//! Looks for bytes that break `pumasi_fuzz::answers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pumasi_fuzz::answers::run(data));
