//! Speed of the linearizability checker: monitors by operation, searches by history, each beside its
//! target. `cargo bench -p checker --bench model [-- WORD]` runs the rows whose name contains WORD.

mod simulate;

use std::path::Path;
use std::time::{Duration, Instant};

use checker::model::{Budget, History, ModelKind, Outcome, check};

use store::reader::Source;

use simulate::{Plan, System, simulate};

const MILLION: usize = 1_000_000;

fn main() {
    let word = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    type Row = (&'static str, fn(&str));
    let rows: [Row; 6] = [
        ("monitors", monitors),
        ("register 100 k", register_search),
        ("kv 2,000 appends", appends),
        ("cas-register 80", short_histories),
        ("memory", memory),
        ("adversarial", adversarial),
    ];
    for (name, row) in rows.into_iter().filter(|(name, _)| name.contains(&word)) {
        row(name);
    }
}

fn plan(system: System, operations: usize, clients: usize) -> Plan {
    Plan { system, operations, clients, unknown_permille: 0, values: 0, keys: 1, seed: 7, damage_at: None }
}

/// The outcome, and the best of three times: CPU time of all threads, so that a busy machine does not
/// count; wall time where the system does not tell.
fn timed(history: &History, kind: ModelKind, budget: &Budget) -> (Outcome, Duration) {
    let once = || measure(|| check(history, kind, budget));
    (0..3).map(|_| once()).min_by_key(|(_, time)| *time).expect("three runs")
}

fn measure<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let (wall, cpu) = (Instant::now(), cpu_time());
    let result = work();
    let time = match (cpu, cpu_time()) {
        (Some(before), Some(after)) => after - before,
        _ => wall.elapsed(),
    };
    (result, time)
}

/// CPU time of all threads of this process, as the Linux scheduler counts it.
fn cpu_time() -> Option<Duration> {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let stat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        total += stat.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(total))
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Valid(_) => "valid",
        Outcome::Invalid { .. } => "invalid",
        Outcome::Unknown { .. } => "unknown",
    }
}

/// The decision and its explanation by operation, and all of it from a compressed file: opened, decompressed, parsed,
/// decided and explained, in wall time on all cores.
fn monitors(_: &str) {
    println!(
        "{:38} {:>8} {:>10} {:>10} {:>10} {:>12}   target 150 ns, 1 s",
        "monitor, 1 M operations", "", "load/line", "check/op", "why/op", "from file"
    );
    let systems = [
        (System::Register, ModelKind::Register, 1),
        (System::Register, ModelKind::Kv, 100),
        (System::CasRegister, ModelKind::CasRegister, 1),
        (System::Set, ModelKind::Set, 1),
        (System::Fifo, ModelKind::Fifo, 1),
        (System::Fifo, ModelKind::Queue, 1),
        (System::Log, ModelKind::Log, 1),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    for (system, kind, keys) in systems {
        for (clients, unknown_permille, damage_at) in [
            (5, 0, None),
            (20, 0, None),
            (20, 10, None),
            (100, 0, None),
            (100, 10, None),
            (5, 10, Some(MILLION / 2)),
            (20, 0, Some(MILLION / 2)),
            (100, 10, Some(MILLION / 2)),
        ] {
            let plan = Plan { keys, unknown_permille, damage_at, ..plan(system, MILLION, clients) };
            let text = simulate(&plan);
            let path = dir.path().join("history.jsonl.zst");
            let file = std::fs::File::create(&path).expect("a new file");
            zstd::stream::copy_encode(text.as_bytes(), file, 3).expect("compresses");
            let (history, load) =
                measure(|| History::from_json_lines(&text).expect("a simulated history loads"));
            let load = load / u32::try_from(history.lines()).expect("few lines");
            let (outcome, decided) = timed(&history, kind, &Budget { examples: 0, ..Budget::default() });
            assert_eq!(outcome.linearizable(), Some(damage_at.is_none()), "{kind}: {outcome:?}");
            let (_, explained) = timed(&history, kind, &Budget::default());
            drop(history);
            let whole = (0..3).map(|_| from_file(&path, kind)).min().expect("three runs");
            let name = format!("  {kind}, {clients} clients, {} % unknown", unknown_permille as f64 / 10.0);
            let [decision, why] =
                [decided, explained.saturating_sub(decided)].map(|time| time / MILLION as u32);
            let by = if outcome.coverage().by_monitor > 0 { "" } else { " (searched)" };
            println!(
                "{name:38} {:>8} {load:>10.1?} {decision:>10.1?} {why:>10.1?} {whole:>12.1?}   {} {}{by}",
                word(&outcome),
                met(decision <= Duration::from_nanos(150)),
                met(whole <= Duration::from_secs(1)),
            );
        }
    }
}

fn from_file(path: &Path, kind: ModelKind) -> Duration {
    let start = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let source = Source::open(path).expect("it was written");
    let history = History::read(source, threads).expect("a simulated history loads");
    let outcome = check(&history, kind, &Budget::default());
    assert!(outcome.linearizable().is_some());
    start.elapsed()
}

fn met(is_met: bool) -> &'static str {
    if is_met { "MET" } else { "missed" }
}

