//! The command line over a scenario: each option that was given replaces what the scenario says.

use anyhow::Result;
use nemesis::security::select;
use store::settings::Settings;
use toml::{Table, Value};

use super::{RandomFaults, Scenario};
use crate::cli::RunArgs;
use crate::exit::usage;

/// The scenario with the options in it. Values are checked by the scenario's own types.
pub fn apply(mut scenario: Scenario, args: &RunArgs) -> Result<Scenario> {
    // Options under which the run exercises something else than the scenario does.
    let mut other = Vec::new();
    if set(&mut scenario.target, &args.target) {
        other.push("--target");
    }
    if set(&mut scenario.brokers, &args.brokers) {
        other.push("--brokers");
    }
    set_option(&mut scenario.bootstrap, &args.bootstrap);
    set_option(&mut scenario.image, &args.image);
    set_option(&mut scenario.tools_image, &args.tools_image);
    set_option(&mut scenario.seed, &args.seed);
    if let Some(seed) = &scenario.seed {
        parse_seed(seed)?;
    }
    for pair in &args.broker_set {
        let (key, value) = split_pair("--broker-set", pair)?;
        if scenario.broker_set.insert(key, value.clone()).is_none_or(|before| before != value) {
            other.push("--broker-set");
        }
    }
    other.extend(faults(&mut scenario, args)?);
    workload(&mut scenario, args, &mut other)?;
    let rejudged = judging(&mut scenario, args);
    forget_expectations(&mut scenario, other, rejudged);
    Ok(scenario)
}

/// Sets the faults; the options that changed them.
fn faults(scenario: &mut Scenario, args: &RunArgs) -> Result<Vec<&'static str>> {
    let before = (scenario.faults.clone(), scenario.random.clone());
    if args.no_faults {
        (scenario.faults, scenario.random) = (Some(Vec::new()), None);
    }
    if !args.fault.is_empty() || !args.nemesis.is_empty() {
        scenario.faults = (!args.fault.is_empty()).then(|| args.fault.clone());
        scenario.random = (!args.nemesis.is_empty())
            .then(|| RandomFaults { kinds: args.nemesis.clone(), interval: args.nemesis_interval.clone() });
    } else if let Some(interval) = &args.nemesis_interval {
        let Some(random) = &mut scenario.random else {
            return Err(usage(format!(
                "--nemesis-interval {interval}: there are no random faults that it could be the interval of; say which with \
                 --nemesis, e.g. --nemesis kill,pause"
            )));
        };
        random.interval = Some(interval.clone());
    }
    if before == (scenario.faults.clone(), scenario.random.clone()) {
        return Ok(Vec::new());
    }
    let given = [
        (args.no_faults, "--no-faults"),
        (!args.fault.is_empty(), "--fault"),
        (!args.nemesis.is_empty(), "--nemesis"),
        (args.nemesis_interval.is_some(), "--nemesis-interval"),
    ];
    Ok(given.into_iter().filter(|(given, _)| *given).map(|(_, option)| option).collect())
}

/// Sets how it is judged; the options by which the verdict may be another one.
fn judging(scenario: &mut Scenario, args: &RunArgs) -> Vec<&'static str> {
    let before = (scenario.guarantee.clone(), scenario.max_stall.clone());
    set_option(&mut scenario.guarantee, &args.judging.guarantee);
    set_option(&mut scenario.max_stall, &args.judging.max_stall);
    let given = [
        (before.0 != scenario.guarantee, "--guarantee"),
        (before.1 != scenario.max_stall, "--max-stall"),
        (!args.judging.allow.is_empty(), "--allow"),
        (!args.judging.forbid.is_empty(), "--forbid"),
    ];
    given.into_iter().filter(|(given, _)| *given).map(|(_, option)| option).collect()
}

/// What the scenario expects was found under its own clients and faults: others need not show it. Judged otherwise, the
/// same things are found, but the validity may be another one.
fn forget_expectations(scenario: &mut Scenario, mut other: Vec<&'static str>, rejudged: Vec<&'static str>) {
    other.dedup();
    let (forgotten, because, options) = match (other.is_empty(), rejudged.is_empty()) {
        (false, _) => {
            (std::mem::take(&mut scenario.expect), "the run is another one than the scenario's", other)
        }
        (true, false) => (
            scenario.expect.remove_entry("validity").into_iter().collect(),
            "it is judged otherwise than the scenario says",
            rejudged,
        ),
        (true, true) => return,
    };
    if forgotten.is_empty() {
        return;
    }
    let expected: Vec<String> = forgotten.iter().map(|(key, value)| format!("{key} {value}")).collect();
    scenario.remark = Some(format!(
        "what the scenario expects ({}) does not apply: with {} {because}",
        expected.join(", "),
        options.join(", ")
    ));
}

