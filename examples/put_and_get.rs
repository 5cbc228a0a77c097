//! Keeps a line of text in the DHT under a key of its own, and reads it back
//! as anybody can who knows the public key [BEP 44].
//!
//! ```text
//! mdht put --make-key secret.key
//! cargo run --example put_and_get -- secret.key 'what I have to say'
//! cargo run --example put_and_get -- FILE TEXT 127.0.0.1:6881   # in an overlay of your own
//! ```

use std::error::Error;

use mdht_node::Dht;
use mdht_node::item::{MutableItem, SecretKey, Value};

/// Tells this item from others under the same key.
const SALT: &[u8] = b"example";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: put_and_get KEY_FILE TEXT [HOST:PORT of a node to join by]";
    let file = arguments.next().ok_or(usage)?;
    let value = Value::from_text(&arguments.next().ok_or(usage)?)?;

    let key = SecretKey::from_text(std::fs::read_to_string(&file)?.trim());
    let key = key.ok_or_else(|| format!("{file} holds no secret key"))?;

    let mut builder = Dht::builder();
    if let Some(host) = arguments.next() {
        builder = builder.no_default_bootstrap().bootstrap(host);
    }
    let dht = builder.build().await?;

    // one more than what is there, and only if nobody puts another meanwhile
    let before = dht.get_mutable(key.public_key(), SALT).await?;
    let before = before.found.and_then(|item| item.sequence());
    let sequence = before.map_or(1, |sequence| sequence + 1);
    let item = MutableItem::sign(&key, SALT, sequence, value)?;
    let report = dht.put_mutable(item, before).await?;
    println!(
        "stored by {} of {} nodes as number {sequence}; errors by code: {:?}",
        report.stored(),
        report.lookup.announces,
        report.errors
    );

    let read = dht.get_mutable(key.public_key(), SALT).await?;
    match read.value().and_then(Value::as_bytes) {
        Some(text) => println!(
            "{} holds: {}",
            key.public_key(),
            String::from_utf8_lossy(text)
        ),
        None => println!("nobody returned it"),
    }
    // nodes forget it after two hours, unless it is put again:
    // let mut kept = dht.republish(item).await?; while let Some(report) = kept.next().await { … }
    dht.shutdown().await;
    Ok(())
}
