//! A producer: one client, one sending thread, closed or open loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode as Code;
use store::cluster::Endpoints;
use store::settings::Settings;
use store::time::Clock;

use crate::client::Halt;
use crate::delivery::LiveProducer;
use crate::error::WorkloadError;
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::pace::Pace;
use crate::resolve::Resolved;
use crate::sender::{Sender, Sent};

/// How long a producer that was told to stop still waits for reports.
const STOPPED_WAIT: Duration = Duration::from_secs(2);
/// What reports may come late by, beyond the delivery timeout that should have made them.
const REPORT_SLACK: Duration = Duration::from_secs(5);
/// How long a producer rests after a refusal: the next call would be refused as well.
pub(crate) const REFUSED_REST: Duration = Duration::from_millis(10);
/// How long a producer rests before a new incarnation.
pub(crate) const RESTART_REST: Duration = Duration::from_millis(200);

/// Everything a producer thread works with.
pub(crate) struct ProducerTask<'a> {
    pub(crate) client: u32,
    pub(crate) resolved: &'a Resolved,
    pub(crate) endpoints: &'a Endpoints,
    pub(crate) keys: Arc<Keys>,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) clock: Clock,
    pub(crate) pace: Pace,
    pub(crate) halt: &'a Halt<'a>,
}

/// How a producer fared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ProducerReport {
    pub(crate) incarnations: u32,
    /// Sends that an open loop's schedule held and that were not made in time.
    pub(crate) unsent: u64,
    /// The longest time by which a send missed its schedule.
    pub(crate) lag_max: Duration,
    /// Whether the client library hung when it was closed.
    pub(crate) hung: bool,
    /// Errors that concerned the whole client, by name.
    pub(crate) errors: BTreeMap<String, u64>,
}

/// Sends until the time, the count or the caller ends it, then waits for what is in flight.
pub(crate) fn run(task: &ProducerTask<'_>) -> Result<ProducerReport, WorkloadError> {
    let mut report = ProducerReport::default();
    let mut sender = Sender::new(task);
    loop {
        let live = task.open(&task.resolved.producer_settings)?;
        report.incarnations += 1;
        let fatal = loop {
            match sender.send_next(task, &live)? {
                Sent::Yes => {}
                Sent::Refused(Code::Fatal | Code::Fenced) => break true,
                Sent::Refused(_) => {
                    task.halt.sleep_until(Instant::now() + REFUSED_REST);
                }
                Sent::Over => break false,
            }
        };
        task.wait_reported();
        task.close(live, &mut report);
        if let Some(failure) = task.lanes.failure() {
            return Err(failure.into());
        }
        if !fatal || sender.is_over(task) || !task.halt.sleep_until(Instant::now() + RESTART_REST) {
            break;
        }
        sender.restart();
    }
    sender.sum_up(task, &mut report);
    Ok(report)
}

impl ProducerTask<'_> {
    /// The client's name, towards brokers and in messages.
    pub(crate) fn name(&self) -> String {
        format!("tribunal-producer-{}", self.client)
    }

    /// Connects a client.
    pub(crate) fn open(&self, settings: &Settings) -> Result<LiveProducer, WorkloadError> {
        LiveProducer::open(&self.name(), settings, self.endpoints, self.clock, Arc::clone(&self.lanes))
    }

    /// Waits until every send in flight has its report; a caller in a hurry shortens that.
    pub(crate) fn wait_reported(&self) {
        let start = Instant::now();
        let end = start + self.resolved.config.delivery_timeout + REPORT_SLACK;
        if !self.lanes.wait_reported(end, || self.halt.now()) && self.halt.now() {
            self.lanes.wait_reported(end.min(Instant::now() + STOPPED_WAIT), || false);
        }
    }

    /// Closes the client, and completes what it never reported.
    pub(crate) fn close(&self, live: LiveProducer, report: &mut ProducerReport) {
        for (error, count) in live.events().counts() {
            *report.errors.entry(error).or_default() += count;
        }
        report.hung |= !live.close();
        self.lanes.abandon("the client was closed before a delivery report came");
    }
}
