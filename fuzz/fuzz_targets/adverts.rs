//! Looks for bytes that break `pumasi_fuzz::adverts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pumasi_fuzz::adverts::run(data));
