//! The tolerant reader: one pass over the datagram, nothing allocated.
//!
//! Nearly every client writes the same keys in the order that bencode asks
//! for. Of each dictionary these are taken first, by one comparison for key,
//! kind and, where there is only one, length; whatever is left goes through a
//! loop that knows every key in any order. The loop alone would read the same.
//!
//! What is met is first kept as references into the datagram, of which each
//! is a word or two, and the message is made of them at the end: moving half
//! a message about costs more than reading it. What reads the usual message
//! is inlined always, or its cursor would not stay in registers.

use crate::bencode::{Cursor, Keys, ScanError, ScanErrorKind};
use crate::contact::read_compact_addr;
use crate::message::{Body, ErrorReply, Message, Method, Oddities, Query, Response, Want};
use crate::scrape::FilterBytes;
use crate::take::{
    INNER_DEPTH, IdBytes, Result, error_reply, skip_unwanted, take_addr, take_as, take_flag,
    take_id, take_integer, take_item_field, take_mark, take_nodes, take_number, take_port,
    take_string, values, wanted_families,
};
use crate::{Family, Id, ItemFields, Nodes, Samples, Values};

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
        if let Err(kind) = parts.read(&mut cursor) {
            return Err(cursor.error(kind, datagram));
        }
        if !cursor.is_at_end() {
            cursor.oddities |= Oddities::TRAILING_BYTES;
        }
        parts.message(&cursor, datagram)
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
    item: ItemFields<'a>,
    salt: Option<&'a [u8]>,
    cas: Option<i64>,
    seed: Option<bool>,
    no_seeds: Option<bool>,
    scrape: Option<bool>,
}

/// `r`: the content of a response.
#[derive(Default)]
struct Reply<'a> {
    id: Option<&'a IdBytes>,
    nodes: Option<&'a [u8]>,
    nodes6: Option<&'a [u8]>,
    token: Option<&'a [u8]>,
    values: Option<&'a [u8]>,
    item: ItemFields<'a>,
    seeds: Option<&'a FilterBytes>,
    leeches: Option<&'a FilterBytes>,
    samples: Option<Samples<'a>>,
    num: Option<u32>,
    interval: Option<u32>,
}

/// Nesting around an entry of the message.
const DEPTH: usize = 1;

/// Length of the usual `nodes`: eight, the size of a bucket of BEP 5.
const EIGHT_NODES: usize = 8 * Family::V4.compact_node_len();

