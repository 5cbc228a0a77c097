//! The tolerant reader: one pass over the datagram, nothing allocated.
//!
//! Nearly every client writes the same keys in the order that bencode asks
//! for. Of each dictionary these are taken first, by one comparison for key,
//! kind and, where there is only one, length; whatever is left goes through a
//! loop that knows every key in any order. The loop alone would read the same.
//!
//! What is met is first kept as references into the datagram, of which each
//! is a word or two, and the message is made of them at the end: moving half
//! a message about costs more than reading it. For the same reason what few
//! messages hold is kept apart, and put into the message only where there is
//! any. What reads the usual message is inlined always, or its cursor would
//! not stay in registers; what writes it never, so that every kind of message
//! goes straight to where the caller wants it.

mod arguments;
mod reply;

use self::arguments::{Arguments, RareArguments};
use self::reply::{RareReply, Reply};
use crate::Oddities;
use crate::bencode::{Cursor, Keys, ScanError, ScanErrorKind};
use crate::contact::read_compact_addr;
use crate::message::{Body, ErrorReply, Message};
use crate::take::{Result, error_reply, skip_unwanted, take_addr, take_flag, take_string};

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
        let read = cursor.enter(b'd', 0);
        if let Err(kind) = read.and_then(|()| parts.read(&mut cursor)) {
            return Err(cursor.error(kind, datagram));
        }
        if !cursor.is_at_end() {
            cursor.oddities |= Oddities::TRAILING_BYTES;
        }
        parts.message(&cursor, datagram)
    }
}

type Scanned<'a> = std::result::Result<Message<'a>, ScanError>;

/// A dictionary whose start has been taken.
trait Dictionary<'a> {
    /// Takes the usual entries if they come in their order.
    fn usual(&mut self, cursor: &mut Cursor<'a>, keys: &mut Keys<'a>) -> Result<()>;

    /// Takes the value of this key.
    fn entry(&mut self, key: &'a [u8], cursor: &mut Cursor<'a>) -> Result<()>;

    /// Takes all further entries and the end.
    #[inline(never)]
    fn others(&mut self, cursor: &mut Cursor<'a>, mut keys: Keys<'a>) -> Result<()> {
        while let Some(key) = cursor.next_key(&mut keys)? {
            self.entry(key, cursor)?;
        }
        Ok(())
    }

    /// Takes the entries and the end.
    #[inline(always)]
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<()> {
        let mut keys = Keys::default();
        self.usual(cursor, &mut keys)?;
        match cursor.eat(b'e') {
            true => Ok(()),
            false => cursor.aside(|cursor| self.others(cursor, keys)),
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

/// Nesting around an entry of the message.
const DEPTH: usize = 1;

impl<'a> Dictionary<'a> for Parts<'a> {
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

    #[inline(always)]
    fn entry(&mut self, key: &'a [u8], cursor: &mut Cursor<'a>) -> Result<()> {
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
        Ok(())
    }
}

impl<'a> Parts<'a> {
    /// The message, unless its kind cannot be told.
    #[inline]
    fn message(&self, cursor: &Cursor<'a>, datagram: &[u8]) -> Scanned<'a> {
        let mut oddities = cursor.oddities;
        if self.transaction_id.is_none() {
            oddities |= Oddities::NO_TRANSACTION_ID;
        }
        if self.kind.is_none() {
            oddities |= Oddities::NO_KIND;
        }
        let not_krpc = cursor.error(ScanErrorKind::NotKrpc, datagram);
        match self.kind.or_else(|| self.probable_kind()) {
            Some([b'q']) => self.query(oddities, not_krpc),
            Some([b'r']) => self.response(oddities, not_krpc),
            Some([b'e']) => Ok(self.error(oddities)),
            _ => Err(not_krpc),
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

    #[inline(never)]
    fn query(&self, oddities: Oddities, not_krpc: ScanError) -> Scanned<'a> {
        let (Some(arguments), Some(method)) = (&self.arguments, self.method) else {
            return Err(not_krpc);
        };
        match arguments.rare() {
            None => Ok(self.around(Body::Query(arguments.query(method)), oddities)),
            Some(rare) => Ok(self.rare_query(arguments, rare, method, oddities)),
        }
    }

    #[inline(never)]
    fn rare_query(
        &self,
        arguments: &Arguments<'a>,
        rare: &RareArguments<'a>,
        method: &'a [u8],
        oddities: Oddities,
    ) -> Message<'a> {
        let mut query = arguments.query(method);
        rare.put_into(&mut query);
        self.around(Body::Query(query), oddities)
    }

    #[inline(never)]
    fn response(&self, oddities: Oddities, not_krpc: ScanError) -> Scanned<'a> {
        let Some(reply) = &self.reply else {
            return Err(not_krpc);
        };
        match reply.rare() {
            None => Ok(self.around(Body::Response(reply.response()), oddities)),
            Some(rare) => Ok(self.rare_response(reply, rare, oddities)),
        }
    }

    #[inline(never)]
    fn rare_response(
        &self,
        reply: &Reply<'a>,
        rare: &RareReply<'a>,
        oddities: Oddities,
    ) -> Message<'a> {
        let mut response = reply.response();
        rare.put_into(&mut response);
        self.around(Body::Response(response), oddities)
    }

    #[inline(never)]
    fn error(&self, mut oddities: Oddities) -> Message<'a> {
        if self.error.is_none() {
            oddities |= Oddities::WRONG_TYPE;
        }
        let unspecified = ErrorReply {
            code: 0,
            message: b"",
        };
        self.around(Body::Error(self.error.unwrap_or(unspecified)), oddities)
    }

    /// The message around `body`.
    #[inline(always)]
    fn around(&self, body: Body<'a>, oddities: Oddities) -> Message<'a> {
        Message {
            transaction_id: self.transaction_id.unwrap_or_default(),
            body,
            version: self.version,
            external_addr: self.external_addr.and_then(read_compact_addr),
            read_only: self.read_only.unwrap_or(false),
            oddities,
        }
    }
}
