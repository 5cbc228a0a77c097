//! The reference that the writer is held against: the same messages through
//! bendy's encoder, which refuses to write what is not canonical.

use bendy::encoding::{Encoder, Error, SingleItemEncoder, SortedDictEncoder, ToBencode};
use mdht_krpc::{
    Body, ErrorReply, ItemFields, Message, Nodes, Query, Response, Values, Want, write_compact_addr,
};

/// The message as bendy writes it. An item's value goes to the wire as it is;
/// bendy has no way to say that, so it writes a mark, which is replaced.
pub(crate) fn encode(message: &Message<'_>) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let mut written = encoder
        .emit_with(|e| emit(message, e))
        .and_then(|()| encoder.get_output())
        .expect("a message is always encodable");
    let value = match &message.body {
        Body::Query(query) => query.item.value,
        Body::Response(response) => response.item.value,
        Body::Error(_) => None,
    };
    if let Some(value) = value {
        let mark = [format!("{}:", MARK.len()).as_bytes(), MARK].concat();
        let mut places = written.windows(mark.len());
        let at = places.position(|bytes| bytes == mark);
        let at = at.expect("the mark was written");
        written.splice(at..at + mark.len(), value.iter().copied());
    }
    written
}

/// What no message holds, being longer than any datagram. (A short one the fuzzer learned, and wrote elsewhere.)
const MARK: &[u8] = &[0; 65_508];

fn emit(message: &Message<'_>, encoder: SingleItemEncoder<'_>) -> Result<(), Error> {
    let mut addr = Vec::new();
    if let Some(external) = &message.external_addr {
        write_compact_addr(external, &mut addr);
    }
    encoder.emit_dict(|mut dict| {
        if let Body::Query(query) = &message.body {
            dict.emit_pair_with(b"a", |e| emit_arguments(query, e))?;
        }
        if let Body::Error(error) = &message.body {
            dict.emit_pair_with(b"e", |e| emit_error(error, e))?;
        }
        if !addr.is_empty() {
            dict.emit_pair_with(b"ip", |e| e.emit_bytes(&addr))?;
        }
        if let Body::Query(query) = &message.body {
            dict.emit_pair_with(b"q", |e| e.emit_bytes(query.method.name()))?;
        }
        if let Body::Response(response) = &message.body {
            dict.emit_pair_with(b"r", |e| emit_response(response, e))?;
        }
        if message.read_only {
            dict.emit_pair(b"ro", 1)?;
        }
        dict.emit_pair_with(b"t", |e| e.emit_bytes(message.transaction_id))?;
        if let Some(version) = message.version {
            dict.emit_pair_with(b"v", |e| e.emit_bytes(version))?;
        }
        let kind = match message.body {
            Body::Query(_) => "q",
            Body::Response(_) => "r",
            Body::Error(_) => "e",
        };
        dict.emit_pair(b"y", kind)
    })
}

fn emit_arguments(query: &Query<'_>, encoder: SingleItemEncoder<'_>) -> Result<(), Error> {
    encoder.emit_dict(|mut dict| {
        if let Some(cas) = query.cas {
            dict.emit_pair(b"cas", cas)?;
        }
        if let Some(id) = &query.id {
            dict.emit_pair_with(b"id", |e| e.emit_bytes(id.as_bytes()))?;
        }
        if query.implied_port {
            dict.emit_pair(b"implied_port", 1)?;
        }
        if let Some(info_hash) = &query.info_hash {
            dict.emit_pair_with(b"info_hash", |e| e.emit_bytes(info_hash.as_bytes()))?;
        }
        if let Some(key) = query.item.public_key {
            dict.emit_pair_with(b"k", |e| e.emit_bytes(key))?;
        }
        if query.no_seeds {
            dict.emit_pair(b"noseed", 1)?;
        }
        if let Some(port) = query.port {
            dict.emit_pair(b"port", port)?;
        }
        if let Some(salt) = query.salt {
            dict.emit_pair_with(b"salt", |e| e.emit_bytes(salt))?;
        }
        if query.scrape {
            dict.emit_pair(b"scrape", 1)?;
        }
        if query.seed {
            dict.emit_pair(b"seed", 1)?;
        }
        emit_signature(&query.item, &mut dict)?;
        if let Some(target) = &query.target {
            dict.emit_pair_with(b"target", |e| e.emit_bytes(target.as_bytes()))?;
        }
        if let Some(token) = query.token {
            dict.emit_pair_with(b"token", |e| e.emit_bytes(token))?;
        }
        if query.item.value.is_some() {
            dict.emit_pair_with(b"v", |e| e.emit_bytes(MARK))?;
        }
        if !query.want.is_empty() {
            dict.emit_pair(b"want", Families(query.want))?;
        }
        Ok(())
    })
}