impl<'a> Parts<'a> {
    #[inline(always)]
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        cursor.enter(b'd', 0)?;
        let mut keys = Keys::default();
        self.usual(cursor, &mut keys)?;
        match cursor.eat(b'e') {
            true => Ok(()),
            false => cursor.aside(|cursor| self.others(cursor, keys)),
        }
    }

    /// Takes the usual entries if they come in their order.
    #[inline(always)]
    fn usual(&mut self, cursor: &mut Cursor<'a>, keys: &mut Keys<'a>) -> Result<()> {
        if cursor.strip(b"1:ad") {
            self.arguments.insert(Arguments::default()).read(cursor)?;
            keys.last = Some(b"a");
        }
        if let Some(addr) = cursor.array::<6>(b"2:ip6:") {
            self.external_addr = Some(addr);
            keys.last = Some(b"ip");
        }
        if cursor.strip(b"1:q") {
            take_string(&mut self.method, cursor, DEPTH)?;
            keys.last = Some(b"q");
        }
        if cursor.strip(b"1:rd") {
            self.reply.insert(Reply::default()).read(cursor)?;
            keys.last = Some(b"r");
        }
        if cursor.strip(b"1:t") {
            take_string(&mut self.transaction_id, cursor, DEPTH)?;
            keys.last = Some(b"t");
        }
        if cursor.strip(b"1:v") {
            take_string(&mut self.version, cursor, DEPTH)?;
            keys.last = Some(b"v");
        }
        if let Some(kind) = cursor.array::<1>(b"1:y1:") {
            self.kind = Some(kind);
            keys.last = Some(b"y");
        }
        Ok(())
    }

    /// Takes all further entries.
    #[inline(never)]
    fn others(&mut self, cursor: &mut Cursor<'a>, mut keys: Keys<'a>) -> Result<()> {
        while let Some(key) = cursor.next_key(&mut keys)? {
            match key {
                b"t" => take_string(&mut self.transaction_id, cursor, DEPTH)?,
                b"y" => take_string(&mut self.kind, cursor, DEPTH)?,
                b"q" => take_string(&mut self.method, cursor, DEPTH)?,
                b"v" => take_string(&mut self.version, cursor, DEPTH)?,
                b"ip" => take_addr(&mut self.external_addr, cursor, DEPTH)?,
                b"ro" => take_flag(&mut self.read_only, cursor, DEPTH)?,
                b"a" if self.arguments.is_none() && cursor.strip(b"d") => {
                    self.arguments.insert(Arguments::default()).read(cursor)?;
                }
                b"r" if self.reply.is_none() && cursor.strip(b"d") => {
                    self.reply.insert(Reply::default()).read(cursor)?;
                }
                b"e" if self.error.is_none() && cursor.peek()? == b'l' => {
                    self.error = Some(error_reply(cursor, DEPTH)?);
                }
                b"a" | b"r" => skip_unwanted(b'd', cursor, DEPTH)?,
                b"e" => skip_unwanted(b'l', cursor, DEPTH)?,
                _ => cursor.skip(DEPTH)?,
            }
        }
        Ok(())
    }

    /// The message, unless its kind cannot be told.
    #[inline]
    fn message(
        &self,
        cursor: &Cursor<'a>,
        datagram: &[u8],
    ) -> std::result::Result<Message<'a>, ScanError> {
        let mut oddities = cursor.oddities;
        let Some(body) = self.body(&mut oddities) else {
            return Err(cursor.error(ScanErrorKind::NotKrpc, datagram));
        };
        if self.transaction_id.is_none() {
            oddities |= Oddities::NO_TRANSACTION_ID;
        }
        Ok(Message {
            transaction_id: self.transaction_id.unwrap_or_default(),
            body,
            version: self.version,
            external_addr: self.external_addr.and_then(read_compact_addr),
            read_only: self.read_only.unwrap_or(false),
            oddities,
        })
    }

    #[inline]
    fn body(&self, oddities: &mut Oddities) -> Option<Body<'a>> {
        let kind = match self.kind {
            Some(kind) => kind,
            None => {
                *oddities |= Oddities::NO_KIND;
                self.probable_kind()?
            }
        };
        match kind {
            [b'q'] => Some(Body::Query(self.arguments.as_ref()?.query(self.method?))),
            [b'r'] => Some(Body::Response(self.reply.as_ref()?.response())),
            [b'e'] => {
                if self.error.is_none() {
                    *oddities |= Oddities::WRONG_TYPE;
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
    /// Takes the entries and the end of the dictionary.
    #[inline(always)]
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let mut keys = Keys::default();
        self.usual(cursor, &mut keys);
        match cursor.eat(b'e') {
            true => Ok(()),
            false => cursor.aside(|cursor| self.others(cursor, keys)),
        }
    }

    /// Takes the usual entries if they come in their order.
    #[inline(always)]
    fn usual(&mut self, cursor: &mut Cursor<'a>, keys: &mut Keys<'a>) {
        if let Some(id) = cursor.array(b"2:id20:") {
            self.id = Some(id);
            keys.last = Some(b"id");
        }
        if let Some(info_hash) = cursor.array(b"9:info_hash20:") {
            self.info_hash = Some(info_hash);
            keys.last = Some(b"info_hash");
        }
        if let Some(target) = cursor.array(b"6:target20:") {
            self.target = Some(target);
            keys.last = Some(b"target");
        }
    }

    /// Takes all further entries.
    #[inline(never)]
    fn others(&mut self, cursor: &mut Cursor<'a>, mut keys: Keys<'a>) -> Result<()> {
        while let Some(key) = cursor.next_key(&mut keys)? {
            match key {
                b"id" => take_id(&mut self.id, cursor, INNER_DEPTH)?,
                b"target" => take_id(&mut self.target, cursor, INNER_DEPTH)?,
                b"info_hash" => take_id(&mut self.info_hash, cursor, INNER_DEPTH)?,
                b"token" => take_string(&mut self.token, cursor, INNER_DEPTH)?,
                b"implied_port" => take_flag(&mut self.implied_port, cursor, INNER_DEPTH)?,
                b"port" => take_port(&mut self.port, cursor, INNER_DEPTH)?,
                b"seed" => take_mark(&mut self.seed, cursor, INNER_DEPTH)?,
                b"noseed" => take_mark(&mut self.no_seeds, cursor, INNER_DEPTH)?,
                b"scrape" => take_mark(&mut self.scrape, cursor, INNER_DEPTH)?,
                b"want" if self.want.is_none() && cursor.peek()? == b'l' => {
                    self.want = Some(wanted_families(cursor, INNER_DEPTH)?);
                }
                b"want" => skip_unwanted(b'l', cursor, INNER_DEPTH)?,
                b"salt" => take_string(&mut self.salt, cursor, INNER_DEPTH)?,
                b"cas" => take_integer(&mut self.cas, cursor, INNER_DEPTH)?,
                _ if take_item_field(&mut self.item, key, cursor, INNER_DEPTH)? => {}
                _ => cursor.skip(INNER_DEPTH)?,
            }
        }
        Ok(())
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
            item: self.item,
            salt: self.salt,
            cas: self.cas,
            seed: self.seed.unwrap_or(false),
            no_seeds: self.no_seeds.unwrap_or(false),
            scrape: self.scrape.unwrap_or(false),
        }
    }
}

