//! The tolerant reader: one pass over the datagram, nothing allocated.

use std::net::SocketAddr;

use crate::bencode::{Cursor, ScanError, ScanErrorKind};
use crate::contact::read_compact_addr;
use crate::message::{Body, ErrorReply, Message, Method, Oddities, Query, Response, Want};
use crate::{Family, Id, Nodes, Values};

type Result<T> = std::result::Result<T, ScanError>;

impl<'a> Message<'a> {
    /// Reads a KRPC message, tolerating what real clients get wrong.
    ///
    /// The first of repeated keys counts. Values of the wrong type or length
    /// are treated as absent; [`Message::oddities`] says so.
    ///
    /// # Errors
    /// The datagram is not bencode, is cut short, nests deeper than
    /// [`MAX_DEPTH`](crate::MAX_DEPTH), or is no query, response or error.
    pub fn scan(datagram: &'a [u8]) -> Result<Self> {
        let mut cursor = Cursor::new(datagram);
        let mut parts = Parts::default();
        cursor.dictionary(0, |cursor, key, depth| parts.entry(cursor, key, depth))?;
        let body = match parts.body() {
            Some(body) => body,
            None => return cursor.error(ScanErrorKind::NotKrpc),
        };
        if !cursor.canonical {
            parts.oddities |= Oddities::NON_CANONICAL;
        }
        if !cursor.is_at_end() {
            parts.oddities |= Oddities::TRAILING_BYTES;
        }
        if parts.transaction_id.is_none() {
            parts.oddities |= Oddities::NO_TRANSACTION_ID;
        }
        Ok(Self {
            transaction_id: parts.transaction_id.unwrap_or_default(),
            body,
            version: parts.version,
            external_addr: parts.external_addr,
            read_only: parts.read_only.unwrap_or(false),
            oddities: parts.oddities,
        })
    }
}

/// The keys of the outer dictionary, as they come.
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
    read_only: Option<bool>,
    oddities: Oddities,
}

impl<'a> Parts<'a> {
    #[inline]
    fn entry(&mut self, cursor: &mut Cursor<'a>, key: &[u8], depth: usize) -> Result<()> {
        let oddities = &mut self.oddities;
        match key {
            b"t" => take_string(&mut self.transaction_id, cursor, depth, oddities),
            b"y" => take_string(&mut self.kind, cursor, depth, oddities),
            b"q" => take_string(&mut self.method, cursor, depth, oddities),
            b"v" => take_string(&mut self.version, cursor, depth, oddities),
            b"ip" => take_addr(&mut self.external_addr, cursor, depth, oddities),
            b"ro" => take_flag(&mut self.read_only, cursor, depth, oddities),
            b"a" if self.args.is_none() && cursor.peek()? == b'd' => {
                self.args = Some(arguments(cursor, depth, oddities)?);
                Ok(())
            }
            b"r" if self.response.is_none() && cursor.peek()? == b'd' => {
                self.response = Some(response(cursor, depth, oddities)?);
                Ok(())
            }
            b"e" if self.error.is_none() && cursor.peek()? == b'l' => {
                self.error = Some(error_reply(cursor, depth, oddities)?);
                Ok(())
            }
            b"a" | b"r" => skip_unwanted(b'd', cursor, depth, oddities),
            b"e" => skip_unwanted(b'l', cursor, depth, oddities),
            _ => cursor.skip(depth),
        }
    }

    /// The body that `y` names; without `y`, the one whose keys are there.
    fn body(&mut self) -> Option<Body<'a>> {
        let kind = match self.kind {
            Some(kind) => kind,
            None => {
                self.oddities |= Oddities::NO_KIND;
                match () {
                    () if self.method.is_some() => b"q",
                    () if self.response.is_some() => b"r",
                    () if self.error.is_some() => b"e",
                    () => return None,
                }
            }
        };
        match kind {
            b"q" => {
                let method = Method::from_name(self.method?);
                Some(Body::Query(Query {
                    method,
                    ..self.args.take()?
                }))
            }
            b"r" => self.response.take().map(Body::Response),
            b"e" => {
                if self.error.is_none() {
                    self.oddities |= Oddities::WRONG_TYPE;
                }
                let unspecified = ErrorReply {
                    code: 0,
                    message: b"",
                };
                Some(Body::Error(self.error.unwrap_or(unspecified)))
            }
            _ => None,
        }
    }
}

