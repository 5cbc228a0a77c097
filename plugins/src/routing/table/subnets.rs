//! How many contacts of one subnet a table and a bucket hold.

use std::net::IpAddr;

use super::{Claim, Entry, Table};
use crate::Parameters;
use crate::subnet::Subnet;

/// Most contacts of one /24 or IPv6 /64; 0 is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PerSubnet {
    pub(crate) table: usize,
    pub(crate) bucket: usize,
}

impl PerSubnet {
    /// As the module's parameters say.
    pub(crate) fn new(parameters: &Parameters) -> Self {
        Self {
            table: parameters.integer("per_subnet"),
            bucket: parameters.integer("per_subnet_bucket"),
        }
    }
}

impl Table {
    /// Whether one more contact of this address's subnet may be in the table
    /// and in the bucket.
    pub(crate) fn subnet_may_enter(&self, ip: IpAddr, bucket: usize) -> bool {
        self.subnet_is_below_limit(ip, bucket, |_| false)
    }

    /// Whether one more of them may be there or wait. Replacements do not
    /// count, as with [`Table::ip_may_wait`].
    pub(crate) fn subnet_may_wait(&self, ip: IpAddr, bucket: usize) -> bool {
        self.subnet_is_below_limit(ip, bucket, |waiting| waiting.claim != Claim::Replacement)
    }

    fn subnet_is_below_limit(
        &self,
        ip: IpAddr,
        bucket: usize,
        counts: impl Fn(&Entry) -> bool,
    ) -> bool {
        let PerSubnet {
            table: most,
            bucket: most_in_bucket,
        } = self.shape.per_subnet;
        if most == 0 && most_in_bucket == 0 {
            return true;
        }
        let Some(subnet) = Subnet::of(ip) else {
            return true;
        };
        let is_of_it = |entry: &&Entry| Subnet::of(entry.ip()) == Some(subnet);
        let (mut all, mut in_bucket) = (0, 0);
        for (index, lists) in self.buckets.iter().enumerate() {
            let waiting = lists.waiting.iter().filter(|entry| counts(entry));
            let held = lists.main.iter().chain(waiting).filter(is_of_it).count();
            all += held;
            in_bucket += if index == bucket { held } else { 0 };
        }
        let below = |held, most| most == 0 || held < most;
        below(all, most) && below(in_bucket, most_in_bucket)
    }
}
