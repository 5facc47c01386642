//! Single latencies, thinned on a grid: of each cell one operation exactly as it was, and how many there were.

use rustc_hash::FxHashMap;
use store::op::OpType;
use store::series::LatencyCells;

/// Columns of time.
const COLUMNS: u64 = 400;
/// Rows to an octave of latency, as a power of two.
const ROW_BITS: u32 = 2;
/// The first octave: everything below about 1 µs shares its row.
const FIRST_OCTAVE: u32 = 10;
/// The last: everything above about 18 minutes shares its row.
const LAST_OCTAVE: u32 = 40;
const ROWS: u32 = ((LAST_OCTAVE - FIRST_OCTAVE) << ROW_BITS) + 1;

/// The occupied cells of one function and type of completion.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    width: u64,
    /// By column and row; most are empty.
    cells: FxHashMap<u32, Cell>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cell {
    time: u64,
    latency: u64,
    count: u64,
}

impl Cells {
    /// For times up to `end`.
    pub(super) fn new(end: u64) -> Cells {
        Cells { width: end / COLUMNS + 1, cells: FxHashMap::default() }
    }

    /// The operation that stands for a cell is its slowest, the earliest of equals: whoever counts first, the
    /// same one stands in the end.
    pub(super) fn count(&mut self, time: u64, latency: u64) {
        let column = (time / self.width).min(COLUMNS - 1) as u32;
        let cell = self.cells.entry(column * ROWS + row(latency)).or_default();
        cell.take(Cell { time, latency, count: 1 });
    }

    pub(super) fn merge(&mut self, other: &Cells) {
        for (place, theirs) in &other.cells {
            self.cells.entry(*place).or_default().take(*theirs);
        }
    }

    pub(super) fn finish(&self, f: &str, op_type: OpType) -> LatencyCells {
        let mut places: Vec<_> = self.cells.iter().collect();
        places.sort_unstable_by_key(|(place, _)| **place);
        let cells: Vec<[u64; 3]> = places.iter().map(|(_, c)| [c.time, c.latency, c.count]).collect();
        let thinned = cells.iter().any(|[_, _, count]| *count > 1);
        LatencyCells { f: f.to_owned(), op_type, cells, thinned }
    }
}

impl Cell {
    fn take(&mut self, other: Cell) {
        let slower =
            (other.latency, std::cmp::Reverse(other.time)) > (self.latency, std::cmp::Reverse(self.time));
        if self.count == 0 || slower {
            (self.time, self.latency) = (other.time, other.latency);
        }
        self.count += other.count;
    }
}

fn row(latency: u64) -> u32 {
    let latency = latency.clamp(1 << FIRST_OCTAVE, 1 << LAST_OCTAVE);
    let octave = latency.ilog2();
    let part = (latency >> (octave - ROW_BITS)) - (1 << ROW_BITS);
    ((octave - FIRST_OCTAVE) << ROW_BITS) + part as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_in_some_cell_and_outliers_stand_alone() {
        let mut one = Cells::new(1_000_000_000);
        let mut other = one.clone();
        for i in 0..100_000_u64 {
            let cells = if i % 3 == 0 { &mut one } else { &mut other };
            cells.count(i * 10_000, 2_000_000 + i % 1000);
        }
        one.count(500_000_000, 3_000_000_000);
        one.merge(&other);
        let cells = one.finish("send", OpType::Ok);
        assert!(cells.thinned);
        assert_eq!(cells.cells.iter().map(|c| c[2]).sum::<u64>(), 100_001);
        assert!(cells.cells.contains(&[500_000_000, 3_000_000_000, 1]));
        assert!(cells.cells.len() <= 401);
    }

    #[test]
    fn extremes_have_rows() {
        assert_eq!(row(0), 0);
        assert_eq!(row(u64::MAX), ROWS - 1);
        let mut cells = Cells::new(u64::MAX);
        cells.count(u64::MAX, u64::MAX);
        assert_eq!(cells.finish("poll", OpType::Info).cells, [[u64::MAX, u64::MAX, 1]]);
    }
}
