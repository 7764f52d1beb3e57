//! Which cases a seeded sample takes, and which shard a case belongs to: by hash of the case's id alone, so that
//! the answer is the same on every machine, whatever the order of the cases.

use crate::domain::CaseId;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// Takes `size` of the cases and returns their positions in ascending order; all of them when there are no more.
///
/// Each case draws a hash of `seed` and its id, and the smallest hashes win: the order of the cases does not
/// matter, and a case that is added displaces at most one other of its stratum. Strata keep their shares by largest
/// remainder (Hamilton), equal remainders going to the stratum that sorts first; cases without a stratum are one
/// of their own. A stratum may be too small to get a place.
pub fn sample(cases: &[(CaseId, Option<String>)], size: usize, seed: u64) -> Vec<usize> {
    let mut strata: BTreeMap<Option<&str>, Vec<(u64, usize)>> = BTreeMap::new();
    for (index, (id, stratum)) in cases.iter().enumerate() {
        strata.entry(stratum.as_deref()).or_default().push((draw("sample", seed, id), index));
    }
    let sizes: Vec<usize> = strata.values().map(Vec::len).collect();
    let mut taken = Vec::with_capacity(size.min(cases.len()));
    for (members, places) in strata.values_mut().zip(allocate(&sizes, size)) {
        // Two equal draws are two rows of one id, or one chance in 2^64.
        members.sort_unstable();
        taken.extend(members.iter().take(places).map(|(_, index)| *index));
    }
    taken.sort_unstable();
    taken
}

/// Places per stratum: the whole part of its quota, and one more for the largest remainders.
fn allocate(sizes: &[usize], size: usize) -> Vec<usize> {
    let total: usize = sizes.iter().sum();
    if size >= total {
        return sizes.to_vec();
    }
    // In u128 no product of two sizes overflows; a quota is at most the stratum's own size.
    let quota = |own: usize| size as u128 * own as u128;
    let whole = |own: usize| usize::try_from(quota(own) / total as u128).unwrap_or(own);
    let mut places: Vec<usize> = sizes.iter().map(|own| whole(*own)).collect();
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by_key(|index| std::cmp::Reverse(quota(sizes[*index]) % total as u128));
    let left = size - places.iter().sum::<usize>();
    for index in by_remainder.into_iter().take(left) {
        places[index] += 1;
    }
    places
}

/// A position in a seeded shuffle: sorting ids by it is the same on every machine.
pub fn shuffle_key(seed: u64, id: &CaseId) -> u64 {
    draw("shuffle", seed, id)
}

/// Whether a case belongs to shard `k` of `n`, counted from 1. Every case belongs to exactly one; none to a shard
/// that does not exist.
pub fn in_shard(id: &CaseId, k: u32, n: u32) -> bool {
    n > 0 && draw("shard", 0, id) % u64::from(n) + 1 == u64::from(k)
}

/// The first 64 bits of SHA-256 over the purpose, the seed and the id.
fn draw(purpose: &str, seed: u64, id: &CaseId) -> u64 {
    let mut hash = Sha256::new();
    hash.update(purpose.as_bytes());
    hash.update([0]);
    hash.update(seed.to_be_bytes());
    hash.update(id.as_str().as_bytes());
    hash.finalize().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// One of several equal parts of a suite, written `K/N` and counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    k: u32,
    n: u32,
}

impl Shard {
    /// Shard `k` of `n`; `None` unless 1 ≤ k ≤ n.
    pub fn new(k: u32, n: u32) -> Option<Self> {
        (1 <= k && k <= n).then_some(Self { k, n })
    }

    /// Which one, from 1.
    pub fn k(self) -> u32 {
        self.k
    }

    /// Of how many.
    pub fn n(self) -> u32 {
        self.n
    }

    /// Whether the case belongs to it.
    pub fn holds(self, id: &CaseId) -> bool {
        in_shard(id, self.k, self.n)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.k, self.n)
    }
}

/// Why a text is not a shard.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a shard: expected K/N with K from 1 to N, for example 1/4, not {text:?}")]
pub struct NotAShard {
    text: String,
}

