//! Which node a key belongs to: consistent hashing, the same in every process.

use super::snapshot::Candidate;
use std::sync::Arc;

/// How many points a node has on the ring: shares of keys then differ by an eighth or so.
const POINTS: u64 = 64;

/// The points of all nodes, in order, each with the place of its node among the candidates.
#[derive(Debug)]
pub(super) struct Ring(Box<[(u64, u32)]>);

impl Ring {
    pub(super) fn new(candidates: &[Arc<Candidate>]) -> Self {
        let points = (0..).zip(candidates).flat_map(|(place, candidate)| {
            let node = hash(&candidate.node.id);
            (0..POINTS)
                .map(move |number| (mixed(node.wrapping_add(number.wrapping_mul(STEP))), place))
        });
        let mut points: Box<[_]> = points.collect();
        points.sort_unstable();
        Self(points)
    }

    /// The places of nodes from the one that `key` belongs to on; a place comes up once for each of its points.
    pub(super) fn walk(&self, key: &str) -> impl Iterator<Item = usize> {
        let key = mixed(hash(key));
        let (before, after) = self
            .0
            .split_at(self.0.partition_point(|(point, _)| *point < key));
        after.iter().chain(before).map(|(_, place)| *place as usize)
    }
}

/// FNV-1a, 64 bits.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The increment of `SplitMix64`, and its last step, which spreads what FNV leaves close together.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
