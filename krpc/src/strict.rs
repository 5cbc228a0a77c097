//! The strict reader: bendy's canonical bencode, BEP 5's types and lengths.

use std::net::SocketAddr;

use bendy::decoding::{Decoder, DictDecoder, Object};

use crate::bencode::MAX_DEPTH;
use crate::contact::read_compact_addr;
use crate::message::{Body, ErrorReply, Message, Method, Query, Response, Want};
use crate::scrape::FilterBytes;
use crate::{Family, Id, ItemFields, Nodes, Samples, Values};

/// Why a datagram is not a strictly correct KRPC message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StrictError {
    /// The bytes are not canonical bencode.
    #[error("not canonical bencode: {0}")]
    Bencode(#[from] bendy::decoding::Error),
    /// A key is missing that BEP 5 wants.
    #[error("the key `{0}` is missing")]
    Missing(&'static str),
    /// A key has a value of the wrong type, length or range.
    #[error("the value of `{0}` is not what BEP 5 says")]
    Invalid(&'static str),
}

type Result<T> = std::result::Result<T, StrictError>;

impl<'a> Message<'a> {
    /// Reads a KRPC message that follows BEP 5 to the letter. Unknown keys are
    /// allowed.
    ///
    /// # Errors
    /// Anything [`Message::scan`] would call an oddity or an error.
    pub fn decode_strict(datagram: &'a [u8]) -> Result<Self> {
        let mut decoder = Decoder::new(datagram).with_max_depth(MAX_DEPTH);
        let outer = decoder.next_object()?.ok_or(StrictError::Missing("y"))?;
        let mut parts = Parts::default();
        let mut dict = outer.try_into_dictionary()?;
        while let Some((key, value)) = dict.next_pair()? {
            parts.entry(key, value, datagram)?;
        }
        drop(dict);
        if decoder.next_object()?.is_some() {
            return Err(StrictError::Invalid("end of message"));
        }
        parts.message()
    }
}

#[derive(Default)]
struct Parts<'a> {
    transaction_id: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
    method: Option<&'a [u8]>,
    args: Option<Query<'a>>,
    response: Option<Response<'a>>,
    error: Option<ErrorReply<'a>>,
    version: Option<&'a [u8]>,
    external_addr: Option<SocketAddr>,
    read_only: bool,
}

impl<'a> Parts<'a> {
    fn entry(&mut self, key: &[u8], value: Object<'_, 'a>, datagram: &'a [u8]) -> Result<()> {
        match key {
            b"t" => self.transaction_id = Some(value.try_into_bytes()?),
            b"y" => self.kind = Some(value.try_into_bytes()?),
            b"q" => self.method = Some(value.try_into_bytes()?),
            b"v" => self.version = Some(value.try_into_bytes()?),
            b"ip" => {
                let addr = read_compact_addr(value.try_into_bytes()?);
                self.external_addr = Some(addr.ok_or(StrictError::Invalid("ip"))?);
            }
            b"ro" => self.read_only = integer(value, "ro")? != 0,
            b"a" => self.args = Some(arguments(value.try_into_dictionary()?, datagram)?),
            b"r" => self.response = Some(response(value.try_into_dictionary()?, datagram)?),
            b"e" => self.error = Some(error_reply(value)?),
            _ => consume(value)?,
        }
        Ok(())
    }

    fn message(self) -> Result<Message<'a>> {
        let body = match self.kind.ok_or(StrictError::Missing("y"))? {
            b"q" => {
                let method = Method::from_name(self.method.ok_or(StrictError::Missing("q"))?);
                let args = self.args.ok_or(StrictError::Missing("a"))?;
                Body::Query(Query { method, ..args })
            }
            b"r" => Body::Response(self.response.ok_or(StrictError::Missing("r"))?),
            b"e" => Body::Error(self.error.ok_or(StrictError::Missing("e"))?),
            _ => return Err(StrictError::Invalid("y")),
        };
        let transaction_id = self.transaction_id.ok_or(StrictError::Missing("t"))?;
        Ok(Message {
            version: self.version,
            external_addr: self.external_addr,
            read_only: self.read_only,
            ..Message::new(transaction_id, body)
        })
    }
}

/// Takes a value that nobody wants, checking that it is canonical.
fn consume(value: Object<'_, '_>) -> Result<()> {
    match value {
        Object::List(mut list) => list.consume_all()?,
        Object::Dict(mut dict) => dict.consume_all()?,
        Object::Integer(_) | Object::Bytes(_) => {}
    }
    Ok(())
}

fn integer(value: Object<'_, '_>, key: &'static str) -> Result<i64> {
    value
        .try_into_integer()?
        .parse()
        .map_err(|_| StrictError::Invalid(key))
}

fn number(value: Object<'_, '_>, key: &'static str) -> Result<u32> {
    let number = u32::try_from(integer(value, key)?);
    number.map_err(|_| StrictError::Invalid(key))
}

fn filter<'a>(value: Object<'_, 'a>, key: &'static str) -> Result<&'a FilterBytes> {
    let bytes = value.try_into_bytes()?;
    bytes.try_into().map_err(|_| StrictError::Invalid(key))
}

fn id(value: Object<'_, '_>, key: &'static str) -> Result<Option<Id>> {
    let id = Id::from_slice(value.try_into_bytes()?);
    id.ok_or(StrictError::Invalid(key)).map(Some)
}

