//! Answering `get` and `put` (BEP 44).

use std::net::SocketAddr;

use mdht_krpc::{Id, ItemFields, MAX_SALT_LEN, MAX_VALUE_LEN, Query, Response, error_code};

use super::Core;
use crate::core::incoming::Incoming;
use crate::core::item_store::NotStored;
use crate::item::{Item, ItemError, MutableItem, PublicKey, Value, mutable_target};

/// Code and text of an error.
type Refusal = (i64, &'static str);

impl Core {
    /// The item at the target, if it is here and wanted, a token to put one
    /// with, and the contacts closest to it.
    pub(super) fn serve_item(&mut self, incoming: &Incoming<'_>, query: &Query<'_>, target: Id) {
        let token = self.tokens.make(&incoming.from, &target);
        let held = self.items.get(self.now, &target).cloned();
        let mut item = held.as_ref().map_or(ItemFields::NONE, Item::fields);
        if let (Some(held), Some(known)) = (item.sequence, query.item.sequence)
            && held <= known
        {
            // nothing newer than the asker knows of
            item = ItemFields {
                sequence: Some(held),
                ..ItemFields::NONE
            };
        }
        let response = Response {
            token: Some(&token),
            item,
            ..Response::default()
        };
        self.respond_with(incoming, Some(target), &response);
    }

    /// Does what a `put` asks for. What is cheap to find out comes first; a
    /// signature is checked only for who has a token.
    pub(super) fn store_item(
        &mut self,
        from: SocketAddr,
        query: &Query<'_>,
    ) -> Result<(), Refusal> {
        let stored = self.try_to_store(from, query);
        if stored.is_err() {
            self.items.counts.refused += 1;
        }
        stored
    }

    fn try_to_store(&mut self, from: SocketAddr, query: &Query<'_>) -> Result<(), Refusal> {
        let put = Put::read(query)?;
        let token = query.token.unwrap_or_default();
        if !self.tokens.is_valid(token, &from, &put.target()) {
            self.stats.bad_tokens += 1;
            return Err((error_code::PROTOCOL, "bad token"));
        }
        let item = put.check()?;
        let own_ids: Vec<_> = self.overlays.iter().map(|overlay| overlay.own_id).collect();
        let stored = self
            .items
            .put(self.now, &own_ids, from.ip(), item, query.cas);
        stored.map_err(|why| match why {
            NotStored::CasMismatch => (
                error_code::CAS_MISMATCH,
                "cas is not the sequence number of the item held",
            ),
            NotStored::SequenceTooLow => (
                error_code::SEQUENCE_TOO_LOW,
                "seq is not above that of the item held",
            ),
            NotStored::NoRoom => (error_code::SERVER, "no room for an item so far away"),
        })
    }
}

/// An item that is to be stored, as the sender says it is.
enum Put<'a> {
    Immutable(Value),
    Mutable {
        public_key: &'a [u8; 32],
        salt: &'a [u8],
        sequence: i64,
        value: Value,
        signature: &'a [u8; 64],
    },
}

impl<'a> Put<'a> {
    fn read(query: &Query<'a>) -> Result<Self, Refusal> {
        let protocol = |text| (error_code::PROTOCOL, text);
        let ItemFields {
            public_key,
            sequence,
            signature,
            value,
        } = query.item;
        let value = value.ok_or(protocol("no v"))?;
        if value.len() > MAX_VALUE_LEN {
            return Err((error_code::VALUE_TOO_LONG, "v is longer than 1000 bytes"));
        }
        let value = Value::from_bencode(value).map_err(|_| protocol("bad v"))?;
        let salt = query.salt.unwrap_or_default();
        if salt.len() > MAX_SALT_LEN {
            return Err((error_code::SALT_TOO_LONG, "salt is longer than 64 bytes"));
        }
        match (public_key, sequence, signature) {
            (None, None, None) => Ok(Self::Immutable(value)),
            (Some(public_key), Some(sequence @ 0..), Some(signature)) => Ok(Self::Mutable {
                public_key,
                salt,
                sequence,
                value,
                signature,
            }),
            (Some(_), Some(_), Some(_)) => Err(protocol("seq is negative")),
            _ => Err(protocol("bad or missing k, seq or sig")),
        }
    }

    fn target(&self) -> Id {
        match self {
            Self::Immutable(value) => value.target(),
            Self::Mutable {
                public_key, salt, ..
            } => mutable_target(public_key, salt),
        }
    }

    /// The item, if its signature fits.
    fn check(self) -> Result<Item, Refusal> {
        let checked = match self {
            Self::Immutable(value) => Ok(Item::Immutable(value)),
            Self::Mutable {
                public_key,
                salt,
                sequence,
                value,
                signature,
            } => PublicKey::from_bytes(public_key)
                .and_then(|key| MutableItem::verify(key, salt, sequence, value, signature))
                .map(Item::Mutable),
        };
        checked.map_err(|why| match why {
            ItemError::BadKey => (error_code::BAD_SIGNATURE, "k is not a usable key"),
            _ => (error_code::BAD_SIGNATURE, "sig does not fit"),
        })
    }
}