/// Reads a string into `slot` if it is free; anything else is skipped.
#[inline]
fn take_string<'a>(
    slot: &mut Option<&'a [u8]>,
    cursor: &mut Cursor<'a>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<()> {
    if !cursor.peek()?.is_ascii_digit() {
        *oddities |= Oddities::WRONG_TYPE;
        return cursor.skip(depth);
    }
    let value = cursor.string()?;
    slot.get_or_insert(value);
    Ok(())
}

/// Reads an identifier into `slot` if it is free and 20 bytes long.
#[inline]
fn take_id(
    slot: &mut Option<Id>,
    cursor: &mut Cursor<'_>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<()> {
    let mut text = None;
    take_string(&mut text, cursor, depth, oddities)?;
    let Some(text) = text else { return Ok(()) };
    match Id::from_slice(text) {
        Some(id) => _ = slot.get_or_insert(id),
        None => *oddities |= Oddities::BAD_ID,
    }
    Ok(())
}

/// Reads a compact address into `slot` if it is free.
fn take_addr(
    slot: &mut Option<SocketAddr>,
    cursor: &mut Cursor<'_>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<()> {
    let mut text = None;
    take_string(&mut text, cursor, depth, oddities)?;
    let Some(text) = text else { return Ok(()) };
    match read_compact_addr(text) {
        Some(addr) => _ = slot.get_or_insert(addr),
        None => *oddities |= Oddities::WRONG_TYPE,
    }
    Ok(())
}

/// Skips a value that is a repetition, or else not what `open` starts.
fn skip_unwanted(
    open: u8,
    cursor: &mut Cursor<'_>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<()> {
    if cursor.peek()? != open {
        *oddities |= Oddities::WRONG_TYPE;
    }
    cursor.skip(depth)
}

