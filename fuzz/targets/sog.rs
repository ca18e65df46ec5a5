#![no_main]

use libfuzzer_sys::fuzz_target;
use sora_director::splat::format::sog;

fuzz_target!(|bytes: &[u8]| {
    let _ = bounded::within(bytes, 320, || sog::parse(bytes));
});
