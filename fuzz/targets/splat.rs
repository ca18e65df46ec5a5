#![no_main]

use libfuzzer_sys::fuzz_target;
use sora_director::splat::format::splat;

fuzz_target!(|bytes: &[u8]| {
    let _ = bounded::within(bytes, 16, || splat::parse(bytes));
});
