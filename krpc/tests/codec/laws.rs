//! Property tests, each named after the law it holds.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use mdht_krpc::Message;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::agreement;
use crate::generate::{Owned, message};
use crate::mutate::{Mutation, mutation};
use crate::reference;
use crate::tree::{krpc_tree, tree};

proptest! {
    #[test]
    fn scan_reads_what_was_encoded(owned in message()) {
        let message = owned.message();
        let bytes = message.encode();
        prop_assert_eq!(Message::scan(&bytes).unwrap(), message);
    }

    #[test]
    fn decode_strict_reads_what_was_encoded(owned in message()) {
        let message = owned.message();
        let bytes = message.encode();
        prop_assert_eq!(Message::decode_strict(&bytes).unwrap(), message);
    }

    #[test]
    fn encode_writes_what_bendy_writes(owned in message()) {
        let message = owned.message();
        prop_assert_eq!(message.encode(), reference::encode(&message));
    }

    #[test]
    fn encode_into_appends(owned in message(), before in vec(any::<u8>(), 0..20)) {
        let message = owned.message();
        let mut out = before.clone();
        message.encode_into(&mut out);
        prop_assert_eq!(out, [before, message.encode()].concat());
    }

    #[test]
    fn encoding_is_a_function_of_the_message(owned in message()) {
        let bytes = owned.message().encode();
        prop_assert_eq!(Message::scan(&bytes).unwrap().encode(), bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..2000)) {
        agreement::check(&bytes);
    }

    #[test]
    fn arbitrary_bencode_never_panics(tree in tree()) {
        agreement::check(&tree.encode());
    }

    #[test]
    fn a_message_cut_at_any_offset_is_refused(owned in message()) {
        let bytes = owned.message().encode();
        for cut in 0..bytes.len() {
            prop_assert!(Message::scan(&bytes[..cut]).is_err());
            prop_assert!(Message::decode_strict(&bytes[..cut]).is_err());
        }
    }
}

/// Runs `datagrams` through [`agreement::check`]; at least `percent` of them
/// must be accepted, or the law would hold of nothing.
fn readers_agree<S: Strategy>(datagrams: S, encode: impl Fn(S::Value) -> Vec<u8>, percent: u32) {
    let cases = 3000;
    let config = ProptestConfig {
        cases,
        ..ProptestConfig::default()
    };
    let accepted = Cell::new(0);
    let mut runner = TestRunner::new(config);
    let result = runner.run(&datagrams, |value| {
        accepted.set(accepted.get() + u32::from(agreement::check(&encode(value))));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let share = 100 * accepted.get() / cases;
    println!("{share} % of {cases} datagrams accepted by the strict reader");
    assert!((percent..100).contains(&share), "{share} %");
}

#[test]
fn the_readers_agree_on_trees_shaped_like_krpc() {
    readers_agree(krpc_tree(), |tree| tree.encode(), 15);
}

#[test]
fn the_readers_agree_on_mutated_messages() {
    let mutated = (message(), vec(mutation(), 0..4));
    let encode = |(owned, mutations): (Owned, Vec<_>)| {
        let mut bytes = owned.message().encode();
        for mutation in &mutations {
            Mutation::apply(mutation, &mut bytes);
        }
        bytes
    };
    readers_agree(mutated, encode, 15);
}

/// Every bit of every committed seed of the fuzz target, flipped; every cut.
#[test]
fn the_readers_agree_on_every_seed_and_its_neighbours() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/krpc_scan");
    let mut accepted = 0;
    for entry in fs::read_dir(seeds).unwrap() {
        let mut bytes = fs::read(entry.unwrap().path()).unwrap();
        accepted += u32::from(agreement::check(&bytes));
        if bytes.len() > 1000 {
            continue;
        }
        for cut in 0..bytes.len() {
            agreement::check(&bytes[..cut]);
        }
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            agreement::check(&bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
    assert!(accepted > 10);
}
