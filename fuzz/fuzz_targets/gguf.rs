//! Looks for bytes that break `pumasi_fuzz::gguf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pumasi_fuzz::gguf::run(data));
