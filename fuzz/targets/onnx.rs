#![no_main]

use libfuzzer_sys::fuzz_target;
use sora_director::onnx::Plan;

fuzz_target!(|bytes: &[u8]| {
    let _ = bounded::within(bytes, 64, || Plan::decode(bytes));
});