fn arguments<'a>(mut dict: DictDecoder<'_, 'a>, datagram: &'a [u8]) -> Result<Query<'a>> {
    let mut query = Query {
        id: None,
        ..Query::new(Method::Ping, Id::default())
    };
    while let Some((key, value)) = dict.next_pair()? {
        match key {
            b"id" => query.id = id(value, "id")?,
            b"target" => query.target = id(value, "target")?,
            b"info_hash" => query.info_hash = id(value, "info_hash")?,
            b"token" => query.token = Some(value.try_into_bytes()?),
            b"implied_port" => query.implied_port = integer(value, "implied_port")? != 0,
            b"port" => {
                let port = u16::try_from(integer(value, "port")?);
                query.port = Some(port.map_err(|_| StrictError::Invalid("port"))?);
            }
            b"seed" => query.seed = integer(value, "seed")? == 1,
            b"noseed" => query.no_seeds = integer(value, "noseed")? == 1,
            b"scrape" => query.scrape = integer(value, "scrape")? == 1,
            b"want" => query.want = wanted_families(value)?,
            b"salt" => query.salt = Some(value.try_into_bytes()?),
            b"cas" => query.cas = Some(integer(value, "cas")?),
            _ => item_field(&mut query.item, key, value, datagram)?,
        }
    }
    Ok(query)
}

fn wanted_families(value: Object<'_, '_>) -> Result<Want> {
    let mut want = Want::default();
    let mut list = value.try_into_list()?;
    while let Some(item) = list.next_object()? {
        match item.try_into_bytes()? {
            b"n4" => want.v4 = true,
            b"n6" => want.v6 = true,
            _ => {}
        }
    }
    Ok(want)
}

fn response<'a>(mut dict: DictDecoder<'_, 'a>, datagram: &'a [u8]) -> Result<Response<'a>> {
    let mut response = Response::default();
    while let Some((key, value)) = dict.next_pair()? {
        match key {
            b"id" => response.id = id(value, "id")?,
            b"token" => response.token = Some(value.try_into_bytes()?),
            b"nodes" => response.nodes = Some(nodes(Family::V4, value)?),
            b"nodes6" => response.nodes6 = Some(nodes(Family::V6, value)?),
            b"values" => response.values = Some(values(value)?),
            b"BFsd" => response.seeds = Some(filter(value, "BFsd")?),
            b"BFpe" => response.leeches = Some(filter(value, "BFpe")?),
            b"samples" => {
                let samples = Samples::new(value.try_into_bytes()?);
                response.samples = Some(samples.ok_or(StrictError::Invalid("samples"))?);
            }
            b"num" => response.num = Some(number(value, "num")?),
            b"interval" => response.interval = Some(number(value, "interval")?),
            _ => item_field(&mut response.item, key, value, datagram)?,
        }
    }
    Ok(response)
}

/// An entry of an item, or of none that is known.
fn item_field<'a>(
    item: &mut ItemFields<'a>,
    key: &[u8],
    value: Object<'_, 'a>,
    datagram: &'a [u8],
) -> Result<()> {
    match key {
        b"k" => item.public_key = Some(array(value, "k")?),
        b"seq" => item.sequence = Some(integer(value, "seq")?),
        b"sig" => item.signature = Some(array(value, "sig")?),
        b"v" => item.value = Some(raw(value, datagram)?),
        _ => consume(value)?,
    }
    Ok(())
}

fn array<'a, const N: usize>(value: Object<'_, 'a>, key: &'static str) -> Result<&'a [u8; N]> {
    let array = value.try_into_bytes()?.try_into();
    array.map_err(|_| StrictError::Invalid(key))
}

/// A value as it stands in the datagram. bendy gives strings and integers
/// without what is around them.
fn raw<'a>(value: Object<'_, 'a>, datagram: &'a [u8]) -> Result<&'a [u8]> {
    let (inside, before, behind) = match value {
        Object::List(list) => return Ok(list.into_raw()?),
        Object::Dict(dict) => return Ok(dict.into_raw()?),
        Object::Integer(text) => (text.as_bytes(), 1, 1),
        Object::Bytes(bytes) => (bytes, bytes.len().to_string().len() + 1, 0),
    };
    let start = inside.as_ptr().addr() - datagram.as_ptr().addr();
    let whole = start.wrapping_sub(before)..start + inside.len() + behind;
    datagram.get(whole).ok_or(StrictError::Invalid("v"))
}

fn nodes<'a>(family: Family, value: Object<'_, 'a>) -> Result<Nodes<'a>> {
    let nodes = Nodes::new(family, value.try_into_bytes()?);
    match nodes.is_well_formed() {
        true => Ok(nodes),
        false => Err(StrictError::Invalid("nodes")),
    }
}

fn values<'a>(value: Object<'_, 'a>) -> Result<Values<'a>> {
    let mut list = value.try_into_list()?;
    while let Some(item) = list.next_object()? {
        if !matches!(item.try_into_bytes()?.len(), 6 | 18) {
            return Err(StrictError::Invalid("values"));
        }
    }
    let list = list.into_raw()?;
    Ok(Values::from_wire(&list[1..list.len() - 1]))
}

fn error_reply<'a>(value: Object<'_, 'a>) -> Result<ErrorReply<'a>> {
    let mut list = value.try_into_list()?;
    let code = list
        .next_object()?
        .ok_or(StrictError::Missing("error code"))?;
    let code = integer(code, "error code")?;
    let message = list
        .next_object()?
        .ok_or(StrictError::Missing("error text"))?;
    let message = message.try_into_bytes()?;
    list.consume_all()?;
    Ok(ErrorReply { code, message })
}
