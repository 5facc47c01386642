//! Properties of faults as text and of schedules: what is written reads back, any text is answered, and
//! equal seeds make equal schedules.

use std::time::Duration;

use nemesis::fault::errors::PRODUCE_ERRORS;
use nemesis::fault::random::{RANDOM_KINDS, RandomSpec};
use nemesis::fault::schedule::{PlanError, PlannedHold, Schedule};
use nemesis::fault::when::{Hold, When};
use nemesis::fault::{Aim, FaultKind, FaultSpec};
use proptest::prelude::*;

fn time() -> impl Strategy<Value = Duration> {
    (0..10_000_000u64).prop_map(Duration::from_millis)
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![time().prop_map(When::Time), (0..=1_000_000u32).prop_map(When::Millionths),]
}

fn partition() -> impl Strategy<Value = Option<String>> {
    prop_oneof![Just(None), "[0-9]{1,4}".prop_map(Some), "[a-z][a-z0-9._-]{0,8}-[0-9]{1,3}".prop_map(Some)]
}

fn node() -> impl Strategy<Value = String> {
    (prop_oneof![Just("kafka"), Just("mock"), Just("broker_x")], 1..99u8)
        .prop_map(|(n, i)| format!("{n}-{i}"))
}

fn aim() -> impl Strategy<Value = Aim> {
    prop_oneof![
        partition().prop_map(Aim::Leader),
        partition().prop_map(Aim::Followers),
        partition().prop_map(Aim::Follower),
        Just(Aim::Controller),
        Just(Aim::Random),
        Just(Aim::Minority),
        Just(Aim::Majority),
        Just(Aim::All),
        node().prop_map(Aim::Named),
    ]
}

/// An end of a link: a role without a partition, or a node.
fn end() -> impl Strategy<Value = Aim> {
    aim().prop_map(|aim| match aim.word() {
        Some(word) => Aim::from_word(word).unwrap(),
        None => aim,
    })
}

fn fault() -> impl Strategy<Value = FaultSpec> {
    let simple = prop_oneof![
        Just(FaultKind::Kill),
        Just(FaultKind::Stop),
        Just(FaultKind::Pause),
        Just(FaultKind::Isolate),
        Just(FaultKind::BrokerDown),
        (1..60_000u64).prop_map(|ms| FaultKind::SlowBroker { delay: Duration::from_millis(ms) }),
    ];
    let kind = prop_oneof![
        (simple, aim()),
        (end(), any::<bool>(), end())
            .prop_map(|(to, both_ways, from)| { (FaultKind::CutLink { to, both_ways }, from) }),
        (prop::option::of(node()), partition())
            .prop_map(|(to, p)| (FaultKind::LeaderMove { to }, Aim::Leader(p))),
        (0..PRODUCE_ERRORS.len(), 1..=10_000u32).prop_map(|(i, count)| {
            (FaultKind::RequestErrors { error: PRODUCE_ERRORS[i].0.to_owned(), count }, Aim::All)
        }),
    ];
    (kind, when(), when(), prop::option::of(time())).prop_map(|((kind, aim), start, length, then)| {
        let hold = match (then, &aim) {
            _ if kind.is_instant() => None,
            (Some(then), Aim::Leader(_)) => Some(Hold::UntilNewLeader { then }),
            _ => Some(Hold::For(length)),
        };
        FaultSpec { kind, aim, start, hold }
    })
}

fn random() -> impl Strategy<Value = RandomSpec> {
    let kinds = prop::sample::subsequence(RANDOM_KINDS.to_vec(), 1..RANDOM_KINDS.len());
    (kinds, 1..60u64, 1..60u64, 0..60u64).prop_map(|(kinds, interval, hold, quiet)| RandomSpec {
        kinds: kinds.into_iter().map(|(name, _)| name.to_owned()).collect(),
        interval: Duration::from_secs(interval),
        hold: Duration::from_secs(hold),
        quiet: Duration::from_secs(quiet),
    })
}

proptest! {
    #[test]
    fn a_fault_reads_back_as_it_was_written(fault in fault()) {
        let text = fault.to_string();
        let read: FaultSpec = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        prop_assert_eq!(read, fault, "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused_with_its_place(text in "\\PC{0,60}") {
        if let Err(e) = text.parse::<FaultSpec>() {
            prop_assert!((1..=text.len() + 1).contains(&e.column));
            prop_assert!(!e.reason.is_empty());
        }
    }

    #[test]
    fn a_damaged_fault_is_read_or_refused(fault in fault(), at in 0..80usize, with in "\\PC{0,3}") {
        let mut text: Vec<char> = fault.to_string().chars().collect();
        let at = at.min(text.len());
        text.splice(at..(at + 1).min(text.len()), with.chars());
        let text: String = text.into_iter().collect();
        if let Ok(read) = text.parse::<FaultSpec>() {
            let again: FaultSpec = read.to_string().parse().unwrap();
            prop_assert_eq!(read, again);
        }
    }

    #[test]
    fn random_faults_come_from_the_seed_and_keep_their_quiet(spec in random(), load in 10..2000u64, seed: u64) {
        let load = Duration::from_secs(load);
        let plan = |seed| Schedule::plan(&[], Some(&spec), Some(load), seed);
        let schedule = match plan(seed) {
            Ok(schedule) => schedule,
            Err(e) => {
                prop_assert!(matches!(e, PlanError::NoRoom { .. }), "{}", e);
                return Ok(());
            }
        };
        prop_assert_eq!(&schedule, &plan(seed).unwrap());
        prop_assert!(schedule.warnings.is_empty());
        let end = load.saturating_sub(spec.quiet);
        let mut free = Duration::ZERO;
        for (fault, number) in schedule.faults.iter().zip(1..) {
            prop_assert_eq!(fault.number, number);
            prop_assert!(fault.at >= free, "{:?} begins before {:?}", fault, free);
            let length = match fault.hold {
                PlannedHold::Instant => Duration::ZERO,
                PlannedHold::For(length) => length,
                PlannedHold::UntilNewLeader { .. } => panic!("a random fault has a length"),
            };
            prop_assert!(fault.at + length <= end);
            // A quarter of the interval is quiet, give or take the rounding to nanoseconds.
            free = fault.at + length + spec.interval.max(Duration::from_secs(1)) / 4;
            let again: FaultSpec = fault.spec.to_string().parse().unwrap();
            prop_assert_eq!(again.name(), fault.spec.name());
        }
    }
}

#[test]
fn other_seeds_make_other_schedules() {
    let spec = RandomSpec::parse("kill,pause,partition").unwrap();
    let load = Some(Duration::from_secs(600));
    let schedules: Vec<_> =
        (0..20).map(|seed| Schedule::plan(&[], Some(&spec), load, seed).unwrap()).collect();
    assert!(schedules.windows(2).all(|w| w[0] != w[1]));
    assert!(schedules.iter().all(|s| s.faults.len() > 10), "about one every 20 s");
    assert_eq!(
        RandomSpec::parse("kill,exploding").unwrap_err().split(';').next(),
        Some("unknown kind of random fault `exploding`")
    );
    assert_eq!(Schedule::plan(&[], Some(&spec), None, 1), Err(PlanError::RandomNeedsTimeLimit));
}
