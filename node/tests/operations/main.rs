//! Sequences of operations on the whole core: what must hold after each.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod run;

use std::fs;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_that_is_done_to_it_breaks_a_node(input in vec(any::<u8>(), 0..3000)) {
        run::run(&input);
    }
}

/// What the fuzz target `node_core` was led to new code by.
#[test]
fn the_fuzzers_seeds_break_nothing() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/node_core");
    let inputs: Vec<_> = fs::read_dir(seeds).unwrap().collect();
    assert!(inputs.len() > 100, "{} in {seeds}", inputs.len());
    for input in inputs {
        run::run(&fs::read(input.unwrap().path()).unwrap());
    }
}
