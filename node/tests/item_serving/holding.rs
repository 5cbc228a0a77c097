//! How long items are held, and how many.

use super::*;

#[test]
fn what_is_stored_is_forgotten_after_two_hours() {
    let mut bench = Bench::new();
    bench.put_immutable(addr(7), &text("kept")).unwrap();
    bench.put_immutable(addr(7), &text("lost")).unwrap();
    bench.later(Duration::from_secs(3600));
    bench.put_immutable(addr(8), &text("kept")).unwrap();
    bench.later(Duration::from_secs(3601));
    let lost = bench.get(addr(7), text("lost").target());
    assert_eq!(response(&lost).item, ItemFields::NONE);
    let kept = bench.get(addr(7), text("kept").target());
    assert!(response(&kept).has_item());
    bench.later(Duration::from_secs(3600));
    assert_eq!(bench.core.stored_items(), (0, 0));
    let counts = bench.core.item_counts();
    assert_eq!((counts.stored, counts.renewed, counts.expired), (2, 1, 2));
}

#[test]
fn the_store_is_bounded_whoever_fills_it() {
    let mut settings = config(0, "bep5", "standard");
    settings.rate_limit = None;
    settings.items = ItemStoreConfig {
        max_items: 50,
        per_source: 10,
        ..ItemStoreConfig::default()
    };
    let mut bench = Bench::with(settings);
    let full = Err(error_code::SERVER);
    let mut refused = 0;
    for n in 0..2000 {
        let put = bench.put_immutable(addr(1 + n % 20), &text(&n.to_string()));
        refused += usize::from(put == full);
        let (items, bytes) = bench.core.stored_items();
        assert!(items <= 50 && bytes <= 1 << 20);
    }
    let counts = bench.core.item_counts();
    assert!(refused > 1000 && counts.refused == refused as u64);
    assert_eq!(bench.core.stored_items().0, 50);
    assert_eq!(counts.stored - counts.evicted, 50);
}
