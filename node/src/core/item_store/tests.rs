//! Bounds, replacement and expiry, and what floods do.

use super::*;
use crate::item::{MutableItem, SecretKey, Value};

const OWN: [Id; 1] = [Id::new([0; 20])];
const HOUR: u64 = 3_600_000_000;

fn text(text: &str) -> Item {
    Value::from_text(text).unwrap().into()
}

fn signed(sequence: i64, text: &str) -> Item {
    let key = SecretKey::from_seed(&[1; 32]);
    let value = Value::from_text(text).unwrap();
    MutableItem::sign(&key, b"s", sequence, value)
        .unwrap()
        .into()
}

fn ip(n: u32) -> IpAddr {
    IpAddr::from(n.to_be_bytes())
}

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

fn check_consistent(store: &ItemStore) {
    let ItemStoreConfig {
        max_items,
        max_bytes,
        per_source,
        ..
    } = store.config;
    assert!(store.items.len() <= max_items && store.bytes <= max_bytes);
    assert!(
        store
            .sources
            .values()
            .all(|of| of.len() <= per_source && !of.is_empty())
    );
    assert_eq!(store.by_age.len(), store.items.len());
    let of_sources: usize = store.sources.values().map(BTreeSet::len).sum();
    assert_eq!(of_sources, store.items.len());
    let bytes: usize = store.items.values().map(|stored| size(&stored.item)).sum();
    assert_eq!(bytes, store.bytes);
}

#[test]
fn only_a_higher_sequence_number_replaces() {
    let mut store = ItemStore::new(ItemStoreConfig::default());
    let target = signed(0, "").target();
    let mut put = |item: Item, cas| store.put(at(0), &OWN, ip(1), item, cas);
    assert_eq!(
        put(signed(5, "five"), Some(9)),
        Ok(()),
        "nothing to compare with"
    );
    assert_eq!(put(signed(4, "four"), None), Err(NotStored::SequenceTooLow));
    assert_eq!(
        put(signed(5, "other"), None),
        Err(NotStored::SequenceTooLow)
    );
    assert_eq!(put(signed(5, "five"), None), Ok(()), "the same again");
    assert_eq!(put(signed(6, "six"), Some(4)), Err(NotStored::CasMismatch));
    assert_eq!(put(signed(4, "four"), Some(4)), Err(NotStored::CasMismatch));
    assert_eq!(put(signed(6, "six"), Some(5)), Ok(()));
    assert_eq!(put(signed(i64::MAX, "last"), None), Ok(()));
    assert_eq!(store.get(at(0), &target), Some(&signed(i64::MAX, "last")));
    assert_eq!((store.counts.stored, store.counts.renewed), (3, 1));
    check_consistent(&store);
}

#[test]
fn items_expire_after_two_hours_unless_put_again() {
    let mut store = ItemStore::new(ItemStoreConfig::default());
    let (one, other) = (text("one"), text("other"));
    for item in [&one, &other] {
        store.put(at(0), &OWN, ip(1), item.clone(), None).unwrap();
    }
    store.put(at(HOUR), &OWN, ip(2), one.clone(), None).unwrap();
    store.expire(at(2 * HOUR - 1));
    assert_eq!(store.len().0, 2);
    // over, even before anybody has looked through the store
    assert_eq!(store.get(at(2 * HOUR), &other.target()), None);
    store.expire(at(2 * HOUR));
    assert_eq!(store.get(at(2 * HOUR), &one.target()), Some(&one));
    assert_eq!((store.len().0, store.counts.expired), (1, 1));
    store.expire(at(3 * HOUR));
    assert_eq!(store.len(), (0, 0));
    check_consistent(&store);
}

#[test]
fn a_flood_from_one_source_evicts_its_own() {
    let config = ItemStoreConfig {
        max_items: 20,
        per_source: 15,
        ..ItemStoreConfig::default()
    };
    let mut store = ItemStore::new(config);
    let quiet: Vec<_> = (0..8).map(|n| text(&format!("quiet {n}"))).collect();
    for (n, item) in (0..).zip(&quiet) {
        store.put(at(0), &OWN, ip(n), item.clone(), None).unwrap();
    }
    let mut refused = 0;
    for n in 0..1000 {
        let put = store.put(at(1), &OWN, ip(99), text(&format!("loud {n}")), None);
        refused += usize::from(put == Err(NotStored::NoRoom));
        check_consistent(&store);
    }
    assert!(refused > 900, "{refused}");
    let kept = |item: &&Item| store.get(at(2), &item.target()).is_some();
    assert_eq!(quiet.iter().filter(kept).count(), 8);
    // of its own it keeps the nearest
    let mut loud: Vec<_> = (0..1000)
        .map(|n| text(&format!("loud {n}")).target())
        .collect();
    loud.sort_by_key(|target| nearest(&OWN, target));
    assert!(
        loud[..12]
            .iter()
            .all(|target| store.get(at(2), target).is_some())
    );
}

#[test]
fn from_many_sources_the_nearest_stay() {
    let config = ItemStoreConfig {
        max_items: 16,
        ..ItemStoreConfig::default()
    };
    let mut store = ItemStore::new(config);
    let mut all = Vec::new();
    for n in 0..500 {
        let item = text(&n.to_string());
        all.push(item.target());
        let _ = store.put(at(0), &OWN, ip(n), item, None);
    }
    check_consistent(&store);
    all.sort_by_key(|target| nearest(&OWN, target));
    assert!(store.items.keys().all(|held| all[..16].contains(held)));
}

#[test]
fn who_renews_an_item_does_not_own_it() {
    let config = ItemStoreConfig {
        per_source: 1,
        ..ItemStoreConfig::default()
    };
    let mut store = ItemStore::new(config);
    let item = text("mine");
    store.put(at(0), &OWN, ip(1), item.clone(), None).unwrap();
    store.put(at(1), &OWN, ip(2), item.clone(), None).unwrap();
    for n in 0..50 {
        let _ = store.put(at(2), &OWN, ip(2), text(&n.to_string()), None);
    }
    assert_eq!(store.get(at(3), &item.target()), Some(&item));
    check_consistent(&store);
}

#[test]
fn bytes_are_bounded_where_an_item_grows() {
    let config = ItemStoreConfig {
        max_bytes: 3 * (ItemStore::OVERHEAD + 300),
        ..ItemStoreConfig::default()
    };
    let mut store = ItemStore::new(config);
    store
        .put(at(0), &OWN, ip(1), signed(1, "short"), None)
        .unwrap();
    for n in 0..9 {
        let _ = store.put(
            at(0),
            &OWN,
            ip(n),
            text(&"x".repeat(100 + n as usize)),
            None,
        );
    }
    let _ = store.put(at(0), &OWN, ip(1), signed(2, &"y".repeat(900)), None);
    check_consistent(&store);
}
