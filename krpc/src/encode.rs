//! The writer: canonical bencode, straight into a buffer.
//!
//! A dictionary's keys stand in the order of their bytes, which is the order
//! of the lines here; the tests hold every byte against bendy's encoder.

use std::net::SocketAddr;

use crate::contact::write_compact_addr;
use crate::message::{Body, ErrorReply, Message, Query, Response, Want};
use crate::{Family, Id, ItemFields, Values};

impl Message<'_> {
    /// The message as canonical bencode, ready to be sent.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(USUAL_LEN);
        self.encode_into(&mut out);
        out
    }

    /// Appends the message as canonical bencode to `out`. With a buffer that
    /// is cleared and used again, nothing is allocated.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.reserve(USUAL_LEN);
        out.push(b'd');
        if let Body::Query(query) = &self.body {
            out.extend_from_slice(b"1:a");
            write_arguments(query, out);
        }
        if let Body::Error(error) = &self.body {
            out.extend_from_slice(b"1:e");
            write_error(error, out);
        }
        if let Some(external) = &self.external_addr {
            out.extend_from_slice(b"2:ip");
            write_length(Family::of(external).compact_addr_len(), out);
            write_compact_addr(external, out);
        }
        if let Body::Query(query) = &self.body {
            out.extend_from_slice(b"1:q");
            write_string(query.method.name(), out);
        }
        if let Body::Response(response) = &self.body {
            out.extend_from_slice(b"1:r");
            write_response(response, out);
        }
        if self.read_only {
            out.extend_from_slice(b"2:roi1e");
        }
        out.extend_from_slice(b"1:t");
        write_string(self.transaction_id, out);
        if let Some(version) = self.version {
            out.extend_from_slice(b"1:v");
            write_string(version, out);
        }
        out.extend_from_slice(match self.body {
            Body::Query(_) => b"1:y1:qe",
            Body::Response(_) => b"1:y1:re",
            Body::Error(_) => b"1:y1:ee",
        });
    }
}

/// Room for a response with eight contacts and a few peers, in bytes.
const USUAL_LEN: usize = 400;

fn write_arguments(query: &Query<'_>, out: &mut Vec<u8>) {
    out.push(b'd');
    if let Some(cas) = query.cas {
        out.extend_from_slice(b"3:cas");
        write_integer(cas, out);
    }
    if let Some(id) = &query.id {
        write_id(b"2:id20:", id, out);
    }
    if query.implied_port {
        out.extend_from_slice(b"12:implied_porti1e");
    }
    if let Some(info_hash) = &query.info_hash {
        write_id(b"9:info_hash20:", info_hash, out);
    }
    write_public_key(&query.item, out);
    if query.no_seeds {
        out.extend_from_slice(b"6:noseedi1e");
    }
    if let Some(port) = query.port {
        out.extend_from_slice(b"4:port");
        write_integer(port.into(), out);
    }
    if let Some(salt) = query.salt {
        out.extend_from_slice(b"4:salt");
        write_string(salt, out);
    }
    if query.scrape {
        out.extend_from_slice(b"6:scrapei1e");
    }
    if query.seed {
        out.extend_from_slice(b"4:seedi1e");
    }
    write_signature(&query.item, out);
    if let Some(target) = &query.target {
        write_id(b"6:target20:", target, out);
    }
    if let Some(token) = query.token {
        out.extend_from_slice(b"5:token");
        write_string(token, out);
    }
    write_item_value(&query.item, out);
    if !query.want.is_empty() {
        out.extend_from_slice(b"4:want");
        write_families(query.want, out);
    }
    out.push(b'e');
}

fn write_families(want: Want, out: &mut Vec<u8>) {
    out.push(b'l');
    if want.v4 {
        out.extend_from_slice(b"2:n4");
    }
    if want.v6 {
        out.extend_from_slice(b"2:n6");
    }
    out.push(b'e');
}