/// Reads an integer; `None` after skipping a value of another type or size.
fn take_integer(
    cursor: &mut Cursor<'_>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<Option<i64>> {
    if cursor.peek()? == b'i' {
        match cursor.integer() {
            Ok(value) => return Ok(Some(value)),
            Err(error) if error.kind == ScanErrorKind::Range => {
                *oddities |= Oddities::WRONG_TYPE;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    *oddities |= Oddities::WRONG_TYPE;
    cursor.skip(depth)?;
    Ok(None)
}

fn take_flag(
    slot: &mut Option<bool>,
    cursor: &mut Cursor<'_>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<()> {
    if let Some(value) = take_integer(cursor, depth, oddities)? {
        slot.get_or_insert(value != 0);
    }
    Ok(())
}

/// `a`: the arguments of a query whose method is not known yet.
fn arguments<'a>(
    cursor: &mut Cursor<'a>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<Query<'a>> {
    let mut query = Query {
        id: None,
        ..Query::new(Method::Ping, Id::default())
    };
    let mut implied_port = None;
    let mut want = None;
    cursor.dictionary(depth, |cursor, key, depth| match key {
        b"id" => take_id(&mut query.id, cursor, depth, oddities),
        b"target" => take_id(&mut query.target, cursor, depth, oddities),
        b"info_hash" => take_id(&mut query.info_hash, cursor, depth, oddities),
        b"token" => take_string(&mut query.token, cursor, depth, oddities),
        b"implied_port" => take_flag(&mut implied_port, cursor, depth, oddities),
        b"port" => {
            let Some(port) = take_integer(cursor, depth, oddities)? else {
                return Ok(());
            };
            match u16::try_from(port) {
                Ok(port) => _ = query.port.get_or_insert(port),
                Err(_) => *oddities |= Oddities::WRONG_TYPE,
            }
            Ok(())
        }
        b"want" if want.is_none() && cursor.peek()? == b'l' => {
            want = Some(wanted_families(cursor, depth, oddities)?);
            Ok(())
        }
        b"want" => skip_unwanted(b'l', cursor, depth, oddities),
        _ => cursor.skip(depth),
    })?;
    query.implied_port = implied_port.unwrap_or(false);
    query.want = want.unwrap_or_default();
    Ok(query)
}

fn wanted_families(cursor: &mut Cursor<'_>, depth: usize, oddities: &mut Oddities) -> Result<Want> {
    let mut want = Want::default();
    cursor.list(depth, |cursor, depth| {
        let mut family = None;
        take_string(&mut family, cursor, depth, oddities)?;
        match family {
            Some(b"n4") => want.v4 = true,
            Some(b"n6") => want.v6 = true,
            _ => {}
        }
        Ok(())
    })?;
    Ok(want)
}

/// `r`: the content of a response.
fn response<'a>(
    cursor: &mut Cursor<'a>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<Response<'a>> {
    let mut response = Response::default();
    cursor.dictionary(depth, |cursor, key, depth| match key {
        b"id" => take_id(&mut response.id, cursor, depth, oddities),
        b"token" => take_string(&mut response.token, cursor, depth, oddities),
        b"nodes" => take_nodes(&mut response.nodes, Family::V4, cursor, depth, oddities),
        b"nodes6" => take_nodes(&mut response.nodes6, Family::V6, cursor, depth, oddities),
        b"values" if response.values.is_none() && cursor.peek()? == b'l' => {
            response.values = Some(values(cursor, depth, oddities)?);
            Ok(())
        }
        b"values" => skip_unwanted(b'l', cursor, depth, oddities),
        _ => cursor.skip(depth),
    })?;
    Ok(response)
}

fn take_nodes<'a>(
    slot: &mut Option<Nodes<'a>>,
    family: Family,
    cursor: &mut Cursor<'a>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<()> {
    let mut bytes = None;
    take_string(&mut bytes, cursor, depth, oddities)?;
    if let Some(bytes) = bytes {
        let nodes = Nodes::new(family, bytes);
        if !nodes.is_well_formed() {
            *oddities |= Oddities::BAD_NODES;
        }
        slot.get_or_insert(nodes);
    }
    Ok(())
}

fn values<'a>(
    cursor: &mut Cursor<'a>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<Values<'a>> {
    let list = cursor.raw(depth)?;
    let inside = &list[1..list.len() - 1];
    let mut items = Cursor::new(inside);
    while !items.is_at_end() {
        match items.string_or_skip() {
            Some(Some(item)) if matches!(item.len(), 6 | 18) => {}
            Some(_) => *oddities |= Oddities::BAD_VALUES,
            None => break,
        }
    }
    Ok(Values::from_wire(inside))
}

/// `e`: a list of code and text, in any order; what is missing is 0 or empty.
fn error_reply<'a>(
    cursor: &mut Cursor<'a>,
    depth: usize,
    oddities: &mut Oddities,
) -> Result<ErrorReply<'a>> {
    let (mut code, mut message, mut in_order) = (None, None, true);
    cursor.list(depth, |cursor, depth| match cursor.peek()? {
        b'i' if code.is_none() => {
            code = take_integer(cursor, depth, oddities)?;
            Ok(())
        }
        b'0'..=b'9' if message.is_none() => {
            in_order &= code.is_some();
            take_string(&mut message, cursor, depth, oddities)
        }
        _ => {
            in_order &= message.is_some();
            cursor.skip(depth)
        }
    })?;
    if code.is_none() || message.is_none() || !in_order {
        *oddities |= Oddities::WRONG_TYPE;
    }
    Ok(ErrorReply {
        code: code.unwrap_or(0),
        message: message.unwrap_or_default(),
    })
}
