//! Sequences of operations on a node's whole core, with hostile datagrams and
//! a hostile clock.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../node/tests/operations/run.rs"]
mod run;

fuzz_target!(|input: &[u8]| {
    run::run(input);
});