impl<'a> Reply<'a> {
    /// Takes the entries and the end of the dictionary.
    #[inline(always)]
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let mut keys = Keys::default();
        self.usual(cursor, &mut keys)?;
        match cursor.eat(b'e') {
            true => Ok(()),
            false => cursor.aside(|cursor| self.others(cursor, keys)),
        }
    }

    /// Takes the usual entries if they come in their order.
    #[inline(always)]
    fn usual(&mut self, cursor: &mut Cursor<'a>, keys: &mut Keys<'a>) -> Result<()> {
        if let Some(id) = cursor.array(b"2:id20:") {
            self.id = Some(id);
            keys.last = Some(b"id");
        }
        if let Some(nodes) = cursor.array::<EIGHT_NODES>(b"5:nodes208:") {
            self.nodes = Some(nodes);
            keys.last = Some(b"nodes");
        }
        if cursor.strip(b"5:token") {
            take_string(&mut self.token, cursor, INNER_DEPTH)?;
            keys.last = Some(b"token");
        }
        if cursor.strip(b"6:valuesl") {
            self.values = Some(values(cursor)?);
            keys.last = Some(b"values");
        }
        Ok(())
    }

    /// Takes all further entries.
    #[inline(never)]
    fn others(&mut self, cursor: &mut Cursor<'a>, mut keys: Keys<'a>) -> Result<()> {
        while let Some(key) = cursor.next_key(&mut keys)? {
            match key {
                b"id" => take_id(&mut self.id, cursor, INNER_DEPTH)?,
                b"token" => take_string(&mut self.token, cursor, INNER_DEPTH)?,
                b"nodes" => take_nodes(&mut self.nodes, Family::V4, cursor, INNER_DEPTH)?,
                b"nodes6" => take_nodes(&mut self.nodes6, Family::V6, cursor, INNER_DEPTH)?,
                b"values" if self.values.is_none() && cursor.strip(b"l") => {
                    self.values = Some(values(cursor)?);
                }
                b"values" => skip_unwanted(b'l', cursor, INNER_DEPTH)?,
                b"BFsd" => take_filter(&mut self.seeds, cursor)?,
                b"BFpe" => take_filter(&mut self.leeches, cursor)?,
                b"samples" => take_as(&mut self.samples, Samples::new, cursor, INNER_DEPTH)?,
                b"num" => take_number(&mut self.num, cursor, INNER_DEPTH)?,
                b"interval" => take_number(&mut self.interval, cursor, INNER_DEPTH)?,
                _ if take_item_field(&mut self.item, key, cursor, INNER_DEPTH)? => {}
                _ => cursor.skip(INNER_DEPTH)?,
            }
        }
        Ok(())
    }

    #[inline]
    fn response(&self) -> Response<'a> {
        Response {
            id: self.id.copied().map(Id::new),
            nodes: self.nodes.map(|bytes| Nodes::new(Family::V4, bytes)),
            nodes6: self.nodes6.map(|bytes| Nodes::new(Family::V6, bytes)),
            token: self.token,
            values: self.values.map(Values::from_wire),
            item: self.item,
            seeds: self.seeds,
            leeches: self.leeches,
            samples: self.samples,
            num: self.num,
            interval: self.interval,
        }
    }
}

/// Reads a filter into `slot` if it is free and the filter of the one length there is.
fn take_filter<'a>(slot: &mut Option<&'a FilterBytes>, cursor: &mut Cursor<'a>) -> Result<()> {
    take_as(slot, |bytes| bytes.try_into().ok(), cursor, INNER_DEPTH)
}
