//! `r`: the content of a response.

use super::Dictionary;
use crate::bencode::{Cursor, Keys};
use crate::message::Response;
use crate::scrape::FilterBytes;
use crate::take::{
    INNER_DEPTH, IdBytes, Result, skip_unwanted, take_array, take_as, take_id, take_item_field,
    take_nodes, take_number, take_string, values,
};
use crate::{Family, Id, ItemFields, Nodes, Samples, Values};

/// The entries of a response.
#[derive(Default)]
pub(super) struct Reply<'a> {
    id: Option<&'a IdBytes>,
    nodes: Option<&'a [u8]>,
    nodes6: Option<&'a [u8]>,
    token: Option<&'a [u8]>,
    values: Option<&'a [u8]>,
    rare: Option<RareReply<'a>>,
}

/// What few responses have, apart, so that the others do not move it about.
#[derive(Default)]
pub(super) struct RareReply<'a> {
    item: ItemFields<'a>,
    seeds: Option<&'a FilterBytes>,
    leeches: Option<&'a FilterBytes>,
    samples: Option<Samples<'a>>,
    num: Option<u32>,
    interval: Option<u32>,
}

/// Length of the usual `nodes`: eight, the size of a bucket of BEP 5.
const EIGHT_NODES: usize = 8 * Family::V4.compact_node_len();

impl<'a> Dictionary<'a> for Reply<'a> {
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

    #[inline(always)]
    fn entry(&mut self, key: &'a [u8], cursor: &mut Cursor<'a>) -> Result<()> {
        match key {
            b"id" => take_id(&mut self.id, cursor, INNER_DEPTH)?,
            b"token" => take_string(&mut self.token, cursor, INNER_DEPTH)?,
            b"nodes" => take_nodes(&mut self.nodes, Family::V4, cursor, INNER_DEPTH)?,
            b"nodes6" => take_nodes(&mut self.nodes6, Family::V6, cursor, INNER_DEPTH)?,
            b"values" if self.values.is_none() && cursor.strip(b"l") => {
                self.values = Some(values(cursor)?);
            }
            b"values" => skip_unwanted(b'l', cursor, INNER_DEPTH)?,
            _ => self.rare.get_or_insert_default().entry(key, cursor)?,
        }
        Ok(())
    }
}

impl<'a> RareReply<'a> {
    /// Takes the value of this key, which may be unknown.
    #[inline(always)]
    fn entry(&mut self, key: &[u8], cursor: &mut Cursor<'a>) -> Result<()> {
        match key {
            b"BFsd" => take_array(&mut self.seeds, cursor, INNER_DEPTH),
            b"BFpe" => take_array(&mut self.leeches, cursor, INNER_DEPTH),
            b"samples" => take_as(&mut self.samples, Samples::new, cursor, INNER_DEPTH),
            b"num" => take_number(&mut self.num, cursor, INNER_DEPTH),
            b"interval" => take_number(&mut self.interval, cursor, INNER_DEPTH),
            _ => take_item_field(&mut self.item, key, cursor, INNER_DEPTH),
        }
    }

    /// Puts it all where it belongs.
    pub(super) const fn put_into(&self, response: &mut Response<'a>) {
        response.item = self.item;
        response.seeds = self.seeds;
        response.leeches = self.leeches;
        response.samples = self.samples;
        response.num = self.num;
        response.interval = self.interval;
    }
}

impl<'a> Reply<'a> {
    /// What [`Self::response`] leaves out.
    #[inline(always)]
    pub(super) const fn rare(&self) -> Option<&RareReply<'a>> {
        self.rare.as_ref()
    }

    #[inline(always)]
    pub(super) fn response(&self) -> Response<'a> {
        Response {
            id: self.id.copied().map(Id::new),
            nodes: self.nodes.map(|bytes| Nodes::new(Family::V4, bytes)),
            nodes6: self.nodes6.map(|bytes| Nodes::new(Family::V6, bytes)),
            token: self.token,
            values: self.values.map(Values::from_wire),
            ..Response::default()
        }
    }
}
