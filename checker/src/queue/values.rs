//! Values of elements: whole numbers stand for themselves, everything else for its place in a table of texts.

use rustc_hash::FxHashMap;
use serde_json::value::RawValue;
use store::batch::{HASHED, ValueId};

/// Texts of the values that are no whole numbers. Equal values have equal ids, and different ones different ids.
#[derive(Debug, Default)]
pub(super) struct Values {
    texts: Vec<Box<str>>,
    ids: FxHashMap<Box<str>, u64>,
    bytes: usize,
}

impl Values {
    /// The id of a JSON text; `None` for `null`.
    pub(super) fn id(&mut self, json: &str) -> Option<ValueId> {
        let json = json.trim();
        if let Some(number) = whole(json) {
            return Some(number);
        }
        match json {
            "null" => None,
            simple if simple.starts_with('"') && !simple.contains('\\') => Some(self.intern(simple)),
            // Digits say more than a floating-point number holds.
            digits if digits.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) => {
                Some(self.intern(digits))
            }
            other => {
                let parsed = serde_json::from_str::<serde_json::Value>(other);
                Some(self.intern(&parsed.map_or_else(|_| other.to_owned(), |value| value.to_string())))
            }
        }
    }

    /// The ids of a JSON array's elements, `null` among them left out; `None` for what is no array.
    pub(super) fn ids(&mut self, json: &str) -> Option<Vec<ValueId>> {
        let inner = json.trim().strip_prefix('[')?.strip_suffix(']')?;
        if inner.trim().is_empty() {
            return Some(Vec::new());
        }
        // Numbers, nearly always.
        if let Some(numbers) = inner.split(',').map(|item| whole(item.trim())).collect() {
            return Some(numbers);
        }
        let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        Some(items.iter().filter_map(|item| self.id(item.get())).collect())
    }

    fn intern(&mut self, text: &str) -> ValueId {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = HASHED | self.texts.len() as u64;
        self.texts.push(text.into());
        self.ids.insert(text.into(), id);
        self.bytes += 2 * text.len() + 64;
        id
    }

    /// A value as the history writes it.
    pub(super) fn show(&self, value: ValueId) -> String {
        match self.texts.get((value & !HASHED) as usize) {
            Some(text) if value & HASHED != 0 => text.to_string(),
            _ => value.to_string(),
        }
    }

    /// The memory held, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A whole number that stands for itself.
fn whole(json: &str) -> Option<u64> {
    let digits = !json.is_empty() && json.len() <= 19 && json.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| json.parse().ok())?.filter(|n| n & HASHED == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_ids_whatever_they_are() {
        let mut values = Values::default();
        let all = ["7", "-7", "\"7\"", "[1,2]", "{\"a\":1}", "9223372036854775808", "1.5", "true"];
        let ids: Vec<u64> = all.iter().map(|json| values.id(json).expect("a value")).collect();
        for (i, id) in ids.iter().enumerate() {
            assert_eq!(values.id(all[i]), Some(*id));
            assert!(!ids[..i].contains(id), "{}", all[i]);
            assert_eq!(values.show(*id), all[i]);
        }
        assert_eq!(values.id(" { \"a\" : 1 } "), values.id("{\"a\":1}"));
        assert_eq!(values.id("\"\\u0041\""), values.id("\"A\""));
        assert_eq!(values.id("null"), None);
    }

    #[test]
    fn arrays_of_anything() {
        let mut values = Values::default();
        assert_eq!(values.ids("[1, 2,3]"), Some(vec![1, 2, 3]));
        assert_eq!(values.ids(" [] "), Some(Vec::new()));
        let text = values.id("\"x\"").expect("a value");
        assert_eq!(values.ids("[\"x\",null,4]"), Some(vec![text, 4]));
        for json in ["5", "{}", "[1", "null"] {
            assert_eq!(values.ids(json), None, "{json}");
        }
    }
}
