//! Round-trip times of hosts that were never measured, forecast from those of
//! their network.
//!
//! Nothing is assumed of the distribution of round-trip times: a time stands for
//! its place among all that were measured, as log-odds scaled to a variance of
//! one. Hosts of one network tend to be equally far. How much of the spread the
//! network explains is learned: it is the correlation of the first measurement
//! of a host with the mean of those of its network before. Where addresses say
//! nothing of distance it is near zero, and every forecast is that of all hosts
//! together.

use std::net::IpAddr;
use std::time::Duration;

/// Networks told apart: one for each /16 of IPv4.
const NETWORKS: usize = 1 << 16;
/// Measurements of a network after which older ones count by half.
const MOST_OF_NETWORK: u16 = 64;
/// Bits of the set of hosts measured before; emptied when a quarter is set.
const HOSTS: usize = 1 << 21;
/// Measurements or pairs of them after which older ones count by half.
const MEMORY: f32 = 8192.0;
/// Pairs of measurements after which a correlation is believed by half.
const DOUBT: f32 = 50.0;
/// Bins of times: from 0.1 ms on, each a tenth longer than the one before.
const BINS: usize = 128;
const SHORTEST: f32 = 1e-4;
const BIN_RATIO: f32 = 1.1;
/// Believed before anything was measured, in seconds.
const FIRST: [f32; 4] = [0.05, 0.1, 0.2, 0.4];
/// Standard deviation of log-odds.
const LOGISTIC: f32 = 1.813_8;
/// Points at which the distribution of times is kept, evenly over log-odds
/// from minus to plus this much.
const POINTS: usize = 97;
const MOST_ODDS: f32 = 7.0;

/// Where among all times that of a host is believed to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forecast {
    mean: f32,
    deviation: f32,
}

/// What was measured, by network.
#[derive(Debug)]
pub(crate) struct NetworkRtt {
    /// Sum of scores and their number; made with the first measurement.
    networks: Vec<(f32, u16)>,
    /// Hosts measured before, as a set of hashes.
    hosts: Vec<u64>,
    hosts_set: usize,
    bins: [f32; BINS],
    measured: f32,
    until_rebuilt: u32,
    /// The time at each point of log-odds, in seconds.
    times: [f32; POINTS],
    /// Score of each bin.
    scores: [f32; BINS],
    /// Sum of products of a host's score with the mean of the earlier ones of
    /// its network, and their number.
    products: f32,
    pairs: f32,
}

impl Default for NetworkRtt {
    fn default() -> Self {
        let mut new = Self {
            networks: Vec::new(),
            hosts: Vec::new(),
            hosts_set: 0,
            bins: [0.0; BINS],
            measured: 0.0,
            until_rebuilt: 0,
            times: [0.0; POINTS],
            scores: [0.0; BINS],
            products: 0.0,
            pairs: 0.0,
        };
        for secs in FIRST {
            new.bins[bin(secs)] += 1.0;
            new.measured += 1.0;
        }
        new.rebuild();
        new
    }
}

impl NetworkRtt {
    /// Takes up a measurement. Only a host's first one counts: that a host is as
    /// far as it was says nothing of its network.
    pub(crate) fn observe(&mut self, ip: IpAddr, rtt: Duration) {
        if !self.is_first_of(ip) {
            return;
        }
        let bin = bin(rtt.as_secs_f32());
        let score = self.scores[bin];
        self.networks.resize(NETWORKS, (0.0, 0));
        let network = &mut self.networks[place(ip)];
        if let (sum, count @ 1..) = *network {
            self.products += score * sum / f32::from(count);
            self.pairs += 1.0;
            if self.pairs > MEMORY {
                self.products /= 2.0;
                self.pairs /= 2.0;
            }
        }
        if network.1 >= MOST_OF_NETWORK {
            *network = (network.0 / 2.0, network.1 / 2);
        }
        *network = (network.0 + score, network.1 + 1);
        self.bins[bin] += 1.0;
        self.measured += 1.0;
        if self.measured > MEMORY {
            self.measured /= 2.0;
            self.bins.iter_mut().for_each(|bin| *bin /= 2.0);
        }
        self.until_rebuilt = self.until_rebuilt.saturating_sub(1);
        if self.until_rebuilt == 0 {
            self.rebuild();
        }
    }

