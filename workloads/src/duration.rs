//! Durations as people write them: `30s`, `500ms`, `1m30s`.

use std::time::Duration;

use jiff::fmt::friendly::{SpanParser, SpanPrinter};
use serde::{Deserialize, Deserializer, Serializer};

const PARSER: SpanParser = SpanParser::new();
const PRINTER: SpanPrinter = SpanPrinter::new();

/// For `#[serde(with = "crate::duration")]`.
pub(crate) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&PRINTER.unsigned_duration_to_string(value))
}

/// For `#[serde(with = "crate::duration")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    PARSER.parse_unsigned_duration(&text).map_err(|e| {
        serde::de::Error::custom(format!("\"{text}\" is no duration ({e}); write it as 500ms, 30s or 1m30s"))
    })
}

/// The same for an optional duration.
pub(crate) mod option {
    use super::{Deserializer, Duration, PRINTER, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.serialize_some(&PRINTER.unsigned_duration_to_string(value)),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        super::deserialize(from).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Times {
        #[serde(with = "crate::duration")]
        every: Duration,
        #[serde(default, with = "crate::duration::option", skip_serializing_if = "Option::is_none")]
        limit: Option<Duration>,
    }

    #[test]
    fn people_write_durations() {
        let times: Times = toml::from_str("every = \"1m30s\"\nlimit = \"500ms\"").expect("they parse");
        assert_eq!(times.every, Duration::from_secs(90));
        assert_eq!(times.limit, Some(Duration::from_millis(500)));
        let text = toml::to_string(&times).expect("they are written");
        assert_eq!(toml::from_str::<Times>(&text).expect("and read again"), times);
        let json = "{\"every\":\"30s\"}";
        assert_eq!(serde_json::from_str::<Times>(json).expect("none is none").limit, None);
    }

    #[test]
    fn nonsense_names_the_value_and_a_way_to_write_it() {
        let error = toml::from_str::<Times>("every = \"soon\"").expect_err("no duration").to_string();
        assert!(error.contains("soon") && error.contains("1m30s"), "{error}");
    }
}
