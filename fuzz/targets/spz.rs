#![no_main]

use libfuzzer_sys::fuzz_target;
use sora_director::splat::format::spz;

fuzz_target!(|bytes: &[u8]| {
    let _ = bounded::within(bytes, 320, || spz::parse(bytes));
});
