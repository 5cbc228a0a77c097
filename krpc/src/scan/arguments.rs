//! `a`: the arguments of a query.

use super::Dictionary;
use crate::bencode::{Cursor, Keys};
use crate::message::{Method, Query, Want};
use crate::take::{
    INNER_DEPTH, IdBytes, Result, skip_unwanted, take_flag, take_id, take_integer, take_item_field,
    take_mark, take_number, take_string, wanted_families,
};
use crate::{Id, ItemFields};

/// The arguments of a query whose method is not known yet.
#[derive(Default)]
pub(super) struct Arguments<'a> {
    id: Option<&'a IdBytes>,
    target: Option<&'a IdBytes>,
    info_hash: Option<&'a IdBytes>,
    want: Option<Want>,
    rare: Option<RareArguments<'a>>,
}

/// What lookups and pings have not, apart, so that they do not move it about.
#[derive(Default)]
pub(super) struct RareArguments<'a> {
    token: Option<&'a [u8]>,
    port: Option<u16>,
    implied_port: Option<bool>,
    item: ItemFields<'a>,
    salt: Option<&'a [u8]>,
    cas: Option<i64>,
    seed: Option<bool>,
    no_seeds: Option<bool>,
    scrape: Option<bool>,
}

impl<'a> Dictionary<'a> for Arguments<'a> {
    #[inline(always)]
    fn usual(&mut self, cursor: &mut Cursor<'a>, keys: &mut Keys<'a>) -> Result<()> {
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
        Ok(())
    }

    #[inline(always)]
    fn entry(&mut self, key: &'a [u8], cursor: &mut Cursor<'a>) -> Result<()> {
        match key {
            b"id" => take_id(&mut self.id, cursor, INNER_DEPTH)?,
            b"target" => take_id(&mut self.target, cursor, INNER_DEPTH)?,
            b"info_hash" => take_id(&mut self.info_hash, cursor, INNER_DEPTH)?,
            b"want" if self.want.is_none() && cursor.peek()? == b'l' => {
                self.want = Some(wanted_families(cursor, INNER_DEPTH)?);
            }
            b"want" => skip_unwanted(b'l', cursor, INNER_DEPTH)?,
            _ => self.rare.get_or_insert_default().entry(key, cursor)?,
        }
        Ok(())
    }
}

impl<'a> RareArguments<'a> {
    /// Takes the value of this key, which may be unknown.
    #[inline(always)]
    fn entry(&mut self, key: &[u8], cursor: &mut Cursor<'a>) -> Result<()> {
        match key {
            b"token" => take_string(&mut self.token, cursor, INNER_DEPTH),
            b"implied_port" => take_flag(&mut self.implied_port, cursor, INNER_DEPTH),
            b"port" => take_number(&mut self.port, cursor, INNER_DEPTH),
            b"seed" => take_mark(&mut self.seed, cursor, INNER_DEPTH),
            b"noseed" => take_mark(&mut self.no_seeds, cursor, INNER_DEPTH),
            b"scrape" => take_mark(&mut self.scrape, cursor, INNER_DEPTH),
            b"salt" => take_string(&mut self.salt, cursor, INNER_DEPTH),
            b"cas" => take_integer(&mut self.cas, cursor, INNER_DEPTH),
            _ => take_item_field(&mut self.item, key, cursor, INNER_DEPTH),
        }
    }

    /// Puts it all where it belongs.
    pub(super) fn put_into(&self, query: &mut Query<'a>) {
        query.token = self.token;
        query.port = self.port;
        query.implied_port = self.implied_port.unwrap_or(false);
        query.item = self.item;
        query.salt = self.salt;
        query.cas = self.cas;
        query.seed = self.seed.unwrap_or(false);
        query.no_seeds = self.no_seeds.unwrap_or(false);
        query.scrape = self.scrape.unwrap_or(false);
    }
}

impl<'a> Arguments<'a> {
    /// What [`Self::query`] leaves out.
    #[inline(always)]
    pub(super) const fn rare(&self) -> Option<&RareArguments<'a>> {
        self.rare.as_ref()
    }

    #[inline(always)]
    pub(super) fn query(&self, method: &'a [u8]) -> Query<'a> {
        Query {
            method: Method::from_name(method),
            id: self.id.copied().map(Id::new),
            target: self.target.copied().map(Id::new),
            info_hash: self.info_hash.copied().map(Id::new),
            want: self.want.unwrap_or_default(),
            ..Query::new(Method::Ping, Id::default())
        }
    }
}