    /// What a host that was not measured is like.
    pub(crate) fn forecast(&self, ip: IpAddr) -> Forecast {
        let (sum, count) = self.networks.get(place(ip)).copied().unwrap_or_default();
        let kinship = self.kinship();
        let n = f32::from(count);
        // the best linear guess for members of a group that is alike
        let weight = kinship / (1.0 + (n - 1.0) * kinship);
        Forecast {
            mean: weight * sum,
            deviation: (1.0 - kinship * n * weight).max(0.0).sqrt(),
        }
    }

    /// What hosts in general are like.
    pub(crate) const fn typical() -> Forecast {
        Forecast {
            mean: 0.0,
            deviation: 1.0,
        }
    }

    /// Seconds that this share of such hosts answers within.
    pub(crate) fn within(&self, forecast: Forecast, share: f32) -> f32 {
        let score = forecast.mean + forecast.deviation * log_odds(share) / LOGISTIC;
        let odds = (score * LOGISTIC).clamp(-MOST_ODDS, MOST_ODDS);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        #[allow(clippy::cast_sign_loss)] // within the points
        let point = ((odds / MOST_ODDS + 1.0) / 2.0 * (POINTS - 1) as f32).round() as usize;
        self.times[point.min(POINTS - 1)]
    }

    /// The time of a measured host that is worth as much to somebody who can
    /// choose among many, in seconds: what counts is how often it is short.
    pub(crate) fn worth(&self, forecast: Forecast) -> f32 {
        const SHARES: [f32; 8] = [0.02, 0.07, 0.15, 0.25, 0.4, 0.55, 0.7, 0.9];
        let grain = self.grain();
        let speed = SHARES.map(|share| 1.0 / (grain + self.within(forecast, share)));
        8.0 / speed.iter().sum::<f32>() - grain
    }

    /// Below this many seconds it makes little difference how fast an answer is.
    pub(crate) fn grain(&self) -> f32 {
        self.times[POINTS / 2] / 8.0
    }

    /// Share of the spread that the network explains, 0 to 0.95.
    fn kinship(&self) -> f32 {
        (self.products / (self.pairs + DOUBT)).clamp(0.0, 0.95)
    }

    fn is_first_of(&mut self, ip: IpAddr) -> bool {
        if self.hosts_set >= HOSTS / 4 {
            self.hosts.clear();
            self.hosts_set = 0;
        }
        self.hosts.resize(HOSTS / 64, 0);
        let hash = hash(ip);
        let (word, bit) = (&mut self.hosts[hash / 64], 1 << (hash % 64));
        let is_first = *word & bit == 0;
        *word |= bit;
        self.hosts_set += usize::from(is_first);
        is_first
    }

    /// Works out scores and points anew from the bins.
    fn rebuild(&mut self) {
        let mut below = 0.0;
        let mut point = 0;
        for number in 0..BINS {
            let middle = (below + self.bins[number] / 2.0) / self.measured;
            self.scores[number] = log_odds(middle) / LOGISTIC;
            below += self.bins[number];
            while point < POINTS && share_at(point) * self.measured <= below {
                self.times[point] = time(number);
                point += 1;
            }
        }
        self.times[point..].fill(time(BINS - 1));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small
        let pause = (self.measured / 16.0) as u32;
        self.until_rebuilt = pause.max(1);
    }
}

/// Share of times below a point.
#[allow(clippy::cast_precision_loss)] // a hundred
fn share_at(point: usize) -> f32 {
    let odds = (2.0 * point as f32 / (POINTS - 1) as f32 - 1.0) * MOST_ODDS;
    1.0 / (1.0 + (-odds).exp())
}

