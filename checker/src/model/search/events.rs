//! The invocations and returns that are not yet linearized, as a doubly linked list in time.
//!
//! Linearizing a call takes its two events out, undoing puts them back, both in O(1) (Lowe 2017). Only
//! what stands before the first return in the list may come next, so a look at it costs the number of
//! calls in flight, whatever the history's length.

use super::super::spec::Call;

/// One past the last event, and one before the first: the list is a ring through this entry.
const RING: usize = 0;

#[derive(Debug, Clone, Copy)]
struct Entry {
    previous: u32,
    next: u32,
    /// The call, doubled; plus one for its return.
    event: u32,
}

/// Calls known to have happened, by number in order of invocation.
#[derive(Debug)]
pub struct Events {
    entries: Vec<Entry>,
    invocation: Vec<u32>,
    ret: Vec<u32>,
}

impl Events {
    /// The events of these calls, which all return. At one instant, invocations come before returns:
    /// what touches is concurrent.
    pub fn new<'c, A: 'c>(calls: impl Iterator<Item = &'c Call<A>>) -> Events {
        let mut times: Vec<(u64, u32)> = Vec::new();
        for (i, call) in (0_u32..).zip(calls) {
            times.push((call.invoked << 1, i << 1));
            times.push((call.returned << 1 | 1, i << 1 | 1));
        }
        let calls = times.len() / 2;
        times.sort();
        let last = times.len() as u32;
        let mut events = Events {
            entries: vec![Entry { previous: last, next: 1.min(last), event: u32::MAX }],
            invocation: vec![0; calls],
            ret: vec![0; calls],
        };
        for (place, (_, event)) in (1_u32..).zip(times) {
            let next = if place == last { RING as u32 } else { place + 1 };
            events.entries.push(Entry { previous: place - 1, next, event });
            let places = if event & 1 == 0 { &mut events.invocation } else { &mut events.ret };
            places[event as usize >> 1] = place;
        }
        events
    }

    /// How many calls there are.
    pub fn calls(&self) -> usize {
        self.ret.len()
    }

    /// The calls that may be linearized next, by invocation, and the one of them that returns first.
    /// Without a call left, `None`.
    pub fn enabled(&self) -> Option<Enabled<'_>> {
        (self.entries[RING].next != RING as u32)
            .then_some(Enabled { events: self, at: self.entries[RING].next as usize })
    }

    /// The place of a call's return among all events.
    pub fn return_place(&self, call: u32) -> u32 {
        self.ret[call as usize]
    }

    /// The place of a call's invocation among all events.
    pub fn invocation_place(&self, call: u32) -> u32 {
        self.invocation[call as usize]
    }

    /// Takes a call out.
    pub fn lift(&mut self, call: u32) {
        self.take(self.invocation[call as usize] as usize);
        self.take(self.ret[call as usize] as usize);
    }

    /// Puts the call that was lifted last back.
    pub fn unlift(&mut self, call: u32) {
        self.put(self.ret[call as usize] as usize);
        self.put(self.invocation[call as usize] as usize);
    }

    fn take(&mut self, place: usize) {
        let Entry { previous, next, .. } = self.entries[place];
        self.entries[previous as usize].next = next;
        self.entries[next as usize].previous = previous;
    }

    fn put(&mut self, place: usize) {
        let Entry { previous, next, .. } = self.entries[place];
        self.entries[previous as usize].next = place as u32;
        self.entries[next as usize].previous = place as u32;
    }
}

/// Walks the calls that may come next.
#[derive(Debug, Clone)]
pub struct Enabled<'e> {
    events: &'e Events,
    at: usize,
}

impl Enabled<'_> {
    /// The call that returns first; after the walk has ended.
    pub fn first_to_return(&self) -> u32 {
        self.events.entries[self.at].event >> 1
    }
}

impl Iterator for Enabled<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let entry = self.events.entries[self.at];
        if entry.event & 1 == 1 {
            return None;
        }
        self.at = entry.next as usize;
        Some(entry.event >> 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enabled(events: &Events) -> Vec<u32> {
        events.enabled().map(Iterator::collect).unwrap_or_default()
    }

    #[test]
    fn what_precedes_the_first_return_is_enabled() {
        let call = |invoked, returned| Call { invoked, returned, act: (), op: 0 };
        // 0 and 1 overlap, 2 begins as 1 returns, 3 afterwards.
        let calls = [call(1, 4), call(2, 3), call(3, 9), call(5, 6)];
        let mut events = Events::new(calls.iter());
        assert_eq!(enabled(&events), [0, 1, 2]);
        events.lift(1);
        assert_eq!(enabled(&events), [0, 2]);
        events.lift(0);
        assert_eq!(enabled(&events), [2, 3]);
        events.lift(3);
        events.lift(2);
        assert!(events.enabled().is_none());
        for call in [2, 3, 0, 1] {
            events.unlift(call);
        }
        assert_eq!(enabled(&events), [0, 1, 2]);
        let mut walk = events.enabled().unwrap();
        while walk.next().is_some() {}
        assert_eq!(walk.first_to_return(), 1);
    }
}
