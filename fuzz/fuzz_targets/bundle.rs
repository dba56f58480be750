//! A secret with everything in it: PKCS#12, its base64, or PEM.

#![no_main]

use evenkeel_vault::rereading;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rereading::bundle(bytes));