/// A seed is a hexadecimal number of up to 16 digits.
pub fn parse_seed(text: &str) -> Result<u64> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16)
        .map_err(|_| usage(format!("seed \"{text}\" is no hexadecimal number of up to 16 digits")))
}

/// The option names the value already, and what the parser of durations expected of it helps nobody.
fn in_short(message: &str) -> String {
    match message.split_once(" is no duration (").and_then(|(_, rest)| rest.rsplit_once("); ")) {
        Some((_, way)) => format!("this is no duration; {way}"),
        None => message.to_owned(),
    }
}

/// Whether that made a difference.
fn set<T: Clone + PartialEq>(field: &mut T, given: &Option<T>) -> bool {
    given.as_ref().is_some_and(|given| std::mem::replace(field, given.clone()) != *given)
}

fn set_option<T: Clone>(field: &mut Option<T>, given: &Option<T>) {
    if given.is_some() {
        field.clone_from(given);
    }
}

fn split_pair(option: &str, pair: &str) -> Result<(String, String)> {
    match pair.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), meant(option, key, value)?)),
        _ => Err(usage(format!("{option} {pair}: write it as KEY=VALUE"))),
    }
}

/// A value as it was typed, or what the file after `@` or the variable after `env:` holds: what is typed, everybody on
/// the machine can read in the list of processes.
fn meant(option: &str, key: &str, value: &str) -> Result<String> {
    if let Some(path) = value.strip_prefix('@') {
        let text = std::fs::read_to_string(path)
            .map_err(|e| usage(format!("{option} {key}=@{path}: cannot read {path}: {e}")))?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    if let Some(name) = value.strip_prefix("env:") {
        return std::env::var(name).map_err(|_| {
            usage(format!("{option} {key}=env:{name}: there is no such variable: export {name}"))
        });
    }
    Ok(value.to_owned())
}

/// The workload's options go through its own table, so that a value is read as a file's would be.
/// `other` gets the options that made a difference.
fn workload(scenario: &mut Scenario, args: &RunArgs, other: &mut Vec<&'static str>) -> Result<()> {
    let mut table = Table::try_from(&scenario.workload)?;
    let mut given: Vec<(&'static str, &str, Value)> = Vec::new();
    macro_rules! take {
        ($($field:ident $option:literal $name:literal;)*) => {
            $(if let Some(value) = args.$field.clone() {
                given.push(($option, $name, Value::try_from(value)?));
            })*
        };
    }
    take! {
        time_limit "--time-limit" "time_limit";
        sends "--sends" "sends";
        in_flight "--in-flight" "in_flight";
        producers "--producers" "producers";
        consumers "--consumers" "consumers";
        topics "--topics" "topics";
        partitions "--partitions" "partitions";
        record_size "--record-size" "record_size";
        acks "--acks" "acks";
        idempotence "--idempotence" "idempotence";
        retries "--retries" "retries";
        max_in_flight "--max-in-flight" "max_in_flight";
        delivery_timeout "--delivery-timeout" "delivery_timeout";
        request_timeout "--request-timeout" "request_timeout";
        socket_timeout "--socket-timeout" "socket_timeout";
        linger "--linger" "linger";
        compression "--compression" "compression";
        partitioner "--partitioner" "partitioner";
        replication_factor "--replication-factor" "replication_factor";
        min_insync_replicas "--min-insync-replicas" "min_insync_replicas";
    }
    if let Some(rate) = args.rate {
        given.push(("--rate", "rate", Value::Float(rate as f64)));
    }
    if args.transactional {
        given.push(("--transactional", "transactional", Value::Boolean(true)));
    }
    // One at a time, so that an error names the option that was typed.
    for (option, name, value) in given {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.insert(name.to_owned(), value);
        let changed = table
            .clone()
            .try_into()
            .map_err(|e: toml::de::Error| usage(format!("{option} {shown}: {}", in_short(e.message()))))?;
        if scenario.workload != changed {
            other.push(option);
        }
        scenario.workload = changed;
    }
    for pair in &args.client_set {
        let (key, value) = split_pair("--client-set", pair)?;
        // How to get in exercises nothing.
        let is_a_way_in = !select(&Settings::from([(key.clone(), value.clone())])).is_empty();
        let before = scenario.workload.client_set.insert(key, value.clone());
        if !is_a_way_in && before.is_none_or(|before| before != value) {
            other.push("--client-set");
        }
    }
    Ok(())
}
