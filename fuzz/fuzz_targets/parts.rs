//! Each part of a certificate container, beside good ones.

#![no_main]

use std::sync::LazyLock;

use evenkeel_vault::fixtures::Authority;
use evenkeel_vault::rereading;

static WHOLE: LazyLock<String> = LazyLock::new(|| Authority::new("Root").server(&["a.test"]).pem());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rereading::parts(bytes, WHOLE.as_bytes()));
