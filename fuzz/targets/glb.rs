#![no_main]

use libfuzzer_sys::fuzz_target;
use sora_director::splat::format::glb;

fuzz_target!(|bytes: &[u8]| {
    let _ = bounded::within(bytes, 64, || glb::parse(bytes));
});
