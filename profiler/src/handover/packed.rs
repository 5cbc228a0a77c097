//! KRPC messages that do not borrow: what [`Message`] refers to by reference,
//! this does by its place in the datagram, so that both can be moved together.

use std::net::SocketAddr;

use mdht_krpc::{
    Body, ErrorReply, Family, Id, ItemFields, Message, Method, Nodes, Oddities, Query, Response,
    Samples, Values, Want,
};

/// A message without its datagram.
pub(super) struct Packed {
    transaction_id: Place,
    body: PackedBody,
    version: Option<Place>,
    external_addr: Option<SocketAddr>,
    read_only: bool,
    oddities: Oddities,
}

#[allow(clippy::large_enum_variant)] // lies in a block that is used again
enum PackedBody {
    Query(PackedQuery),
    Response(PackedResponse),
    Error { code: i64, message: Place },
}

struct PackedQuery {
    method: PackedMethod,
    id: Option<Id>,
    target: Option<Id>,
    info_hash: Option<Id>,
    port: Option<u16>,
    implied_port: bool,
    token: Option<Place>,
    want: Want,
    item: Option<Box<PackedItem>>,
    seed: bool,
    no_seeds: bool,
    scrape: bool,
}

enum PackedMethod {
    Known(Method<'static>),
    Unknown(Place),
}

struct PackedResponse {
    id: Option<Id>,
    nodes: Option<Place>,
    nodes6: Option<Place>,
    token: Option<Place>,
    values: Option<Place>,
    item: Option<Box<PackedItem>>,
    seeds: Option<Place>,
    leeches: Option<Place>,
    samples: Option<Place>,
    num: Option<u32>,
    interval: Option<u32>,
}

/// What few messages hold, apart from what most do [BEP 44].
struct PackedItem {
    public_key: Option<Place>,
    sequence: Option<i64>,
    signature: Option<Place>,
    value: Option<Place>,
    salt: Option<Place>,
    cas: Option<i64>,
}

/// Where in a datagram some bytes are. Four bytes a number: behind an IP
/// header without a length, a datagram may have more than 64 KiB.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    len: u32,
}

impl Place {
    /// Of `part` in `whole`.
    #[inline]
    fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        debug_assert!(part.is_empty() || start + part.len() <= whole.len());
        Self {
            // what is empty may be anywhere, and is found again as empty
            start: u32::try_from(start).unwrap_or(0),
            len: u32::try_from(part.len()).unwrap_or(0),
        }
    }

    #[inline]
    fn of_any(part: Option<&[u8]>, whole: &[u8]) -> Option<Self> {
        part.map(|part| Self::of(part, whole))
    }

    #[inline]
    fn within(self, whole: &[u8]) -> &[u8] {
        let start = self.start as usize;
        whole
            .get(start..start + self.len as usize)
            .unwrap_or_default()
    }
}

impl Packed {
    /// Of a message that was read from `datagram`.
    #[inline]
    pub(super) fn new(message: &Message<'_>, datagram: &[u8]) -> Self {
        // every field is named, so that none is forgotten when there are more
        let &Message {
            transaction_id,
            ref body,
            version,
            external_addr,
            read_only,
            oddities,
        } = message;
        Self {
            transaction_id: Place::of(transaction_id, datagram),
            body: match body {
                Body::Query(query) => PackedBody::Query(PackedQuery::new(query, datagram)),
                Body::Response(response) => {
                    PackedBody::Response(PackedResponse::new(response, datagram))
                }
                &Body::Error(ErrorReply { code, message }) => PackedBody::Error {
                    code,
                    message: Place::of(message, datagram),
                },
            },
            version: Place::of_any(version, datagram),
            external_addr,
            read_only,
            oddities,
        }
    }

    /// The message again, from the same bytes.
    #[inline]
    pub(super) fn unpack<'a>(&self, datagram: &'a [u8]) -> Message<'a> {
        Message {
            transaction_id: self.transaction_id.within(datagram),
            body: match &self.body {
                PackedBody::Query(query) => Body::Query(query.unpack(datagram)),
                PackedBody::Response(response) => Body::Response(response.unpack(datagram)),
                &PackedBody::Error { code, message } => Body::Error(ErrorReply {
                    code,
                    message: message.within(datagram),
                }),
            },
            version: self.version.map(|version| version.within(datagram)),
            external_addr: self.external_addr,
            read_only: self.read_only,
            oddities: self.oddities,
        }
    }
}

impl PackedQuery {
    #[inline]
    fn new(query: &Query<'_>, datagram: &[u8]) -> Self {
        let &Query {
            method,
            id,
            target,
            info_hash,
            port,
            implied_port,
            token,
            want,
            item,
            salt,
            cas,
            seed,
            no_seeds,
            scrape,
        } = query;
        let unknown = || PackedMethod::Unknown(Place::of(method.name(), datagram));
        Self {
            method: method.known().map_or_else(unknown, PackedMethod::Known),
            id,
            target,
            info_hash,
            port,
            implied_port,
            token: Place::of_any(token, datagram),
            want,
            item: PackedItem::new(&item, salt, cas, datagram),
            seed,
            no_seeds,
            scrape,
        }
    }

    #[inline]
    fn unpack<'a>(&self, datagram: &'a [u8]) -> Query<'a> {
        Query {
            method: match self.method {
                PackedMethod::Known(method) => method,
                PackedMethod::Unknown(name) => Method::Unknown(name.within(datagram)),
            },
            id: self.id,
            target: self.target,
            info_hash: self.info_hash,
            port: self.port,
            implied_port: self.implied_port,
            token: self.token.map(|token| token.within(datagram)),
            want: self.want,
            item: fields(self.item.as_deref(), datagram),
            salt: (self.item.as_deref())
                .and_then(|item| item.salt)
                .map(|salt| salt.within(datagram)),
            cas: self.item.as_deref().and_then(|item| item.cas),
            seed: self.seed,
            no_seeds: self.no_seeds,
            scrape: self.scrape,
        }
    }
}