fn log_odds(share: f32) -> f32 {
    let share = share.clamp(1e-3, 1.0 - 1e-3);
    (share / (1.0 - share)).ln()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
fn bin(secs: f32) -> usize {
    let place = (secs.max(SHORTEST) / SHORTEST).ln() / BIN_RATIO.ln();
    (place as usize).min(BINS - 1)
}

/// The middle of a bin, in seconds.
#[allow(clippy::cast_precision_loss)] // a hundred
fn time(bin: usize) -> f32 {
    SHORTEST * BIN_RATIO.powf(bin as f32 + 0.5)
}

/// The network of a host: /16 of IPv4, /32 of IPv6 folded into as many.
fn place(ip: IpAddr) -> usize {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            usize::from(u16::from_be_bytes([a, b]))
        }
        IpAddr::V6(ip) => {
            let [a, b, ..] = ip.segments();
            usize::from(a.rotate_left(5) ^ b)
        }
    }
}

/// A number below [`HOSTS`]; it need not withstand anybody.
#[allow(clippy::cast_possible_truncation)] // the upper bits of a product
fn hash(ip: IpAddr) -> usize {
    let bits = match ip {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            (bits >> 64) as u64 ^ bits as u64
        }
    };
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - HOSTS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdht_krpc::Rng;

    fn ip(network: usize, host: usize) -> IpAddr {
        let [_, _, a, b] = u32::try_from(network).unwrap().to_be_bytes();
        IpAddr::from([a + 20, b, 0, u8::try_from(host).unwrap()])
    }

    /// Round-trip times between 1 and 400 ms: of the network's draw, or of each
    /// host's own. Network 2000 is near.
    fn learn(by_network: bool) -> NetworkRtt {
        let mut rng = Rng::from_u64(1);
        let mut rtts = NetworkRtt::default();
        for network in 0..1000 {
            let common = rng.unit();
            for host in 0..4 {
                let draw = if by_network { common } else { rng.unit() };
                let rtt = Duration::from_secs_f64(1e-3 * (6.0 * draw).exp());
                rtts.observe(ip(network, host), rtt);
            }
        }
        let near = Duration::from_millis(1);
        (0..4).for_each(|host| rtts.observe(ip(2000, host), near));
        rtts
    }

    #[test]
    fn a_near_network_is_known_by_its_hosts() {
        let rtts = learn(true);
        let near = rtts.forecast(ip(2000, 9));
        assert!(rtts.within(near, 0.9) < rtts.within(NetworkRtt::typical(), 0.1));
        assert!(rtts.worth(near) < rtts.worth(NetworkRtt::typical()) / 4.0);
        assert_eq!(rtts.forecast(ip(3000, 1)), NetworkRtt::typical());
    }

    #[test]
    fn where_networks_mean_nothing_the_forecast_is_that_of_all() {
        let rtts = learn(false);
        let near = rtts.forecast(ip(2000, 9));
        assert!(rtts.within(near, 0.5) > rtts.within(NetworkRtt::typical(), 0.3));
    }

    #[test]
    fn a_host_that_is_asked_again_says_nothing_of_its_network() {
        let mut rtts = learn(false);
        let kinship = rtts.kinship();
        for _ in 0..1000 {
            rtts.observe(ip(2000, 1), Duration::from_millis(1));
        }
        assert!((rtts.kinship() - kinship).abs() < 1e-6);
    }

    #[test]
    fn times_come_back_as_they_were() {
        let mut rtts = NetworkRtt::default();
        for host in 0..4000_u32 {
            let secs = 1e-3 * f64::from(host % 400 + 1);
            rtts.observe(
                host.rotate_right(12).to_be_bytes().into(),
                Duration::from_secs_f64(secs),
            );
        }
        for share in [0.1, 0.5, 0.9] {
            let secs = rtts.within(NetworkRtt::typical(), share);
            assert!((secs / (0.4 * share) - 1.0).abs() < 0.15, "{share}: {secs}");
        }
    }
}
