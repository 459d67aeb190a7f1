//! Rate limiting per key: GCRA (ITU-T I.371, "leaky bucket") in a table of fixed size.
//!
//! Per key one instant is kept, its theoretical arrival time (TAT): the time at which all that it
//! has taken is available again. A take moves the TAT on by one interval, unless that would carry
//! it further than a whole burst from now. A key whose TAT has passed has its whole burst, like one
//! never seen: its entry is free for any other.
//!
//! The table is set-associative: the hash of a key, seeded at random, selects a group of a few
//! entries, of which the key has one, recognised by a tag (some bits of the hash). When all entries
//! of a group are in use, none is evicted and no key is refused: the key shares an entry, and the
//! two share one rate. So a crowd of addresses cannot make the table forget what anyone took, and
//! can only slow others down by keeping the entries in use, which takes the whole rate of as many
//! addresses as there are entries. A key that finds an entry of its own again after sharing one may
//! have had two bursts, never more. Where an entry grants something instead (`holds`), a key that
//! finds none of its own gets nothing.
//!
//! Groups are striped over several locks (`striped`), each held for a look at one group. Does not
//! read the clock, allocate, or hold anything that must be given back: time does that.

use std::hash::Hash;
use std::time::{Duration, Instant};

use super::striped::{STRIPES, Striped};

/// Entries of a group: a cache line.
const WAYS: usize = 8;

/// Unit of time. With [`TAT_BITS`] it lasts for 13 years after the table was made; later there is
/// no limit.
const TICK: Duration = Duration::from_micros(100);

/// Bits of the TAT in an entry; the tag has the others.
const TAT_BITS: u32 = 42;
const TAT_MASK: u64 = (1 << TAT_BITS) - 1;

/// Burst, and the interval after which one more is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    burst: u64,
    /// In ticks, at least one.
    interval: u64,
}

impl Rate {
    /// Allows `burst` at once (at least one), and one more every `interval`, which is rounded up to
    /// 0.1 ms.
    pub fn new(burst: u32, interval: Duration) -> Self {
        Self {
            burst: u64::from(burst).max(1),
            interval: ticks(interval).max(1),
        }
    }

    /// Allows `count` at once, and as many in each `period` after, one by one.
    pub fn per(count: u32, period: Duration) -> Self {
        Self::new(count, period / count.max(1))
    }

    /// Largest distance of a TAT from now.
    fn reach(self) -> u64 {
        self.burst.saturating_mul(self.interval).min(TAT_MASK)
    }

    /// Returns the TAT after `count` more; the error is the wait until they are available, in
    /// ticks.
    fn advance(self, tat: u64, now: u64, count: u32) -> Result<u64, u64> {
        let next = tat.max(now) + u64::from(count).saturating_mul(self.interval);
        match next.checked_sub(now + self.reach()) {
            None | Some(0) => Ok(next),
            Some(wait) => Err(wait),
        }
    }
}

/// Converts to ticks, rounded up.
fn ticks(duration: Duration) -> u64 {
    let ticks = duration.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(ticks).unwrap_or(TAT_MASK).min(TAT_MASK)
}