fn register_search(name: &str) {
    let plan = Plan { values: 5, ..plan(System::Register, 100_000, 5) };
    let history = History::from_json_lines(&simulate(&plan)).expect("a simulated history loads");
    let (outcome, time) = timed(&history, ModelKind::Register, &Budget::default());
    println!(
        "{name}, 5 clients, 5 values: {} in {time:.1?}   50 ms {}",
        word(&outcome),
        met(time <= Duration::from_millis(50))
    );
}

fn appends(name: &str) {
    for damage_at in [None, Some(1_500)] {
        let plan = Plan { damage_at, ..plan(System::Strings, 2_000, 50) };
        let history = History::from_json_lines(&simulate(&plan)).expect("a simulated history loads");
        let (outcome, time) = timed(&history, ModelKind::Kv, &Budget::default());
        let steps = outcome.coverage().configurations;
        println!(
            "{name}, 50 clients: {} in {time:.1?}, {steps} configurations   100 ms {}",
            word(&outcome),
            met(time <= Duration::from_millis(100))
        );
    }
}

fn short_histories(name: &str) {
    for damage_at in [None, Some(60)] {
        let mut times: Vec<Duration> = Vec::new();
        let (mut valid, mut steps) = (0, 0);
        for seed in 1..=1000 {
            let plan = Plan {
                values: 5,
                unknown_permille: 200,
                seed,
                damage_at,
                ..plan(System::CasRegister, 80, 5)
            };
            let history = History::from_json_lines(&simulate(&plan)).expect("a simulated history loads");
            let (outcome, time) = measure(|| check(&history, ModelKind::CasRegister, &Budget::default()));
            times.push(time);
            valid += u32::from(outcome.linearizable() == Some(true));
            steps += outcome.coverage().configurations;
        }
        times.sort_unstable();
        let mean = times.iter().sum::<Duration>() / times.len() as u32;
        let worst = times[times.len() - 1];
        println!(
            "{name} operations, a fifth unknown, 1,000 histories ({valid} valid): {mean:.1?} each, worst {worst:.1?}, \
             {} configurations each   1 ms {}",
            steps / times.len() as u64,
            met(mean <= Duration::from_millis(1))
        );
    }
}

/// Searches that cannot end, for the memory of a configuration.
fn memory(name: &str) {
    let history = stuck(40);
    for mib in [16, 64, 256] {
        let budget = Budget { memory_bytes: mib << 20, time: Duration::from_secs(60), ..Budget::default() };
        let start = Instant::now();
        let outcome = check(&history, ModelKind::Register, &budget);
        let configurations = outcome.coverage().configurations;
        let bytes = (mib << 20) as f64 / configurations as f64;
        println!(
            "{name}: {} at {mib} MiB after {configurations} configurations ({bytes:.1} bytes each), {:.1?}   32 bytes {}",
            word(&outcome),
            start.elapsed(),
            met(bytes <= 32.0)
        );
    }
}

fn adversarial(name: &str) {
    let history = stuck(40);
    let budget = Budget { time: Duration::from_secs(2), ..Budget::default() };
    let start = Instant::now();
    let outcome = check(&history, ModelKind::Register, &budget);
    println!("{name}: {} after {:.1?} of a budget of {:?}", word(&outcome), start.elapsed(), budget.time);
}

/// Writes all at once, and then a read that nothing explains but that takes every order to refute.
fn stuck(width: u64) -> History {
    let mut text = String::new();
    for op_type in ["invoke", "ok"] {
        for process in 0..width {
            // No value is written once, so that no monitor sees through it.
            let value = process / 2;
            text += &format!(
                "{{\"process\":{process},\"type\":\"{op_type}\",\"f\":\"write\",\"value\":{value}}}\n"
            );
        }
    }
    for (op_type, value) in [("invoke", "null"), ("ok", "999")] {
        text += &format!("{{\"process\":0,\"type\":\"{op_type}\",\"f\":\"read\",\"value\":{value}}}\n");
    }
    History::from_json_lines(&text).expect("a history")
}
