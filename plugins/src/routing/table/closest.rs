//! The entries of a table that are closest to a target.

use mdht_krpc::Id;

use super::{Bucket, Entry, List, Table};
use crate::routing::Candidate;
use crate::routing::nearest::{FEW, Nearest, head, places};

impl Table {
    /// Puts the entries for which `include` holds and that are closest to
    /// `target` into `out`, closest first.
    ///
    /// Whole buckets are closer or farther than others. Where target and own
    /// ID differ in bit `i`, bucket `i` is closer to the target than all
    /// deeper ones; where they agree, it is farther. So buckets of the first
    /// kind are visited downwards, then the others on the way back.
    pub(crate) fn closest(
        &self,
        target: &Id,
        count: usize,
        include: impl Fn(List, &Entry) -> bool,
        out: &mut Vec<Candidate>,
    ) {
        out.clear();
        let differs = |bucket: &usize| {
            let byte = target.as_bytes()[bucket / 8] ^ self.own_id.as_bytes()[bucket / 8];
            byte & (0x80 >> (bucket % 8)) != 0
        };
        let down = (0..self.buckets.len()).filter(differs);
        let back = (0..self.buckets.len()).rev().filter(|b| !differs(b));
        let (mut few, mut many) = ([None; FEW], Vec::new());
        for index in down.chain(back) {
            if out.len() >= count {
                break;
            }
            let bucket = &self.buckets[index];
            let wanted = (count - out.len()).min(bucket.main.len() + bucket.waiting.len());
            if wanted == 0 {
                continue;
            }
            let places = places(&mut few, &mut many, wanted);
            let likely = self.likely_within(index, target, wanted);
            let mut nearest = Nearest::new(target, &mut *places, likely);
            offer(bucket, &include, &mut nearest);
            if !nearest.is_full() && likely < u64::MAX {
                nearest = Nearest::new(target, places, u64::MAX);
                offer(bucket, &include, &mut nearest);
            }
            for entry in nearest.held() {
                out.push(entry.candidate());
            }
        }
    }

    /// Within which distance of the target so many of the bucket's contacts are
    /// likely to be, with some to spare. Were all of a long list ranked, the
    /// first to come would nearly all be pushed out again.
    fn likely_within(&self, bucket: usize, target: &Id, wanted: usize) -> u64 {
        let parts = self.buckets[bucket].main.len() / (2 * wanted);
        if parts < 2 || bucket >= 63 {
            return u64::MAX;
        }
        let spread = u64::MAX >> (bucket + 1);
        // the bits that all contacts of the bucket have in common
        let prefix = head(&self.own_id) ^ (1 << (63 - bucket));
        let nearest = (prefix ^ head(target)) & !spread;
        nearest + spread / parts as u64
    }
}

fn offer<'a>(
    bucket: &'a Bucket,
    include: &impl Fn(List, &Entry) -> bool,
    nearest: &mut Nearest<'_, 'a, Entry>,
) {
    for entry in &bucket.main {
        nearest.offer(entry, || include(List::Main, entry));
    }
    // seldom wanted at all, and that is told without looking at them
    for entry in &bucket.waiting {
        if include(List::Waiting, entry) {
            nearest.offer(entry, || true);
        }
    }
}