impl PackedResponse {
    #[inline]
    fn new(response: &Response<'_>, datagram: &[u8]) -> Self {
        let &Response {
            id,
            nodes,
            nodes6,
            token,
            values,
            item,
            seeds,
            leeches,
            samples,
            num,
            interval,
        } = response;
        let list = |nodes: Option<Nodes<'_>>| nodes.map(|n| Place::of(n.as_bytes(), datagram));
        Self {
            id,
            nodes: list(nodes),
            nodes6: list(nodes6),
            token: Place::of_any(token, datagram),
            values: Place::of_any(values.and_then(|values| values.as_wire()), datagram),
            item: PackedItem::new(&item, None, None, datagram),
            seeds: seeds.map(|filter| Place::of(filter, datagram)),
            leeches: leeches.map(|filter| Place::of(filter, datagram)),
            samples: samples.map(|samples| Place::of(samples.as_bytes(), datagram)),
            num,
            interval,
        }
    }

    #[inline]
    fn unpack<'a>(&self, datagram: &'a [u8]) -> Response<'a> {
        let list = |family, place: Option<Place>| {
            place.map(|place| Nodes::new(family, place.within(datagram)))
        };
        let filter = |place: Option<Place>| place.and_then(|p| p.within(datagram).try_into().ok());
        Response {
            id: self.id,
            nodes: list(Family::V4, self.nodes),
            nodes6: list(Family::V6, self.nodes6),
            token: self.token.map(|token| token.within(datagram)),
            values: (self.values).map(|values| Values::from_wire(values.within(datagram))),
            item: fields(self.item.as_deref(), datagram),
            seeds: filter(self.seeds),
            leeches: filter(self.leeches),
            samples: (self.samples).and_then(|samples| Samples::new(samples.within(datagram))),
            num: self.num,
            interval: self.interval,
        }
    }
}

impl PackedItem {
    /// `None` if there is nothing of it.
    #[inline]
    fn new(
        item: &ItemFields<'_>,
        salt: Option<&[u8]>,
        cas: Option<i64>,
        datagram: &[u8],
    ) -> Option<Box<Self>> {
        if *item == ItemFields::NONE && salt.is_none() && cas.is_none() {
            return None;
        }
        Some(Box::new(Self {
            public_key: Place::of_any(item.public_key.map(<[u8; _]>::as_slice), datagram),
            sequence: item.sequence,
            signature: Place::of_any(item.signature.map(<[u8; _]>::as_slice), datagram),
            value: Place::of_any(item.value, datagram),
            salt: Place::of_any(salt, datagram),
            cas,
        }))
    }
}

#[inline]
fn fields<'a>(item: Option<&PackedItem>, datagram: &'a [u8]) -> ItemFields<'a> {
    let Some(item) = item else {
        return ItemFields::NONE;
    };
    ItemFields {
        public_key: item
            .public_key
            .and_then(|key| key.within(datagram).try_into().ok()),
        sequence: item.sequence,
        signature: item
            .signature
            .and_then(|sig| sig.within(datagram).try_into().ok()),
        value: item.value.map(|value| value.within(datagram)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Messages with everything in them that there is.
    const MESSAGES: [&[u8]; 10] = [
        b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234565:token2:tk4:porti7e\
          12:implied_porti1ee1:q13:announce_peer2:roi1e1:t2:aa1:v4:LT\x01\x021:y1:qe",
        b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz1234564:wantl2:n42:n6ee\
          1:q9:find_node1:t0:1:y1:qe",
        b"d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t1:x1:y1:qe",
        b"d2:ip6:\x01\x02\x03\x04\x05\x061:rd2:id20:abcdefghij01234567895:nodes26:\
          abcdefghijklmnopqrstuvwxyz5:token3:abc6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
        b"d1:rd2:id20:abcdefghij01234567896:nodes63:abc6:valueslee1:t2:aa1:y1:re",
        b"d1:rd1:v5:helloe1:t2:aa1:y1:re",
        b"d1:ad3:casi3e2:id20:abcdefghij01234567891:k32:abcdefghijklmnopqrstuvwxyz0123454:salt3:abc\
          3:seqi4e3:sig64:abcdefghijklmnopqrstuvwxyz012345abcdefghijklmnopqrstuvwxyz0123455:token2:tk\
          1:vli1eee1:q3:put1:t2:aa1:y1:qe",
        b"d1:eli203e8:too longe1:t2:aa1:y1:ee",
        b"d1:ad2:id20:abcdefghij01234567896:noseedi1e6:scrapei1e4:seedi1ee1:q4:ping1:t2:aa1:y1:qe",
        b"d1:rd8:intervali60e3:numi2e7:samples20:abcdefghij0123456789e1:t2:aa1:y1:re",
    ];

    proptest! {
        #[test]
        fn packed_and_unpacked_it_is_the_same_message(
            which in 0..MESSAGES.len(),
            changes in prop::collection::vec((0_usize..200, any::<u8>()), 0..3),
        ) {
            let mut datagram = MESSAGES[which].to_vec();
            prop_assert!(Message::scan(&datagram).is_ok());
            for (at, byte) in changes {
                if let Some(changed) = datagram.get_mut(at) {
                    *changed = byte;
                }
            }
            if let Ok(message) = Message::scan(&datagram) {
                let packed = Packed::new(&message, &datagram);
                let elsewhere = datagram.clone();
                prop_assert_eq!(packed.unpack(&elsewhere), message);
            }
        }
    }
}
