//! How often a client may try: GCRA (ITU-T I.371, "leaky bucket") in a table of fixed size.
//!
//! Per key one instant is kept, its theoretical arrival time (TAT): when all that it has taken is
//! regenerated. One is taken by moving the TAT an interval on, unless that would carry it further
//! than a whole burst from now. A key whose TAT has passed has all of its burst, as has one never
//! seen: its slot is free for any other.
//!
//! A slot is one atomic word of TAT and tag (a few bits of the key's hash, which is seeded at
//! random: nobody outside can aim). A key has its slot among the few of its group, one cache line.
//! When all of a group are in use, nothing is forgotten and nobody is locked out: the key then
//! shares the slot its hash points to, and two have one allowance. So a crowd of addresses cannot
//! make the table forget what anyone took, and can only slow others down by keeping the slots
//! full, which takes the whole rate of as many addresses as there are slots. A key that finds a
//! slot of its own again after that may have had two bursts, never more.
//!
//! Does NOT ask the time, does NOT wait, does NOT hold anything: time gives back what was taken.

use std::hash::{BuildHasher, Hash};
use std::time::{Duration, Instant};

use super::sync::{AtomicU64, KeyHasher, Ordering, fence};

/// Slots of a group: a cache line. The model checker gets by with fewer.
const WAYS: usize = if cfg!(loom) { 2 } else { 8 };

/// The unit of time. With [`TAT_BITS`] it lasts 13 years from the table's making; whoever comes
/// later is not limited.
const TICK: Duration = Duration::from_micros(100);

/// Word layout: tag, then whether the slot is only claimed, then the TAT in ticks (in a claim, a
/// number that no other claim has).
const TAT_BITS: u32 = 42;
const TAT_MASK: u64 = (1 << TAT_BITS) - 1;
const CLAIM: u64 = 1 << TAT_BITS;
const TAG_SHIFT: u32 = TAT_BITS + 1;

/// Rounds of a race for one slot. Each lost one means that another thread got on, so a key that
/// loses them all is being hammered, and is refused.
const ROUNDS: usize = 64;

fn tat_of(word: u64) -> u64 {
    word & TAT_MASK
}

fn tag_of(word: u64) -> u64 {
    word >> TAG_SHIFT
}

fn is_claim(word: u64) -> bool {
    word & CLAIM != 0
}

fn pack(tag: u64, tat: u64) -> u64 {
    tag << TAG_SHIFT | tat.min(TAT_MASK)
}

/// So many at once, and one more after each interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    burst: u64,
    /// In ticks, at least one.
    interval: u64,
}

impl Rate {
    /// `burst` at once (at least one), and one more every `interval`, which is rounded up to
    /// 0.1 ms.
    pub fn new(burst: u32, interval: Duration) -> Self {
        Self {
            burst: u64::from(burst).max(1),
            interval: ticks(interval).max(1),
        }
    }

    /// `count` at once, and as many in each `period` after, one by one.
    pub fn per(count: u32, period: Duration) -> Self {
        Self::new(count, period / count.max(1))
    }

    /// How far ahead of now a TAT may be.
    fn reach(self) -> u64 {
        self.burst.saturating_mul(self.interval).min(TAT_MASK)
    }

    /// As one word, never zero; exact for any burst below four million.
    fn word(self) -> u64 {
        const BURST_BITS: u32 = u64::BITS - TAT_BITS;
        self.interval << BURST_BITS | self.burst & ((1 << BURST_BITS) - 1)
    }

    /// The TAT after `count` more; the error is how long they must wait, in ticks.
    fn advance(self, tat: u64, now: u64, count: u32) -> Result<u64, u64> {
        let next = tat.max(now) + u64::from(count).saturating_mul(self.interval);
        match next.checked_sub(now + self.reach()) {
            None | Some(0) => Ok(next),
            Some(wait) => Err(wait),
        }
    }
}

/// In ticks, rounded up.
fn ticks(duration: Duration) -> u64 {
    let ticks = duration.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(ticks).unwrap_or(TAT_MASK).min(TAT_MASK)
}

fn duration(ticks: u64) -> Duration {
    TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// What one [`RateTable::take`] took.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "it may be given back"]
pub struct Token {
    group: usize,
    way: usize,
    /// Whose the slot is: the key's, or that of the one it shares with.
    tag: u64,
    tat: u64,
    interval: u64,
}

/// Where a key belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seat {
    group: usize,
    /// The slot to share when the group is full.
    home: usize,
    /// Never zero, so that an unused word is nobody's.
    tag: u64,
}