fn duration(ticks: u64) -> Duration {
    TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// Receipt of one [`RateTable::take`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "it may be given back"]
pub struct Token {
    hash: u64,
    way: usize,
    /// Entry as it was after the take: the key's own, or the shared one.
    entry: Entry,
}

/// Tag of a key, never zero once taken, and its TAT in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Entry(u64);

impl Entry {
    fn new(tag: u64, tat: u64) -> Self {
        Self(tag << TAT_BITS | tat.min(TAT_MASK))
    }

    fn tag(self) -> u64 {
        self.0 >> TAT_BITS
    }

    fn tat(self) -> u64 {
        self.0 & TAT_MASK
    }

    /// Returns whether it is the key's own, not one that the key would share.
    fn is_of(self, hash: u64) -> bool {
        self.tag() == tag(hash)
    }

    /// Converts what was taken at the rate `from`: as many takes at `to`, but no more than a burst
    /// if that makes the wait longer.
    fn convert(self, from: Rate, to: Rate, now: u64) -> Self {
        let wait = self.tat().saturating_sub(now);
        if from == to || wait == 0 {
            return self;
        }
        let wide = u128::from(wait) * u128::from(to.interval);
        let converted = wide.div_ceil(from.interval.into());
        let most = wait.max(to.reach());
        let converted = u64::try_from(converted).map_or(most, |ticks| ticks.min(most));
        Self::new(self.tag(), now + converted)
    }
}

#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Group([Entry; WAYS]);

impl Group {
    /// Finds the entry of a key: its own; else a free one, as empty; else the one to share.
    fn find(&self, hash: u64, now: u64) -> (usize, Entry) {
        let ways = || self.0.iter().copied().enumerate();
        if let Some(own) = ways().find(|(_, entry)| entry.is_of(hash)) {
            return own;
        }
        if let Some((way, _)) = ways().find(|(_, entry)| entry.tat() <= now) {
            return (way, Entry::new(tag(hash), 0));
        }
        let shared = (hash >> 36) as usize % WAYS;
        (shared, self.0.get(shared).copied().unwrap_or_default())
    }

    fn set(&mut self, way: usize, entry: Entry) {
        if let Some(slot) = self.0.get_mut(way) {
            *slot = entry;
        }
    }
}

/// Part of the table behind one lock.
struct Stripe {
    /// Rate of the last take or check, which all entries are of.
    rate: Option<Rate>,
    groups: Box<[Group]>,
}

impl Stripe {
    #[allow(clippy::indexing_slicing, reason = "taken modulo the length")]
    fn group(&mut self, hash: u64) -> &mut Group {
        // Bits above those that select the stripe.
        let index = ((hash >> 4) as u32 as usize) % self.groups.len();
        &mut self.groups[index]
    }

    /// Converts what was taken at another rate. After a reload two rates may alternate: attempts
    /// that began before it are charged at theirs.
    fn adopt(&mut self, rate: Rate, now: u64) {
        let known = self.rate.replace(rate).unwrap_or(rate);
        if known == rate {
            return;
        }
        for entry in self.groups.iter_mut().flat_map(|group| &mut group.0) {
            *entry = entry.convert(known, rate, now);
        }
    }
}

/// Keys that have taken something lately; shared by the shards.
pub struct RateTable {
    stripes: Striped<Stripe>,
    /// Before the first `now`, so that a TAT of zero is in the past.
    epoch: Instant,
}

impl RateTable {
    /// An empty table of at least `entries` keys, 8 bytes each. `epoch` is any time before its
    /// first use.
    pub fn new(entries: usize, epoch: Instant) -> Self {
        let groups = entries.div_ceil(WAYS).max(1);
        let stripes = groups.min(STRIPES);
        let stripe = || Stripe {
            rate: None,
            groups: vec![Group::default(); groups.div_ceil(stripes)].into(),
        };
        Self {
            stripes: Striped::new(stripes, stripe),
            epoch,
        }
    }

    /// Takes one for `key` at `rate`. All keys share one rate; a take at another one counts as one.
    ///
    /// # Errors
    /// The wait until one is available; nothing is taken then.
    pub fn take<K: Hash>(&self, key: K, rate: Rate, now: Instant) -> Result<Token, Duration> {
        self.update(key, rate, now, |tat, _, now| rate.advance(tat, now, 1))
    }

    /// Takes `count` for `key`, available or not: the rest becomes a debt, which time reduces. The
    /// debt never exceeds `most`.
    pub fn charge<K: Hash>(&self, key: K, rate: Rate, count: u32, most: Duration, now: Instant) {
        let most = ticks(most);
        let _ = self.update(key, rate, now, |tat, _, now| {
            let taken = u64::from(count).saturating_mul(rate.interval);
            Ok((tat.max(now) + taken).min(now + most).max(tat))
        });
    }

    /// Takes one for `key` unless it would share an entry: for what [`RateTable::holds`] grants, of
    /// which nobody else must have a part.
    pub fn take_own<K: Hash>(&self, key: K, rate: Rate, now: Instant) {
        let _ = self.update(key, rate, now, |tat, is_own, now| match is_own {
            true => Ok(tat.max(now + rate.interval)),
            false => Err(0),
        });
    }

    /// Returns whether `key` has an entry of its own, with something taken. An entry that it shares
    /// is somebody else's.
    pub fn holds<K: Hash>(&self, key: K, now: Instant) -> bool {
        let (hash, now) = (self.stripes.hash(key), self.ticks(now));
        let mut stripe = self.stripes.lock(hash);
        let (_, found) = stripe.group(hash).find(hash, now);
        found.is_of(hash) && found.tat() > now
    }

    /// Forgets what `key` has taken, unless it shares its entry.
    pub fn forget<K: Hash>(&self, key: K) {
        let hash = self.stripes.hash(key);
        let mut stripe = self.stripes.lock(hash);
        let group = stripe.group(hash);
        let (way, entry) = group.find(hash, 0);
        if entry.is_of(hash) {
            group.set(way, Entry::new(entry.tag(), 0));
        }
    }

    /// Sets the TAT of the key's entry to the result of `next`, which takes the TAT, whether the
    /// entry is the key's own, and the time, in ticks. If that is a wait, nothing changes.
    fn update<K: Hash>(
        &self,
        key: K,
        rate: Rate,
        now: Instant,
        next: impl FnOnce(u64, bool, u64) -> Result<u64, u64>,
    ) -> Result<Token, Duration> {
        let (hash, now) = (self.stripes.hash(key), self.ticks(now));
        let mut stripe = self.stripes.lock(hash);
        stripe.adopt(rate, now);
        let group = stripe.group(hash);
        let (way, found) = group.find(hash, now);
        let tat = next(found.tat(), found.is_of(hash), now).map_err(duration)?;
        let entry = Entry::new(found.tag(), tat);
        group.set(way, entry);
        Ok(Token { hash, way, entry })
    }

    /// Checks whether [`RateTable::take`] would succeed for `key`. Takes nothing.
    ///
    /// # Errors
    /// The wait until one is available.
    pub fn check<K: Hash>(&self, key: K, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.check_many(key, rate, 1, now)
    }

    /// Checks as [`RateTable::check`], for `count` at once. More than a whole burst is never
    /// available.
    ///
    /// # Errors
    /// The wait until so many are available.
    pub fn check_many<K: Hash>(
        &self,
        key: K,
        rate: Rate,
        count: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        let (hash, now) = (self.stripes.hash(key), self.ticks(now));
        let mut stripe = self.stripes.lock(hash);
        // A wait at this rate passes only if the entry is of this rate.
        stripe.adopt(rate, now);
        let (_, found) = stripe.group(hash).find(hash, now);
        let next = rate.advance(found.tat(), now, count);
        next.map(|_| ()).map_err(duration)
    }

    /// Gives one back. What time has given back already is not given back twice.
    pub fn give_back(&self, token: Token, now: Instant) {
        if token.entry.tat() <= self.ticks(now) {
            return;
        }
        let mut stripe = self.stripes.lock(token.hash);
        let interval = stripe.rate.map_or(0, |rate| rate.interval);
        let group = stripe.group(token.hash);
        let entry = group.0.get(token.way).copied().unwrap_or_default();
        // Another key has the entry by now if all that was taken has passed.
        if entry.tag() == token.entry.tag() {
            let tat = entry.tat().saturating_sub(interval);
            group.set(token.way, Entry::new(entry.tag(), tat));
        }
    }

    fn ticks(&self, now: Instant) -> u64 {
        // One on, so that a TAT of zero is before any now.
        ticks(now.saturating_duration_since(self.epoch)) + 1
    }
}

/// Tag of a key: the highest bits of its hash, and never that of an unused entry.
fn tag(hash: u64) -> u64 {
    hash >> TAT_BITS | 1
}
