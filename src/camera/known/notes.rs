//! What a person should know of known cameras: each kind of thing once, however many images it holds for.

/// Notes by their kind.
#[derive(Default)]
pub(super) struct Notes(Vec<Note>);

struct Note {
    kind: &'static str,
    /// Of the first image.
    words: String,
    /// Images that have other words of the kind.
    others: usize,
}

impl Notes {
    pub fn add(&mut self, kind: &'static str, words: String) {
        match self.0.iter_mut().find(|note| note.kind == kind) {
            Some(note) => note.others += usize::from(note.words != words),
            None => self.0.push(Note {
                kind,
                words,
                others: 0,
            }),
        }
    }

    pub fn into_words(self) -> Vec<String> {
        let words = |note: Note| match note.others {
            0 => note.words,
            n => format!("{} (and likewise for {n} other images)", note.words),
        };
        self.0.into_iter().map(words).collect()
    }
}
