//! A cache that forgets what was used least recently.

use std::collections::HashMap;
use std::fmt::{self, Display};

pub const DEFAULT_CAPACITY: usize = 128;
static NAME: &str = "cache";

/// Why a value could not be kept.
#[derive(Debug, Clone)]
pub enum CacheError {
    Full(usize),
    TooLarge { size: usize, limit: usize },
}

impl Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CacheError::Full(n) => write!(f, "{n} entries, no space left"),
            CacheError::TooLarge { size, limit } => write!(f, "{size} bytes, the limit is {limit}"),
        }
    }
}

/// Keeps values by key.
pub struct Cache<K, V> {
    entries: HashMap<K, V>,
    capacity: usize,
}

pub trait Store<K, V> {
    /// The value, if it is kept.
    fn get(&self, key: &K) -> Option<&V>;
    fn put(&mut self, key: K, value: V) -> Result<(), CacheError>;
}

impl<K: std::hash::Hash + Eq, V> Store<K, V> for Cache<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// Keeps a value. A key that is there already gets the new value, and the size stays what it was.
    #[must_use]
    fn put(&mut self, key: K, value: V) -> Result<(), CacheError> {
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            return Err(CacheError::Full(self.capacity));
        }
        self.entries.insert(key, value);
        Ok(())
    }
}

macro_rules! cache_of {
    ($n:expr) => { Cache { entries: HashMap::new(), capacity: $n } };
}

type Names = Cache<String, String>;

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Names {
        cache_of!(2)
    }

    #[test]
    fn a_full_cache_refuses_new_keys() {
        let mut cache = small();
        cache.put("a".into(), "1".into()).unwrap();
        cache.put("b".into(), "2".into()).unwrap();
        assert!(cache.put("c".into(), "3".into()).is_err());
        assert!(cache.put("a".into(), "4".into()).is_ok());
        assert_eq!(cache.get(&"a".to_string()), Some(&"4".to_string()));
    }

    #[test]
    fn a_new_cache_has_nothing() {
        let cache = small();
        assert_eq!(cache.get(&"a".to_string()), None, "nothing was put into the cache");
    }
}
