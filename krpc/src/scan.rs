//! The tolerant reader: one pass over the datagram, nothing allocated.
//!
//! What is met is first kept as references into the datagram, of which each
//! is a word or two, and the message is made of them at the end: moving half
//! a message about costs more than reading it.

use crate::bencode::{Cursor, ScanError, ScanErrorKind};
use crate::contact::read_compact_addr;
use crate::message::{Body, ErrorReply, Message, Method, Oddities, Query, Response, Want};
use crate::{Family, Id, Nodes, Values};

type Result<T> = std::result::Result<T, ScanErrorKind>;

impl<'a> Message<'a> {
    /// Reads a KRPC message, tolerating what real clients get wrong.
    ///
    /// The first of repeated keys counts. Values of the wrong type or length
    /// are treated as absent; [`Message::oddities`] says so.
    ///
    /// # Errors
    /// The datagram is not bencode, is cut short, nests deeper than
    /// [`MAX_DEPTH`](crate::MAX_DEPTH), or is no query, response or error.
    pub fn scan(datagram: &'a [u8]) -> std::result::Result<Self, ScanError> {
        let mut cursor = Cursor::new(datagram);
        let mut parts = Parts::default();
        if let Err(kind) =
            cursor.dictionary(0, |cursor, key, depth| parts.entry(cursor, key, depth))
        {
            return Err(cursor.error(kind, datagram));
        }
        if !cursor.is_at_end() {
            cursor.oddities |= Oddities::TRAILING_BYTES;
        }
        match parts.message(cursor.oddities) {
            Some(message) => Ok(message),
            None => Err(cursor.error(ScanErrorKind::NotKrpc, datagram)),
        }
    }
}

/// The keys of the outer dictionary, as they come.
#[derive(Default)]
struct Parts<'a> {
    transaction_id: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
    method: Option<&'a [u8]>,
    arguments: Option<Arguments<'a>>,
    reply: Option<Reply<'a>>,
    error: Option<ErrorReply<'a>>,
    version: Option<&'a [u8]>,
    external_addr: Option<&'a [u8]>,
    read_only: Option<bool>,
}

/// `a`: the arguments of a query whose method is not known yet.
#[derive(Default)]
struct Arguments<'a> {
    id: Option<&'a IdBytes>,
    target: Option<&'a IdBytes>,
    info_hash: Option<&'a IdBytes>,
    token: Option<&'a [u8]>,
    port: Option<u16>,
    implied_port: Option<bool>,
    want: Option<Want>,
}

/// `r`: the content of a response.
#[derive(Default)]
struct Reply<'a> {
    id: Option<&'a IdBytes>,
    nodes: Option<&'a [u8]>,
    nodes6: Option<&'a [u8]>,
    token: Option<&'a [u8]>,
    values: Option<&'a [u8]>,
    has_item: bool,
}

type IdBytes = [u8; Id::LEN];

impl<'a> Parts<'a> {
    #[inline]
    fn entry(&mut self, cursor: &mut Cursor<'a>, key: &[u8], depth: usize) -> Result<()> {
        match key {
            b"t" => take_string(&mut self.transaction_id, cursor, depth),
            b"y" => take_string(&mut self.kind, cursor, depth),
            b"q" => take_string(&mut self.method, cursor, depth),
            b"v" => take_string(&mut self.version, cursor, depth),
            b"ip" => take_addr(&mut self.external_addr, cursor, depth),
            b"ro" => take_flag(&mut self.read_only, cursor, depth),
            b"a" if self.arguments.is_none() && cursor.peek()? == b'd' => {
                let arguments = self.arguments.insert(Arguments::default());
                cursor.dictionary(depth, |cursor, key, depth| {
                    arguments.entry(cursor, key, depth)
                })
            }
            b"r" if self.reply.is_none() && cursor.peek()? == b'd' => {
                let reply = self.reply.insert(Reply::default());
                cursor.dictionary(depth, |cursor, key, depth| reply.entry(cursor, key, depth))
            }
            b"e" if self.error.is_none() && cursor.peek()? == b'l' => {
                self.error = Some(error_reply(cursor, depth)?);
                Ok(())
            }
            b"a" | b"r" => skip_unwanted(b'd', cursor, depth),
            b"e" => skip_unwanted(b'l', cursor, depth),
            _ => cursor.skip(depth),
        }
    }

