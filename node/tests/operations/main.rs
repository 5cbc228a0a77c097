//! Sequences of operations on the whole core: what must hold after each.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod run;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_that_is_done_to_it_breaks_a_node(input in vec(any::<u8>(), 0..3000)) {
        run::run(&input);
    }
}
