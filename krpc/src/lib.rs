//! The wire of the BitTorrent Mainline DHT: node IDs and XOR distance,
//! compact addresses, KRPC messages and their codec [BEP 5], and the
//! [`Instant`] and [`Rng`] that everything above shares.
//!
//! A [`Message`] borrows the datagram it was read from. There are two ways
//! to read one and one to write one:
//!
//! - [`Message::scan`] is the tolerant reader of the hot path. It allocates
//!   nothing, reads what real clients send (unsorted keys, wrong lengths,
//!   bytes behind the end) and says in [`Message::oddities`] what was odd.
//! - [`Message::decode_strict`] is bendy's reader: canonical bencode and
//!   BEP 5's types and lengths, or an error.
//! - [`Message::encode`] and [`Message::encode_into`] write canonical bencode.
//!
//! `decode_strict` accepts exactly the datagrams in which `scan` finds nothing
//! odd, and both then read the same; `encode` writes byte for byte what bendy's
//! encoder would. Tests and a fuzz target hold them to it.
//!
//! ```
//! use mdht_krpc::{Body, Message, Method};
//! let datagram = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
//! let message = Message::scan(datagram)?;
//! let Body::Query(query) = &message.body else { panic!("a query") };
//! assert_eq!(query.method, Method::Ping);
//! assert_eq!(message.encode(), datagram);
//! # Ok::<(), mdht_krpc::ScanError>(())
//! ```

mod address;
mod bencode;
mod contact;
mod encode;
mod id;
mod item;
mod message;
mod oddities;
mod rng;
mod samples;
mod scan;
mod scrape;
mod secure_id;
mod strict;
mod take;
mod time;

pub use address::{Family, is_public};
pub use bencode::{MAX_DEPTH, ScanError, ScanErrorKind};
pub use contact::{Contact, Nodes, Values, read_compact_addr, write_compact_addr};
pub use id::{Distance, ID_BITS, Id, ParseIdError};
pub use item::{
    ItemFields, MAX_SALT_LEN, MAX_VALUE_LEN, PUBLIC_KEY_LEN, SIGNATURE_LEN, is_bencoded,
    signed_bytes,
};
pub use message::{Body, ErrorReply, Message, Method, Query, Response, Want, error_code};
pub use oddities::Oddities;
pub use rng::Rng;
pub use samples::Samples;
pub use scrape::{FilterBytes, ScrapeFilter};
pub use secure_id::{id_fits_addr, secure_prefix};
pub use strict::StrictError;
pub use time::Instant;
