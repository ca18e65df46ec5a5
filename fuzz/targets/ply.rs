#![no_main]

use libfuzzer_sys::fuzz_target;
use sora_director::splat::format::ply;

fuzz_target!(|bytes: &[u8]| {
    let _ = bounded::within(bytes, 16, || ply::parse(bytes));
});
