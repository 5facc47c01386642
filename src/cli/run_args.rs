//! The options of `tribunal run`. Each overrides what the scenario says; what is not given stays as it is there.

use std::path::PathBuf;

use clap::Args;

use super::numbers::{rate, whole};
use super::{JudgingArgs, StoreArg};

/// What there is to break, by target, for the end of the help.
pub fn faults_help() -> String {
    let mut text = String::from("Faults (--fault NAME@START+DURATION replaces the scenario's own):\n");
    for (target, names) in crate::scenario::faults_by_target() {
        text.push_str(&format!("  {target}: {}\n", names.join(", ")));
    }
    text.push_str("Random faults (--nemesis KINDS; each holds for half of the interval on average):\n");
    for (target, kinds) in crate::scenario::random_by_target() {
        text.push_str(&format!("  {target}: {}\n", kinds.join(", ")));
    }
    text.push_str(
        "Options over a scenario replace what it says; what is not given stays as it is there. What it expects does not \
         apply to a run with other clients or faults.",
    );
    text
}

/// `tribunal run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// A scenario: one that ships with tribunal (see `tribunal scenarios`) or a .toml file [default: queue, the plain
    /// run]
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<String>,

    /// mock, docker, compose:PROJECT, label:KEY=VALUE, or HOST:PORT[,HOST:PORT...] [default: mock]
    #[arg(long, help_heading = "Target")]
    pub target: Option<String>,
    /// Bootstrap servers of attached containers, where they cannot be worked out from published ports
    #[arg(long, value_name = "HOST:PORT,...", help_heading = "Target")]
    pub bootstrap: Option<String>,
    /// Image of the brokers that tribunal creates [default: apache/kafka:4.3.0]
    #[arg(long, value_name = "IMAGE", help_heading = "Target")]
    pub image: Option<String>,
    /// Brokers of a cluster that tribunal creates [default: 3]
    #[arg(long, value_name = "N", value_parser = whole::<u16>, allow_negative_numbers = true, help_heading = "Target")]
    pub brokers: Option<u16>,
    /// A broker setting of a cluster that tribunal creates (repeatable)
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Target")]
    pub broker_set: Vec<String>,
    /// Image with iptables for the side container that cuts links where tribunal is not root
    #[arg(long, value_name = "IMAGE", help_heading = "Target")]
    pub tools_image: Option<String>,
    /// Leave the cluster (or the topics) as they are at the end
    #[arg(long, help_heading = "Target")]
    pub keep: bool,

    /// How long the load lasts, e.g. 30s, 5m [default: 30s, on docker 60s]
    #[arg(long, value_name = "DURATION", help_heading = "Load")]
    pub time_limit: Option<String>,
    /// Sends of each producer; the load ends with them, or with --time-limit
    #[arg(long, value_name = "N", value_parser = whole::<u64>, allow_negative_numbers = true, help_heading = "Load")]
    pub sends: Option<u64>,
    /// Messages a second over all producers (open loop); 0 for a closed loop: as fast as answers come
    /// [default: 3000]
    #[arg(long, value_name = "N", value_parser = rate, allow_negative_numbers = true, help_heading = "Load")]
    pub rate: Option<u64>,
    /// Sends in flight of each producer: its processes [default: 1000, in a closed loop 1, with --transactional as many
    /// as a transaction has sends]
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true, help_heading = "Load")]
    pub in_flight: Option<u32>,
    /// Producers [default: 10]
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true, help_heading = "Load")]
    pub producers: Option<u32>,
    /// Consumers that read while the load lasts [default: 2]
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true, help_heading = "Load")]
    pub consumers: Option<u32>,
    /// Topics [default: 1]
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true, help_heading = "Load")]
    pub topics: Option<u32>,
    /// Partitions of each topic [default: 6]
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true, help_heading = "Load")]
    pub partitions: Option<u32>,
    /// Bytes of a record's payload [default: 100]
    #[arg(long, value_name = "BYTES", value_parser = whole::<u32>, allow_negative_numbers = true, help_heading = "Load")]
    pub record_size: Option<u32>,

    /// 0, 1 or all [default: all]
    #[arg(long, value_name = "ACKS", help_heading = "Clients and topics")]
    pub acks: Option<String>,
    /// auto (on with acks=all, except on the mock), true or false [default: auto]
    #[arg(long, value_name = "BOOL", help_heading = "Clients and topics")]
    pub idempotence: Option<String>,
    /// Producers with a transactional id, one transaction after the other
    #[arg(long, help_heading = "Clients and topics")]
    pub transactional: bool,
    /// Retries of a produce request by the client library [default: no bound but --delivery-timeout]
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true, help_heading = "Clients and topics")]
    pub retries: Option<u32>,
    /// Produce requests in flight on one connection [default: 5, where producers are idempotent 1]
    #[arg(long, value_name = "N", value_parser = whole::<u32>, allow_negative_numbers = true, help_heading = "Clients and topics")]
    pub max_in_flight: Option<u32>,
    /// After this time a send that was not acknowledged is given up, e.g. 10s [default: 60s]
    #[arg(long, value_name = "DURATION", help_heading = "Clients and topics")]
    pub delivery_timeout: Option<String>,
    /// A broker waits this long for its replicas [default: 3s]
    #[arg(long, value_name = "DURATION", help_heading = "Clients and topics")]
    pub request_timeout: Option<String>,
    /// A request without an answer is given up after this time, and its connection closed [default: 5s]
    #[arg(long, value_name = "DURATION", help_heading = "Clients and topics")]
    pub socket_timeout: Option<String>,
    /// How long a producer waits to fill a batch, e.g. 5ms [default: 5ms, on the mock 20ms, in a closed loop 0ms]
    #[arg(long, value_name = "DURATION", help_heading = "Clients and topics")]
    pub linger: Option<String>,
    /// none, gzip, snappy, lz4 or zstd [default: none]
    #[arg(long, value_name = "CODEC", help_heading = "Clients and topics")]
    pub compression: Option<String>,
    /// explicit (tribunal chooses each partition), or a deterministic partitioner of librdkafka: consistent, murmur2 or
    /// fnv1a [default: explicit]
    #[arg(long, value_name = "NAME", help_heading = "Clients and topics")]
    pub partitioner: Option<String>,
    /// Replicas of each partition [default: 3]
    #[arg(long, value_name = "N", value_parser = whole::<u16>, allow_negative_numbers = true, help_heading = "Clients and topics")]
    pub replication_factor: Option<u16>,
    /// min.insync.replicas of the topics [default: 2, with one replica 1]
    #[arg(long, value_name = "N", value_parser = whole::<u16>, allow_negative_numbers = true, help_heading = "Clients and topics")]
    pub min_insync_replicas: Option<u16>,
    /// Any other client setting (repeatable): KEY=VALUE, or producer.KEY=VALUE, consumer.KEY=VALUE. VALUE may be @FILE
    /// or env:NAME, so that no secret stands in the list of processes
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Clients and topics")]
    pub client_set: Vec<String>,

    /// A fault (repeatable), in place of the scenario's: NAME@START+DURATION, e.g. isolate-leader@10s+15s,
    /// kill-leader@40%+20%; the names are below
    #[arg(long, value_name = "FAULT", help_heading = "Faults")]
    pub fault: Vec<String>,
    /// Random faults of these kinds, in place of the scenario's, e.g. kill,pause,partition; the kinds are below
    #[arg(long, value_name = "KINDS", value_delimiter = ',', help_heading = "Faults")]
    pub nemesis: Vec<String>,
    /// Mean time from one random fault to the next [default: 20s]
    #[arg(long, value_name = "DURATION", help_heading = "Faults")]
    pub nemesis_interval: Option<String>,
    /// No fault at all, whatever the scenario says
    #[arg(long, conflicts_with_all = ["fault", "nemesis"], help_heading = "Faults")]
    pub no_faults: bool,
    /// Seeds every random choice: a hexadecimal number of up to 16 digits [default: drawn]
    #[arg(long, value_name = "SEED", help_heading = "Faults")]
    pub seed: Option<String>,

    #[command(flatten)]
    pub judging: JudgingArgs,
    /// Record only; `tribunal analyze` judges later
    #[arg(long)]
    pub no_analyze: bool,
    /// Print the verdict as JSON, and nothing else on standard output
    #[arg(long, conflicts_with = "no_analyze")]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreArg,
}

impl RunArgs {
    /// The root of the runs.
    pub fn store(&self) -> Option<PathBuf> {
        self.store.store.clone()
    }
}