#[derive(Default)]
#[repr(align(64))]
struct Group([AtomicU64; WAYS]);

/// What a look at a group found for a key: a slot, and the word that was in it.
enum Found {
    Own(usize, u64),
    /// Somebody is about to make it this key's.
    Claimed(usize, u64),
    Free(usize, u64),
    /// None; the slot is the one to share.
    Full(usize, u64),
}

/// The keys that have taken something lately; shared by the shards, without a lock.
pub struct RateTable {
    groups: Box<[Group]>,
    hasher: KeyHasher,
    /// Before the first `now`, so that a TAT of zero is in the past.
    epoch: Instant,
    claims: AtomicU64,
    /// The rate of the last take, as [`Rate::word`]; 0 before the first.
    rate: AtomicU64,
}

impl RateTable {
    /// An empty table of at least `slots` keys, 8 bytes each. `epoch` is any time before its
    /// first use.
    pub fn new(slots: usize, epoch: Instant) -> Self {
        let groups = slots.div_ceil(WAYS).max(1);
        Self {
            groups: (0..groups).map(|_| Group::default()).collect(),
            hasher: KeyHasher::default(),
            epoch,
            claims: AtomicU64::new(0),
            rate: AtomicU64::new(0),
        }
    }

    /// Takes one for `key` at `rate`. All keys share one rate; with a new one all start afresh.
    ///
    /// # Errors
    /// How long until one is there; nothing is taken then.
    pub fn take<K: Hash>(&self, key: K, rate: Rate, now: Instant) -> Result<Token, Duration> {
        self.update(key, rate, now, |tat, now| rate.advance(tat, now, 1))
    }

    /// Takes `count` for `key`, whether they are there or not: what is not becomes a debt, which
    /// time pays like the rest. It is never more than `most` until all is paid. Lost if other
    /// threads keep changing the slot.
    pub fn charge<K: Hash>(&self, key: K, rate: Rate, count: u32, most: Duration, now: Instant) {
        let most = ticks(most);
        let _ = self.update(key, rate, now, |tat, now| {
            let taken = u64::from(count).saturating_mul(rate.interval);
            Ok((tat.max(now) + taken).min(now + most).max(tat))
        });
    }

    /// Forgets what `key` has taken, unless it shares its slot.
    pub fn forget<K: Hash>(&self, key: K) {
        let seat = self.seat(key);
        let group = self.group(seat.group);
        // Nothing is free before the first instant, so that it finds none but its own.
        if let Found::Own(way, word) = group.look(seat, 0) {
            group.swap(way, word, pack(seat.tag, 0));
        }
    }

    fn update<K: Hash>(
        &self,
        key: K,
        rate: Rate,
        now: Instant,
        next: impl Fn(u64, u64) -> Result<u64, u64>,
    ) -> Result<Token, Duration> {
        self.adopt(rate);
        let (seat, now) = (self.seat(key), self.ticks(now));
        let group = self.group(seat.group);
        for _ in 0..ROUNDS {
            let own = |way, word| {
                let word_now = pack(tag_of(word), next(tat_of(word), now)?);
                Ok(group.swap(way, word, word_now).then_some((way, word_now)))
            };
            let done = match group.look(seat, now) {
                Found::Own(way, word) => own(way, word),
                Found::Claimed(way, word) => {
                    // Its thread may not run for a while; it will see, and try again.
                    group.swap(way, word, 0);
                    continue;
                }
                Found::Free(way, word) => next(0, now).map(|tat| {
                    let taken = pack(seat.tag, tat);
                    self.claim(group, seat, (way, word), taken)
                        .then_some((way, taken))
                }),
                Found::Full(_, word) if is_claim(word) => continue,
                Found::Full(way, word) => own(way, word),
            };
            if let Some((way, word)) = done.map_err(duration)? {
                return Ok(Token {
                    group: seat.group,
                    way,
                    tag: tag_of(word),
                    tat: tat_of(word),
                    interval: rate.interval,
                });
            }
        }
        Err(duration(rate.interval))
    }

    /// Whether [`RateTable::take`] would find one for `key`, nobody else asking. Takes nothing.
    ///
    /// # Errors
    /// How long until one is there.
    pub fn check<K: Hash>(&self, key: K, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.check_many(key, rate, 1, now)
    }

