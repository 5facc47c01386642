//! Values of operations in eight bytes, and the tables that hold what does not fit.
//!
//! Integers of up to 62 bits stand in the word itself, so that the common history interns nothing.
//! Strings, other numbers and maps are canonical JSON text in a table; lists are ranges of an arena.

use std::fmt;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

const INT: u64 = 0;
const TEXT: u64 = 1;
const LIST: u64 = 2;
const CONSTANT: u64 = 3;

/// One value of a history. Equal scalars of one history are equal words; lists are equal words only
/// after [`Tables::canonical_lists`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(u64);

impl Value {
    /// JSON's `null`, and everything that is absent.
    pub const NULL: Value = Value(CONSTANT);
    /// JSON's `true`.
    pub const TRUE: Value = Value(1 << 2 | CONSTANT);
    /// JSON's `false`.
    pub const FALSE: Value = Value(2 << 2 | CONSTANT);

    /// The integer `i`; `None` where it needs more than 62 bits.
    pub fn int(i: i64) -> Option<Value> {
        ((i << 2) >> 2 == i).then_some(Value((i << 2) as u64 | INT))
    }

    /// The integer that this is, if it is one.
    pub fn as_int(self) -> Option<i64> {
        (self.0 & 3 == INT).then_some(self.0 as i64 >> 2)
    }

    /// The number of this text in its table, if it is text.
    pub fn as_text(self) -> Option<u32> {
        (self.0 & 3 == TEXT).then_some((self.0 >> 2) as u32)
    }

    /// The number of this list in its table, if it is one.
    pub fn as_list(self) -> Option<u32> {
        (self.0 & 3 == LIST).then_some((self.0 >> 2) as u32)
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self == Value::NULL
    }

    /// The word itself, for hashing.
    pub fn word(self) -> u64 {
        self.0
    }

    fn text(number: u32) -> Value {
        Value(u64::from(number) << 2 | TEXT)
    }

    fn list(number: u32) -> Value {
        Value(u64::from(number) << 2 | LIST)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.as_int(), self.as_text(), self.as_list()) {
            (Some(i), ..) => write!(f, "{i}"),
            (_, Some(t), _) => write!(f, "text#{t}"),
            (.., Some(l)) => write!(f, "list#{l}"),
            _ => f.write_str(constant(*self)),
        }
    }
}

fn constant(value: Value) -> &'static str {
    match value {
        Value::TRUE => "true",
        Value::FALSE => "false",
        _ => "null",
    }
}

/// The texts and lists that values of one history refer to.
#[derive(Debug, Default, Clone)]
pub struct Tables {
    texts: Vec<Arc<str>>,
    by_text: FxHashMap<Arc<str>, u32>,
    list_ends: Vec<u64>,
    items: Vec<Value>,
    nested: bool,
}

impl Tables {
    /// The value for this canonical JSON text, e.g. `"a"` with its quotes.
    pub fn intern(&mut self, json: &str) -> Value {
        if let Some(&number) = self.by_text.get(json) {
            return Value::text(number);
        }
        let number = u32::try_from(self.texts.len()).expect("fewer than 4 billion different texts");
        let json: Arc<str> = json.into();
        self.texts.push(json.clone());
        self.by_text.insert(json, number);
        Value::text(number)
    }

    /// A new list of these items.
    pub fn push_list(&mut self, items: &[Value]) -> Value {
        let number = u32::try_from(self.list_ends.len()).expect("fewer than 4 billion lists");
        self.nested |= items.iter().any(|item| item.as_list().is_some());
        self.items.extend_from_slice(items);
        self.list_ends.push(self.items.len() as u64);
        Value::list(number)
    }

    /// The items of a list; empty for everything else.
    pub fn items(&self, value: Value) -> &[Value] {
        let Some(number) = value.as_list() else { return &[] };
        let start = number.checked_sub(1).map_or(0, |before| self.list_ends[before as usize]);
        &self.items[start as usize..self.list_ends[number as usize] as usize]
    }

    /// The two items of a list of two.
    pub fn pair(&self, value: Value) -> Option<(Value, Value)> {
        match self.items(value) {
            &[a, b] => Some((a, b)),
            _ => None,
        }
    }

    /// Whether some list holds a list.
    pub fn nested(&self) -> bool {
        self.nested
    }

    /// The canonical JSON of a text.
    pub fn text(&self, value: Value) -> Option<&str> {
        value.as_text().map(|number| &*self.texts[number as usize])
    }