impl std::str::FromStr for Shard {
    type Err = NotAShard;

    fn from_str(text: &str) -> Result<Self, NotAShard> {
        let number =
            |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        text.split_once('/')
            .and_then(|(k, n)| Self::new(number(k)?, number(n)?))
            .ok_or_else(|| NotAShard { text: text.to_owned() })
    }
}

impl serde::Serialize for Shard {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Shard {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn cases(n: usize) -> Vec<(CaseId, Option<String>)> {
        let stratum = |index: usize| match index % 10 {
            0 => None,
            1..=3 => Some("refunds".to_owned()),
            _ => Some("shipping".to_owned()),
        };
        (0..n).map(|index| (CaseId::new(format!("case-{index}")), stratum(index))).collect()
    }

    fn ids(cases: &[(CaseId, Option<String>)], taken: &[usize]) -> BTreeSet<String> {
        taken.iter().map(|index| cases[*index].0.to_string()).collect()
    }

    #[test]
    fn the_same_seed_takes_the_same_cases_everywhere_and_in_any_order() {
        let forwards = cases(100);
        let mut backwards = forwards.clone();
        backwards.reverse();
        let taken = sample(&forwards, 20, 7);
        assert_eq!(ids(&forwards, &taken), ids(&backwards, &sample(&backwards, 20, 7)));
        assert_ne!(taken, sample(&forwards, 20, 8));
        assert!(taken.is_sorted());
        // Pinned: were these to change, every sampled suite would silently test other cases.
        assert_eq!(sample(&cases(12), 4, 42), [0, 3, 5, 7]);
    }

    #[test]
    fn strata_keep_their_shares() {
        let all = cases(100);
        let taken = sample(&all, 20, 1);
        let of = |stratum: Option<&str>| taken.iter().filter(|i| all[**i].1.as_deref() == stratum).count();
        assert_eq!((of(None), of(Some("refunds")), of(Some("shipping"))), (2, 6, 12));
        assert_eq!(allocate(&[1, 1, 1], 2), [1, 1, 0]);
        assert_eq!(allocate(&[5, 3, 2], 7), [4, 2, 1]);
        assert_eq!(allocate(&[5, 3], 9), [5, 3]);
        assert_eq!(allocate(&[usize::MAX / 2, 2], 3), [3, 0]);
    }

    #[test]
    fn a_case_that_is_added_displaces_at_most_one() {
        let mut all: Vec<(CaseId, Option<String>)> =
            cases(60).into_iter().map(|(id, _)| (id, None)).collect();
        for added in 0..20 {
            let before = ids(&all, &sample(&all, 15, 3));
            all.insert(added, (CaseId::new(format!("new-{added}")), None));
            let after = ids(&all, &sample(&all, 15, 3));
            assert!(before.difference(&after).count() <= 1);
        }
    }

    #[test]
    fn the_ends_hold() {
        assert!(sample(&[], 5, 1).is_empty());
        assert!(sample(&cases(5), 0, 1).is_empty());
        assert_eq!(sample(&cases(3), 9, 1), [0, 1, 2]);
    }

    #[test]
    fn every_case_is_in_exactly_one_shard_and_shards_are_about_equal() {
        let all = cases(4_000);
        let mut sizes = [0usize; 4];
        for (id, _) in &all {
            let held: Vec<u32> = (1..=4).filter(|k| in_shard(id, *k, 4)).collect();
            let [k] = held[..] else { panic!("{id} is in {held:?}") };
            sizes[k as usize - 1] += 1;
        }
        assert!(sizes.iter().all(|size| (900..1_100).contains(size)), "{sizes:?}");
        assert!(!in_shard(&all[0].0, 0, 4) && !in_shard(&all[0].0, 1, 0));
    }

    #[test]
    fn a_shard_reads_as_written_and_nothing_else_is_one() {
        let shard: Shard = "2/4".parse().expect("a shard");
        assert_eq!((shard.k(), shard.n(), shard.to_string().as_str()), (2, 4, "2/4"));
        for bad in ["", "2", "0/4", "5/4", "1/0", "-1/2", "+1/2", "1/2/3", "a/b", "1 / 2", "1/99999999999"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
