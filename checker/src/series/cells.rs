//! Single latencies, thinned on a grid: of each cell one operation exactly as it was, and how many there were.
//!
//! In the highest cell of each column the slowest operation stands for it, so that no outlier looks faster than it
//! was. In the others a hash chooses: always the slowest would draw a stripe along each row of cells.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;
use store::op::OpType;
use store::series::LatencyCells;

use super::Grid;

/// Columns of time.
const COLUMNS: u64 = 400;
/// Rows to an octave of latency, as a power of two.
pub(super) const ROW_BITS: u32 = 4;
/// The first octave: everything below about 1 µs shares its row.
const FIRST_OCTAVE: u32 = 10;
/// The last: everything above about 18 minutes shares its row.
const LAST_OCTAVE: u32 = 40;
const ROWS: u32 = ((LAST_OCTAVE - FIRST_OCTAVE) << ROW_BITS) + 1;

/// Width of a column, nanoseconds.
pub(super) fn width(grid: &Grid) -> u64 {
    (grid.until - grid.from) / COLUMNS + 1
}

/// The occupied cells of one function and type of completion.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    from: u64,
    width: u64,
    /// By column and row; most are empty.
    cells: FxHashMap<u32, Cell>,
    /// The slowest operation of each column, the earliest of equals: latency and time.
    slowest: Vec<(u64, Reverse<u64>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    time: u64,
    latency: u64,
    count: u64,
}

impl Cells {
    pub(super) fn new(grid: &Grid) -> Cells {
        Cells { from: grid.from, width: width(grid), cells: FxHashMap::default(), slowest: Vec::new() }
    }

    /// Whoever counts first, the same operation stands for a cell in the end.
    pub(super) fn count(&mut self, time: u64, latency: u64) {
        let column = (time.saturating_sub(self.from) / self.width).min(COLUMNS - 1) as u32;
        let new = Cell { time, latency, count: 1 };
        self.cells.entry(column * ROWS + row(latency)).and_modify(|cell| cell.take(new)).or_insert(new);
        let slowest = self.slowest_of(column as usize);
        *slowest = (latency, Reverse(time)).max(*slowest);
    }

    fn slowest_of(&mut self, column: usize) -> &mut (u64, Reverse<u64>) {
        if self.slowest.len() <= column {
            self.slowest.resize(column + 1, (0, Reverse(u64::MAX)));
        }
        &mut self.slowest[column]
    }

    pub(super) fn merge(&mut self, other: &Cells) {
        for (place, theirs) in &other.cells {
            self.cells.entry(*place).and_modify(|cell| cell.take(*theirs)).or_insert(*theirs);
        }
        for (column, theirs) in other.slowest.iter().enumerate() {
            let slowest = self.slowest_of(column);
            *slowest = (*theirs).max(*slowest);
        }
    }

    pub(super) fn finish(&self, f: &str, op_type: OpType) -> LatencyCells {
        let mut places: Vec<_> = self.cells.iter().collect();
        places.sort_unstable_by_key(|(place, _)| **place);
        let mut cells: Vec<[u64; 3]> = places.iter().map(|(_, c)| [c.time, c.latency, c.count]).collect();
        for (i, (place, _)) in places.iter().enumerate() {
            let column = **place / ROWS;
            if places.get(i + 1).is_none_or(|(next, _)| **next / ROWS != column) {
                let (latency, Reverse(time)) = self.slowest[column as usize];
                (cells[i][0], cells[i][1]) = (time, latency);
            }
        }
        let thinned = cells.iter().any(|[_, _, count]| *count > 1);
        LatencyCells { f: f.to_owned(), op_type, cells, thinned }
    }
}

impl Cell {
    fn take(&mut self, other: Cell) {
        if other.lot() < self.lot() {
            (self.time, self.latency) = (other.time, other.latency);
        }
        self.count += other.count;
    }

    /// The lowest lot of a cell stands for it; of equal ones always the same.
    fn lot(&self) -> (u64, u64, u64) {
        // SplitMix64's finalizer: neighbouring times and latencies draw unrelated lots.
        let mixed = (self.time ^ self.latency.rotate_left(32)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31), self.time, self.latency)
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

    const S: u64 = 1_000_000_000;

    #[test]
    fn every_operation_is_in_some_cell_and_outliers_stand_alone() {
        let mut one = Cells::new(&Grid::new(0, S));
        let mut other = one.clone();
        for i in 0..100_000_u64 {
            let cells = if i % 3 == 0 { &mut one } else { &mut other };
            cells.count(i * 10_000, 2_000_000 + i % 1000);
        }
        one.count(S / 2, 3 * S);
        one.merge(&other);
        let cells = one.finish("send", OpType::Ok);
        assert!(cells.thinned);
        assert_eq!(cells.cells.iter().map(|c| c[2]).sum::<u64>(), 100_001);
        assert!(cells.cells.contains(&[S / 2, 3 * S, 1]));
        assert!(cells.cells.len() <= 401);
    }

    #[test]
    fn the_slowest_of_a_column_is_drawn_and_the_others_are_no_stripes() {
        let count = |order: &mut dyn Iterator<Item = u64>| {
            let mut cells = Cells::new(&Grid::new(0, S));
            // Latencies evenly spread from 1 to 3 ms, in every column.
            order.for_each(|i| cells.count(i * 10_000, 1_000_000 + (i * 7919) % 2_000_000));
            cells.finish("send", OpType::Ok).cells
        };
        let cells = count(&mut (0..100_000));
        assert_eq!(cells, count(&mut (0..100_000).rev()), "whoever counts first");
        let slowest = |i: &u64| 1_000_000 + (i * 7919) % 2_000_000;
        let all: Vec<u64> = (0..100_000).map(|i| slowest(&i)).collect();
        let of_column = |column: u64| {
            let width = S / COLUMNS + 1;
            let inside = |i: &&usize| **i as u64 * 10_000 / width == column;
            let all: Vec<u64> =
                (0..all.len()).collect::<Vec<_>>().iter().filter(inside).map(|i| all[*i]).collect();
            all.into_iter().max().expect("occupied")
        };
        for column in [0, 7, 399] {
            let slowest = of_column(column);
            assert!(cells.iter().any(|[_, latency, _]| *latency == slowest), "{column}");
        }
        let rows =
            cells.iter().map(|[_, latency, _]| row(*latency)).collect::<std::collections::BTreeSet<_>>();
        assert!(rows.len() >= 24, "16 to an octave: {}", rows.len());
        // Where in its row a cell's operation lies: evenly, not always at the top.
        let inside = |latency: u64| {
            let octave = latency.ilog2();
            let width = 1 << (octave - ROW_BITS);
            (latency % width) as f64 / width as f64
        };
        let mean = cells.iter().map(|c| inside(c[1])).sum::<f64>() / cells.len() as f64;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }

    #[test]
    fn extremes_have_rows() {
        assert_eq!(row(0), 0);
        assert_eq!(row(u64::MAX), ROWS - 1);
        let mut cells = Cells::new(&Grid::new(0, u64::MAX / 4));
        cells.count(u64::MAX / 4, u64::MAX);
        assert_eq!(cells.finish("poll", OpType::Info).cells, [[u64::MAX / 4, u64::MAX, 1]]);
    }
}
