//! Tells the DHT that this machine is a peer of a swarm, and keeps telling it:
//! nodes forget an announce after half an hour.
//!
//! ```text
//! cargo run --example announce -- 2c6b6858d61da9543d4231a71db4b1c9264b0685 51413
//! cargo run --example announce -- INFOHASH PORT 127.0.0.1:6881   # in an overlay of your own
//! ```

use std::error::Error;
use std::time::Duration;

use mdht_krpc::Id;
use mdht_node::{AnnouncePort, Dht};

/// Sooner than nodes forget.
const EVERY: Duration = Duration::from_secs(15 * 60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: announce INFOHASH PORT [HOST:PORT of a node to join by]";
    let info_hash: Id = arguments.next().ok_or(usage)?.parse()?;
    let port = AnnouncePort::Explicit(arguments.next().ok_or(usage)?.parse()?);

    let mut builder = Dht::builder();
    if let Some(host) = arguments.next() {
        builder = builder.no_default_bootstrap().bootstrap(host);
    }
    let dht = builder.build().await?;

    // what the node is doing: joined, offline, online again
    let mut notices = dht.notices();
    tokio::spawn(async move {
        while let Ok(notice) = notices.recv().await {
            eprintln!("{notice}");
        }
    });

    let mut rounds = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = rounds.tick() => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        // peers found on the way could be taken from this stream
        let report = dht.announce(info_hash, port).await?.report().await?;
        println!("{} of {} nodes have it", report.announced, report.announces);
    }
    dht.shutdown().await;
    Ok(())
}
