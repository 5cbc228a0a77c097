//! Arbitrary datagrams: no panic, the strict reader's messages are read alike
//! by the tolerant one, and what was read can be written, as bendy writes it,
//! and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../krpc/tests/codec/agreement.rs"]
mod agreement;
#[path = "../../krpc/tests/codec/reference.rs"]
mod reference;

fuzz_target!(|datagram: &[u8]| {
    agreement::check(datagram);
});
