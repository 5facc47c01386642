//! Rates, quantiles and latencies of operations, straight from the rows.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use store::op::OpType;
use store::series::{LatencyCells, Quantiles, Rate};

use super::Grid;
use super::cells::Cells;
use super::quantiles::Histograms;
use crate::tables::{NEVER, Outcome, Tables};

/// Rows that one thread takes at a time.
const PIECE: usize = 32_768;

/// The three series.
pub(super) struct Operations {
    pub(super) rates: Vec<Rate>,
    pub(super) quantiles: Vec<Quantiles>,
    pub(super) latencies: Vec<LatencyCells>,
    /// Whether some sends were due before they began.
    pub(super) due: bool,
}

/// What one thread has counted.
pub(super) struct Counted {
    grid: Grid,
    due: bool,
    /// By function and outcome.
    by: Vec<[Option<Of>; 3]>,
    /// By function, of operations that ended with ok.
    quantiles: Vec<Histograms>,
}

/// Of one function and outcome.
struct Of {
    rate: Vec<u64>,
    cells: Cells,
}

/// The functions: sends, polls, then the others by their index.
const SEND: usize = 0;
const POLL: usize = 1;
const OTHERS: usize = 2;

enum Piece {
    Sends(usize, usize),
    Polls(usize),
    Others(usize),
}

/// Counts all sends that are in the tables, and with `all` everything else too, on all threads of the current
/// pool.
pub(super) fn count(tables: &Tables, grid: &Grid, all: bool, so_far: &Mutex<Option<Counted>>) {
    let mut pieces = Vec::new();
    for (id, partition) in tables.partitions.iter().enumerate() {
        pieces.extend((0..partition.sends.len()).step_by(PIECE).map(|from| Piece::Sends(id, from)));
    }
    if all {
        pieces.extend((0..tables.polls.len()).step_by(PIECE).map(Piece::Polls));
        pieces.extend((0..tables.others.len()).step_by(PIECE).map(Piece::Others));
    }
    let next = AtomicUsize::new(0);
    rayon::broadcast(|_| {
        let mut counted = Counted::new(tables, *grid);
        while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            counted.piece(tables, piece);
        }
        let mut so_far = so_far.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match so_far.as_mut() {
            Some(so_far) => so_far.merge(counted),
            None => *so_far = Some(counted),
        }
    });
}

/// The series of what was counted.
pub(super) fn finish(counted: Option<Counted>, tables: &Tables, grid: &Grid) -> Operations {
    counted.unwrap_or_else(|| Counted::new(tables, *grid)).finish(&tables.functions)
}

impl Counted {
    fn new(tables: &Tables, grid: Grid) -> Counted {
        let functions = OTHERS + tables.functions.len();
        Counted {
            grid,
            due: false,
            by: (0..functions).map(|_| [None, None, None]).collect(),
            quantiles: vec![Histograms::default(); functions],
        }
    }

    fn piece(&mut self, tables: &Tables, piece: &Piece) {
        match *piece {
            Piece::Sends(id, from) => {
                for send in tables.partitions[id].sends.iter().skip(from).take(PIECE).filter(|s| s.head()) {
                    let from = send.due.min(send.invoked);
                    self.due |= send.due < send.invoked;
                    self.count(SEND, send.outcome, from, send.completed);
                }
            }
            Piece::Polls(from) => {
                for poll in tables.polls.iter().skip(from).take(PIECE).filter(|poll| poll.head) {
                    self.count(POLL, poll.outcome, poll.invoked, poll.completed);
                }
            }
            Piece::Others(from) => {
                for other in tables.others.iter().skip(from).take(PIECE) {
                    self.count(OTHERS + other.f as usize, other.outcome, other.invoked, other.completed);
                }
            }
        }
    }

    fn count(&mut self, f: usize, outcome: Outcome, from: u64, completed: u64) {
        let slot = match outcome {
            _ if completed == NEVER || !self.grid.holds(completed) => return,
            Outcome::Ok => 0,
            Outcome::Fail => 1,
            Outcome::Info => 2,
            Outcome::Superseded => return,
        };
        let Counted { grid, by, quantiles, .. } = self;
        let of = by[f][slot].get_or_insert_with(|| Of { rate: vec![0; grid.steps], cells: Cells::new(grid) });
        let (step, latency) = (grid.step_of(completed), completed.saturating_sub(from));
        of.rate[step] += 1;
        of.cells.count(completed, latency);
        if slot == 0 {
            quantiles[f].count(step, latency);
        }
    }

    fn merge(&mut self, other: Counted) {
        self.due |= other.due;
        for (mine, theirs) in self.by.iter_mut().zip(other.by) {
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                match (mine.as_mut(), theirs) {
                    (Some(mine), Some(theirs)) => {
                        mine.rate.iter_mut().zip(&theirs.rate).for_each(|(a, b)| *a += b);
                        mine.cells.merge(&theirs.cells);
                    }
                    (None, theirs) => *mine = theirs,
                    (Some(_), None) => {}
                }
            }
        }
        for (mine, theirs) in self.quantiles.iter_mut().zip(other.quantiles) {
            mine.merge(theirs);
        }
    }

    fn finish(self, functions: &[String]) -> Operations {
        let steps = self.grid.steps;
        let names = ["send", "poll"].into_iter().chain(functions.iter().map(String::as_str));
        let (rates, quantiles, latencies) = (Vec::new(), Vec::new(), Vec::new());
        let mut all = Operations { rates, quantiles, latencies, due: self.due };
        // By name, not by the order of appearance. A transaction may be both a function and none of ours.
        let mut by_name: BTreeMap<&str, (&[Option<Of>; 3], &Histograms)> = BTreeMap::new();
        for ((name, by), quantiles) in names.zip(&self.by).zip(&self.quantiles) {
            by_name.entry(name).or_insert((by, quantiles));
        }
        for (name, (by, quantiles)) in by_name {
            for (of, op_type) in by.iter().zip([OpType::Ok, OpType::Fail, OpType::Info]) {
                let Some(of) = of else { continue };
                all.rates.push(Rate { f: name.to_owned(), op_type, count: of.rate.clone() });
                all.latencies.push(of.cells.finish(name, op_type));
            }
            if !quantiles.is_empty() {
                all.quantiles.push(Quantiles { f: name.to_owned(), by_quantile: quantiles.quantiles(steps) });
            }
        }
        all
    }
}
