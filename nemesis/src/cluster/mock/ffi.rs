//! The one thing of librdkafka's mock that the safe binding leaves out: remembering requests.

use rdkafka::bindings::{
    rd_kafka_handle_mock_cluster, rd_kafka_mock_cluster_t, rd_kafka_mock_get_requests,
    rd_kafka_mock_request_api_key, rd_kafka_mock_request_destroy_array, rd_kafka_mock_start_request_tracking,
    rd_kafka_mock_stop_request_tracking,
};
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaApiKey;

/// The requests that a mock cluster received. Borrows the client that owns the cluster.
pub(super) struct RequestTracking<'c> {
    cluster: *mut rd_kafka_mock_cluster_t,
    _owner: std::marker::PhantomData<&'c ()>,
}

impl<'c> RequestTracking<'c> {
    /// The tracking of the cluster that this client owns, switched off.
    ///
    /// # Panics
    /// If the client owns no mock cluster.
    pub(super) fn of<C: ClientContext>(owner: &'c Client<C>) -> RequestTracking<'c> {
        // SAFETY: the client is alive, and with it the cluster that it owns, for `'c`.
        let cluster = unsafe { rd_kafka_handle_mock_cluster(owner.native_ptr()) };
        assert!(!cluster.is_null(), "a client with test.mock.num.brokers owns a mock cluster");
        RequestTracking { cluster, _owner: std::marker::PhantomData }
    }

    /// Forgets everything and begins to remember.
    pub(super) fn start(&self) {
        // SAFETY: the cluster is alive; the call takes its lock.
        unsafe { rd_kafka_mock_start_request_tracking(self.cluster) }
    }

    /// Forgets everything and remembers no more.
    pub(super) fn stop(&self) {
        // SAFETY: as above.
        unsafe { rd_kafka_mock_stop_request_tracking(self.cluster) }
    }

    /// How many remembered requests are of this kind.
    pub(super) fn count(&self, key: RDKafkaApiKey) -> u64 {
        let mut all = 0;
        // SAFETY: the cluster is alive; the call returns `all` copies, which are ours until destroyed.
        let requests = unsafe { rd_kafka_mock_get_requests(self.cluster, &raw mut all) };
        if requests.is_null() {
            return 0;
        }
        let key = i16::from(key);
        // SAFETY: `requests` points to `all` valid requests.
        let of_key =
            (0..all).filter(|i| unsafe { rd_kafka_mock_request_api_key(*requests.add(*i)) } == key).count();
        // SAFETY: the array and its length came from `rd_kafka_mock_get_requests`, and are not used again.
        unsafe { rd_kafka_mock_request_destroy_array(requests, all) };
        of_key as u64
    }
}
