//! The values of a message's entries, as the scanner takes them: each into a
//! place that the first of repeated keys fills, or skipped and noted as odd.

use crate::bencode::{Cursor, ScanErrorKind};
use crate::contact::read_compact_addr;
use crate::message::{ErrorReply, Want};
use crate::{Family, Id, ItemFields, Nodes, Oddities};

pub(crate) type Result<T> = std::result::Result<T, ScanErrorKind>;

pub(crate) type IdBytes = [u8; Id::LEN];

/// Nesting around an argument, and around an entry of a reply.
pub(crate) const INNER_DEPTH: usize = 2;

/// Reads a string; `None` after skipping a value of another type.
#[inline(always)]
fn string<'a>(cursor: &mut Cursor<'a>, depth: usize) -> Result<Option<&'a [u8]>> {
    let string = cursor.string_or_skip(depth)?;
    if string.is_none() {
        cursor.oddities |= Oddities::WRONG_TYPE;
    }
    Ok(string)
}

/// Reads a string into `slot` if it is free.
#[inline(always)]
pub(crate) fn take_string<'a>(
    slot: &mut Option<&'a [u8]>,
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<()> {
    if let Some(text) = string(cursor, depth)? {
        slot.get_or_insert(text);
    }
    Ok(())
}

/// Reads a string into `slot` if it is free and `read` makes something of it;
/// else the message is odd in this way.
#[inline(always)]
fn take_or<'a, T>(
    odd: Oddities,
    slot: &mut Option<T>,
    read: impl FnOnce(&'a [u8]) -> Option<T>,
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<()> {
    if let Some(text) = string(cursor, depth)? {
        match read(text) {
            Some(value) => _ = slot.get_or_insert(value),
            None => cursor.oddities |= odd,
        }
    }
    Ok(())
}

/// Reads a string into `slot` if it is free and `read` makes something of it.
pub(crate) fn take_as<'a, T>(
    slot: &mut Option<T>,
    read: impl FnOnce(&'a [u8]) -> Option<T>,
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<()> {
    take_or(Oddities::WRONG_TYPE, slot, read, cursor, depth)
}

/// Reads an identifier into `slot` if it is free and 20 bytes long.
#[inline]
pub(crate) fn take_id<'a>(
    slot: &mut Option<&'a IdBytes>,
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<()> {
    let id = |text: &'a [u8]| text.try_into().ok();
    take_or(Oddities::BAD_ID, slot, id, cursor, depth)
}

/// Reads a string of one possible length into `slot` if it is free.
pub(crate) fn take_array<'a, const N: usize>(
    slot: &mut Option<&'a [u8; N]>,
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<()> {
    take_as(slot, |text| text.try_into().ok(), cursor, depth)
}

/// Reads a compact address into `slot` if it is free.
pub(crate) fn take_addr<'a>(
    slot: &mut Option<&'a [u8]>,
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<()> {
    let addr = |text| read_compact_addr(text).map(|_| text);
    take_as(slot, addr, cursor, depth)
}

/// Reads a compact list of contacts into `slot` if it is free.
#[inline]
pub(crate) fn take_nodes<'a>(
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
pub(crate) fn skip_unwanted(open: u8, cursor: &mut Cursor<'_>, depth: usize) -> Result<()> {
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

/// Reads an integer into `slot` if it is free and `read` makes something of it.
fn take_integer_as<T>(
    slot: &mut Option<T>,
    read: impl FnOnce(i64) -> Option<T>,
    cursor: &mut Cursor<'_>,
    depth: usize,
) -> Result<()> {
    if let Some(value) = integer(cursor, depth)? {
        match read(value) {
            Some(value) => _ = slot.get_or_insert(value),
            None => cursor.oddities |= Oddities::WRONG_TYPE,
        }
    }
    Ok(())
}

/// Reads any integer.
pub(crate) fn take_integer(
    slot: &mut Option<i64>,
    cursor: &mut Cursor<'_>,
    depth: usize,
) -> Result<()> {
    take_integer_as(slot, Some, cursor, depth)
}

/// Reads a number that is in the range of `T`.
pub(crate) fn take_number<T: TryFrom<i64>>(
    slot: &mut Option<T>,
    cursor: &mut Cursor<'_>,
    depth: usize,
) -> Result<()> {
    take_integer_as(slot, |value| value.try_into().ok(), cursor, depth)
}

/// Reads a flag that any value but 0 sets.
pub(crate) fn take_flag(
    slot: &mut Option<bool>,
    cursor: &mut Cursor<'_>,
    depth: usize,
) -> Result<()> {
    take_integer_as(slot, |value| Some(value != 0), cursor, depth)
}

/// Reads a mark that only the value 1 sets (BEP 33).
pub(crate) fn take_mark(
    slot: &mut Option<bool>,
    cursor: &mut Cursor<'_>,
    depth: usize,
) -> Result<()> {
    take_integer_as(slot, |value| Some(value == 1), cursor, depth)
}

/// Takes the value of a key that may be one of an item's.
#[inline(never)]
pub(crate) fn take_item_field<'a>(
    item: &mut ItemFields<'a>,
    key: &[u8],
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<()> {
    match key {
        b"k" => take_array(&mut item.public_key, cursor, depth),
        b"seq" => take_integer(&mut item.sequence, cursor, depth),
        b"sig" => take_array(&mut item.signature, cursor, depth),
        b"v" => {
            let from = cursor.rest();
            cursor.skip(depth)?;
            let value = &from[..from.len() - cursor.rest().len()];
            item.value.get_or_insert(value);
            Ok(())
        }
        _ => cursor.skip(depth),
    }
}

pub(crate) fn wanted_families(cursor: &mut Cursor<'_>, depth: usize) -> Result<Want> {
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

/// The inside of a list of compact addresses, up to its end, which is taken.
#[inline(always)]
pub(crate) fn values<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
    let inside = cursor.rest();
    // as nearly all are
    while cursor.array::<6>(b"6:").is_some() {}
    if !cursor.eat(b'e') {
        cursor.aside(other_values)?;
    }
    Ok(&inside[..inside.len() - cursor.rest().len() - 1])
}

/// Takes the rest of a list of compact addresses.
fn other_values(cursor: &mut Cursor<'_>) -> Result<()> {
    while !cursor.eat(b'e') {
        let item = cursor.string_or_skip(INNER_DEPTH + 1)?;
        if !item.is_some_and(|item| matches!(item.len(), 6 | 18)) {
            cursor.oddities |= Oddities::BAD_VALUES;
        }
    }
    Ok(())
}

/// `e`: a list of code and text, in any order; what is missing is 0 or empty.
pub(crate) fn error_reply<'a>(cursor: &mut Cursor<'a>, depth: usize) -> Result<ErrorReply<'a>> {
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
