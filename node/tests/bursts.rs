//! A live node under many datagrams at once, on loopback.

#![allow(clippy::unwrap_used)] // a panic fails the test

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mdht_krpc::{Body, Id, Message, Method, Query};
use mdht_node::{Dht, DhtBuilder};

/// Queries of a burst: as many as the smallest usual socket buffer holds.
const BURST: u16 = 150;
/// Long enough on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn builder() -> DhtBuilder {
    Dht::builder().no_default_bootstrap().rate_limit(None)
}

fn asker(addr: &str) -> UdpSocket {
    let socket = UdpSocket::bind((addr.parse::<std::net::IpAddr>().unwrap(), 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn ping(number: u16) -> Vec<u8> {
    let query = Query::new(Method::Ping, Id::new([7; 20]));
    Message::new(&number.to_be_bytes(), Body::Query(query)).encode()
}

/// The transaction ID of the next response; queries of the node are passed over.
fn answer(socket: &UdpSocket) -> u16 {
    let mut buffer = [0; 2048];
    loop {
        let len = socket.recv(&mut buffer).unwrap();
        let message = Message::scan(&buffer[..len]).unwrap();
        if let Body::Response(_) = message.body {
            return u16::from_be_bytes(message.transaction_id.try_into().unwrap());
        }
    }
}

/// Sends a burst and waits for an answer to each query.
fn burst(socket: &UdpSocket, node: SocketAddr) {
    for number in 0..BURST {
        socket.send_to(&ping(number), node).unwrap();
    }
    let answered: BTreeSet<u16> = (0..BURST).map(|_| answer(socket)).collect();
    assert!(answered.into_iter().eq(0..BURST));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_answered_whole_by_each_socket() {
    let dht = builder()
        .bind("127.0.0.1:0".parse().unwrap())
        .bind("127.0.0.2:0".parse().unwrap())
        .bind("[::1]:0".parse().unwrap())
        .build()
        .await
        .unwrap();
    let local = dht.status().await.unwrap().local;
    for (node, addr) in local.into_iter().zip(["127.0.0.9", "127.0.0.9", "::1"]) {
        tokio::task::spawn_blocking(move || burst(&asker(addr), node))
            .await
            .unwrap();
    }
    let stats = dht.shutdown().await.unwrap().stats;
    assert_eq!(stats.responses_sent, 3 * u64::from(BURST));
    assert_eq!(stats.malformed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_sent_keeps_no_other_answer_back() {
    let dht = builder()
        .bind("127.0.0.1:0".parse().unwrap())
        .allow_private(true)
        .build()
        .await
        .unwrap();
    let node = dht.status().await.unwrap().local[0];
    // bound to loopback, the node cannot send to the world outside
    let away = vec!["8.8.8.8:9".parse().unwrap()];
    dht.add_bootstrap(away).await.unwrap();
    tokio::task::spawn_blocking(move || burst(&asker("127.0.0.9"), node))
        .await
        .unwrap();
    dht.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_flood_on_one_socket_starves_neither_the_other_nor_the_user() {
    let dht = builder()
        .bind("127.0.0.1:0".parse().unwrap())
        .bind("127.0.0.2:0".parse().unwrap())
        .build()
        .await
        .unwrap();
    let local = dht.status().await.unwrap().local;
    let (flooded, quiet) = (local[0], local[1]);
    let stop = Arc::new(AtomicBool::new(false));
    let flood = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            let socket = asker("127.0.0.8");
            while !stop.load(Ordering::Relaxed) {
                socket.send_to(&ping(0), flooded).unwrap();
            }
        }
    });
    for _ in 0..3 {
        tokio::task::spawn_blocking(move || burst(&asker("127.0.0.9"), quiet))
            .await
            .unwrap();
        dht.status().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    dht.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_has_each_packet_of_a_burst_at_its_true_address() {
    let file = Removed::new("burst");
    let dht = builder()
        .bind("0.0.0.0:0".parse().unwrap())
        .allow_private(true)
        .capture(&file.0)
        .build()
        .await
        .unwrap();
    let port = dht.status().await.unwrap().local[0].port();
    // neither the node's only address nor its first
    let node = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 1), port));
    tokio::task::spawn_blocking(move || burst(&asker("127.0.0.1"), node))
        .await
        .unwrap();
    dht.shutdown().await.unwrap();
    let packets = packets(&file.0);
    let queries = packets.iter().filter(|(_, to)| *to == node).count();
    let answers = packets.iter().filter(|(from, _)| *from == node).count();
    assert_eq!(queries, usize::from(BURST));
    // and perhaps queries of its own
    assert!(answers >= usize::from(BURST), "{answers}");
    assert_eq!(queries + answers, packets.len());
}

/// A file that goes with the test.
struct Removed(PathBuf);

impl Removed {
    fn new(name: &str) -> Self {
        let name = format!("mdht-{name}-{}.pcap", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Source and destination of each packet: raw IPv4 and UDP.
fn packets(file: &Path) -> Vec<(SocketAddr, SocketAddr)> {
    let bytes = std::fs::read(file).unwrap();
    let mut rest = &bytes[24..];
    let mut packets = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<16>() {
        let len = u32::from_le_bytes(head[8..12].try_into().unwrap()) as usize;
        let (packet, behind) = behind.split_at(len);
        let addr = |ip: usize, port: usize| {
            let ip: [u8; 4] = packet[ip..ip + 4].try_into().unwrap();
            let port: [u8; 2] = packet[port..port + 2].try_into().unwrap();
            SocketAddr::from((ip, u16::from_be_bytes(port)))
        };
        packets.push((addr(12, 20), addr(16, 22)));
        rest = behind;
    }
    packets
}