fn emit_response(response: &Response<'_>, encoder: SingleItemEncoder<'_>) -> Result<(), Error> {
    encoder.emit_dict(|mut dict| {
        if let Some(filter) = response.leeches {
            dict.emit_pair_with(b"BFpe", |e| e.emit_bytes(filter))?;
        }
        if let Some(filter) = response.seeds {
            dict.emit_pair_with(b"BFsd", |e| e.emit_bytes(filter))?;
        }
        if let Some(id) = &response.id {
            dict.emit_pair_with(b"id", |e| e.emit_bytes(id.as_bytes()))?;
        }
        if let Some(interval) = response.interval {
            dict.emit_pair(b"interval", interval)?;
        }
        if let Some(key) = response.item.public_key {
            dict.emit_pair_with(b"k", |e| e.emit_bytes(key))?;
        }
        if let Some(nodes) = &response.nodes {
            dict.emit_pair_with(b"nodes", |e| e.emit_bytes(Nodes::as_bytes(nodes)))?;
        }
        if let Some(nodes) = &response.nodes6 {
            dict.emit_pair_with(b"nodes6", |e| e.emit_bytes(Nodes::as_bytes(nodes)))?;
        }
        if let Some(num) = response.num {
            dict.emit_pair(b"num", num)?;
        }
        if let Some(samples) = &response.samples {
            dict.emit_pair_with(b"samples", |e| e.emit_bytes(samples.as_bytes()))?;
        }
        emit_signature(&response.item, &mut dict)?;
        if let Some(token) = response.token {
            dict.emit_pair_with(b"token", |e| e.emit_bytes(token))?;
        }
        if response.item.value.is_some() {
            dict.emit_pair_with(b"v", |e| e.emit_bytes(MARK))?;
        }
        if let Some(values) = response.values {
            dict.emit_pair(b"values", Peers(values))?;
        }
        Ok(())
    })
}

fn emit_signature(item: &ItemFields<'_>, dict: &mut SortedDictEncoder<'_>) -> Result<(), Error> {
    if let Some(sequence) = item.sequence {
        dict.emit_pair(b"seq", sequence)?;
    }
    if let Some(signature) = item.signature {
        dict.emit_pair_with(b"sig", |e| e.emit_bytes(signature))?;
    }
    Ok(())
}

fn emit_error(error: &ErrorReply<'_>, encoder: SingleItemEncoder<'_>) -> Result<(), Error> {
    encoder.emit_list(|list| {
        list.emit_int(error.code)?;
        list.emit_bytes(error.message)
    })
}

/// `values` on the wire: a list of compact addresses.
struct Peers<'a>(Values<'a>);

impl ToBencode for Peers<'_> {
    const MAX_DEPTH: usize = 1;

    fn encode(&self, encoder: SingleItemEncoder<'_>) -> Result<(), Error> {
        let mut compact = Vec::with_capacity(18);
        encoder.emit_list(|list| {
            self.0.iter().try_for_each(|peer| {
                compact.clear();
                write_compact_addr(&peer, &mut compact);
                list.emit_bytes(&compact)
            })
        })
    }
}

/// `want` on the wire: a list of family names.
struct Families(Want);

impl ToBencode for Families {
    const MAX_DEPTH: usize = 1;

    fn encode(&self, encoder: SingleItemEncoder<'_>) -> Result<(), Error> {
        encoder.emit_list(|list| {
            if self.0.v4 {
                list.emit_str("n4")?;
            }
            if self.0.v6 {
                list.emit_str("n6")?;
            }
            Ok(())
        })
    }
}
