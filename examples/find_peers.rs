//! Peers of a swarm, as they come, from any Rust program.
//!
//! ```text
//! cargo run --example find_peers -- 2c6b6858d61da9543d4231a71db4b1c9264b0685
//! cargo run --example find_peers -- INFOHASH 127.0.0.1:6881     # in an overlay of your own
//! ```

use std::error::Error;

use mdht_krpc::Id;
use mdht_node::Dht;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: find_peers INFOHASH [HOST:PORT of a node to join by]";
    let info_hash: Id = arguments.next().ok_or(usage)?.parse()?;

    let mut builder = Dht::builder();
    if let Some(host) = arguments.next() {
        builder = builder.no_default_bootstrap().bootstrap(host);
    }
    let dht = builder.build().await?;

    // the node joins in the background; the lookup begins as soon as it has
    let mut peers = dht.get_peers(info_hash).await?;
    while let Some(found) = peers.next().await {
        println!("{} after {:?}", found.peer, found.elapsed);
    }

    let report = peers.report().await?;
    if !report.joined {
        return Err("nobody answered: is there a network?".into());
    }
    println!(
        "{} peers, {} queries, {} answered",
        report.peers, report.queries, report.responses
    );
    dht.shutdown().await;
    Ok(())
}
