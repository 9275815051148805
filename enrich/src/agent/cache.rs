//! What was read out of user agents lately, since few of them make nearly all clicks.
//!
//! Each thread has its own, so that nobody waits. Two generations: what is asked for moves to the young
//! one; when that is full it becomes the old one, and what was not asked for meanwhile is forgotten.
//! The keys are hashed with the map's random seed, so that nobody can make them collide.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::Agent;

/// The bytes that a generation may hold, by estimate.
const GENERATION: usize = 1024 * 1024;
/// The map's share of an entry, its allocations and its fixed part.
const ENTRY: usize = 256;

#[derive(Default)]
struct Cache {
    young: HashMap<Box<str>, Rc<Agent>>,
    old: HashMap<Box<str>, Rc<Agent>>,
    weight: usize,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// What `read` says of the agent, now or before.
pub(super) fn remembered(text: &str, read: impl FnOnce(&str) -> Agent) -> Rc<Agent> {
    CACHE.with_borrow_mut(|cache| cache.get(text, read))
}

impl Cache {
    fn get(&mut self, text: &str, read: impl FnOnce(&str) -> Agent) -> Rc<Agent> {
        if let Some(agent) = self.young.get(text) {
            return agent.clone();
        }
        let (key, agent) = self.old.remove_entry(text).unwrap_or_else(|| (text.into(), Rc::new(read(text))));
        self.weight += ENTRY + key.len();
        if self.weight > GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.weight = ENTRY + key.len();
        }
        self.young.insert(key, agent.clone());
        agent
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn no_number_of_agents_fills_the_memory_and_what_is_asked_for_stays() {
        let mut cache = Cache::default();
        let mut reads = 0;
        for number in 0..20_000 {
            for text in [format!("agent/{number} {}", "x".repeat(200)), "often".to_owned()] {
                cache.get(&text, |text| {
                    reads += usize::from(text == "often");
                    read(text)
                });
            }
        }
        assert_eq!(reads, 1);
        assert!(cache.young.len() + cache.old.len() <= 2 * GENERATION / ENTRY, "{}", cache.young.len());
        assert!(!cache.old.is_empty());
    }
}
