//! The crate `librqbit-dht` as a client: `librqbit-driver IP PORT BOOTSTRAP
//! DIR`, driven by lines as ../README.md says.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use futures_util::StreamExt;
use librqbit_core::Id20;
use librqbit_dht::{DhtConfig, DhtState};
use tokio::io::{AsyncBufReadExt, BufReader};

/// Its stream of peers never ends by itself: it asks again every few minutes,
/// until it is dropped.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [ip, port, bootstrap, _dir] = args.as_slice() else {
        return Err("usage: librqbit-driver IP PORT BOOTSTRAP DIR".into());
    };
    let config = DhtConfig {
        bootstrap_addrs: Some(vec![bootstrap.clone()]),
        listen_addr: Some(SocketAddr::new(ip.parse::<IpAddr>()?, port.parse()?)),
        ..DhtConfig::default()
    };
    let dht = DhtState::with_config(config).await?;
    println!("ready");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.split_once(' ') {
            Some(("lookup", infohash)) => {
                let infohash = Id20::from_str(infohash)?;
                let mut peers = dht.get_peers(infohash, None);
                tokio::spawn(async move {
                    let mut count = 0;
                    let all = async { while peers.next().await.is_some() { count += 1 } };
                    let _ = tokio::time::timeout(PATIENCE, all).await;
                    println!("done {} {count}", infohash.as_string());
                });
            }
            _ if line == "stop" => break,
            _ => eprintln!("no such command: {line}"),
        }
    }
    Ok(())
}