    /// As [`RateTable::check`], for `count` at once. More than a whole burst is never there.
    ///
    /// # Errors
    /// The time until so many are there.
    pub fn check_many<K: Hash>(
        &self,
        key: K,
        rate: Rate,
        count: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        let (seat, now) = (self.seat(key), self.ticks(now));
        let tat = match self.group(seat.group).look(seat, now) {
            Found::Own(_, word) | Found::Full(_, word) if !is_claim(word) => tat_of(word),
            _ => 0,
        };
        rate.advance(tat, now, count).map(|_| ()).map_err(duration)
    }

    /// Gives one back. One that time has given back already is not given twice.
    pub fn give_back(&self, token: Token, now: Instant) {
        let Token {
            group,
            way,
            tag,
            tat,
            interval,
        } = token;
        if tat <= self.ticks(now) {
            return;
        }
        let less = |word: u64| {
            let still = tag_of(word) == tag && !is_claim(word);
            still.then(|| pack(tag, tat_of(word).saturating_sub(interval)))
        };
        if let Some(slot) = self.group(group).0.get(way) {
            // Declined where the slot is another's by now: what was taken has passed.
            let _ = slot.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        }
    }

    /// What was taken at another rate would be read as far too much or far too little.
    fn adopt(&self, rate: Rate) {
        let (known, new) = (self.rate.load(Ordering::Acquire), rate.word());
        let changed = known != new
            && self
                .rate
                .compare_exchange(known, new, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        if changed && known != 0 {
            for slot in self.groups.iter().flat_map(|group| &group.0) {
                slot.store(0, Ordering::Release);
            }
        }
    }

    fn seat<K: Hash>(&self, key: K) -> Seat {
        let hash = self.hasher.hash_one(key);
        Seat {
            // The lower half; the tag is made of bits from the upper.
            group: (hash as u32 as usize) % self.groups.len(),
            home: (hash >> 32) as usize % WAYS,
            tag: hash >> TAG_SHIFT | 1,
        }
    }

    #[allow(clippy::indexing_slicing, reason = "taken modulo the length")]
    fn group(&self, index: usize) -> &Group {
        &self.groups[index]
    }

    fn ticks(&self, now: Instant) -> u64 {
        // One on, so that a TAT of zero is before any now.
        ticks(now.saturating_duration_since(self.epoch)) + 1
    }

    /// Makes a free slot the key's, in two steps: two threads may disagree on which slots are
    /// free, and a key must never have two. The claim is written first; the slot is taken only if
    /// no other of the group is this key's then. Of two claims, each thread that looks after the
    /// fence sees at least the earlier one; the lower slot wins.
    /// Returns whether the race was won; then `taken` is in the slot.
    fn claim(&self, group: &Group, seat: Seat, (way, word): (usize, u64), taken: u64) -> bool {
        // A number of its own, so that no thread can take another's claim for its own.
        let number = self.claims.fetch_add(1, Ordering::Relaxed) & TAT_MASK;
        let claim = pack(seat.tag, number) | CLAIM;
        if !group.swap(way, word, claim) {
            return false;
        }
        fence(Ordering::SeqCst);
        for (other_way, other) in group.0.iter().enumerate() {
            let seen = other.load(Ordering::Acquire);
            if other_way == way || tag_of(seen) != seat.tag {
                continue;
            }
            let beaten = is_claim(seen) && other_way > way && group.swap(other_way, seen, 0);
            if !beaten {
                // The key's own by now, or about to be.
                group.swap(way, claim, 0);
                return false;
            }
        }
        group.swap(way, claim, taken)
    }
}

impl Group {
    /// The key's own slot, used up or not; else the first free one.
    fn look(&self, seat: Seat, now: u64) -> Found {
        let (mut free, mut home) = (None, 0);
        for (way, slot) in self.0.iter().enumerate() {
            let word = slot.load(Ordering::Acquire);
            if way == seat.home {
                home = word;
            }
            match (tag_of(word) == seat.tag, is_claim(word)) {
                (true, false) => return Found::Own(way, word),
                (true, true) => return Found::Claimed(way, word),
                (false, true) => {}
                (false, false) if tat_of(word) <= now => free = free.or(Some((way, word))),
                (false, false) => {}
            }
        }
        match free {
            Some((way, word)) => Found::Free(way, word),
            None => Found::Full(seat.home, home),
        }
    }

    fn swap(&self, way: usize, from: u64, to: u64) -> bool {
        self.0.get(way).is_some_and(|slot| {
            slot.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        })
    }
}
