//! Latency quantiles by histogram: buckets of equal ratio, 64 to an octave, so that a quantile is at most
//! 1.6 % above the truth; the largest latency of a step is kept exactly.

use std::collections::BTreeMap;

/// Buckets to an octave, as a power of two.
const SUB_BITS: u32 = 6;
const BUCKETS: usize = ((64 - SUB_BITS as usize) + 1) << SUB_BITS;

/// The quantiles in reports.
const QUANTILES: [(&str, f64); 5] =
    [("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99), ("0.999", 0.999), ("1", 1.0)];

/// A histogram of latencies a time step. Steps without operations take no room.
#[derive(Debug, Clone, Default)]
pub(super) struct Histograms {
    steps: Vec<Option<Histogram>>,
}

#[derive(Debug, Clone)]
struct Histogram {
    /// Most steps of most runs use a few dozen neighbouring buckets.
    counts: Vec<u32>,
    /// Bucket of `counts[0]`.
    base: usize,
    n: u64,
    max: u64,
}

/// The bucket of a latency: exact below 2^SUB_BITS.
fn bucket(latency: u64) -> usize {
    let octave = (64 - latency.leading_zeros()).saturating_sub(SUB_BITS + 1);
    ((octave as usize) << SUB_BITS) + (latency >> octave) as usize
}

/// The largest latency in a bucket.
fn upper(bucket: usize) -> u64 {
    let octave = (bucket >> SUB_BITS).saturating_sub(1);
    let top = (bucket - (octave << SUB_BITS)) as u128;
    u64::try_from(((top + 1) << octave) - 1).unwrap_or(u64::MAX)
}

impl Histogram {
    fn new(bucket: usize) -> Histogram {
        Histogram { counts: vec![0], base: bucket, n: 0, max: 0 }
    }

    fn count(&mut self, bucket: usize, n: u32) {
        if bucket < self.base {
            let more = self.base - bucket;
            self.counts.splice(0..0, std::iter::repeat_n(0, more));
            self.base = bucket;
        }
        let index = bucket - self.base;
        if index >= self.counts.len() {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += n;
        self.n += u64::from(n);
    }

    fn quantile(&self, q: f64) -> u64 {
        // The smallest latency that at least this share of operations did not exceed.
        let rank = ((self.n as f64 * q).ceil() as u64).clamp(1, self.n);
        let mut below = 0;
        for (i, count) in self.counts.iter().enumerate() {
            below += u64::from(*count);
            if below >= rank {
                return if rank == self.n { self.max } else { upper(self.base + i).min(self.max) };
            }
        }
        self.max
    }
}

impl Histograms {
    pub(super) fn count(&mut self, step: usize, latency: u64) {
        debug_assert!(bucket(u64::MAX) < BUCKETS);
        let bucket = bucket(latency);
        let histogram = self.step(step, bucket);
        histogram.count(bucket, 1);
        histogram.max = histogram.max.max(latency);
    }

    fn step(&mut self, step: usize, bucket: usize) -> &mut Histogram {
        if step >= self.steps.len() {
            self.steps.resize(step + 1, None);
        }
        self.steps[step].get_or_insert_with(|| Histogram::new(bucket))
    }

    pub(super) fn merge(&mut self, other: Histograms) {
        for (step, theirs) in other.steps.into_iter().enumerate() {
            let Some(theirs) = theirs else { continue };
            let mine = self.step(step, theirs.base);
            for (i, count) in theirs.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                mine.count(theirs.base + i, *count);
            }
            mine.max = mine.max.max(theirs.max);
        }
    }

    /// Quantile to latency a step.
    pub(super) fn quantiles(&self, steps: usize) -> BTreeMap<String, Vec<Option<u64>>> {
        QUANTILES
            .iter()
            .map(|(name, q)| {
                let mut line = vec![None; steps];
                for (at, histogram) in line.iter_mut().zip(&self.steps) {
                    *at = histogram.as_ref().map(|histogram| histogram.quantile(*q));
                }
                ((*name).to_owned(), line)
            })
            .collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_they_say() {
        let mut latency = 0_u64;
        while latency < u64::MAX / 3 {
            let b = bucket(latency);
            assert!(latency <= upper(b), "{latency}");
            assert!(upper(b) as f64 <= latency as f64 * 1.016 + 1.0, "{latency} {}", upper(b));
            assert!(b == 0 || upper(b - 1) < latency, "{latency}");
            latency = latency + latency / 7 + 1;
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn quantiles_are_close_and_the_largest_exact() {
        let mut all = [Histograms::default(), Histograms::default()];
        for latency in 1..=1000_u64 {
            all[(latency % 2) as usize].count(3, latency * 1_000_003);
        }
        let [mut one, other] = all;
        one.merge(other);
        let quantiles = one.quantiles(5);
        let at = |q: &str| quantiles[q][3].expect("step 3 has a thousand") as f64 / 1_000_003.0;
        for (q, exact) in [("0.5", 500.0), ("0.95", 950.0), ("0.99", 990.0), ("0.999", 999.0)] {
            assert!(at(q) >= exact && at(q) <= exact * 1.016, "{q}: {}", at(q));
        }
        assert_eq!(quantiles["1"][3], Some(1000 * 1_000_003));
        assert_eq!(quantiles["0.5"][2], None);
    }
}
