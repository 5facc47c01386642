//! Histories of a correct system with concurrent clients, as JSON Lines.

use std::collections::VecDeque;
use std::fmt::Write;

/// What to simulate.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) system: System,
    pub(crate) operations: usize,
    pub(crate) clients: usize,
    /// Share of operations whose outcome nobody learns, in thousandths.
    pub(crate) unknown_permille: u64,
    /// Values written: distinct where 0, else from this many.
    pub(crate) values: u64,
    pub(crate) keys: u64,
    pub(crate) seed: u64,
    /// Where to damage one answer.
    pub(crate) damage_at: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum System {
    Register,
    CasRegister,
    Set,
    Fifo,
    Log,
    /// Strings that are appended to, and read seldom.
    Strings,
}

/// `xorshift64*`.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

struct Pending {
    process: u64,
    key: u64,
    f: &'static str,
    arg: String,
    /// Set when it took effect.
    out: Option<String>,
    number: usize,
}

#[derive(Default)]
struct State {
    cell: Option<u64>,
    values: VecDeque<u64>,
    text: String,
}

pub(crate) fn simulate(plan: &Plan) -> String {
    let mut dice = Dice::new(plan.seed);
    let mut states: Vec<State> = (0..plan.keys).map(|_| State::default()).collect();
    let mut clients: Vec<Option<Pending>> = (0..plan.clients).map(|_| None).collect();
    let mut lost: Vec<Pending> = Vec::new();
    let mut processes: Vec<u64> = (0..plan.clients as u64).collect();
    let (mut next_process, mut begun, mut time) = (plan.clients as u64, 0, 0_u64);
    let (mut damage, mut old) = (plan.damage_at, String::new());
    let mut text = String::new();
    let mut line = |time: u64, op: &Pending, op_type: &str, value: &str| {
        let key = if plan.keys > 1 { format!(",\"key\":{}", op.key) } else { String::new() };
        let Pending { process, f, .. } = op;
        writeln!(text, "{{\"time\":{time},\"process\":{process},\"type\":\"{op_type}\",\"f\":\"{f}\",\"value\":{value}{key}}}")
            .expect("writing to a string succeeds");
    };
    loop {
        time += 1 + dice.below(1000);
        // Something that nobody waits for may take effect late.
        if !lost.is_empty() && dice.below(10) == 0 {
            let index = dice.below(lost.len() as u64) as usize;
            let op = lost.swap_remove(index);
            effect(plan.system, &mut states[op.key as usize], &op);
        }
        let client = dice.below(plan.clients as u64) as usize;
        match clients[client].take() {
            None if begun == plan.operations => {
                if clients.iter().all(Option::is_none) {
                    return text;
                }
            }
            None => {
                let op = request(plan, &mut dice, &states, processes[client], begun);
                begun += 1;
                line(time, &op, "invoke", &op.arg);
                clients[client] = Some(op);
            }
            Some(op) if dice.below(1000) < plan.unknown_permille / 2 && op.out.is_none() => {
                // The answer never comes; the client goes on as a new process.
                line(time, &op, "info", &op.arg);
                lost.push(op);
                processes[client] = next_process;
                next_process += 1;
            }
            Some(mut op) if op.out.is_none() => {
                op.out = Some(effect(plan.system, &mut states[op.key as usize], &op));
                if op.out.as_deref() == Some("fail") {
                    line(time, &op, "fail", &op.arg);
                } else {
                    clients[client] = Some(op);
                }
            }
            Some(op) if dice.below(1000) < plan.unknown_permille / 2 => {
                line(time, &op, "info", &op.arg);
                processes[client] = next_process;
                next_process += 1;
            }
            Some(op) => {
                let mut out = op.out.clone().expect("it took effect");
                let stale = matches!(op.f, "read" | "dequeue") && !old.is_empty();
                if stale && damage.is_some_and(|at| op.number >= at) {
                    // What was read long ago is read once more.
                    out = std::mem::take(&mut old);
                    if let (System::Log, Some((offset, _))) = (plan.system, out.split_once(',')) {
                        // A log may be read anywhere: that nothing is there is what cannot be.
                        out = format!("{offset},null]");
                    }
                    damage = None;
                } else if old.is_empty()
                    && out != "null"
                    && begun > plan.operations / 4
                    && matches!(op.f, "read" | "dequeue")
                {
                    old = out.clone();
                }
                line(time, &op, "ok", &out);
            }
        }
    }
}

fn request(plan: &Plan, dice: &mut Dice, states: &[State], process: u64, number: usize) -> Pending {
    let key = dice.below(plan.keys);
    let value = if plan.values == 0 { number as u64 + 1 } else { dice.below(plan.values) };
    let state = &states[key as usize];
    let null = || "null".to_owned();
    let (f, arg) = match (plan.system, dice.below(100)) {
        (System::Register, 0..50) => ("read", null()),
        (System::Register, _) => ("write", value.to_string()),
        (System::CasRegister, 0..34) => ("read", null()),
        (System::CasRegister, 34..67) => ("write", value.to_string()),
        (System::CasRegister, _) => ("cas", format!("[{},{value}]", dice.below(plan.values.max(2)))),
        (System::Set, _) if number % (plan.operations / 20) == 1 => ("read", null()),
        (System::Set, _) => ("add", value.to_string()),
        (System::Fifo, 0..50) => ("dequeue", null()),
        (System::Fifo, _) => ("enqueue", value.to_string()),
        (System::Log, 0..50) if !state.values.is_empty() => {
            ("read", format!("[{},null]", dice.below(state.values.len() as u64)))
        }
        (System::Log, _) => ("append", value.to_string()),
        (System::Strings, 0..2) => ("read", null()),
        (System::Strings, _) => ("append", format!("\"x {process} {number} y\"")),
    };
    Pending { process, key, f, arg, out: None, number }
}

fn effect(system: System, state: &mut State, op: &Pending) -> String {
    let arg = || op.arg.parse::<u64>().expect("a number");
    let shown = |v: Option<u64>| v.map_or_else(|| "null".to_owned(), |v| v.to_string());
    match (system, op.f) {
        (System::Register | System::CasRegister, "read") => return shown(state.cell),
        (System::Register, _) | (System::CasRegister, "write") => state.cell = Some(arg()),
        (System::CasRegister, _) => {
            let (from, to) = op.arg.trim_matches(['[', ']']).split_once(',').expect("a pair");
            if state.cell != from.parse().ok() {
                return "fail".to_owned();
            }
            state.cell = to.parse().ok();
        }
        (System::Set, "read") => return format!("{:?}", state.values).replace(' ', ""),
        (System::Fifo, "dequeue") => return shown(state.values.pop_front()),
        (System::Log, "read") => {
            let (offset, _) = op.arg.trim_start_matches('[').split_once(',').expect("a pair");
            let found = state.values.get(offset.parse::<usize>().expect("an offset"));
            return format!("[{offset},{}]", shown(found.copied()));
        }
        (System::Log, _) => {
            state.values.push_back(arg());
            return format!("[{},{}]", state.values.len() - 1, op.arg);
        }
        (System::Set | System::Fifo, _) => state.values.push_back(arg()),
        (System::Strings, "read") => return format!("\"{}\"", state.text),
        (System::Strings, _) => state.text += op.arg.trim_matches('"'),
    }
    op.arg.clone()
}
