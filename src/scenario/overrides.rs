//! The command line over a scenario: each option that was given replaces what the scenario says.

use anyhow::Result;
use toml::{Table, Value};

use super::{RandomFaults, Scenario};
use crate::cli::RunArgs;
use crate::exit::usage;

/// The scenario with the options in it. Values are checked by the scenario's own types.
pub fn apply(mut scenario: Scenario, args: &RunArgs) -> Result<Scenario> {
    set(&mut scenario.target, &args.target);
    set_option(&mut scenario.bootstrap, &args.bootstrap);
    set_option(&mut scenario.image, &args.image);
    set_option(&mut scenario.tools_image, &args.tools_image);
    set(&mut scenario.brokers, &args.brokers);
    set_option(&mut scenario.guarantee, &args.judging.guarantee);
    set_option(&mut scenario.max_stall, &args.judging.max_stall);
    set_option(&mut scenario.seed, &args.seed);
    if let Some(seed) = &scenario.seed {
        parse_seed(seed)?;
    }
    for pair in &args.broker_set {
        let (key, value) = split_pair("--broker-set", pair)?;
        scenario.broker_set.insert(key, value);
    }
    if args.no_faults {
        (scenario.faults, scenario.random) = (Some(Vec::new()), None);
    }
    if !args.fault.is_empty() || !args.nemesis.is_empty() {
        scenario.faults = (!args.fault.is_empty()).then(|| args.fault.clone());
        scenario.random = (!args.nemesis.is_empty())
            .then(|| RandomFaults { kinds: args.nemesis.clone(), interval: args.nemesis_interval.clone() });
    } else if let (Some(random), Some(interval)) = (&mut scenario.random, &args.nemesis_interval) {
        random.interval = Some(interval.clone());
    }
    workload(&mut scenario, args)?;
    // Another target than the scenario's own, or other clients, need not meet what the scenario expects.
    if args.target.is_some() || args.acks.is_some() || args.idempotence.is_some() || args.no_faults {
        scenario.expect.clear();
    }
    Ok(scenario)
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

fn set<T: Clone>(field: &mut T, given: &Option<T>) {
    if let Some(given) = given {
        *field = given.clone();
    }
}

fn set_option<T: Clone>(field: &mut Option<T>, given: &Option<T>) {
    if given.is_some() {
        field.clone_from(given);
    }
}

fn split_pair(option: &str, pair: &str) -> Result<(String, String)> {
    match pair.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(usage(format!("{option} {pair}: write it as KEY=VALUE"))),
    }
}

/// The workload's options go through its own table, so that a value is read as a file's would be.
fn workload(scenario: &mut Scenario, args: &RunArgs) -> Result<()> {
    let mut table = Table::try_from(&scenario.workload)?;
    let mut given: Vec<(&str, &str, Value)> = Vec::new();
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
        scenario.workload = table
            .clone()
            .try_into()
            .map_err(|e: toml::de::Error| usage(format!("{option} {shown}: {}", in_short(e.message()))))?;
    }
    for pair in &args.client_set {
        let (key, value) = split_pair("--client-set", pair)?;
        scenario.workload.client_set.insert(key, value);
    }
    Ok(())
}
