//! A connection to one broker, speaking Kafka's protocol directly: the client library asks whichever
//! broker it likes, and what tells a split cluster apart is what *each* broker says.
//!
//! Codecs are `kafka-protocol`'s; here are framing, version negotiation and bounds on time and size.

pub mod ask;

use std::collections::HashMap;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ApiKey, ApiVersionsRequest,
    ApiVersionsResponse, DescribeQuorumRequest, DescribeQuorumResponse, ElectLeadersRequest,
    ElectLeadersResponse, ListOffsetsRequest, ListOffsetsResponse, MetadataRequest, MetadataResponse,
    RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, StrBytes, VersionRange};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer larger than this is not believed: 64 MiB holds the metadata of a million partitions.
const ANSWER_LIMIT: usize = 64 << 20;

/// Why a broker did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WireError {
    /// No connection.
    #[error("{address} refuses connections: {reason}")]
    Connect {
        /// `host:port`.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// Connected, but nothing came in time.
    #[error("{address} did not answer within {} ms", bound.as_millis())]
    TimedOut {
        /// `host:port`.
        address: String,
        /// How long it had.
        bound: Duration,
    },
    /// The connection broke, or spoke something else.
    #[error("{address} broke off: {reason}")]
    Broken {
        /// `host:port`.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The broker does not know this request.
    #[error("{address} does not support {api}")]
    Unsupported {
        /// `host:port`.
        address: String,
        /// The request's name.
        api: String,
    },
}

/// A request with its key and answer.
pub trait Ask: Message + Encodable + HeaderVersion {
    /// The protocol's number for it.
    const KEY: ApiKey;
    /// What comes back.
    type Answer: Decodable + HeaderVersion;
}

macro_rules! asks {
    ($($request:ty => $key:ident, $answer:ty;)*) => {
        $(impl Ask for $request {
            const KEY: ApiKey = ApiKey::$key;
            type Answer = $answer;
        })*
    };
}

asks! {
    ApiVersionsRequest => ApiVersions, ApiVersionsResponse;
    MetadataRequest => Metadata, MetadataResponse;
    ListOffsetsRequest => ListOffsets, ListOffsetsResponse;
    DescribeQuorumRequest => DescribeQuorum, DescribeQuorumResponse;
    AlterPartitionReassignmentsRequest => AlterPartitionReassignments, AlterPartitionReassignmentsResponse;
    ElectLeadersRequest => ElectLeaders, ElectLeadersResponse;
}

/// An open connection to one broker. After an error it is of no more use: its answers may be out of step.
#[derive(Debug)]
pub struct Connection {
    address: String,
    stream: TcpStream,
    versions: HashMap<i16, VersionRange>,
    correlation: i32,
    bound: Duration,
}

impl Connection {
    /// Connects and learns which versions of which requests the broker speaks.
    ///
    /// `bound` limits this, and afterwards each question, in time.
    ///
    /// # Errors
    /// If there is no connection, or no sensible answer in time.
    pub async fn open(address: &str, bound: Duration) -> Result<Connection, WireError> {
        let stream = timeout(bound, TcpStream::connect(address))
            .await
            .map_err(|_| WireError::TimedOut { address: address.to_owned(), bound })?
            .map_err(|e| WireError::Connect { address: address.to_owned(), reason: e.to_string() })?;
        // Only costs latency if it fails.
        let _ = stream.set_nodelay(true);
        let mut connection = Connection {
            address: address.to_owned(),
            stream,
            versions: HashMap::new(),
            correlation: 0,
            bound,
        };
        // Version 0 is the one that every broker answers, old or new.
        let answer = connection.exchange(&ApiVersionsRequest::default(), 0).await?;
        for api in answer.api_keys {
            connection
                .versions
                .insert(api.api_key, VersionRange { min: api.min_version, max: api.max_version });
        }
        Ok(connection)
    }

    /// `host:port` of the broker.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether the broker advertises this request at all.
    pub fn supports(&self, key: ApiKey) -> bool {
        self.supports_number(key as i16)
    }

    /// The same for a request that the codecs do not know.
    pub(crate) fn supports_number(&self, key: i16) -> bool {
        self.versions.contains_key(&key)
    }

    /// Asks in the newest version that both sides speak.
    ///
    /// # Errors
    /// If the broker does not know the request, or does not answer it in time.
    pub async fn ask<R: Ask>(&mut self, request: &R) -> Result<R::Answer, WireError> {
        let unsupported =
            || WireError::Unsupported { address: self.address.clone(), api: format!("{:?}", R::KEY) };
        let theirs = self.versions.get(&(R::KEY as i16)).ok_or_else(unsupported)?;
        let version = theirs.max.min(R::VERSIONS.max);
        if version < theirs.min.max(R::VERSIONS.min) {
            return Err(unsupported());
        }
        self.exchange(request, version).await
    }

    async fn exchange<R: Ask>(&mut self, request: &R, version: i16) -> Result<R::Answer, WireError> {
        let bound = self.bound;
        match timeout(bound, self.round_trip(request, version)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(reason)) => Err(WireError::Broken { address: self.address.clone(), reason }),
            Err(_) => Err(WireError::TimedOut { address: self.address.clone(), bound }),
        }
    }

    async fn round_trip<R: Ask>(&mut self, request: &R, version: i16) -> Result<R::Answer, String> {
        self.correlation = self.correlation.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("tribunal")));
        let mut frame = BytesMut::new();
        frame.put_u32(0);
        header.encode(&mut frame, R::header_version(version)).map_err(|e| e.to_string())?;
        request.encode(&mut frame, version).map_err(|e| e.to_string())?;
        let length = u32::try_from(frame.len() - 4).map_err(|e| e.to_string())?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&frame).await.map_err(|e| e.to_string())?;

        let length = self.stream.read_u32().await.map_err(|e| e.to_string())? as usize;
        if length > ANSWER_LIMIT {
            return Err(format!("announces an answer of {length} bytes: not a Kafka broker?"));
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await.map_err(|e| e.to_string())?;
        let mut answer = Bytes::from(answer);
        let header = ResponseHeader::decode(&mut answer, R::Answer::header_version(version))
            .map_err(|e| e.to_string())?;
        if header.correlation_id != self.correlation {
            return Err(format!(
                "answered request {} instead of {}",
                header.correlation_id, self.correlation
            ));
        }
        // What is left over is not looked at: librdkafka's mock ends flexible answers with a byte too many.
        R::Answer::decode(&mut answer, version).map_err(|e| e.to_string())
    }
}
