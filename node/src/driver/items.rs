//! Items as an application reads and writes them (BEP 44).

use std::collections::BTreeMap;

use mdht_krpc::{Id, Instant};
use tokio::sync::{mpsc, oneshot};

use super::command::Command;
use super::{Dht, Stopped};
use crate::core::{Core, ItemQuery, ItemReport, LookupId, RepublishId};
use crate::item::{Item, MutableItem, PublicKey, Value};

/// What the API asks of the task about items.
pub(crate) enum ItemCommand {
    Get {
        query: ItemQuery,
        reply: oneshot::Sender<ItemReport>,
    },
    Put {
        item: Item,
        cas: Option<i64>,
        reply: oneshot::Sender<ItemReport>,
    },
    Republish {
        item: Item,
        rounds: mpsc::Sender<ItemReport>,
    },
}

/// Who waits for which item.
#[derive(Default)]
pub(crate) struct ItemTasks {
    lookups: BTreeMap<LookupId, oneshot::Sender<ItemReport>>,
    republished: BTreeMap<RepublishId, mpsc::Sender<ItemReport>>,
}

impl ItemTasks {
    pub(crate) fn obey(&mut self, core: &mut Core, now: Instant, command: ItemCommand) {
        match command {
            ItemCommand::Get { query, reply } => {
                self.lookups.insert(core.get_item(now, query), reply);
            }
            ItemCommand::Put { item, cas, reply } => {
                self.lookups.insert(core.put_item(now, item, cas), reply);
            }
            ItemCommand::Republish { item, rounds } => {
                self.republished.insert(core.republish(now, item), rounds);
            }
        }
    }

    /// Number of lookups running.
    pub(crate) fn len(&self) -> usize {
        self.lookups.len()
    }

    pub(crate) fn done(&mut self, lookup: LookupId, report: ItemReport) {
        if let Some(reply) = self.lookups.remove(&lookup) {
            let _ = reply.send(report);
        }
    }

    pub(crate) fn put_again(&mut self, id: RepublishId, report: ItemReport, is_over: bool) {
        if let Some(rounds) = self.republished.get(&id) {
            // a user that does not keep up loses reports, not the node its memory
            let _ = rounds.try_send(report);
        }
        if is_over {
            self.republished.remove(&id);
        }
    }

    /// What nobody waits for any more ends here.
    pub(crate) fn cancel_abandoned(&mut self, core: &mut Core, now: Instant) {
        let closed = self.lookups.iter().filter(|(_, reply)| reply.is_closed());
        let closed: Vec<_> = closed.map(|(id, _)| *id).collect();
        for id in closed {
            self.lookups.remove(&id);
            core.cancel(now, id);
        }
        let closed = self.republished.iter().filter(|(_, to)| to.is_closed());
        let closed: Vec<_> = closed.map(|(id, _)| *id).collect();
        for id in closed {
            self.republished.remove(&id);
            core.stop_republishing(now, id);
        }
    }
}

/// An item that the node puts again each hour. Dropping this ends it; what was
/// put then stays until nodes forget it, two hours at most.
#[derive(Debug)]
pub struct Republishing {
    rounds: mpsc::Receiver<ItemReport>,
}

impl Republishing {
    /// Waits for the next time that the item has been put, or could not be.
    /// `None` when it no longer will be: a newer item was found in its place,
    /// which the last report has, or the node has stopped.
    pub async fn next(&mut self) -> Option<ItemReport> {
        self.rounds.recv().await
    }
}

impl Dht {
    /// Reports of a republished item that wait to be taken; more are lost.
    const ROUND_BACKLOG: usize = 16;

