//! The general search for a linearization (Wing & Gong 1993), with a memory of what was refuted and
//! just-in-time linearization (Lowe 2017).
//!
//! A configuration is the set of linearized calls and the state they lead to. Depth first and without
//! recursion: from each configuration, try every call that may come next, first the one whose return
//! is due first, so that a call is linearized when some return needs it. What shrinks the search:
//!
//! - A configuration is remembered as a 128-bit Zobrist hash, so it costs sixteen bytes whatever the
//!   history's length. A collision (probability n^2 / 2^129 for n configurations) could only turn a
//!   linearizable history into one that is not.
//! - A call that is read-only whatever the state, legal now, is linearized at once and never taken
//!   back: moving it to the front of any completion keeps the completion legal.
//! - Unknown calls are grouped by what they do, and only the earliest of a group is tried: swapping two
//!   equal calls of which the earlier is not used keeps any completion legal.
//! - An unknown call is undone if it changed nothing, or if the call after it would have led to the same
//!   state without it: the linearization with the fewest unknown calls contains no such call.

pub mod deepest;
pub mod events;
pub mod fair;
pub mod memo;

use rustc_hash::FxHashMap;

use self::deepest::Deepest;
use self::events::Events;
use self::memo::{Allowance, Insertion, Memo};
use super::spec::{Call, Model, mix};

/// In which order the calls that may come next are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By return: just in time. Best for registers and queues.
    Return,
    /// By invocation. Best where states only grow, as strings that are appended to.
    Invocation,
}

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// An order exists.
    Linearizable,
    /// Every order was tried.
    NotLinearizable,
    /// The steps are spent; [`Search::run`] goes on.
    Paused,
    /// The memory is.
    OutOfMemory,
}

/// Unknown calls that do the same.
#[derive(Debug)]
struct Group {
    /// Invocations, ascending.
    invoked: Vec<u64>,
    used: usize,
}

/// A way to perform the next call of a group.
#[derive(Debug)]
struct Variant<A> {
    group: u32,
    act: A,
}

/// One call on the path from the initial state.
#[derive(Debug, Clone, Copy)]
struct Step<U> {
    choice: Choice,
    undo: U,
    /// Linearized without alternative.
    forced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Known(u32),
    /// By number of the variant.
    Unknown(u32),
}

/// The search of one partition. It can be paused and goes on where it stopped.
pub struct Search<M: Model> {
    model: M,
    order: Order,
    acts: Vec<M::Act>,
    read_only: Vec<bool>,
    returned: Vec<u64>,
    events: Events,
    groups: Vec<Group>,
    variants: Vec<Variant<M::Act>>,
    state: M::State,
    /// The Zobrist hash of the set of linearized calls.
    linearized: u128,
    path: Vec<Step<M::Undo>>,
    /// Where to go on at the current configuration: `None` if it was not looked at yet.
    tried: Option<Choice>,
    memo: Memo,
    configurations: u64,
    deepest: Deepest,
}

impl<M: Model> Search<M> {
    /// A search over these calls, by invocation, with a model tuned to them.
    pub fn new(model: M, calls: &[Call<M::Act>], order: Order, allowance: Allowance) -> Search<M> {
        let known = || calls.iter().filter(|call| !call.unknown());
        let mut groups: Vec<Group> = Vec::new();
        let mut variants = Vec::new();
        let mut numbers: FxHashMap<M::Act, usize> = FxHashMap::default();
        for call in calls.iter().filter(|call| call.unknown()) {
            let number = *numbers.entry(call.act).or_insert_with(|| {
                let group = groups.len() as u32;
                variants.extend(model.variants(call.act).into_iter().map(|act| Variant { group, act }));
                groups.push(Group { invoked: Vec::new(), used: 0 });
                groups.len() - 1
            });
            groups[number].invoked.push(call.invoked);
        }
        Search {
            order,
            acts: known().map(|call| call.act).collect(),
            read_only: known().map(|call| model.read_only(call.act)).collect(),
            returned: known().map(|call| call.returned).collect(),
            events: Events::new(known()),
            groups,
            variants,
            state: model.initial(),
            linearized: 0,
            path: Vec::new(),
            tried: None,
            memo: Memo::new(allowance),
            configurations: 0,
            deepest: Deepest::default(),
            model,
        }
    }

    /// Configurations visited so far.
    pub fn configurations(&self) -> u64 {
        self.configurations
    }

    /// The configurations that got furthest; their states where [`Search::run`] was told to explain.
    pub fn deepest(&self) -> &Deepest {
        &self.deepest
    }

    /// Goes on for at most this many steps. `explain` keeps the states of the deepest configurations.
    pub fn run(&mut self, steps: u64, explain: bool) -> Progress {
        for _ in 0..steps {
            let Some(enabled) = self.events.enabled() else { return Progress::Linearizable };
            if self.tried.is_none() {
                let mut walk = enabled.clone();
                let (model, state) = (&self.model, &mut self.state);
                let read = |call: u32| {
                    let act = self.acts[call as usize];
                    let undo = if self.read_only[call as usize] { model.apply(state, act) } else { None };
                    undo.map(|undo| (call, undo))
                };
                if let Some((call, undo)) = walk.find_map(read) {
                    self.push(Choice::Known(call), undo, true);
                    continue;
                }
                let due = walk.first_to_return();
                let place = self.events.return_place(due);
                let (model, state) = (&self.model, &self.state);
                let state = explain.then(|| (model.fingerprint(state), || model.show(state)));
                self.deepest.note(place, due, state);
            }
            match self.next_choice() {
                None if !self.back() => return Progress::NotLinearizable,
                None => {}
                Some(choice) => match self.attempt(choice) {
                    Insertion::New => {}
                    Insertion::Known => self.tried = Some(choice),
                    Insertion::Full => return Progress::OutOfMemory,
                },
            }
        }
        Progress::Paused
    }

