//! A node that is far away, although it is on this machine: what it receives
//! reaches it late. It drives the node's sans-IO core by hand.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::Instant;
use mdht_node::core::{Core, SocketId};
use tokio::net::UdpSocket;
use tokio::time;

/// Round-trip times that the thesis measured, as percentile and milliseconds
/// [thesis 8.VI, Fig. 2]; the ends are cut off.
const ROUND_TRIPS: [(f64, f64); 7] = [
    (0.0, 1.0),
    (0.02, 2.13),
    (0.25, 94.8),
    (0.5, 175.2),
    (0.75, 343.6),
    (0.98, 1093.9),
    (1.0, 1200.0),
];

/// The round-trip time at this share, 0 to 1, of all.
pub(crate) fn round_trip(share: f64) -> Duration {
    let steps = ROUND_TRIPS.windows(2);
    let step = { steps }.find(|step| share < step[1].0);
    let [(low, from), (high, to)] = step.map_or([ROUND_TRIPS[6]; 2], |step| [step[0], step[1]]);
    let part = (share - low) / (high - low).max(f64::EPSILON);
    Duration::from_secs_f64((from + part * (to - from)) / 1000.0)
}

/// A node's core, its socket, and how late everything reaches it.
pub(crate) struct FarNode {
    pub(crate) core: Core,
    pub(crate) socket: UdpSocket,
    pub(crate) delay: Duration,
    pub(crate) began: time::Instant,
}

impl FarNode {
    /// Runs until aborted.
    pub(crate) async fn run(mut self) -> io::Result<()> {
        let mut under_way: VecDeque<(Instant, SocketAddr, Vec<u8>)> = VecDeque::new();
        let mut buffer = vec![0; 65_536];
        self.drain().await?;
        loop {
            let arrival = under_way.front().map(|(at, ..)| *at);
            let due = [arrival, self.core.poll_timeout()];
            let due = due.into_iter().flatten().min().unwrap_or(self.now());
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    let (len, from) = received?;
                    under_way.push_back((self.now() + self.delay, from, buffer[..len].to_vec()));
                }
                () = time::sleep(due.since(self.now())) => {}
            }
            let now = self.now();
            while under_way.front().is_some_and(|(at, ..)| *at <= now) {
                let Some((_, from, payload)) = under_way.pop_front() else {
                    break;
                };
                self.core.handle_datagram(now, SocketId(0), from, &payload);
                self.drain().await?;
            }
            self.core.handle_timeout(now);
            self.drain().await?;
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    async fn drain(&mut self) -> io::Result<()> {
        while let Some(transmit) = self.core.poll_transmit() {
            self.socket.send_to(&transmit.payload, transmit.to).await?;
        }
        while self.core.poll_event().is_some() {}
        Ok(())
    }
}