    /// Looks for the value that hashes to `target`. The lookup ends with the
    /// first node that has it.
    ///
    /// ```no_run
    /// # async fn example(dht: mdht_node::Dht) -> Result<(), Box<dyn std::error::Error>> {
    /// let target = "e5f96f6f38320f0f33959cb4d3d656452117aadb".parse()?;
    /// let report = dht.get_immutable(target).await?;
    /// if let Some(text) = report.value().and_then(|value| value.as_bytes()) {
    ///     println!("{}", String::from_utf8_lossy(text));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn get_immutable(&self, target: Id) -> Result<ItemReport, Stopped> {
        self.get_item(ItemQuery::Immutable(target)).await
    }

    /// Looks for the item under a key and a salt, which may be empty. The
    /// lookup goes on to the nodes closest to it, since any may have a newer
    /// one: the highest sequence number is returned.
    ///
    /// ```no_run
    /// # async fn example(dht: mdht_node::Dht) -> Result<(), Box<dyn std::error::Error>> {
    /// let key = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548".parse()?;
    /// let report = dht.get_mutable(key, b"foobar").await?;
    /// if let Some(item) = report.found {
    ///     println!("version {:?}: {:?}", item.sequence(), item.value());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn get_mutable(&self, key: PublicKey, salt: &[u8]) -> Result<ItemReport, Stopped> {
        self.get_item(ItemQuery::Mutable {
            public_key: key,
            salt: salt.to_vec(),
            newer_than: None,
        })
        .await
    }

    /// Looks for an item of either kind.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn get_item(&self, query: ItemQuery) -> Result<ItemReport, Stopped> {
        self.ask(|reply| Command::Item(ItemCommand::Get { query, reply }))
            .await
    }

    /// Stores a value at the nodes closest to its hash,
    /// [`Value::target`]. They keep it for two hours: see [`Dht::republish`].
    ///
    /// ```no_run
    /// # async fn example(dht: mdht_node::Dht) -> Result<(), Box<dyn std::error::Error>> {
    /// let value = mdht_node::item::Value::from_text("Hello World!")?;
    /// let target = value.target();
    /// let report = dht.put_immutable(value).await?;
    /// println!("{} nodes keep it at {target}", report.stored());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn put_immutable(&self, value: Value) -> Result<ItemReport, Stopped> {
        self.put_item(value.into(), None).await
    }

    /// Stores a signed item at the nodes closest to its target. Where a newer
    /// one is found on the way, nothing is put, and
    /// [`ItemReport::conflict`] says so. With `cas`, the item is put only if it
    /// replaces the one with that sequence number, so that nobody else's
    /// change in between is lost.
    ///
    /// ```no_run
    /// use mdht_node::item::{MutableItem, SecretKey, Value};
    /// # async fn example(dht: mdht_node::Dht, seed: [u8; 32]) -> Result<(), Box<dyn std::error::Error>> {
    /// let key = SecretKey::from_seed(&seed);
    /// let before = dht.get_mutable(key.public_key(), b"news").await?;
    /// let before = before.found.and_then(|item| item.sequence());
    /// let next = before.map_or(1, |sequence| sequence + 1);
    /// let item = MutableItem::sign(&key, b"news", next, Value::from_text("nothing new")?)?;
    /// let report = dht.put_mutable(item, before).await?;
    /// match report.conflict {
    ///     None => println!("{} nodes keep it", report.stored()),
    ///     Some(other) => println!("somebody else put version {other}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn put_mutable(
        &self,
        item: MutableItem,
        cas: Option<i64>,
    ) -> Result<ItemReport, Stopped> {
        self.put_item(item.into(), cas).await
    }

    /// Stores an item now and each hour again, until what is returned is
    /// dropped. Anybody may keep anybody's item so: no secret key is needed.
    ///
    /// # Errors
    /// The node has stopped.
    pub async fn republish(&self, item: impl Into<Item>) -> Result<Republishing, Stopped> {
        let (rounds, reports) = mpsc::channel(Self::ROUND_BACKLOG);
        let item = item.into();
        let command = ItemCommand::Republish { item, rounds };
        self.send(Command::Item(command)).await?;
        Ok(Republishing { rounds: reports })
    }

    async fn put_item(&self, item: Item, cas: Option<i64>) -> Result<ItemReport, Stopped> {
        self.ask(|reply| Command::Item(ItemCommand::Put { item, cas, reply }))
            .await
    }
}
