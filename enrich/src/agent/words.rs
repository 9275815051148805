//! Looking for many words in a text at once.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};

/// Words with what each of them means; where several are found the first of the list counts.
pub(crate) struct Words<T: 'static> {
    meanings: Vec<T>,
    automaton: Option<AhoCorasick>,
}

/// Where a word was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<T> {
    pub(crate) meaning: T,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<T: Copy> Words<T> {
    pub(crate) fn new<'a>(words: impl IntoIterator<Item = (&'a str, T)>) -> Self {
        Self::build(words, false)
    }

    pub(crate) fn in_any_case<'a>(words: impl IntoIterator<Item = (&'a str, T)>) -> Self {
        Self::build(words, true)
    }

    fn build<'a>(words: impl IntoIterator<Item = (&'a str, T)>, in_any_case: bool) -> Self {
        let (texts, meanings): (Vec<_>, Vec<_>) = words.into_iter().unzip();
        let mut builder = AhoCorasickBuilder::new();
        builder.ascii_case_insensitive(in_any_case).kind(Some(AhoCorasickKind::ContiguousNFA));
        // Fails only above two billion states.
        Self { meanings, automaton: builder.build(texts).ok() }
    }

    /// The first of the list for which `counts` says so, where it is found first.
    pub(crate) fn first(&self, text: &str, mut counts: impl FnMut(&Found<T>) -> bool) -> Option<Found<T>> {
        let mut first: Option<(usize, Found<T>)> = None;
        for found in self.automaton.iter().flat_map(|automaton| automaton.find_overlapping_iter(text)) {
            let index = found.pattern().as_usize();
            if first.as_ref().is_some_and(|(before, _)| *before <= index) {
                continue;
            }
            let found = Found { meaning: self.meanings[index], start: found.start(), end: found.end() };
            if counts(&found) {
                first = Some((index, found));
            }
        }
        first.map(|(_, found)| found)
    }

    pub(crate) fn any(&self, text: &str) -> bool {
        self.automaton.as_ref().is_some_and(|automaton| automaton.is_match(text))
    }
}

/// Whether no letter or digit stands right before `at`.
pub(crate) fn begins_word(text: &str, at: usize) -> bool {
    !text[..at].ends_with(|before: char| before.is_ascii_alphanumeric())
}

/// Whether no letter stands right after `at`.
pub(crate) fn ends_word(text: &str, at: usize) -> bool {
    !text[at..].starts_with(|after: char| after.is_ascii_alphabetic())
}
