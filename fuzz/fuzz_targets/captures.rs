//! Arbitrary bytes as a capture: no panic, every packet counted once, and it
//! does not matter how much a read returns.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../profiler/tests/inputs/laws.rs"]
mod laws;

fuzz_target!(|capture: &[u8]| {
    laws::check(capture);
});