    /// The message, or `None` if its kind cannot be told.
    #[inline]
    fn message(&self, mut oddities: Oddities) -> Option<Message<'a>> {
        if self.transaction_id.is_none() {
            oddities |= Oddities::NO_TRANSACTION_ID;
        }
        let kind = match self.kind {
            Some(kind) => kind,
            None => {
                oddities |= Oddities::NO_KIND;
                self.probable_kind()?
            }
        };
        let body = match kind {
            b"q" => Body::Query(self.arguments.as_ref()?.query(self.method?)),
            b"r" => Body::Response(self.reply.as_ref()?.response()),
            b"e" => {
                if self.error.is_none() {
                    oddities |= Oddities::WRONG_TYPE;
                }
                let unspecified = ErrorReply {
                    code: 0,
                    message: b"",
                };
                Body::Error(self.error.unwrap_or(unspecified))
            }
            _ => return None,
        };
        Some(Message {
            transaction_id: self.transaction_id.unwrap_or_default(),
            body,
            version: self.version,
            external_addr: self.external_addr.and_then(read_compact_addr),
            read_only: self.read_only.unwrap_or(false),
            oddities,
        })
    }

    /// What `y` should have said, from the other keys.
    fn probable_kind(&self) -> Option<&'static [u8]> {
        match () {
            () if self.method.is_some() => Some(b"q"),
            () if self.reply.is_some() => Some(b"r"),
            () if self.error.is_some() => Some(b"e"),
            () => None,
        }
    }
}

impl<'a> Arguments<'a> {
    #[inline]
    fn entry(&mut self, cursor: &mut Cursor<'a>, key: &[u8], depth: usize) -> Result<()> {
        match key {
            b"id" => take_id(&mut self.id, cursor, depth),
            b"target" => take_id(&mut self.target, cursor, depth),
            b"info_hash" => take_id(&mut self.info_hash, cursor, depth),
            b"token" => take_string(&mut self.token, cursor, depth),
            b"implied_port" => take_flag(&mut self.implied_port, cursor, depth),
            b"port" => take_port(&mut self.port, cursor, depth),
            b"want" if self.want.is_none() && cursor.peek()? == b'l' => {
                self.want = Some(wanted_families(cursor, depth)?);
                Ok(())
            }
            b"want" => skip_unwanted(b'l', cursor, depth),
            _ => cursor.skip(depth),
        }
    }

    #[inline]
    fn query(&self, method: &'a [u8]) -> Query<'a> {
        Query {
            method: Method::from_name(method),
            id: self.id.copied().map(Id::new),
            target: self.target.copied().map(Id::new),
            info_hash: self.info_hash.copied().map(Id::new),
            port: self.port,
            implied_port: self.implied_port.unwrap_or(false),
            token: self.token,
            want: self.want.unwrap_or_default(),
        }
    }
}

impl<'a> Reply<'a> {
    #[inline]
    fn entry(&mut self, cursor: &mut Cursor<'a>, key: &[u8], depth: usize) -> Result<()> {
        match key {
            b"id" => take_id(&mut self.id, cursor, depth),
            b"token" => take_string(&mut self.token, cursor, depth),
            b"nodes" => take_nodes(&mut self.nodes, Family::V4, cursor, depth),
            b"nodes6" => take_nodes(&mut self.nodes6, Family::V6, cursor, depth),
            b"values" if self.values.is_none() && cursor.peek()? == b'l' => {
                self.values = Some(values(cursor, depth)?);
                Ok(())
            }
            b"values" => skip_unwanted(b'l', cursor, depth),
            b"v" => {
                self.has_item = true;
                cursor.skip(depth)
            }
            _ => cursor.skip(depth),
        }
    }

    #[inline]
    fn response(&self) -> Response<'a> {
        Response {
            id: self.id.copied().map(Id::new),
            nodes: self.nodes.map(|bytes| Nodes::new(Family::V4, bytes)),
            nodes6: self.nodes6.map(|bytes| Nodes::new(Family::V6, bytes)),
            token: self.token,
            values: self.values.map(Values::from_wire),
            has_item: self.has_item,
        }
    }
}

/// Reads a string; `None` after skipping a value of another type.
#[inline]
fn string<'a>(cursor: &mut Cursor<'a>, depth: usize) -> Result<Option<&'a [u8]>> {
    let string = cursor.string_or_skip(depth)?;
    if string.is_none() {
        cursor.oddities |= Oddities::WRONG_TYPE;
    }
    Ok(string)
}

/// Reads a string into `slot` if it is free.
#[inline]
fn take_string<'a>(
    slot: &mut Option<&'a [u8]>,
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<()> {
    if let Some(text) = string(cursor, depth)? {
        slot.get_or_insert(text);
    }
    Ok(())
}