    /// All texts, by number.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|t| &**t)
    }

    /// For each list the value that stands for it and for all lists with the same items.
    pub fn canonical_lists(&self) -> Vec<Value> {
        let mut by_hash: FxHashMap<u64, Vec<u32>> = FxHashMap::default();
        let mut canonical: Vec<Value> = Vec::with_capacity(self.list_ends.len());
        // An inner list has a lower number than the list it stands in, so its representative is known.
        let same = |canonical: &[Value], v: Value| v.as_list().map_or(v, |l| canonical[l as usize]);
        for number in 0..self.list_ends.len() as u32 {
            let items = self.items(Value::list(number));
            let mut hasher = FxHasher::default();
            for &item in items {
                same(&canonical, item).hash(&mut hasher);
            }
            let twins = by_hash.entry(hasher.finish()).or_default();
            let twin = twins.iter().copied().find(|&twin| {
                let other = self.items(Value::list(twin));
                other.len() == items.len()
                    && other.iter().zip(items).all(|(&a, &b)| same(&canonical, a) == same(&canonical, b))
            });
            if twin.is_none() {
                twins.push(number);
            }
            canonical.push(Value::list(twin.unwrap_or(number)));
        }
        canonical
    }

    /// Appends another table; the answer translates its values to this one's.
    pub(super) fn absorb(&mut self, other: Tables) -> Translation {
        if self.texts.is_empty() && self.list_ends.is_empty() {
            *self = other;
            return Translation::default();
        }
        let texts: Vec<Value> = other.texts.iter().map(|t| self.intern(t)).collect();
        let translation = Translation { texts: Some(texts), lists: self.list_ends.len() as u64 };
        let shift = self.items.len() as u64;
        self.nested |= other.nested;
        self.items.extend(other.items.iter().map(|&v| translation.apply(v)));
        self.list_ends.extend(other.list_ends.iter().map(|end| end + shift));
        translation
    }

    /// The value as JSON, for people; long texts and lists are cut.
    pub fn show(&self, value: Value) -> String {
        const LONG: usize = 60;
        if let Some(text) = self.text(value) {
            return match text.char_indices().nth(LONG) {
                None => text.to_owned(),
                Some((cut, _)) => format!("{}... ({} bytes)", &text[..cut], text.len()),
            };
        }
        if value.as_list().is_some() {
            let items = self.items(value);
            let shown: Vec<String> = items.iter().take(LONG / 5).map(|&v| self.show(v)).collect();
            let more = if items.len() > shown.len() {
                format!(",... ({} items)", items.len())
            } else {
                String::new()
            };
            return format!("[{}{more}]", shown.join(","));
        }
        format!("{value:?}")
    }
}

/// How the values of an absorbed table read in the table that absorbed it.
#[derive(Default)]
pub(super) struct Translation {
    /// `None` where every value stays what it is.
    texts: Option<Vec<Value>>,
    lists: u64,
}

impl Translation {
    pub(super) fn apply(&self, value: Value) -> Value {
        let Some(texts) = &self.texts else { return value };
        match (value.as_text(), value.as_list()) {
            (Some(text), _) => texts[text as usize],
            (_, Some(list)) => {
                Value::list(u32::try_from(u64::from(list) + self.lists).expect("fewer than 4 billion lists"))
            }
            _ => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_of_62_bits_stands_in_the_word() {
        for i in [0, 1, -1, (1 << 61) - 1, -(1 << 61)] {
            assert_eq!(Value::int(i).and_then(Value::as_int), Some(i));
        }
        assert_eq!(Value::int(1 << 61), None);
        assert_eq!(Value::int(i64::MIN), None);
    }

    #[test]
    fn lists_with_equal_items_share_a_representative_at_every_depth() {
        let mut tables = Tables::default();
        let one = Value::int(1).unwrap();
        let mut nested = || {
            let inner = tables.push_list(&[one, Value::NULL]);
            tables.push_list(&[inner, one])
        };
        let (a, b) = (nested(), nested());
        let empty = tables.push_list(&[]);
        let canonical = tables.canonical_lists();
        let of = |v: Value| canonical[v.as_list().unwrap() as usize];
        assert_eq!(of(a), of(b));
        assert_ne!(of(a), of(empty));
    }

    #[test]
    fn absorbing_a_table_keeps_what_its_values_say() {
        let mut left = Tables::default();
        left.intern("\"x\"");
        left.push_list(&[Value::NULL]);
        let mut right = Tables::default();
        let text = right.intern("\"y\"");
        let list = right.push_list(&[text, Value::TRUE]);
        let shown = right.show(list);
        let translation = left.absorb(right);
        assert_eq!(left.show(translation.apply(list)), shown);
    }
}
