//! The codec: BEP 5's own examples, what a hostile or careless sender may
//! send, and the laws that hold the two readers and the writer together.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

mod agreement;
mod bad_bencode;
mod bad_krpc;
mod generate;
mod laws;
mod mutate;
mod reference;
mod rows;
mod tree;
mod vectors;