/// Reads an identifier into `slot` if it is free and 20 bytes long.
#[inline]
fn take_id<'a>(
    slot: &mut Option<&'a IdBytes>,
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<()> {
    if let Some(text) = string(cursor, depth)? {
        match text.try_into() {
            Ok(id) => _ = slot.get_or_insert(id),
            Err(_) => cursor.oddities |= Oddities::BAD_ID,
        }
    }
    Ok(())
}

/// Reads a compact address into `slot` if it is free.
fn take_addr<'a>(slot: &mut Option<&'a [u8]>, cursor: &mut Cursor<'a>, depth: usize) -> Result<()> {
    if let Some(text) = string(cursor, depth)? {
        match read_compact_addr(text) {
            Some(_) => _ = slot.get_or_insert(text),
            None => cursor.oddities |= Oddities::WRONG_TYPE,
        }
    }
    Ok(())
}

/// Reads a compact list of contacts into `slot` if it is free.
#[inline]
fn take_nodes<'a>(
    slot: &mut Option<&'a [u8]>,
    family: Family,
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<()> {
    if let Some(bytes) = string(cursor, depth)? {
        if !Nodes::new(family, bytes).is_well_formed() {
            cursor.oddities |= Oddities::BAD_NODES;
        }
        slot.get_or_insert(bytes);
    }
    Ok(())
}

/// Skips a value that is a repetition, or else not what `open` starts.
#[cold]
fn skip_unwanted(open: u8, cursor: &mut Cursor<'_>, depth: usize) -> Result<()> {
    if cursor.peek()? != open {
        cursor.oddities |= Oddities::WRONG_TYPE;
    }
    cursor.skip(depth)
}

/// Reads an integer; `None` after skipping a value of another type or size.
fn integer(cursor: &mut Cursor<'_>, depth: usize) -> Result<Option<i64>> {
    if cursor.peek()? == b'i' {
        match cursor.integer() {
            Err(ScanErrorKind::Range) => {}
            read => return read.map(Some),
        }
    } else {
        cursor.skip(depth)?;
    }
    cursor.oddities |= Oddities::WRONG_TYPE;
    Ok(None)
}

fn take_flag(slot: &mut Option<bool>, cursor: &mut Cursor<'_>, depth: usize) -> Result<()> {
    if let Some(value) = integer(cursor, depth)? {
        slot.get_or_insert(value != 0);
    }
    Ok(())
}

fn take_port(slot: &mut Option<u16>, cursor: &mut Cursor<'_>, depth: usize) -> Result<()> {
    if let Some(value) = integer(cursor, depth)? {
        match u16::try_from(value) {
            Ok(port) => _ = slot.get_or_insert(port),
            Err(_) => cursor.oddities |= Oddities::WRONG_TYPE,
        }
    }
    Ok(())
}

fn wanted_families(cursor: &mut Cursor<'_>, depth: usize) -> Result<Want> {
    let mut want = Want::default();
    cursor.list(depth, |cursor, depth| {
        match string(cursor, depth)? {
            Some(b"n4") => want.v4 = true,
            Some(b"n6") => want.v6 = true,
            _ => {}
        }
        Ok(())
    })?;
    Ok(want)
}

/// The inside of a list of compact addresses.
fn values<'a>(cursor: &mut Cursor<'a>, depth: usize) -> Result<&'a [u8]> {
    cursor.list(depth, |cursor, depth| {
        if !matches!(cursor.string_or_skip(depth)?, Some(item) if matches!(item.len(), 6 | 18)) {
            cursor.oddities |= Oddities::BAD_VALUES;
        }
        Ok(())
    })
}

/// `e`: a list of code and text, in any order; what is missing is 0 or empty.
fn error_reply<'a>(cursor: &mut Cursor<'a>, depth: usize) -> Result<ErrorReply<'a>> {
    let (mut code, mut message, mut in_order) = (None, None, true);
    cursor.list(depth, |cursor, depth| match cursor.peek()? {
        b'i' if code.is_none() => {
            code = integer(cursor, depth)?;
            Ok(())
        }
        b'0'..=b'9' if message.is_none() => {
            in_order &= code.is_some();
            take_string(&mut message, cursor, depth)
        }
        _ => {
            in_order &= message.is_some();
            cursor.skip(depth)
        }
    })?;
    if code.is_none() || message.is_none() || !in_order {
        cursor.oddities |= Oddities::WRONG_TYPE;
    }
    Ok(ErrorReply {
        code: code.unwrap_or(0),
        message: message.unwrap_or_default(),
    })
}