    /// The next call to try here. Read-only calls that are not legal now need not be.
    fn next_choice(&self) -> Option<Choice> {
        let mut enabled = self.events.enabled()?;
        let rank = |call: u32| match self.order {
            Order::Return => self.events.return_place(call),
            Order::Invocation => self.events.invocation_place(call),
        };
        let mut variant = 0;
        let tried = match self.tried {
            None => 0,
            Some(Choice::Known(call)) => rank(call),
            Some(Choice::Unknown(last)) => {
                variant = last + 1;
                u32::MAX
            }
        };
        let mut best: Option<(u32, u32)> = None;
        for call in &mut enabled {
            let rank = rank(call);
            if rank > tried && !self.read_only[call as usize] && best.is_none_or(|best| rank < best.0) {
                best = Some((rank, call));
            }
        }
        if let Some((_, call)) = best {
            return Some(Choice::Known(call));
        }
        let deadline = self.returned[enabled.first_to_return() as usize];
        let may_come = |variant: &u32| {
            let group = &self.groups[self.variants[*variant as usize].group as usize];
            group.invoked.get(group.used).is_some_and(|&invoked| invoked <= deadline)
        };
        (variant..self.variants.len() as u32).find(may_come).map(Choice::Unknown)
    }

    /// Performs a call, if it is legal, of use, and leads to a new configuration.
    fn attempt(&mut self, choice: Choice) -> Insertion {
        let act = self.act(choice);
        let without = self.without_last_unknown(act);
        let before = self.fingerprint();
        let Some(undo) = self.model.apply(&mut self.state, act) else { return Insertion::Known };
        let after = self.fingerprint();
        let idle = matches!(choice, Choice::Unknown(_)) && before == after;
        let insertion = if idle || without == Some(after) {
            Insertion::Known
        } else {
            self.memo.insert(self.linearized ^ self.zobrist(choice) ^ after)
        };
        match insertion {
            Insertion::New => self.push(choice, undo, false),
            Insertion::Known | Insertion::Full => self.model.undo(&mut self.state, act, undo),
        }
        insertion
    }

    /// If the last call on the path is unknown: the state that `act` leads to if that call is left out.
    fn without_last_unknown(&mut self, act: M::Act) -> Option<u128> {
        let Some(&Step { choice: Choice::Unknown(variant), undo, .. }) = self.path.last() else {
            return None;
        };
        let last = self.variants[variant as usize].act;
        self.model.undo(&mut self.state, last, undo);
        let without = self.model.apply(&mut self.state, act).map(|undo| {
            let fingerprint = self.fingerprint();
            self.model.undo(&mut self.state, act, undo);
            fingerprint
        });
        let undo = self.model.apply(&mut self.state, last).expect("it was legal in the same state");
        self.path.last_mut().expect("the path has a last call").undo = undo;
        without
    }

    fn fingerprint(&self) -> u128 {
        self.model.fingerprint(&self.state)
    }

    fn act(&self, choice: Choice) -> M::Act {
        match choice {
            Choice::Known(call) => self.acts[call as usize],
            Choice::Unknown(variant) => self.variants[variant as usize].act,
        }
    }

    /// The hash of one more call in the set: of a group, which of its calls it is. Its places are
    /// none that models use for their states, or a call could cancel the change that it makes.
    fn zobrist(&self, choice: Choice) -> u128 {
        match choice {
            Choice::Known(call) => mix(u64::from(call), 1 << 63),
            Choice::Unknown(variant) => {
                let group = self.variants[variant as usize].group;
                mix(u64::from(group), 1 << 62 | (self.groups[group as usize].used as u64 + 1))
            }
        }
    }

    fn push(&mut self, choice: Choice, undo: M::Undo, forced: bool) {
        self.linearized ^= self.zobrist(choice);
        match choice {
            Choice::Known(call) => self.events.lift(call),
            Choice::Unknown(variant) => self.groups[self.variants[variant as usize].group as usize].used += 1,
        }
        self.path.push(Step { choice, undo, forced });
        self.tried = None;
        self.configurations += 1;
    }

    /// Takes calls back up to and including the last one that had alternatives.
    fn back(&mut self) -> bool {
        while let Some(Step { choice, undo, forced }) = self.path.pop() {
            let act = self.act(choice);
            self.model.undo(&mut self.state, act, undo);
            match choice {
                Choice::Known(call) => self.events.unlift(call),
                Choice::Unknown(variant) => {
                    self.groups[self.variants[variant as usize].group as usize].used -= 1;
                }
            }
            self.linearized ^= self.zobrist(choice);
            if !forced {
                self.tried = Some(choice);
                return true;
            }
        }
        false
    }
}