fn write_response(response: &Response<'_>, out: &mut Vec<u8>) {
    out.push(b'd');
    if let Some(filter) = response.leeches {
        out.extend_from_slice(b"4:BFpe256:");
        out.extend_from_slice(filter);
    }
    if let Some(filter) = response.seeds {
        out.extend_from_slice(b"4:BFsd256:");
        out.extend_from_slice(filter);
    }
    if let Some(id) = &response.id {
        write_id(b"2:id20:", id, out);
    }
    if let Some(interval) = response.interval {
        out.extend_from_slice(b"8:interval");
        write_integer(interval.into(), out);
    }
    write_public_key(&response.item, out);
    if let Some(nodes) = &response.nodes {
        out.extend_from_slice(b"5:nodes");
        write_string(nodes.as_bytes(), out);
    }
    if let Some(nodes) = &response.nodes6 {
        out.extend_from_slice(b"6:nodes6");
        write_string(nodes.as_bytes(), out);
    }
    if let Some(num) = response.num {
        out.extend_from_slice(b"3:num");
        write_integer(num.into(), out);
    }
    if let Some(samples) = &response.samples {
        out.extend_from_slice(b"7:samples");
        write_string(samples.as_bytes(), out);
    }
    write_signature(&response.item, out);
    if let Some(token) = response.token {
        out.extend_from_slice(b"5:token");
        write_string(token, out);
    }
    write_item_value(&response.item, out);
    if let Some(values) = &response.values {
        out.extend_from_slice(b"6:values");
        write_values(values, out);
    }
    out.push(b'e');
}

/// `k` of an item.
#[inline]
fn write_public_key(item: &ItemFields<'_>, out: &mut Vec<u8>) {
    if let Some(key) = item.public_key {
        out.extend_from_slice(b"1:k32:");
        out.extend_from_slice(key);
    }
}

/// `seq` and `sig` of an item.
#[inline]
fn write_signature(item: &ItemFields<'_>, out: &mut Vec<u8>) {
    if let Some(sequence) = item.sequence {
        out.extend_from_slice(b"3:seq");
        write_integer(sequence, out);
    }
    if let Some(signature) = item.signature {
        out.extend_from_slice(b"3:sig64:");
        out.extend_from_slice(signature);
    }
}

/// `v` of an item, to the byte as it came: what is signed is its bencode.
#[inline]
fn write_item_value(item: &ItemFields<'_>, out: &mut Vec<u8>) {
    if let Some(value) = item.value {
        out.extend_from_slice(b"1:v");
        out.extend_from_slice(value);
    }
}

fn write_values(values: &Values<'_>, out: &mut Vec<u8>) {
    out.push(b'l');
    for peer in values.iter() {
        match peer {
            // nearly all: length and address at once
            SocketAddr::V4(peer) => {
                let [a, b, c, d] = peer.ip().octets();
                let [high, low] = peer.port().to_be_bytes();
                out.extend_from_slice(&[b'6', b':', a, b, c, d, high, low]);
            }
            SocketAddr::V6(_) => {
                write_length(Family::V6.compact_addr_len(), out);
                write_compact_addr(&peer, out);
            }
        }
    }
    out.push(b'e');
}

fn write_error(error: &ErrorReply<'_>, out: &mut Vec<u8>) {
    out.push(b'l');
    write_integer(error.code, out);
    write_string(error.message, out);
    out.push(b'e');
}

/// An identifier behind its key and length.
fn write_id<const N: usize>(head: &[u8; N], id: &Id, out: &mut Vec<u8>) {
    out.extend_from_slice(head);
    out.extend_from_slice(id.as_bytes());
}

fn write_string(bytes: &[u8], out: &mut Vec<u8>) {
    write_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// The length of a string and its colon.
#[inline]
fn write_length(len: usize, out: &mut Vec<u8>) {
    match u8::try_from(len) {
        // nearly all: no division
        Ok(digit @ 0..=9) => out.extend_from_slice(&[b'0' + digit, b':']),
        _ => {
            write_decimal(len as u64, out);
            out.push(b':');
        }
    }
}

fn write_integer(value: i64, out: &mut Vec<u8>) {
    out.push(b'i');
    if value < 0 {
        out.push(b'-');
    }
    write_decimal(value.unsigned_abs(), out);
    out.push(b'e');
}

fn write_decimal(mut value: u64, out: &mut Vec<u8>) {
    // u64::MAX has 20 digits
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] += (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}
