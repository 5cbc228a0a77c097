//! Round-trip times of hosts that were never measured, forecast from those of
//! their network.
//!
//! Hosts of one network tend to be equally far. How much of the spread of
//! round-trip times the network explains is not assumed but learned: it is the
//! correlation of a new measurement with the mean of the earlier ones of its
//! network. Where addresses say nothing of distance it is near zero, and every
//! forecast is that of all hosts together.

use std::net::IpAddr;
use std::time::Duration;

/// Networks told apart: one for each /16 of IPv4.
const NETWORKS: usize = 1 << 16;
/// Measurements of a network after which the older half is forgotten.
const MOST_OF_NETWORK: u16 = 64;
/// Measurements after which the picture of all hosts goes by the latest ones.
const MEMORY: f32 = 4096.0;
/// Pairs of measurements after which a correlation is believed by half.
const DOUBT: f32 = 50.0;
/// What is believed before anything was measured: 150 ms, give or take a
/// factor of e.
const FIRST_MEAN: f32 = -1.9;
const FIRST_VARIANCE: f32 = 1.0;

/// What is known of the logarithm of a round-trip time in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forecast {
    mean: f32,
    variance: f32,
}

impl Forecast {
    /// The time that is as good as this uncertainty to somebody who can choose
    /// among many: the harmonic mean, below the median.
    pub(crate) fn worth(&self) -> f32 {
        (self.mean - self.variance / 2.0).exp()
    }

    /// The time that so many standard deviations stay below.
    pub(crate) fn within(&self, deviations: f32) -> Duration {
        let secs = (self.mean + deviations * self.variance.sqrt()).exp();
        Duration::from_secs_f32(secs.clamp(0.0, 60.0))
    }
}

/// What was measured, by network.
#[derive(Debug)]
pub(crate) struct NetworkRtt {
    /// Sum and number of the logarithms; made with the first measurement.
    networks: Vec<(f32, u16)>,
    mean: f32,
    variance: f32,
    count: f32,
    /// Sum of products of a standardised measurement with the mean of the
    /// earlier ones of its network, and their number.
    products: f32,
    pairs: f32,
}

impl Default for NetworkRtt {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            mean: FIRST_MEAN,
            variance: FIRST_VARIANCE,
            count: 1.0,
            products: 0.0,
            pairs: 0.0,
        }
    }
}

impl NetworkRtt {
    /// Takes up a measurement.
    pub(crate) fn observe(&mut self, ip: IpAddr, rtt: Duration) {
        let log = rtt.as_secs_f32().max(1e-4).ln();
        self.networks.resize(NETWORKS, (0.0, 0));
        let network = &mut self.networks[place(ip)];
        if let (sum, count @ 1..) = *network {
            let before = sum / f32::from(count) - self.mean;
            self.products += (log - self.mean) * before / self.variance;
            self.pairs += 1.0;
            if self.pairs > MEMORY {
                self.products /= 2.0;
                self.pairs /= 2.0;
            }
        }
        if network.1 >= MOST_OF_NETWORK {
            *network = (network.0 / 2.0, network.1 / 2);
        }
        *network = (network.0 + log, network.1 + 1);
        self.count = (self.count + 1.0).min(MEMORY);
        let gap = log - self.mean;
        self.mean += gap / self.count;
        self.variance += (gap * gap - self.variance) / self.count;
        self.variance = self.variance.max(0.01);
    }

    /// What a host that was not measured is like.
    pub(crate) fn forecast(&self, ip: IpAddr) -> Forecast {
        let (sum, count) = self.networks.get(place(ip)).copied().unwrap_or_default();
        if count == 0 {
            return self.typical();
        }
        let (n, kinship) = (f32::from(count), self.kinship());
        let weight = n * kinship / (1.0 + (n - 1.0) * kinship);
        Forecast {
            mean: self.mean + weight * (sum / n - self.mean),
            variance: self.variance * (1.0 - kinship * weight),
        }
    }

    /// What hosts in general are like.
    pub(crate) const fn typical(&self) -> Forecast {
        Forecast {
            mean: self.mean,
            variance: self.variance,
        }
    }

    /// Share of the spread that the network explains, 0 to 0.95.
    fn kinship(&self) -> f32 {
        (self.products / (self.pairs + DOUBT)).clamp(0.0, 0.95)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use mdht_krpc::Rng;

    fn ip(network: usize, host: usize) -> IpAddr {
        IpAddr::from([20 + (network / 256) as u8, network as u8, 0, host as u8])
    }

    /// Round-trip times between 1 ms and e^4 ms: of the network's draw, or of
    /// the host's own.
    fn learn(by_network: bool) -> NetworkRtt {
        let mut rng = Rng::from_u64(1);
        let mut rtts = NetworkRtt::default();
        for network in 0..1000 {
            let common = rng.unit();
            for host in 0..4 {
                let draw = if by_network { common } else { rng.unit() };
                let rtt = Duration::from_secs_f64(1e-3 * (4.0 * draw).exp());
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
        let (near, any) = (rtts.forecast(ip(2000, 9)), rtts.typical());
        assert!(near.within(1.0) < any.within(-1.0), "{near:?} {any:?}");
        assert_eq!(rtts.forecast(ip(3000, 1)), any);
    }

    #[test]
    fn where_networks_mean_nothing_the_forecast_is_that_of_all() {
        let rtts = learn(false);
        let (near, any) = (rtts.forecast(ip(2000, 9)), rtts.typical());
        assert!((near.mean - any.mean).abs() < 0.4, "{near:?} {any:?}");
    }
}
